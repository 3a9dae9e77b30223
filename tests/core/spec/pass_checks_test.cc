// SPDX-License-Identifier: Apache-2.0
#include "core/spec/pass_checks.h"

#include <limits>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/core/spec/quantize_specs.h"

namespace bitsweep::spec {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::Field;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

auto Violation(const std::string& field, const std::string& why) {
  return AllOf(Field(&FieldViolation::field, "p" + field),
               Field(&FieldViolation::description, HasSubstr(why)));
}

// On jsc-tiny, with a data set.
std::vector<FieldViolation> Problems(const PassSpec& pass) {
  const graph::Graph graph = Builtin("jsc-tiny");
  return CheckPass(pass, {.graph = &graph, .has_dataset = true}, "p");
}

ProfileStatisticsPass LabStatistics() {
  return {.by = "type",
          .target_weight_nodes = {"linear"},
          .target_activation_nodes = {"relu", "linear"},
          .weight_statistics = {{.name = "variance_precise", .dims = "all"}},
          .activation_statistics = {{.name = "range_quantile", .dims = "all", .quantile = 0.97}},
          .num_samples = 32};
}
// Of the lab's pass with this weight statistic.
std::vector<FieldViolation> StatisticProblems(StatisticSpec statistic) {
  ProfileStatisticsPass pass = LabStatistics();
  pass.weight_statistics = {std::move(statistic)};
  return Problems(pass);
}

TEST(CheckPassTest, TakesTheDefaults) {
  EXPECT_THAT(Problems(ReportGraphPass{}), IsEmpty());
  EXPECT_THAT(Problems(ReportNodeMetaPass{}), IsEmpty());
  EXPECT_THAT(Problems(CompareGraphsPass{}), IsEmpty());
  EXPECT_THAT(Problems(VerifyQuantizationPass{}), IsEmpty());
  EXPECT_THAT(Problems(CountOpsPass{}), IsEmpty());
  EXPECT_THAT(Problems(EvaluatePass{}), IsEmpty());
  EXPECT_THAT(Problems(PrunePass{}), IsEmpty());
  EXPECT_THAT(Problems(LabStatistics()), IsEmpty());
}

TEST(CheckPassTest, KnowsTheParametersOfNodeMeta) {
  EXPECT_THAT(Problems(ReportNodeMetaPass{.which = {"common", "hardware", "common"}}),
              ElementsAre(Violation(".report_node_meta.which[1]",
                                    "\"hardware\": expected one of all, common, software"),
                          Violation(".report_node_meta.which[2]", "\"common\" is given twice")));
  EXPECT_THAT(Problems(ReportNodeMetaPass{.batch_size = 0}),
              ElementsAre(Violation(".report_node_meta.batch_size", "0: expected 1 to")));
}

TEST(CheckPassTest, NamesFieldsOfTheQuantization) {
  EXPECT_THAT(Problems(QuantizePass{By("type", {{"conv7d", Integer84()}})}),
              ElementsAre(Violation(".quantize.quantization.rules[0].key", "no op \"conv7d\"")));
}

TEST(CheckPassTest, BoundsTheInputsOfVerify) {
  EXPECT_THAT(Problems(VerifyQuantizationPass{.input = {1, std::numeric_limits<double>::infinity()},
                                              .show = 4097}),
              ElementsAre(Violation(".verify_quantization.show", "4097: expected 1 to 4096"),
                          Violation(".verify_quantization.input[1]", "inf: expected a finite")));
}

TEST(CheckPassTest, AGivenInputMustFitAQuantizedNode) {
  const graph::Graph graph = Quantize(Builtin("jsc-tiny"), LabReport()).value();
  const auto problems = [&](std::size_t values, bool sizes_are_known = true) {
    const VerifyQuantizationPass pass{.input = std::vector<double>(values, 1.0)};
    return CheckPass(pass, {.graph = &graph, .sizes_are_known = sizes_are_known}, "p");
  };
  EXPECT_THAT(problems(16), IsEmpty());
  EXPECT_THAT(problems(7), ElementsAre(Violation(".verify_quantization.input",
                                                 "expected as many as an input of a quantized "
                                                 "node: seq_blocks_2 has 16")));
  EXPECT_THAT(problems(7, false), IsEmpty());
}

TEST(CheckPassTest, BoundsWhatIsCounted) {
  EXPECT_THAT(Problems(CountOpsPass{.batch_size = 0,
                                    .conventions = {CountConvention::kMacs, CountConvention::kMacs},
                                    .data_width = 0,
                                    .weight_width = 65,
                                    .bias_width = -1}),
              ElementsAre(Violation(".count_ops.batch_size", "0: expected 1 to"),
                          Violation(".count_ops.conventions[1]", "\"MACS\" is given twice"),
                          Violation(".count_ops.data_width", "0: expected 1 to 64"),
                          Violation(".count_ops.weight_width", "65: expected 1 to 64"),
                          Violation(".count_ops.bias_width", "-1: expected 1 to 64")));
}

TEST(CheckPassTest, EvaluateNeedsADataSet) {
  EXPECT_THAT(CheckPass(EvaluatePass{}, {.has_dataset = false}, "p"),
              ElementsAre(Violation(".evaluate", "transform.dataset is not set")));
  EXPECT_THAT(Problems(EvaluatePass{.batch_size = 0}),
              ElementsAre(Violation(".evaluate.batch_size", "0: expected 1 to")));
}

TEST(CheckPassTest, KnowsWaysToPrune) {
  EXPECT_THAT(Problems(PrunePass{"global", "elementwise", "l1-norm", 0.5}), IsEmpty());
  EXPECT_THAT(Problems(PrunePass{"layer", "channel", "l2", 1.5}),
              ElementsAre(Violation(".prune.weight.scope", "\"layer\": expected one of local"),
                          Violation(".prune.weight.granularity", "expected elementwise"),
                          Violation(".prune.weight.method", "expected one of l1-norm, random"),
                          Violation(".prune.weight.sparsity", "1.5: expected a number from 0")));
  EXPECT_THAT(Problems(PrunePass{.sparsity = std::numeric_limits<double>::quiet_NaN()}),
              ElementsAre(Violation(".prune.weight.sparsity", "nan")));
}

TEST(ProfileStatisticsCheckTest, TargetsAreOpsOrNodes) {
  ProfileStatisticsPass pass = LabStatistics();
  pass.target_weight_nodes = {"relu"};
  pass.target_activation_nodes = {"conv9d"};
  EXPECT_THAT(Problems(pass),
              ElementsAre(Violation(".profile_statistics.target_weight_nodes[0]",
                                    "\"relu\": expected one of linear, conv1d, batch_norm1d"),
                          Violation(".profile_statistics.target_activation_nodes[0]",
                                    "\"conv9d\": expected one of linear")));
  pass.by = "name";
  pass.target_weight_nodes = {"seq_blocks_1", "fc"};
  pass.target_activation_nodes = {"seq_blocks_1", "x"};
  EXPECT_THAT(Problems(pass),
              ElementsAre(Violation(".profile_statistics.target_weight_nodes[0]",
                                    "node \"seq_blocks_1\" has no parameters"),
                          Violation(".profile_statistics.target_weight_nodes[1]",
                                    "no node \"fc\" in graph \"jsc-tiny\""),
                          Violation(".profile_statistics.target_activation_nodes[1]",
                                    "node \"x\" has no input")));
  pass = LabStatistics();
  pass.by = "regex_name";
  EXPECT_THAT(Problems(pass), ElementsAre(Violation(".profile_statistics.by",
                                                    "\"regex_name\": expected one of type")));
}

TEST(ProfileStatisticsCheckTest, TargetsAndStatisticsGoTogether) {
  ProfileStatisticsPass pass = LabStatistics();
  pass.weight_statistics.clear();
  pass.target_activation_nodes.clear();
  EXPECT_THAT(Problems(pass),
              ElementsAre(Violation(".profile_statistics.weight_statistics", "missing"),
                          Violation(".profile_statistics.target_activation_nodes", "missing")));
  EXPECT_THAT(Problems(ProfileStatisticsPass{.by = "type"}),
              ElementsAre(Violation(".profile_statistics", "nothing to collect")));
}

TEST(ProfileStatisticsCheckTest, ActivationsNeedADataSet) {
  ProfileStatisticsPass pass = LabStatistics();
  EXPECT_THAT(CheckPass(pass, {.has_dataset = false}, "p"),
              ElementsAre(Violation(".profile_statistics.target_activation_nodes",
                                    "transform.dataset is not set")));
  pass.target_activation_nodes.clear();
  pass.activation_statistics.clear();
  EXPECT_THAT(CheckPass(pass, {.has_dataset = false}, "p"), IsEmpty());
  pass.num_samples = 0;
  EXPECT_THAT(Problems(pass),
              ElementsAre(Violation(".profile_statistics.num_samples", "0: expected 1 to")));
}

TEST(ProfileStatisticsCheckTest, KnowsEveryStatisticAndItsOptions) {
  for (const char* name : {"variance_precise", "variance_online", "range_min_max", "range_quantile",
                           "range_n_sigma", "abs_mean", "record"}) {
    EXPECT_THAT(StatisticProblems({.name = name}), IsEmpty()) << name;
  }
  EXPECT_THAT(StatisticProblems({.name = "range_n_sigma",
                                 .reduce_dims = {0, 1},
                                 .abs = true,
                                 .num_sigma = 2,
                                 .var_mode = "online"}),
              IsEmpty());
  EXPECT_THAT(StatisticProblems({.name = "record", .add_new_dim_before_concat = true}), IsEmpty());
  EXPECT_THAT(StatisticProblems({.name = "soft_range"}),
              ElementsAre(Violation(".profile_statistics.weight_statistics[0].name",
                                    "\"soft_range\": expected one of variance_precise, "
                                    "variance_online, range_min_max, range_quantile, "
                                    "range_n_sigma, abs_mean, record")));
}

TEST(ProfileStatisticsCheckTest, RefusesOptionsOfOtherStatistics) {
  const std::string at = ".profile_statistics.weight_statistics[0]";
  EXPECT_THAT(StatisticProblems({.name = "record",
                                 .dims = "all",
                                 .reduce_dims = {1},
                                 .abs = true,
                                 .quantile = 0.5,
                                 .num_sigma = 1,
                                 .var_mode = "online"}),
              ElementsAre(Violation(at + ".dims", "record does not take it"),
                          Violation(at + ".reduce_dims", "record does not take it"),
                          Violation(at + ".abs", "record does not take it"),
                          Violation(at + ".quantile", "record does not take it"),
                          Violation(at + ".num_sigma", "record does not take it"),
                          Violation(at + ".var_mode", "record does not take it")));
  EXPECT_THAT(StatisticProblems({.name = "abs_mean", .add_new_dim_before_concat = true}),
              ElementsAre(Violation(at + ".add_new_dim_before_concat", "abs_mean does not")));
}

TEST(ProfileStatisticsCheckTest, BoundsTheOptions) {
  const std::string at = ".profile_statistics.weight_statistics[0]";
  EXPECT_THAT(StatisticProblems({.name = "range_quantile", .dims = "none", .quantile = 1.5}),
              ElementsAre(Violation(at + ".dims", "\"none\": expected one of all, element"),
                          Violation(at + ".quantile", "1.5: expected a number from 0 to 1")));
  EXPECT_THAT(StatisticProblems({.name = "range_n_sigma", .num_sigma = -1, .var_mode = "x"}),
              ElementsAre(Violation(at + ".num_sigma", "-1: expected a number of at least 0"),
                          Violation(at + ".var_mode", "\"x\": expected one of precise, online")));
  EXPECT_THAT(StatisticProblems({.name = "abs_mean", .dims = "all", .reduce_dims = {-1, 1, 1}}),
              ElementsAre(Violation(at + ".reduce_dims", "dims is set too"),
                          Violation(at + ".reduce_dims[0]", "-1: expected 0 to 8"),
                          Violation(at + ".reduce_dims[2]", "is given twice")));
}

}  // namespace
}  // namespace bitsweep::spec
