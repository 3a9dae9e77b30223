// SPDX-License-Identifier: Apache-2.0
#include "core/graph/quantization_check.h"

#include <limits>

#include "tests/core/graph/nodes.h"
#include "tests/support/status_matchers.h"

namespace bitsweep::graph {
namespace {

using ::bitsweep::testing::IsOk;
using ::bitsweep::testing::StatusIs;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

// "width: 33: expected 1 to 32", one line a problem.
std::string Problems(const NumberFormat& format) {
  std::string text;
  for (const FormatProblem& problem : CheckRanges(format)) {
    text += (text.empty() ? "" : "\n") + problem.entry + ": " + problem.why;
  }
  return text;
}

TEST(CheckRangesTest, TakesTheEdgesOfEveryRange) {
  const std::vector<NumberFormat> formats = {
      IntegerFormat{.width = 1, .frac_width = -32},
      IntegerFormat{.width = 32, .frac_width = 32},
      ScaleIntegerFormat{.width = 1},
      ScaleIntegerFormat{.width = 32},
      BinaryFormat{},
      TernaryFormat{.mean = 0},
      MinifloatFormat{.width = 5, .exponent_width = 4},
      MinifloatFormat{.width = 32, .exponent_width = 8, .exponent_bias = 256},
      MinifloatFormat{.kind = MinifloatFormat::Kind::kDenorm, .width = 6, .exponent_width = 4},
      LogFormat{.width = 2, .exponent_bias = 0},
      LogFormat{.width = 8, .exponent_bias = 128},
      LogFormat{.width = 32, .exponent_bias = (1 << 30) - 1},
      BlockFpFormat{.width = 2, .exponent_width = 1, .exponent_bias = -256},
      BlockMinifloatFormat{.width = 2, .exponent_width = 1, .exponent_bias_width = 1},
      BlockLogFormat{.width = 2, .exponent_bias_width = 16, .blocks = {.size = {-1, 1}}},
      MxintFormat{.width = 1, .block_size = 1},
      MxfpFormat{.exponent_width = 8, .frac_width = 23, .block_size = 1},
      MxfpFormat{.exponent_width = 1, .frac_width = 0},
  };
  for (const NumberFormat& format : formats) {
    EXPECT_THAT(Problems(format), IsEmpty()) << FormatText(format);
  }
}

TEST(CheckRangesTest, RefusesWidthsOutsideOneTo32) {
  EXPECT_EQ(Problems(IntegerFormat{.width = 0}), "width: 0: expected 1 to 32");
  EXPECT_EQ(Problems(IntegerFormat{.width = 33}), "width: 33: expected 1 to 32");
  EXPECT_EQ(Problems(ScaleIntegerFormat{.width = -8}), "width: -8: expected 1 to 32");
  EXPECT_EQ(Problems(MxintFormat{.width = 0}), "width: 0: expected 1 to 32");
  EXPECT_EQ(Problems(LogFormat{.width = 1}), "width: 1: expected 2 to 32");
  EXPECT_EQ(Problems(BlockFpFormat{.width = 1}), "width: 1: expected 2 to 32");
  EXPECT_EQ(Problems(BlockLogFormat{.width = 33}), "width: 33: expected 2 to 32");
}

TEST(CheckRangesTest, RefusesFractionsBeyond32) {
  EXPECT_EQ(Problems(IntegerFormat{.frac_width = 33}), "frac_width: 33: expected -32 to 32");
  EXPECT_EQ(Problems(IntegerFormat{.frac_width = -33}), "frac_width: -33: expected -32 to 32");
}

TEST(CheckRangesTest, LeavesTheMantissaItsBits) {
  EXPECT_THAT(Problems(MinifloatFormat{.width = 4, .exponent_width = 4}),
              HasSubstr("width: 4: expected at least 5"));
  EXPECT_THAT(Problems(MinifloatFormat{
                  .kind = MinifloatFormat::Kind::kDenorm, .width = 5, .exponent_width = 4}),
              HasSubstr("width: 5: expected at least 6"));
  EXPECT_THAT(Problems(BlockMinifloatFormat{.width = 3, .exponent_width = 4}),
              HasSubstr("width: 3: expected at least 5"));
}

TEST(CheckRangesTest, BoundsExponentsAndTheirBiases) {
  EXPECT_EQ(Problems(MinifloatFormat{.width = 16, .exponent_width = 9}),
            "exponent_width: 9: expected 1 to 8");
  EXPECT_EQ(Problems(MinifloatFormat{.exponent_bias = 257}),
            "exponent_bias: 257: expected -256 to 256");
  EXPECT_EQ(Problems(BlockFpFormat{.exponent_width = 0}), "exponent_width: 0: expected 1 to 8");
  EXPECT_EQ(Problems(BlockLogFormat{.exponent_bias_width = 17}),
            "exponent_bias_width: 17: expected 1 to 16");
  EXPECT_EQ(Problems(MxfpFormat{.exponent_width = 9}), "exponent_width: 9: expected 1 to 8");
  EXPECT_EQ(Problems(MxfpFormat{.frac_width = 24}), "frac_width: 24: expected 0 to 23");
}

TEST(CheckRangesTest, BlockSizesAreMinusOneOrPositive) {
  EXPECT_THAT(Problems(BlockFpFormat{.blocks = {.size = {1, 0}}}),
              HasSubstr("block_size[1]: 0: expected -1 or 1 to"));
  EXPECT_THAT(Problems(BlockLogFormat{.blocks = {.size = {-2}}}), HasSubstr("block_size[0]: -2"));
  EXPECT_EQ(Problems(BlockMinifloatFormat{.blocks = {.size = {}}}),
            "block_size: 0 sizes: expected 1 to 8");
  EXPECT_THAT(Problems(MxintFormat{.block_size = -1}), HasSubstr("block_size: -1: expected 1 to"));
}

TEST(CheckRangesTest, ThresholdsAreFiniteAndNotNegative) {
  EXPECT_THAT(Problems(TernaryFormat{.mean = -0.5}), HasSubstr("mean: -0.5"));
  EXPECT_THAT(Problems(TernaryFormat{.median = std::numeric_limits<double>::quiet_NaN()}),
              HasSubstr("median: nan"));
  EXPECT_THAT(Problems(TernaryFormat{.max = std::numeric_limits<double>::infinity()}),
              HasSubstr("max: inf"));
}

TEST(CheckRangesTest, NamesEveryProblem) {
  EXPECT_EQ(Problems(IntegerFormat{.width = 0, .frac_width = 99}),
            "width: 0: expected 1 to 32\nfrac_width: 99: expected -32 to 32");
}

NumberFormat Blocked(bool skip_first_dim) {
  return BlockFpFormat{.blocks = {.size = {2}, .skip_first_dim = skip_first_dim}};
}

TEST(TensorProblemTest, BlocksGoOverOneToThreeDimensions) {
  EXPECT_EQ(TensorProblem(Blocked(false), {5}), "");
  EXPECT_NE(TensorProblem(Blocked(true), {5}), "");
  EXPECT_EQ(TensorProblem(Blocked(false), {5, 16}), "");
  EXPECT_EQ(TensorProblem(Blocked(true), {5, 16}), "");
  EXPECT_NE(TensorProblem(Blocked(false), {8, 1, 3}), "");
  EXPECT_EQ(TensorProblem(Blocked(true), {8, 1, 3}), "");
  EXPECT_NE(TensorProblem(Blocked(true), {8, 1, 3, 3}), "");
}

TEST(TensorProblemTest, MxBlocksDivideTheLastDimension) {
  EXPECT_EQ(TensorProblem(MxintFormat{.block_size = 16}, {5, 32}), "");
  EXPECT_THAT(TensorProblem(MxintFormat{.block_size = 16}, {32, 5}), HasSubstr("[32, 5]"));
  EXPECT_EQ(TensorProblem(MxfpFormat{.block_size = 5}, {5}), "");
  EXPECT_NE(TensorProblem(MxfpFormat{.block_size = 32}, {5}), "");
}

NodeQuantization Integer(bool weight) {
  NodeQuantization q{.format = "integer", .data_in = IntegerFormat{}};
  if (weight) q.weight = q.bias = IntegerFormat{};
  return q;
}

// The graph x -> fc -> relu -> view -> output with one node quantized.
absl::StatusOr<Graph> WithQuantized(const std::string& name, NodeQuantization quantization) {
  std::vector<Node> nodes = {Input({16}), Module("fc", Linear{16, 6, true}, "x"),
                             Function("relu", Relu{}, {"fc"}),
                             Method("view", View{{-1, 2, 3}}, {"relu"}), Output("view")};
  for (Node& node : nodes) {
    if (node.name == name) node.quantization = std::move(quantization);
  }
  return Graph::Create("g", std::move(nodes));
}

TEST(GraphQuantizationTest, KeepsWhatFits) {
  ASSERT_OK_AND_ASSIGN(const Graph graph, WithQuantized("fc", Integer(true)));
  EXPECT_EQ(graph.nodes()[1].quantization, Integer(true));
  EXPECT_THAT(WithQuantized("relu", Integer(false)), IsOk());
  NodeQuantization fixed = Integer(true);
  fixed.format = "fixed";
  EXPECT_THAT(WithQuantized("fc", fixed), IsOk());
}

TEST(GraphQuantizationTest, DifferenceMakesGraphsUnequal) {
  ASSERT_OK_AND_ASSIGN(const Graph quantized, WithQuantized("fc", Integer(true)));
  ASSERT_OK_AND_ASSIGN(const Graph other, WithQuantized("fc", Integer(false)));
  EXPECT_FALSE(quantized == other);
}

void ExpectRefused(const std::string& node, NodeQuantization quantization, const std::string& why) {
  EXPECT_THAT(WithQuantized(node, std::move(quantization)),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       HasSubstr("node \"" + node + "\": quantization: " + why)));
}

TEST(GraphQuantizationTest, IsOfLinearConvReluAndAddAlone) {
  ExpectRefused("view", Integer(false), "view cannot be quantized");
  ExpectRefused("x", Integer(false), "none cannot be quantized");
  ExpectRefused("output", Integer(false), "none cannot be quantized");
}

TEST(GraphQuantizationTest, TensorsAreTheOps) {
  ExpectRefused("relu", Integer(true), "relu has no weight");
  NodeQuantization bias = Integer(false);
  bias.bias = IntegerFormat{};
  ExpectRefused("relu", bias, "the node has no bias");
}

TEST(GraphQuantizationTest, FormatsAreOneAndKnown) {
  NodeQuantization unknown = Integer(true);
  unknown.format = "int8";
  ExpectRefused("fc", unknown, "no number format \"int8\"");
  NodeQuantization mixed = Integer(true);
  mixed.weight = LogFormat{};
  ExpectRefused("fc", mixed, "weight is log, the node integer");
}

TEST(GraphQuantizationTest, FieldsAreInRange) {
  NodeQuantization wide = Integer(true);
  wide.bias = IntegerFormat{.width = 33};
  ExpectRefused("fc", wide, "bias.width is 33: expected 1 to 32");
}

TEST(GraphQuantizationTest, TensorsFitTheirBlocks) {
  ExpectRefused("fc", {.format = "mxint", .weight = MxintFormat{.block_size = 5}}, "weight: 5: ");
  ExpectRefused("fc", {.format = "mxint", .bias = MxintFormat{.block_size = 4}}, "bias: 4: ");
  ExpectRefused("relu", {.format = "mxint", .data_in = MxintFormat{.block_size = 4}},
                "data_in: 4: ");
  ExpectRefused("fc", {.format = "block_fp", .data_in = Blocked(false)},
                "data_in: blocks must skip the first dimension");
}

}  // namespace
}  // namespace bitsweep::graph
