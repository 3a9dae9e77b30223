// SPDX-License-Identifier: Apache-2.0
// Every file of the golden folder is read by some test, so that one that is added is not
// overlooked.
#include <filesystem>
#include <set>
#include <string>

#include "gtest/gtest.h"
#include "tests/support/test_paths.h"

namespace bitsweep {
namespace {

TEST(GoldenFilesTest, AreAllRead) {
  const std::set<std::string> known = {
      // tests/worker/quant
      "integer", "integer_unsigned", "integer_floor", "seed_examples", "scale_integer", "binary",
      "ternary", "minifloat_denorm", "minifloat_ieee", "log", "block_fp", "block_minifloat",
      "block_log", "mxint", "mxfp_ocp",
      // tests/worker/passes
      "average_bits", "flops_bitops", "prune", "statistics", "training",
      // tests/worker/nn
      "model_forward", "model_parameters", "ste_gradients",
      // tests/core
      "graph_reports"};
  int found = 0;
  for (const auto& entry : std::filesystem::directory_iterator(testing::GoldenDir())) {
    if (entry.path().extension() != ".json") continue;
    ++found;
    EXPECT_TRUE(known.contains(entry.path().stem()))
        << entry.path() << " is read by no test of this version";
  }
  EXPECT_GT(found, 0) << testing::GoldenDir();
}

}  // namespace
}  // namespace bitsweep
