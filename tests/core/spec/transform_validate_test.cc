// SPDX-License-Identifier: Apache-2.0
#include "core/graph/graph_json.h"
#include "core/spec/transform_spec.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/core/spec/quantize_specs.h"

namespace bitsweep::spec {
namespace {

using ::testing::AllOf;
using ::testing::Contains;
using ::testing::Each;
using ::testing::ElementsAre;
using ::testing::Field;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

auto Violation(const std::string& field, const std::string& why) {
  return AllOf(Field(&FieldViolation::field, "transform." + field),
               Field(&FieldViolation::description, HasSubstr(why)));
}

// Lab 2: every pass on jsc-rs1923.
TransformSpec Lab2() {
  TransformSpec spec;
  spec.model.builtin = "jsc-rs1923";
  spec.dataset = DatasetSpec{.name = "synthetic-jets"};
  spec.passes = {ReportGraphPass{},   ReportNodeMetaPass{},      QuantizePass{LabReport()},
                 CompareGraphsPass{}, VerifyQuantizationPass{},  CountOpsPass{},
                 EvaluatePass{},      PrunePass{.sparsity = 0.5}};
  return spec;
}

std::vector<FieldViolation> Problems(const TransformSpec& spec) { return Validate(spec, nullptr); }

TEST(ValidateTransformTest, TakesLab2) {
  EXPECT_THAT(Problems(Lab2()), IsEmpty());
  EXPECT_THAT(Warnings(Lab2()), IsEmpty());
}

TEST(ValidateTransformTest, NamesEveryProblemAtOnce) {
  TransformSpec spec = Lab2();
  spec.display_name = std::string(201, 'x');
  spec.model.builtin = "jsc-m";
  spec.dataset->name = "../secret";
  spec.passes = {EvaluatePass{.batch_size = 0}, PrunePass{.sparsity = 2}};
  spec.seed = -1;
  spec.priority = 101;
  spec.max_parallel_jobs = -1;
  EXPECT_THAT(Problems(spec),
              ElementsAre(Violation("display_name", "201 bytes"),
                          Violation("model.builtin", "no model \"jsc-m\""),
                          Violation("dataset.name", "\"..\" is not allowed"),
                          Violation("passes[0].evaluate.batch_size", "0: expected"),
                          Violation("passes[1].prune.weight.sparsity", "2: expected"),
                          Violation("seed", "-1"), Violation("priority", "101"),
                          Violation("max_parallel_jobs", "-1")));
}

TEST(ValidateTransformTest, WantsSomePassesButNotTooMany) {
  TransformSpec spec = Lab2();
  spec.passes.clear();
  EXPECT_THAT(Problems(spec), ElementsAre(Violation("passes", "empty")));
  spec.passes.assign(101, ReportGraphPass{});
  EXPECT_THAT(Problems(spec), ElementsAre(Violation("passes", "101 passes: expected at most 100")));
}

TEST(ValidateTransformTest, ChecksNodesOfABuiltin) {
  TransformSpec spec = Lab2();
  spec.passes = {QuantizePass{By("name", {{"fc1", Integer84()}})}};
  EXPECT_THAT(Problems(spec), ElementsAre(Violation("passes[0].quantize.quantization.rules[0].key",
                                                    "no node \"fc1\"")));
}

TEST(ValidateTransformTest, ChecksNodesOfAGraphThatIsGiven) {
  TransformSpec spec = Lab2();
  spec.model = {.graph_json = graph::ToJson(Builtin("jsc-tiny"))};
  spec.passes = {QuantizePass{By("name", {{"fc", Integer84()}})}};
  EXPECT_THAT(Problems(spec), ElementsAre(Violation("passes[0].quantize.quantization.rules[0].key",
                                                    "no node \"fc\"")));
}

TEST(ValidateTransformTest, ChecksNodesOfAStoredModelWhereItsGraphIsKnown) {
  TransformSpec spec = Lab2();
  spec.model = {.stored = "models/best-tiny"};
  spec.passes = {QuantizePass{By("name", {{"fc", Integer84()}})}};
  EXPECT_THAT(Problems(spec), IsEmpty());
  const graph::Graph tiny = Builtin("jsc-tiny");
  EXPECT_THAT(
      Validate(spec, &tiny),
      ElementsAre(Violation("passes[0].quantize.quantization.rules[0].key", "no node \"fc\"")));
}

TEST(ValidateTransformTest, DoesNotGuessTheSizesOfAFile) {
  const TensorFormatSpec blocks = {.width = 8, .block_size = {5}};
  TransformSpec spec;
  spec.model.builtin = "jsc-tiny";
  spec.passes = {QuantizePass{
      By("type", {{"linear", {.name = "mxint", .data_in = blocks, .weight = blocks}}})}};
  EXPECT_THAT(Problems(spec), SizeIs(1));
  spec.dataset = DatasetSpec{.name = "twenty_features.csv"};
  EXPECT_THAT(Problems(spec), IsEmpty());
}

TransformSpec Lab2WithAxes(std::vector<QuantizationAxis> axes) {
  TransformSpec spec = Lab2();
  spec.passes = {QuantizePass{LabReport()}, EvaluatePass{}, CountOpsPass{}};
  spec.axes = std::move(axes);
  return spec;
}

TEST(ValidateTransformTest, TakesAxes) {
  EXPECT_THAT(
      Problems(Lab2WithAxes({{"data_in_width", {4, 6, 8}}, {"linear.weight_frac_width", {2, 4}}})),
      IsEmpty());
}

TEST(ValidateTransformTest, AnAxisMayGiveWhatARuleLeavesOut) {
  TransformSpec spec = Lab2WithAxes({{"weight_width", {4, 8}}});
  auto& rules = std::get<QuantizePass>(spec.passes[0]).quantization.rules;
  for (QuantizationRule& rule : rules) rule.config.weight = TensorFormatSpec{.frac_width = 2};
  EXPECT_THAT(Problems(spec), IsEmpty());
}

TEST(ValidateTransformTest, RefusesAxesThatFitNowhere) {
  EXPECT_THAT(Problems(Lab2WithAxes({{"weight_exponent_width", {4}}, {"width", {8}}})),
              ElementsAre(Violation("axes[0].entry", "no quantize pass has a rule or default"),
                          Violation("axes[1].entry", "expected an entry such as data_in_width")));
}

TEST(ValidateTransformTest, RefusesAxesAndValuesThatRepeat) {
  EXPECT_THAT(Problems(Lab2WithAxes({{"weight_width", {4, 4}}, {"weight_width", {}}})),
              ElementsAre(Violation("axes[0].values[1]", "the same value as [0]"),
                          Violation("axes[1].entry", "the same entry as of axes[0]"),
                          Violation("axes[1].values", "empty")));
}

TEST(ValidateTransformTest, RefusesValuesOutOfRangeWhereverTheyStand) {
  EXPECT_THAT(Problems(Lab2WithAxes({{"linear.weight_width", {33, 8}}})),
              ElementsAre(Violation("passes[0].quantize.quantization.rules[0].config.weight.width",
                                    "33: expected 1 to 32")));
  EXPECT_THAT(
      Problems(Lab2WithAxes({{"linear.weight_width", {4, 99, 8}}, {"data_in_width", {8, 4}}})),
      Contains(Violation("axes",
                         "linear.weight_width = 99: "
                         "transform.passes[0].quantize.quantization.rules[0].config.weight.width: "
                         "99: expected 1 to 32")));
}

TEST(ValidateTransformTest, FindsABadValueAmongManyCombinations) {
  std::vector<std::int64_t> fractions(65);
  for (std::size_t i = 0; i < fractions.size(); ++i) {
    fractions[i] = static_cast<std::int64_t>(i) - 32;
  }
  TransformSpec spec = Lab2WithAxes({{"data_in_frac_width", fractions},
                                     {"weight_frac_width", fractions},
                                     {"weight_width", {8, 0, 4}}});
  EXPECT_THAT(Problems(spec), AllOf(Not(IsEmpty()), Each(Violation("axes", "weight_width = 0"))));
  spec.axes[2].values = {8, 4};
  EXPECT_THAT(Problems(spec), IsEmpty());
}

TEST(ValidateTransformTest, FindsTwoValuesThatDoNotGoTogetherAmongManyCombinations) {
  std::vector<std::int64_t> biases(200);
  for (std::size_t i = 0; i < biases.size(); ++i) biases[i] = static_cast<std::int64_t>(i);
  TransformSpec spec = Lab2WithAxes({{"weight_width", {8, 4, 9}},
                                     {"weight_exponent_width", {2, 5, 3}},
                                     {"data_in_exponent_bias", biases}});
  const FormatConfig minifloat{
      .name = "minifloat_ieee",
      .data_in = TensorFormatSpec{.width = 8, .exponent_width = 4, .exponent_bias = 7},
      .weight = TensorFormatSpec{.width = 8, .exponent_width = 4, .exponent_bias = 7}};
  std::get<QuantizePass>(spec.passes[0]).quantization = By("type", {{"linear", minifloat}});
  EXPECT_THAT(Problems(spec),
              AllOf(Not(IsEmpty()),
                    Each(Violation("axes", "weight_width = 4, weight_exponent_width = 5"))));
  spec.axes[1].values = {2, 3};
  EXPECT_THAT(Problems(spec), IsEmpty());
}

TEST(ValidateTransformTest, ChecksEveryBlockSizeAgainstTheGraph) {
  TransformSpec spec = Lab2WithAxes({{"linear.weight_block_size", {16, 3, 8}}});
  const TensorFormatSpec blocks{.width = 8, .block_size = {16}};
  std::get<QuantizePass>(spec.passes[0]).quantization =
      By("type", {{"linear", {.name = "mxint", .data_in = blocks, .weight = blocks}}});
  spec.model.builtin = "jsc-tiny";
  EXPECT_THAT(Problems(spec), ElementsAre(Violation("axes", "linear.weight_block_size = 3")));
  spec.axes[0].values = {16, 8};
  EXPECT_THAT(Problems(spec), IsEmpty());
}

TEST(TransformWarningsTest, SayWhatHasNoEffect) {
  TransformSpec spec = Lab2WithAxes({{"weight_width", {4, 8}}});
  spec.passes.resize(1);
  EXPECT_THAT(Warnings(spec), ElementsAre(HasSubstr("no evaluate and no count_ops")));
  spec = Lab2();
  spec.passes = {VerifyQuantizationPass{}};
  spec.keep_models = true;
  EXPECT_THAT(Warnings(spec), ElementsAre(HasSubstr("no pass rewrites the graph"),
                                          HasSubstr("passes[0]: verify_quantization")));
  spec = Lab2();
  spec.model.builtin = "jsc-tiny";
  EXPECT_THAT(Warnings(spec), ElementsAre("passes[2]: jsc-tiny has no conv1d to quantize"));
}

}  // namespace
}  // namespace bitsweep::spec
