// SPDX-License-Identifier: Apache-2.0
// Where tests find their files, decided at run time.
#ifndef BITSWEEP_TESTS_SUPPORT_TEST_PATHS_H_
#define BITSWEEP_TESTS_SUPPORT_TEST_PATHS_H_

#include <filesystem>
#include <set>
#include <string>

#include "nlohmann/json.hpp"

namespace bitsweep::testing {

// BITSWEEP_GOLDEN, default tests/golden (ctest runs in the source folder).
std::filesystem::path GoldenDir();
// BITSWEEP_TEST_DATA, default tests/data.
std::filesystem::path TestDataDir();
// The parsed file of GoldenDir(); throws std::runtime_error that names it when it cannot be read.
nlohmann::json ReadGolden(const std::string& file);
// Fails the test for each key of the object that is not known: what a file holds must be checked.
void ExpectKnownKeys(const nlohmann::json& object, const std::set<std::string>& known,
                     const std::string& where);

// A fresh folder, removed with all it holds at the end of its life.
class TempDir {
 public:
  TempDir();
  ~TempDir();
  TempDir(const TempDir&) = delete;
  TempDir& operator=(const TempDir&) = delete;
  const std::filesystem::path& path() const { return path_; }

 private:
  std::filesystem::path path_;
};

}  // namespace bitsweep::testing

#endif  // BITSWEEP_TESTS_SUPPORT_TEST_PATHS_H_
