// SPDX-License-Identifier: Apache-2.0
#include "core/spec/quantize_check.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/core/graph/nodes.h"
#include "tests/core/spec/quantize_specs.h"

namespace bitsweep::spec {
namespace {

using ::testing::AllOf;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::Field;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::UnorderedElementsAre;

auto Problem(const std::string& field, const std::string& why) {
  return AllOf(Field(&FieldViolation::field, field),
               Field(&FieldViolation::description, HasSubstr(why)));
}

std::vector<FieldViolation> Problems(const QuantizeSpec& spec) {
  return ValidateQuantize(spec, nullptr, "q");
}
std::vector<FieldViolation> ProblemsOn(std::string_view model, const QuantizeSpec& spec) {
  const graph::Graph graph = Builtin(model);
  return ValidateQuantize(spec, &graph, "q");
}
// Of a spec by type with `config` for linear.
std::vector<FieldViolation> LinearProblems(FormatConfig config) {
  return Problems(By("type", {{"linear", std::move(config)}}));
}

TEST(ValidateQuantizeTest, TakesTheLabReportsForBothModels) {
  EXPECT_THAT(Problems(LabReport()), IsEmpty());
  EXPECT_THAT(ProblemsOn("jsc-tiny", LabReport()), IsEmpty());
  EXPECT_THAT(ProblemsOn("jsc-rs1923", LabReport()), IsEmpty());
}

TEST(ValidateQuantizeTest, KnowsThreeWaysToNameNodes) {
  EXPECT_THAT(Problems(By("", {{"linear", Integer84()}})),
              ElementsAre(Problem("q.by", "missing: expected type, name or regex_name")));
  EXPECT_THAT(Problems(By("shape", {{"linear", Integer84()}})),
              ElementsAre(Problem("q.by", "\"shape\": expected type, name or regex_name")));
}

TEST(ValidateQuantizeTest, WantsSomethingToDo) {
  EXPECT_THAT(Problems({.by = "type"}), ElementsAre(Problem("q", "nothing to quantize")));
  EXPECT_THAT(Problems(By("type", std::vector<QuantizationRule>(1001, {"linear", Integer84()}))),
              ElementsAre(Problem("q.rules", "1001 rules: expected at most 1000")));
}

TEST(ValidateQuantizeTest, RefusesUnknownFormatsWithAListOfThoseThereAre) {
  EXPECT_THAT(LinearProblems({.name = "int8"}),
              ElementsAre(Problem("q.rules[0].config.name",
                                  "unknown number format \"int8\": expected one of integer, "
                                  "fixed, scale_integer, binary, ternary, minifloat_ieee, "
                                  "minifloat_denorm, log, block_fp, block_minifloat, block_log, "
                                  "mxint, mxfp, or NA")));
  EXPECT_THAT(LinearProblems({}),
              ElementsAre(Problem("q.rules[0].config.name", "no number format")));
}

TEST(ValidateQuantizeTest, RefusesOpsThatCannotBeQuantized) {
  EXPECT_THAT(Problems(By("type", {{"sigmoid", Integer84()}})),
              ElementsAre(Problem("q.rules[0].key",
                                  "sigmoid cannot be quantized: expected one of linear, conv1d, "
                                  "relu, add")));
  EXPECT_THAT(Problems(By("type", {{"batch_norm1d", Integer84()}, {"view", Integer84()}})),
              ElementsAre(Problem("q.rules[0].key", "batch_norm1d cannot be quantized"),
                          Problem("q.rules[1].key", "view cannot be quantized")));
  EXPECT_THAT(Problems(By("type", {{"sigmoid", LeaveAlone()}})), IsEmpty());
}

TEST(ValidateQuantizeTest, RefusesOpsThatDoNotExist) {
  EXPECT_THAT(Problems(By("type", {{"conv2d", Integer84()}})),
              ElementsAre(Problem("q.rules[0].key",
                                  "no op \"conv2d\": expected one of linear, conv1d, relu, "
                                  "add")));
  EXPECT_THAT(Problems(By("type", {{"", Integer84()}})),
              ElementsAre(Problem("q.rules[0].key", "empty")));
}

TEST(ValidateQuantizeTest, RefusesAKeyTwice) {
  EXPECT_THAT(Problems(By("type", {{"linear", Integer84()}, {"linear", Integer84()}})),
              ElementsAre(Problem("q.rules[1].key", "the same key as of rules[0]")));
}

TEST(ValidateQuantizeTest, RefusesNodesThatDoNotExist) {
  EXPECT_THAT(ProblemsOn("jsc-tiny", By("name", {{"seq_blocks_9", Integer84()}})),
              ElementsAre(Problem("q.rules[0].key",
                                  "no node \"seq_blocks_9\": expected one of seq_blocks_1, "
                                  "seq_blocks_2, seq_blocks_3")));
  EXPECT_THAT(ProblemsOn("jsc-tiny", By("regex_name", {{"conv.*", Integer84()}})),
              ElementsAre(Problem("q.rules[0].key",
                                  "\"conv.*\" matches no node that can be quantized, which are "
                                  "seq_blocks_1, seq_blocks_2, seq_blocks_3")));
  EXPECT_THAT(ProblemsOn("jsc-tiny", By("regex_name", {{"seq_blocks_0|x", Integer84()}})),
              ElementsAre(Problem("q.rules[0].key", "matches no node")));
}

TEST(ValidateQuantizeTest, RefusesNamedNodesThatCannotBeQuantized) {
  EXPECT_THAT(ProblemsOn("jsc-tiny", By("name", {{"seq_blocks_0", Integer84()}})),
              ElementsAre(Problem("q.rules[0].key",
                                  "node seq_blocks_0 is batch_norm1d, which cannot be "
                                  "quantized: expected one of seq_blocks_1")));
  EXPECT_THAT(ProblemsOn("jsc-tiny", By("name", {{"output", Integer84()}})),
              ElementsAre(Problem("q.rules[0].key", "node output is output, which cannot")));
}

TEST(ValidateQuantizeTest, RefusesWhatIsNoRegularExpression) {
  EXPECT_THAT(ProblemsOn("jsc-tiny", By("regex_name", {{"seq_(", Integer84()}})),
              ElementsAre(Problem("q.rules[0].key", "\"seq_(\": not a regular expression")));
}

TEST(ValidateQuantizeTest, NeedsADefaultWhereNodesAreLeft) {
  QuantizeSpec spec = By("type", {{"linear", Integer84()}});
  spec.default_config.reset();
  EXPECT_THAT(ProblemsOn("jsc-tiny", spec),
              ElementsAre(Problem("q.default_config",
                                  "missing: no rule names seq_blocks_1, seq_blocks_3")));
  spec.rules.push_back({"relu", LeaveAlone()});
  EXPECT_THAT(ProblemsOn("jsc-tiny", spec), IsEmpty());
}

TEST(ValidateQuantizeTest, NamesEntriesThatAreMissing) {
  EXPECT_THAT(LinearProblems({.name = "integer", .data_in = {{.frac_width = 4}}}),
              ElementsAre(Problem("q.rules[0].config.weight", "missing"),
                          Problem("q.rules[0].config.data_in.width", "missing: integer needs it")));
  EXPECT_THAT(LinearProblems({.name = "block_fp", .data_in = Bits(8, 4), .weight = {{.width = 8}}}),
              UnorderedElementsAre(
                  Problem("q.rules[0].config.data_in.frac_width", "block_fp does not take it"),
                  Problem("q.rules[0].config.data_in.exponent_width", "missing"),
                  Problem("q.rules[0].config.data_in.block_size", "missing"),
                  Problem("q.rules[0].config.weight.exponent_width", "missing"),
                  Problem("q.rules[0].config.weight.block_size", "missing")));
  EXPECT_THAT(LinearProblems({.name = "log"}),
              ElementsAre(Problem("q.rules[0].config.data_in", "missing"),
                          Problem("q.rules[0].config.weight", "missing")));
}

TEST(ValidateQuantizeTest, RefusesABiasThatIsGivenInPart) {
  FormatConfig config = Integer84();
  config.bias = {{.frac_width = 4}};
  EXPECT_THAT(LinearProblems(config),
              ElementsAre(Problem("q.rules[0].config.bias.width", "missing: integer needs it")));
}

TEST(ValidateQuantizeTest, RefusesEntriesThatTheFormatDoesNotTake) {
  FormatConfig config = Integer84();
  config.weight->stochastic = true;
  config.weight->block_size = {16};
  EXPECT_THAT(
      LinearProblems(config),
      ElementsAre(Problem("q.rules[0].config.weight.block_size",
                          "integer does not take it: expected width, frac_width, floor"),
                  Problem("q.rules[0].config.weight.stochastic", "integer does not take it")));
}

TEST(ValidateQuantizeTest, RefusesValuesOutOfRange) {
  FormatConfig config = Integer84();
  config.data_in = Bits(33, -33);
  EXPECT_THAT(
      LinearProblems(config),
      ElementsAre(Problem("q.rules[0].config.data_in.width", "33: expected 1 to 32"),
                  Problem("q.rules[0].config.data_in.frac_width", "-33: expected -32 to 32")));
  EXPECT_THAT(LinearProblems({.name = "binary", .weight = {{.width = 0}}}),
              ElementsAre(Problem("q.rules[0].config.weight.width", "0: expected 1 to 32")));
  const TensorFormatSpec two = {.width = 8, .block_size = {1, 16}};
  EXPECT_THAT(LinearProblems({.name = "mxint", .data_in = two, .weight = two}),
              Contains(Problem("q.rules[0].config.weight.block_size", "2 sizes: mxint takes one")));
}

TEST(ValidateQuantizeTest, RefusesWeightsOfOpsWithoutAny) {
  FormatConfig config = Integer84();
  config.bias = Bits(8, 4);
  EXPECT_THAT(Problems(By("type", {{"relu", config}})),
              ElementsAre(Problem("q.rules[0].config.weight", "these nodes have no weight"),
                          Problem("q.rules[0].config.bias", "these nodes have no bias")));
  EXPECT_THAT(ProblemsOn("jsc-rs1923", By("name", {{"add", Integer84()}})),
              ElementsAre(Problem("q.rules[0].config.weight", "these nodes have no weight")));
}

TEST(ValidateQuantizeTest, AnExpressionMayNameNodesWithAndWithoutWeights) {
  EXPECT_THAT(ProblemsOn("jsc-tiny", By("regex_name", {{"seq_blocks_[12]", Integer84()}})),
              IsEmpty());
  EXPECT_THAT(
      ProblemsOn("jsc-tiny", By("regex_name",
                                {{"seq_blocks_[12]", {.name = "integer", .data_in = Bits(8, 4)}}})),
      ElementsAre(Problem("q.rules[0].config.weight", "missing")));
}

TEST(ValidateQuantizeTest, SemanticsAreOfFormatsWithQuirks) {
  FormatConfig config = Integer84();
  config.semantics = graph::Semantics::kExact;
  EXPECT_THAT(LinearProblems(config),
              ElementsAre(Problem("q.rules[0].config.semantics", "integer has one meaning only")));
}

TEST(ValidateQuantizeTest, NaTakesNothing) {
  FormatConfig config = Integer84();
  config.name = "NA";
  EXPECT_THAT(LinearProblems(config),
              ElementsAre(Problem("q.rules[0].config", "NA leaves nodes alone")));
}

TEST(ValidateQuantizeTest, BypassNeedsNoEntries) {
  EXPECT_THAT(LinearProblems({.name = "integer", .bypass = true}), IsEmpty());
}

TEST(ValidateQuantizeTest, BlocksFitTheTensorsOfTheGraph) {
  const TensorFormatSpec blocks = {.width = 8, .block_size = {16}};
  const QuantizeSpec spec =
      By("type", {{"relu", {.name = "mxint", .data_in = blocks}},
                  {"linear", {.name = "mxint", .data_in = blocks, .weight = blocks}}});
  EXPECT_THAT(ProblemsOn("jsc-tiny", spec),
              ElementsAre(Problem("q.rules[0].config",
                                  "node seq_blocks_3: quantization: data_in: 16: the last "
                                  "dimension of shape [1, 5]")));
  const graph::Graph tiny = Builtin("jsc-tiny");
  EXPECT_THAT(CheckQuantize(spec, &tiny, /*sizes_are_known=*/false, "q"), IsEmpty());
}

TEST(ValidateQuantizeTest, RefusesBlocksOverTooManyDimensions) {
  using namespace graph;  // NOLINT(google-build-using-namespace): nodes.h
  const Graph cube =
      Graph::Create("cube", {Input({2, 2, 2}), Function("relu", Relu{}, {"x"}), Output("relu")})
          .value();
  const TensorFormatSpec entries = {.width = 8, .exponent_width = 8, .block_size = {2}};
  EXPECT_THAT(ValidateQuantize(By("type", {{"relu", {.name = "block_fp", .data_in = entries}}}),
                               &cube, "q"),
              ElementsAre(Problem("q.rules[0].config", "blocks go over 1 to 3 dimensions")));
}

TEST(ValidateQuantizeTest, NamesTheDefaultsProblems) {
  QuantizeSpec spec = LabReport();
  spec.default_config = FormatConfig{.name = "integer", .data_in = Bits(0, 0)};
  EXPECT_THAT(ProblemsOn("jsc-tiny", spec),
              ElementsAre(Problem("q.default_config.data_in.width", "0: expected 1 to 32")));
}

TEST(ValidateQuantizeTest, BoundsTheTimeThatExpressionsTake) {
  using namespace graph;  // NOLINT(google-build-using-namespace): nodes.h
  std::vector<Node> nodes = {Input({1})};
  for (int i = 0; i < 2000; ++i) {
    const std::string name = std::string(190, 'a') + std::to_string(i);
    nodes.push_back(Function(name, Relu{}, {nodes.back().name}));
  }
  nodes.push_back(Output(nodes.back().name));
  const Graph graph = Graph::Create("long", std::move(nodes)).value();
  EXPECT_THAT(ValidateQuantize(By("regex_name", {{"(a?a?a?a?a?a?a?a?){60}.*",
                                                  {.name = "integer", .data_in = Bits(8, 4)}}}),
                               &graph, "q"),
              Contains(Problem("q.rules", "too long for a graph of this size")));
}

}  // namespace
}  // namespace bitsweep::spec
