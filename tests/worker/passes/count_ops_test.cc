// SPDX-License-Identifier: Apache-2.0
#include "worker/passes/count_ops.h"

#include <algorithm>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/support/status_matchers.h"
#include "tests/worker/passes/reference_runner.h"
#include "worker/passes/model_size.h"

namespace bitsweep::passes {
namespace {

using ::bitsweep::testing::SampleNetwork;
using ::bitsweep::testing::TensorOf;
using ::bitsweep::testing::WithIntegers;
using spec::CountConvention;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

spec::CountOpsPass Pass(CountConvention convention, std::int64_t batch_size, std::int64_t width) {
  spec::CountOpsPass pass;
  pass.batch_size = batch_size;
  pass.conventions = {convention};
  pass.data_width = width;
  return pass;
}

OpCount Count(const spec::CountOpsPass& pass, const Network& network) {
  return CountOps(pass, network, 0).value().counts.front();
}

TEST(CountOpsTest, GivesTheReportsNumbersForItsTwoBatches) {
  const Network network = SampleNetwork("jsc-tiny");
  const OpCount small = Count(Pass(CountConvention::kLabReport, 8, 8), network);
  EXPECT_EQ(small.flops, 1833);
  EXPECT_EQ(small.bitops, 79680);
  const OpCount large = Count(Pass(CountConvention::kLabReport, 512, 8), network);
  EXPECT_EQ(large.flops, 117249);
  EXPECT_EQ(large.bitops, 5099520);
}

TEST(CountOpsTest, ListsWhatTheReportHasNoFormulaFor) {
  const OpCount count = Count(Pass(CountConvention::kLabReport, 1, 8), SampleNetwork("jsc-rs1923"));
  EXPECT_THAT(count.unsupported,
              ElementsAre("conv1", "conv2", "block_conv1", "block_conv2", "add", "sigmoid"));
}

TEST(CountOpsTest, ListsNormsAndSigmoidsWhereOnlyProductsCount) {
  for (const CountConvention convention :
       {CountConvention::kMacs, CountConvention::kBopsUniq, CountConvention::kEbops}) {
    EXPECT_THAT(Count(Pass(convention, 1, 8), SampleNetwork("jsc-tiny")).unsupported,
                ElementsAre("seq_blocks_0"));
    EXPECT_THAT(Count(Pass(convention, 1, 8), SampleNetwork("jsc-rs1923")).unsupported,
                ElementsAre("sigmoid"));
  }
}

TEST(CountOpsTest, DropoutCostsNothingByAnyConvention) {
  const Network network = SampleNetwork("jsc-trt");
  const OpCountReport report = CountOps(spec::CountOpsPass{}, network, 0).value();
  ASSERT_EQ(report.counts.size(), 4U);
  EXPECT_THAT(report.counts[0].unsupported, IsEmpty());
  for (const OpCount& count : report.counts) {
    EXPECT_TRUE(std::none_of(count.nodes.begin(), count.nodes.end(),
                             [](const NodeOps& node) { return node.op == "dropout"; }));
  }
}

TEST(CountOpsTest, NumberFormatsOfNodesWinOverThePassesWidths) {
  const Network network = WithIntegers(SampleNetwork("jsc-tiny"), 4, 2);
  EXPECT_EQ(Count(Pass(CountConvention::kMacs, 1, 32), network).bitops, 80 * 4 * 4);
  EXPECT_EQ(Count(Pass(CountConvention::kLabReport, 1, 32), network).bitops, 2500);
}

TEST(CountOpsTest, UnsetWidthsFollowTheOneBefore) {
  const Network network = SampleNetwork("jsc-tiny");
  EXPECT_EQ(Count(Pass(CountConvention::kLabReport, 1, 16), network).bitops, 39760);
  spec::CountOpsPass pass = Pass(CountConvention::kLabReport, 1, 8);
  pass.weight_width = 4;
  // 5 outputs of 16 products and 15 sums of 8 x 4 bits, and a bias of 4.
  EXPECT_EQ(Count(pass, network).bitops, 5 * (31 * 32 + 4));
}

TEST(CountOpsTest, StandardConventionsAreLinearInTheBatch) {
  const Network network = SampleNetwork("jsc-rs1923");
  for (const CountConvention convention :
       {CountConvention::kMacs, CountConvention::kBopsUniq, CountConvention::kEbops}) {
    const OpCount one = Count(Pass(convention, 1, 8), network);
    const OpCount seven = Count(Pass(convention, 7, 8), network);
    EXPECT_DOUBLE_EQ(seven.flops, 7 * one.flops);
    EXPECT_DOUBLE_EQ(seven.bitops, 7 * one.bitops);
  }
}

TEST(CountOpsTest, EffectiveBitsLeaveOutPrunedWeights) {
  Network network = SampleNetwork("jsc-tiny");
  std::vector<float>& weight = TensorOf(network, "seq_blocks.2.weight");
  std::fill(weight.begin(), weight.begin() + 30, 0.0F);
  const OpCount count = Count(Pass(CountConvention::kEbops, 1, 8), network);
  EXPECT_EQ(count.flops, 50);
  EXPECT_EQ(count.bitops, 50 * 64);
}

TEST(CountOpsTest, EffectiveBitsLeaveOutWeightsThatQuantizationMakesZero) {
  Network network = SampleNetwork("jsc-tiny");
  std::vector<float>& weight = TensorOf(network, "seq_blocks.2.weight");
  std::fill(weight.begin(), weight.end(), 0.5F);
  weight[3] = 0.03F;  // below half a step of (8, 4)
  EXPECT_EQ(Count(Pass(CountConvention::kEbops, 1, 8), WithIntegers(network, 8, 4)).flops, 79);
}

TEST(CountOpsTest, EffectiveBitsUseAConvolutionsWeightsAtEveryPosition) {
  Network network = SampleNetwork("jsc-rs1923");
  TensorOf(network, "conv1.weight")[0] = 0;
  const OpCount count = Count(Pass(CountConvention::kEbops, 1, 8), network);
  EXPECT_EQ(count.flops, 32384 - 16);
}

TEST(CountOpsTest, ABypassedNodeCountsAsFloat) {
  const Network network = WithIntegers(SampleNetwork("jsc-tiny"), 8, 4);
  std::vector<graph::Node> nodes = network.graph.nodes();
  for (graph::Node& node : nodes) {
    if (node.quantization) node.quantization->bypass = true;
  }
  const Network bypassed{bitsweep::testing::Rebuild(network.graph, nodes), network.tensors};
  spec::CountOpsPass pass;
  pass.conventions = {CountConvention::kMacs};
  EXPECT_EQ(Count(pass, bypassed).bitops, 80 * 32 * 32);
  EXPECT_EQ(SizeBits(bypassed.graph), (117 + 32) * 32);
}

TEST(CountOpsTest, HeadlineIsTheFirstWithTheFewestUnsupportedNodes) {
  const spec::CountOpsPass all;
  EXPECT_EQ(CountOps(all, SampleNetwork("jsc-tiny"), 0).value().Headline().convention,
            CountConvention::kLabReport);
  EXPECT_EQ(CountOps(all, SampleNetwork("jsc-rs1923"), 0).value().Headline().convention,
            CountConvention::kMacs);
}

TEST(ModelSizeTest, FloatParametersAndBuffersTakeThirtyTwoBits) {
  // 117 parameters, running_mean and running_var of 16.
  EXPECT_EQ(SizeBits(SampleNetwork("jsc-tiny").graph), (117 + 32) * 32);
}

TEST(ModelSizeTest, QuantizedTensorsTakeTheirWidth) {
  const Network network = WithIntegers(SampleNetwork("jsc-tiny"), 6, 3);
  EXPECT_EQ(SizeBits(network.graph), 85 * 6 + 64 * 32);
}

TEST(SharedBitsTest, BlocksShareTheirExponent) {
  const graph::BlockFpFormat rows{.width = 4, .blocks = {.size = {1, 16}}};
  EXPECT_EQ(SharedBits(rows, {5, 16}), 5 * 8);
  const graph::BlockFpFormat whole{.width = 4, .blocks = {.size = {16}}};
  EXPECT_EQ(SharedBits(whole, {5, 16}), 8);
  const graph::BlockLogFormat padded{.exponent_bias_width = 6, .blocks = {.size = {2, 5}}};
  EXPECT_EQ(SharedBits(padded, {5, 16}), 3 * 4 * 6);
  const graph::BlockMinifloatFormat skipped{.exponent_bias_width = 5,
                                            .blocks = {.size = {-1, -1}, .skip_first_dim = true}};
  EXPECT_EQ(SharedBits(skipped, {8, 4, 3}), 8 * 5);
}

TEST(SharedBitsTest, MxBlocksShareAnEightBitScale) {
  EXPECT_EQ(SharedBits(graph::MxintFormat{.block_size = 8}, {5, 16}), 10 * 8);
  EXPECT_EQ(SharedBits(graph::MxfpFormat{.block_size = 16}, {5, 16}), 5 * 8);
}

TEST(SharedBitsTest, ScalesAreFloats) {
  EXPECT_EQ(SharedBits(graph::ScaleIntegerFormat{}, {5, 16}), 5 * 32);
  EXPECT_EQ(SharedBits(graph::BinaryFormat{.bipolar = false}, {5, 16}), 5 * 32);
  EXPECT_EQ(SharedBits(graph::TernaryFormat{.scaling_factor = true}, {5, 16}), 5 * 32);
}

TEST(SharedBitsTest, ElementFormatsShareNothing) {
  EXPECT_EQ(SharedBits(graph::IntegerFormat{}, {5, 16}), 0);
  EXPECT_EQ(SharedBits(graph::BinaryFormat{}, {5, 16}), 0);
  EXPECT_EQ(SharedBits(graph::TernaryFormat{}, {5, 16}), 0);
  EXPECT_EQ(SharedBits(graph::MinifloatFormat{}, {5, 16}), 0);
  EXPECT_EQ(SharedBits(graph::LogFormat{}, {5, 16}), 0);
}

}  // namespace
}  // namespace bitsweep::passes
