// SPDX-License-Identifier: Apache-2.0
#include "tests/support/test_paths.h"

#include <stdlib.h>

#include <fstream>
#include <stdexcept>

#include "gtest/gtest.h"

namespace bitsweep::testing {
namespace {

std::filesystem::path FromEnvironment(const char* variable, const char* fallback) {
  const char* value = std::getenv(variable);
  return value != nullptr && *value != '\0' ? value : fallback;
}

}  // namespace

std::filesystem::path GoldenDir() { return FromEnvironment("BITSWEEP_GOLDEN", "tests/golden"); }
std::filesystem::path TestDataDir() { return FromEnvironment("BITSWEEP_TEST_DATA", "tests/data"); }

void ExpectKnownKeys(const nlohmann::json& object, const std::set<std::string>& known,
                     const std::string& where) {
  for (const auto& [key, value] : object.items()) {
    if (!known.contains(key)) ADD_FAILURE() << where << ": \"" << key << "\" is not understood";
  }
}

nlohmann::json ReadGolden(const std::string& file) {
  const std::filesystem::path path = GoldenDir() / file;
  std::ifstream in(path);
  if (!in) throw std::runtime_error("cannot read " + path.string() + " (BITSWEEP_GOLDEN)");
  return nlohmann::json::parse(in);
}

TempDir::TempDir() {
  std::string pattern = (std::filesystem::temp_directory_path() / "bitsweep-test-XXXXXX").string();
  if (mkdtemp(pattern.data()) == nullptr) throw std::runtime_error("mkdtemp failed: " + pattern);
  path_ = pattern;
}

TempDir::~TempDir() {
  std::error_code ignored;
  std::filesystem::remove_all(path_, ignored);
}

}  // namespace bitsweep::testing
