// SPDX-License-Identifier: Apache-2.0
#include "worker/passes/quantize.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/support/status_matchers.h"
#include "tests/worker/passes/reference_runner.h"

namespace bitsweep::passes {
namespace {

using ::bitsweep::testing::NodeOf;
using ::bitsweep::testing::SampleNetwork;
using ::bitsweep::testing::StatusIs;
using ::testing::IsEmpty;
using ::testing::SizeIs;

spec::FormatConfig Integer(std::int64_t width, std::int64_t frac_width) {
  spec::TensorFormatSpec tensor;
  tensor.width = width;
  tensor.frac_width = frac_width;
  spec::FormatConfig config;
  config.name = "integer";
  config.data_in = tensor;
  config.weight = tensor;
  config.bias = tensor;
  return config;
}

spec::FormatConfig NotQuantized() {
  spec::FormatConfig config;
  config.name = "NA";
  return config;
}

spec::QuantizeSpec ByType(const std::string& op, const spec::FormatConfig& config) {
  spec::QuantizeSpec spec;
  spec.by = "type";
  spec.default_config = NotQuantized();
  spec.rules = {{.key = op, .config = config}};
  return spec;
}

TEST(QuantizeNetworkTest, ReportsTheNodesThatItQuantized) {
  Network network = SampleNetwork("jsc-tiny");
  ASSERT_OK_AND_ASSIGN(const QuantizeReport report,
                       QuantizeNetwork(ByType("linear", Integer(8, 4)), network));
  ASSERT_THAT(report.nodes, SizeIs(1));
  EXPECT_EQ(report.nodes[0].node, "seq_blocks_2");
  EXPECT_EQ(report.nodes[0].op, "linear");
  EXPECT_EQ(report.nodes[0].format, "integer");
  EXPECT_EQ(report.nodes[0].data_in, "integer (8, 4)");
  EXPECT_EQ(report.nodes[0].weight, "integer (8, 4)");
  EXPECT_EQ(report.nodes[0].bias, "integer (8, 4)");
  EXPECT_TRUE(NodeOf(network.graph, "seq_blocks_2").quantization.has_value());
}

TEST(QuantizeNetworkTest, TensorsStayAsTheyAre) {
  Network network = SampleNetwork("jsc-tiny");
  const std::vector<graph::TensorValue> before = network.tensors;
  ASSERT_TRUE(QuantizeNetwork(ByType("linear", Integer(4, 2)), network).ok());
  EXPECT_EQ(network.tensors, before);
}

TEST(QuantizeNetworkTest, AveragesTheWeightBitsOfLinearNodes) {
  Network network = SampleNetwork("jsc-rs1923");
  ASSERT_OK_AND_ASSIGN(const QuantizeReport convolutions,
                       QuantizeNetwork(ByType("conv1d", Integer(4, 2)), network));
  EXPECT_THAT(convolutions.nodes, SizeIs(4));
  EXPECT_EQ(convolutions.average_bitwidth, 32);
  EXPECT_EQ(convolutions.memory_density, 1);
  ASSERT_OK_AND_ASSIGN(const QuantizeReport both,
                       QuantizeNetwork(ByType("linear", Integer(8, 4)), network));
  EXPECT_EQ(both.average_bitwidth, 8);
  EXPECT_EQ(both.memory_density, 4);
}

TEST(QuantizeNetworkTest, ABypassedNodeIsListedWithoutFormats) {
  Network network = SampleNetwork("jsc-tiny");
  spec::FormatConfig config = Integer(8, 4);
  config.bypass = true;
  ASSERT_OK_AND_ASSIGN(const QuantizeReport report,
                       QuantizeNetwork(ByType("linear", config), network));
  ASSERT_THAT(report.nodes, SizeIs(1));
  EXPECT_EQ(report.nodes[0].weight, "");
  EXPECT_EQ(report.average_bitwidth, 32);
}

TEST(QuantizeNetworkTest, ABadSpecLeavesTheNetwork) {
  Network network = SampleNetwork("jsc-tiny");
  const graph::Graph before = network.graph;
  EXPECT_THAT(QuantizeNetwork(ByType("linear", Integer(33, 4)), network),
              StatusIs(absl::StatusCode::kInvalidArgument));
  EXPECT_EQ(network.graph, before);
}

TEST(AverageBitwidthTest, NothingQuantizedIsFloat) {
  EXPECT_EQ(AverageBitwidth({}), 32);
  EXPECT_THAT(QuantizedLinears(SampleNetwork("jsc-tiny").graph), IsEmpty());
}

}  // namespace
}  // namespace bitsweep::passes
