// SPDX-License-Identifier: Apache-2.0
#include "worker/passes/node_meta.h"

#include <algorithm>

#include "core/graph/zoo.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/support/status_matchers.h"
#include "tests/worker/passes/reference_runner.h"

namespace bitsweep::passes {
namespace {

using ::bitsweep::testing::SampleNetwork;
using ::bitsweep::testing::StatusIs;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

NodeMeta Meta(const graph::Graph& graph, const std::string& node,
              const spec::ReportNodeMetaPass& pass = {}) {
  const NodeMetaReport report = ReportNodeMeta(pass, graph).value();
  const auto found = std::find_if(report.nodes.begin(), report.nodes.end(),
                                  [&](const NodeMeta& meta) { return meta.name == node; });
  return found == report.nodes.end() ? NodeMeta{} : *found;
}

graph::Graph Model(const char* name) { return graph::BuildModel(name, {}).value(); }

// The report's table of seq_blocks_2, with the weight's shape as the framework has it.
TEST(NodeMetaTest, DescribesALinearNodeAsTheReportPrintsIt) {
  const NodeMeta meta = Meta(Model("jsc-tiny"), "seq_blocks_2");
  EXPECT_EQ(meta.fx_op, "call_module");
  EXPECT_EQ(meta.mase_type, "module_related_func");
  EXPECT_EQ(meta.mase_op, "linear");
  ASSERT_THAT(meta.args, SizeIs(3));
  EXPECT_EQ(meta.args[0].name, "data_in_0");
  EXPECT_EQ(meta.args[0].shape, (graph::Shape{8, 16}));
  EXPECT_EQ(meta.args[0].torch_dtype, "torch.float32");
  EXPECT_EQ(meta.args[0].source, "seq_blocks_1");
  EXPECT_EQ(meta.args[1].name, "weight");
  EXPECT_EQ(meta.args[1].shape, (graph::Shape{5, 16}));
  EXPECT_EQ(meta.args[1].torch_dtype, "");
  EXPECT_EQ(meta.args[1].source, "seq_blocks.2.weight");
  EXPECT_EQ(meta.args[2].name, "bias");
  EXPECT_EQ(meta.args[2].shape, (graph::Shape{5}));
  for (const TensorMeta& arg : meta.args) {
    EXPECT_EQ(arg.type, "float");
    EXPECT_THAT(arg.precision, ElementsAre(32));
  }
  ASSERT_THAT(meta.results, SizeIs(1));
  EXPECT_EQ(meta.results[0].name, "data_out_0");
  EXPECT_EQ(meta.results[0].shape, (graph::Shape{8, 5}));
  EXPECT_THAT(meta.software_args, ElementsAre("data_in_0", "weight", "bias"));
  EXPECT_THAT(meta.software_results, ElementsAre("data_out_0"));
}

TEST(NodeMetaTest, RunningStatisticsAreSoftwareParametersAlone) {
  const NodeMeta meta = Meta(Model("jsc-tiny"), "seq_blocks_0");
  EXPECT_EQ(meta.mase_type, "module");
  EXPECT_THAT(meta.args, SizeIs(3));
  EXPECT_THAT(meta.software_args,
              ElementsAre("data_in_0", "weight", "bias", "running_mean", "running_var"));
}

TEST(NodeMetaTest, EndsOfTheGraphHaveOneSide) {
  const graph::Graph graph = Model("jsc-tiny");
  const NodeMeta input = Meta(graph, "x");
  EXPECT_THAT(input.args, IsEmpty());
  EXPECT_THAT(input.results, SizeIs(1));
  EXPECT_THAT(input.software_args, IsEmpty());
  EXPECT_THAT(input.software_results, ElementsAre("data_out_0"));
  const NodeMeta output = Meta(graph, "output");
  EXPECT_THAT(output.args, IsEmpty());
  EXPECT_THAT(output.results, IsEmpty());
  EXPECT_THAT(output.software_args, ElementsAre("data_in_0"));
  EXPECT_THAT(output.software_results, IsEmpty());
}

TEST(NodeMetaTest, CallsHaveTheirOtherArguments) {
  const graph::Graph graph = Model("jsc-rs1923");
  const NodeMeta view = Meta(graph, "view");
  ASSERT_THAT(view.scalars, SizeIs(2));
  EXPECT_EQ(view.scalars[0].name, "shape_1");
  EXPECT_EQ(view.scalars[0].value, "-1");
  EXPECT_EQ(view.scalars[1].name, "shape_2");
  EXPECT_EQ(view.scalars[1].value, "256");
  const NodeMeta relu = Meta(graph, "relu_1");
  ASSERT_THAT(relu.scalars, SizeIs(1));
  EXPECT_EQ(relu.scalars[0].name, "inplace");
  EXPECT_EQ(relu.scalars[0].value, "False");
}

TEST(NodeMetaTest, AddHasTwoInputs) {
  const NodeMeta add = Meta(Model("jsc-rs1923"), "add");
  ASSERT_THAT(add.args, SizeIs(2));
  EXPECT_EQ(add.args[1].name, "data_in_1");
  EXPECT_EQ(add.args[1].shape, (graph::Shape{8, 16, 16}));
}

TEST(NodeMetaTest, QuantizedTensorsHaveTheirFormat) {
  const Network network = bitsweep::testing::WithIntegers(SampleNetwork("jsc-tiny"), 8, 4);
  const NodeMeta meta = Meta(network.graph, "seq_blocks_2");
  for (const TensorMeta& arg : meta.args) {
    EXPECT_EQ(arg.type, "integer");
    EXPECT_THAT(arg.precision, ElementsAre(8, 4));
  }
  EXPECT_EQ(meta.results[0].type, "float");
  EXPECT_THAT(meta.results[0].precision, ElementsAre(32));
}

TEST(NodeMetaTest, ResultsOfABinaryNodeAreBinary) {
  std::vector<graph::Node> nodes = Model("jsc-tiny").nodes();
  for (graph::Node& node : nodes) {
    if (node.name != "seq_blocks_2") continue;
    node.quantization =
        graph::NodeQuantization{.format = "binary", .weight = graph::BinaryFormat{}};
  }
  const NodeMeta meta = Meta(bitsweep::testing::Rebuild(Model("jsc-tiny"), nodes), "seq_blocks_2");
  EXPECT_EQ(meta.args[0].type, "float");
  EXPECT_EQ(meta.args[1].type, "binary");
  EXPECT_EQ(meta.results[0].type, "binary");
  EXPECT_THAT(meta.results[0].precision, ElementsAre(32, 0, 1));
}

TEST(NodeMetaTest, BatchSizeIsInTheShapes) {
  spec::ReportNodeMetaPass pass;
  pass.batch_size = 3;
  EXPECT_EQ(Meta(Model("jsc-rs1923"), "conv1", pass).args[0].shape, (graph::Shape{3, 1, 16}));
}

TEST(NodeMetaTest, OnlyThePartsAskedForAreFilled) {
  spec::ReportNodeMetaPass pass;
  pass.which = {"software"};
  const NodeMeta software = Meta(Model("jsc-tiny"), "seq_blocks_2", pass);
  EXPECT_THAT(software.args, IsEmpty());
  EXPECT_THAT(software.software_args, SizeIs(3));
  pass.which = {"common"};
  const NodeMeta common = Meta(Model("jsc-tiny"), "seq_blocks_2", pass);
  EXPECT_THAT(common.args, SizeIs(3));
  EXPECT_THAT(common.software_args, IsEmpty());
}

TEST(NodeMetaTest, AnUnknownPartIsRefused) {
  spec::ReportNodeMetaPass pass;
  pass.which = {"hardware"};
  EXPECT_THAT(ReportNodeMeta(pass, Model("jsc-tiny")),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("\"hardware\"")));
}

}  // namespace
}  // namespace bitsweep::passes
