// SPDX-License-Identifier: Apache-2.0
#include "core/spec/transform_spec.h"

#include <set>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace bitsweep::spec {
namespace {

using ::testing::SizeIs;

TEST(PassesTest, NamesEveryPassOnce) {
  std::set<std::string_view> names;
  for (const PassTraits& traits : Passes()) {
    EXPECT_TRUE(names.insert(traits.name).second) << traits.name;
    EXPECT_TRUE(traits.description.ends_with('.')) << traits.name;
  }
  EXPECT_THAT(names, SizeIs(std::variant_size_v<PassSpec>));
}

TEST(PassesTest, TraitsAreThoseOfThePass) {
  EXPECT_EQ(TraitsOf(ReportGraphPass{}).name, "report_graph");
  EXPECT_EQ(TraitsOf(ReportNodeMetaPass{}).name, "report_node_meta");
  EXPECT_EQ(TraitsOf(ProfileStatisticsPass{}).name, "profile_statistics");
  EXPECT_EQ(TraitsOf(QuantizePass{}).name, "quantize");
  EXPECT_EQ(TraitsOf(CompareGraphsPass{}).name, "compare_graphs");
  EXPECT_EQ(TraitsOf(VerifyQuantizationPass{}).name, "verify_quantization");
  EXPECT_EQ(TraitsOf(CountOpsPass{}).name, "count_ops");
  EXPECT_EQ(TraitsOf(EvaluatePass{}).name, "evaluate");
  EXPECT_EQ(TraitsOf(PrunePass{}).name, "prune");
}

TEST(PassesTest, QuantizeAndPruneRewrite) {
  for (const PassTraits& traits : Passes()) {
    EXPECT_EQ(traits.rewrites, traits.name == "quantize" || traits.name == "prune");
    EXPECT_EQ(traits.needs_dataset,
              traits.name == "evaluate" || traits.name == "profile_statistics");
  }
}

TEST(CountConventionTest, IsNamedAsInTheApi) {
  EXPECT_EQ(Name(CountConvention::kLabReport), "LAB_REPORT");
  EXPECT_EQ(Name(CountConvention::kMacs), "MACS");
  EXPECT_EQ(Name(CountConvention::kBopsUniq), "BOPS_UNIQ");
  EXPECT_EQ(Name(CountConvention::kEbops), "EBOPS");
}

}  // namespace
}  // namespace bitsweep::spec
