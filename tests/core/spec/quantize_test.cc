// SPDX-License-Identifier: Apache-2.0
#include "core/base/errors.h"
#include "gmock/gmock.h"
#include "tests/core/graph/nodes.h"
#include "tests/core/spec/quantize_specs.h"
#include "tests/support/status_matchers.h"

namespace bitsweep::spec {
namespace {

using ::bitsweep::testing::IsOk;
using ::bitsweep::testing::StatusIs;
using graph::NodeQuantization;
using graph::NumberFormat;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

// What `config` makes of a node that holds `op`; its input is [4, 6] for convolutions, [6] for
// others.
NodeQuantization Applied(const graph::Op& op, const FormatConfig& config) {
  using namespace graph;  // NOLINT(google-build-using-namespace): nodes.h
  std::vector<Node> nodes;
  if (std::holds_alternative<Add>(op)) {
    nodes = {Input({6}), Function("n", op, {"x", "x"}), Output("n")};
  } else {
    const bool conv = std::holds_alternative<Conv1d>(op);
    nodes = {Input(conv ? Shape{4, 6} : Shape{6}), Module("n", op, "x"), Output("n")};
  }
  const Graph graph = Graph::Create("g", std::move(nodes)).value();
  return Quantize(graph, {.by = "name", .rules = {{"n", config}}})
      .value()
      .nodes()[1]
      .quantization.value();
}

const graph::Op kLinear = graph::Linear{6, 4, true};
const graph::Op kConv = graph::Conv1d{4, 8, 3, 1, 1, true};

TEST(QuantizeTest, QuantizesLinearAndConvolutionsByType) {
  ASSERT_OK_AND_ASSIGN(const graph::Graph graph, Quantize(Builtin("jsc-rs1923"), LabReport()));
  EXPECT_THAT(QuantizedNodes(graph),
              ElementsAre("conv1", "conv2", "block_conv1", "block_conv2", "fc"));
  const NumberFormat integer84 = graph::IntegerFormat{8, 4};
  EXPECT_EQ(graph.nodes()[1].quantization,
            (NodeQuantization{"integer", false, integer84, integer84, integer84}));
}

TEST(QuantizeTest, OneFileServesModelsWithoutSomeOfItsTypes) {
  ASSERT_OK_AND_ASSIGN(const graph::Graph graph, Quantize(Builtin("jsc-tiny"), LabReport()));
  EXPECT_THAT(QuantizedNodes(graph), ElementsAre("seq_blocks_2"));
}

TEST(QuantizeTest, QuantizesByName) {
  FormatConfig relu = {.name = "integer", .data_in = Bits(4, 2)};
  ASSERT_OK_AND_ASSIGN(
      const graph::Graph graph,
      Quantize(Builtin("jsc-rs1923"), By("name", {{"fc", Integer84()}, {"relu_1", relu}})));
  EXPECT_THAT(QuantizedNodes(graph), ElementsAre("relu_1", "fc"));
}

TEST(QuantizeTest, TheFirstExpressionThatMatchesCounts) {
  FormatConfig narrow = Integer84();
  narrow.weight = Bits(2, 1);
  ASSERT_OK_AND_ASSIGN(
      const graph::Graph graph,
      Quantize(Builtin("jsc-rs1923"),
               By("regex_name", {{"block_conv1", narrow}, {"(block_)?conv\\d", Integer84()}})));
  EXPECT_THAT(QuantizedNodes(graph), ElementsAre("conv1", "conv2", "block_conv1", "block_conv2"));
  EXPECT_EQ(graph.nodes()[5].quantization->weight, NumberFormat(graph::IntegerFormat{2, 1}));
  EXPECT_EQ(graph.nodes()[7].quantization->weight, NumberFormat(graph::IntegerFormat{8, 4}));
}

TEST(QuantizeTest, TheDefaultTakesWhatNoRuleNames) {
  QuantizeSpec spec{.by = "type", .default_config = Integer84(), .rules = {{"relu", LeaveAlone()}}};
  ASSERT_OK_AND_ASSIGN(const graph::Graph graph, Quantize(Builtin("jsc-rs1923"), spec));
  EXPECT_THAT(QuantizedNodes(graph),
              ElementsAre("conv1", "conv2", "block_conv1", "block_conv2", "add", "fc"));
  EXPECT_FALSE(graph.nodes()[8].quantization->weight.has_value());
}

TEST(QuantizeTest, QuantizesAnewWhatItNamesAndLeavesTheRest) {
  ASSERT_OK_AND_ASSIGN(const graph::Graph once, Quantize(Builtin("jsc-rs1923"), LabReport()));
  FormatConfig narrow = {.name = "log", .data_in = {{.width = 4}}, .weight = {{.width = 4}}};
  ASSERT_OK_AND_ASSIGN(const graph::Graph twice, Quantize(once, By("type", {{"linear", narrow}})));
  EXPECT_THAT(QuantizedNodes(twice),
              ElementsAre("conv1", "conv2", "block_conv1", "block_conv2", "fc"));
  EXPECT_EQ(twice.nodes()[11].quantization->format, "log");
  EXPECT_EQ(twice.nodes()[1].quantization->format, "integer");
}

TEST(QuantizeTest, TheBiasIsAsTheWeightUnlessItIsGiven) {
  FormatConfig config = Integer84();
  config.weight = Bits(4, 3);
  EXPECT_EQ(Applied(kLinear, config).bias, NumberFormat(graph::IntegerFormat{4, 3}));
  config.bias = Bits(16, 8);
  EXPECT_EQ(Applied(kLinear, config).bias, NumberFormat(graph::IntegerFormat{16, 8}));
  EXPECT_EQ(Applied(graph::Linear{6, 4, false}, config).bias, std::nullopt);
}

TEST(QuantizeTest, UnsetFractionsAreHalfTheWidth) {
  FormatConfig config = {
      .name = "fixed", .data_in = {{.width = 7}}, .weight = {{.width = 1, .floor = true}}};
  const NodeQuantization q = Applied(kLinear, config);
  EXPECT_EQ(q.format, "fixed");
  EXPECT_EQ(q.data_in, NumberFormat(graph::IntegerFormat{7, 3}));
  EXPECT_EQ(q.weight, NumberFormat(graph::IntegerFormat{1, 0, true, graph::Rounding::kFloor}));
}

TEST(QuantizeTest, ReluTakesUnsignedIntegers) {
  const FormatConfig config = {.name = "integer", .data_in = Bits(8, 4)};
  EXPECT_EQ(Applied(graph::Relu{}, config).data_in,
            NumberFormat(graph::IntegerFormat{8, 4, false}));
  EXPECT_EQ(Applied(graph::Add{}, config).data_in, NumberFormat(graph::IntegerFormat{8, 4, true}));
}

TEST(QuantizeTest, UnsetBiasesOfExponentsAreTheMiddleOfTheRange) {
  const auto data_in = [](const std::string& name, TensorFormatSpec entries) {
    return Applied(graph::Relu{}, {.name = name, .data_in = std::move(entries)}).data_in.value();
  };
  EXPECT_EQ(data_in("minifloat_ieee", {.width = 8, .exponent_width = 4}),
            NumberFormat(graph::MinifloatFormat{graph::MinifloatFormat::Kind::kIeee, 8, 4, 7}));
  EXPECT_EQ(data_in("minifloat_denorm", {.width = 8, .exponent_width = 3}),
            NumberFormat(graph::MinifloatFormat{graph::MinifloatFormat::Kind::kDenorm, 8, 3, 3}));
  EXPECT_EQ(data_in("log", {.width = 8}), NumberFormat(graph::LogFormat{8, 63}));
  EXPECT_EQ(data_in("log", {.width = 2}), NumberFormat(graph::LogFormat{2, 0}));
  EXPECT_EQ(data_in("block_fp", {.width = 8, .exponent_width = 8, .block_size = {16}}),
            NumberFormat(graph::BlockFpFormat{8, 8, 127, {{16}, true}}));
}

TEST(QuantizeTest, SemanticsGoToFormatsThatHaveThem) {
  FormatConfig config = {.name = "minifloat_ieee",
                         .semantics = graph::Semantics::kExact,
                         .data_in = {{.width = 8, .exponent_width = 4, .exponent_bias = 5}}};
  EXPECT_EQ(Applied(graph::Relu{}, config).data_in,
            NumberFormat(graph::MinifloatFormat{graph::MinifloatFormat::Kind::kIeee, 8, 4, 5,
                                                graph::Semantics::kExact}));
}

TEST(QuantizeTest, BlocksSkipTheFirstDimensionOfInputsAndConvolutionWeights) {
  const TensorFormatSpec entries = {.width = 8, .exponent_bias_width = 4, .block_size = {1, 2}};
  const FormatConfig config = {.name = "block_log", .data_in = entries, .weight = entries};
  const NumberFormat tiles = graph::BlockLogFormat{8, 4, {{1, 2}, false}};
  const NumberFormat skipping = graph::BlockLogFormat{8, 4, {{1, 2}, true}};
  EXPECT_EQ(Applied(kLinear, config),
            (NodeQuantization{"block_log", false, skipping, tiles, tiles}));
  EXPECT_EQ(Applied(kConv, config),
            (NodeQuantization{"block_log", false, skipping, skipping, tiles}));
}

TEST(QuantizeTest, BinaryAndTernaryLinearChangeTheWeightAlone) {
  EXPECT_EQ(Applied(kLinear, {.name = "binary", .weight = {{.stochastic = true}}}),
            (NodeQuantization{"binary", false, std::nullopt, graph::BinaryFormat{true, true},
                              std::nullopt}));
  EXPECT_EQ(Applied(kLinear, {.name = "ternary", .weight = {{.scaling_factor = true, .mean = 2}}}),
            (NodeQuantization{"ternary", false, std::nullopt, graph::TernaryFormat{true, 2.0},
                              std::nullopt}));
  EXPECT_EQ(
      Applied(kConv, {.name = "ternary"}),
      (NodeQuantization{"ternary", false, std::nullopt, graph::TernaryFormat{}, std::nullopt}));
}

TEST(QuantizeTest, BinaryConvolutionsAreAsTheirInputs) {
  const NumberFormat unipolar = graph::BinaryFormat{false, false};
  EXPECT_EQ(Applied(kConv, {.name = "binary", .data_in = {{.bipolar = false}}}),
            (NodeQuantization{"binary", false, unipolar, unipolar, unipolar}));
}

TEST(QuantizeTest, BinaryAndTernaryPassThroughReluAndRoundWhatAddAdds) {
  EXPECT_EQ(Applied(graph::Relu{}, {.name = "binary", .data_in = {{.bipolar = true}}}),
            (NodeQuantization{.format = "binary"}));
  EXPECT_EQ(Applied(graph::Add{}, {.name = "ternary", .data_in = {{.max = 1}}}).data_in,
            NumberFormat(graph::TernaryFormat{.max = 1.0}));
}

TEST(QuantizeTest, EveryFormatGoesWithEveryOp) {
  const TensorFormatSpec every = {.width = 8,
                                  .frac_width = 3,
                                  .exponent_width = 4,
                                  .exponent_bias = 7,
                                  .exponent_bias_width = 4,
                                  .block_size = {2}};
  for (const FormatRule& rule : FormatRules()) {
    TensorFormatSpec entries;
    for (const std::string_view entry : rule.required) {
      if (entry == "width") entries.width = every.width;
      if (entry == "frac_width") entries.frac_width = every.frac_width;
      if (entry == "exponent_width") entries.exponent_width = every.exponent_width;
      if (entry == "exponent_bias_width") entries.exponent_bias_width = every.exponent_bias_width;
      if (entry == "block_size") entries.block_size = every.block_size;
    }
    const FormatConfig on_data = {.name = std::string(rule.name), .data_in = entries};
    FormatConfig on_weight = on_data;
    on_weight.weight = entries;
    EXPECT_THAT(rule.ops, ElementsAre("linear", "conv1d", "relu", "add"));
    for (const graph::Op& op : {kLinear, graph::Op(graph::Conv1d{4, 8, 2}),
                                graph::Op(graph::Relu{}), graph::Op(graph::Add{})}) {
      SCOPED_TRACE(std::string(rule.name) + " " + std::string(graph::OpName(op)));
      const bool has_weight =
          std::holds_alternative<graph::Linear>(op) || std::holds_alternative<graph::Conv1d>(op);
      const NodeQuantization q = Applied(op, has_weight ? on_weight : on_data);
      EXPECT_EQ(q.format, rule.name);
      EXPECT_EQ(q.weight.has_value(), has_weight);
    }
  }
}

TEST(QuantizeTest, AnMxBiasThatBlocksDoNotDivideIsOneBlock) {
  const TensorFormatSpec entries = {.width = 8, .block_size = {3}};
  const NodeQuantization q =
      Applied(kLinear, {.name = "mxint", .data_in = entries, .weight = entries});
  EXPECT_EQ(q.weight, NumberFormat(graph::MxintFormat{8, 3}));
  EXPECT_EQ(q.bias, NumberFormat(graph::MxintFormat{8, 4}));
}

TEST(QuantizeTest, BypassMarksWithoutFormats) {
  const FormatConfig config = {.name = "integer", .bypass = true};
  EXPECT_EQ(Applied(kLinear, config), (NodeQuantization{.format = "integer", .bypass = true}));
}

TEST(QuantizeTest, NamesEveryProblem) {
  QuantizeSpec spec = By("name", {{"fc9", Integer84()}, {"fc", {.name = "int8"}}});
  const absl::Status status = Quantize(Builtin("jsc-rs1923"), spec).status();
  EXPECT_THAT(status, StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("fc9")));
  EXPECT_EQ(GetErrorDetails(status)->violations.size(), 2U);
}

TEST(QuantizeTest, LeavesTheGraphItWasGivenAlone) {
  const graph::Graph graph = Builtin("jsc-tiny");
  EXPECT_THAT(Quantize(graph, LabReport()), IsOk());
  EXPECT_THAT(QuantizedNodes(graph), IsEmpty());
}

}  // namespace
}  // namespace bitsweep::spec
