// SPDX-License-Identifier: Apache-2.0
// prune.json: thresholds and masks of l1-norm pruning of two tensors, each alone and both together.
#include <map>
#include <regex>
#include <string>

#include "gtest/gtest.h"
#include "nlohmann/json.hpp"
#include "tests/support/test_paths.h"
#include "worker/passes/prune.h"

namespace bitsweep::passes {
namespace {

using Json = nlohmann::json;

template <typename T>
std::vector<T> Flat(const Json& rows) {
  std::vector<T> values;
  for (const Json& row : rows) {
    for (const Json& value : row) values.push_back(value.get<T>());
  }
  return values;
}

TEST(PruneGoldenTest, EveryThresholdAndMaskIsReproduced) {
  static const std::regex keys(R"((local|global)_(threshold|mask)(_(.*))?)");
  const Json file = bitsweep::testing::ReadGolden("prune.json");
  std::map<std::string, std::vector<float>> tensors;
  for (const auto& [key, value] : file.items()) {
    if (key != "description" && key != "cases") tensors[key] = Flat<float>(value);
  }
  std::vector<Prunable> all;
  for (const auto& [name, values] : tensors) all.push_back({.ordinal = 0, .values = values});

  ASSERT_FALSE(file.at("cases").empty());
  for (const Json& json : file.at("cases")) {
    const auto sparsity = json.at("sparsity").get<double>();
    for (const auto& [key, value] : json.items()) {
      SCOPED_TRACE(key + " at " + std::to_string(sparsity));
      if (key == "sparsity") continue;
      std::smatch match;
      const std::string name = key;
      ASSERT_TRUE(std::regex_match(name, match, keys)) << "unknown key";
      const bool local = match[1] == "local";
      std::vector<Prunable> used = all;
      if (local) used = {{.ordinal = 0, .values = tensors.at(match[4])}};
      const double threshold = L1Threshold(used, sparsity);
      if (match[2] == "threshold") {
        EXPECT_NEAR(threshold, value.get<double>(), 1e-9);
      } else {
        EXPECT_EQ(L1Mask(tensors.at(match[4]), threshold), Flat<std::uint8_t>(value));
      }
    }
  }
}

}  // namespace
}  // namespace bitsweep::passes
