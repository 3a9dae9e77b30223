// SPDX-License-Identifier: Apache-2.0
#include "core/graph/report.h"

#include "core/graph/zoo.h"
#include "gmock/gmock.h"
#include "tests/core/graph/nodes.h"
#include "tests/support/status_matchers.h"

namespace bitsweep::graph {
namespace {

using ::testing::ElementsAre;
using ::testing::SizeIs;

Node Quantized(Node node, const std::string& format) {
  node.quantization = NodeQuantization{.format = format};
  return node;
}

TEST(ListingTest, IsWrittenAsTorchFxWritesIt) {
  ASSERT_OK_AND_ASSIGN(const Graph graph, BuildModel("jsc-rs1923-relu", {}));
  EXPECT_EQ(Listing(graph),
            "graph():\n"
            "    %x : [num_users=1] = placeholder[target=x]\n"
            "    %conv1 : [num_users=1] = call_module[target=conv1](args = (%x,), kwargs = {})\n"
            "    %relu : [num_users=1] = call_function[target=torch.nn.functional.relu](args = "
            "(%conv1,), kwargs = {inplace: False})\n"
            "    %conv2 : [num_users=1] = call_module[target=conv2](args = (%relu,), kwargs = {})\n"
            "    %relu_1 : [num_users=2] = call_function[target=torch.nn.functional.relu](args = "
            "(%conv2,), kwargs = {inplace: False})\n"
            "    %block_conv1 : [num_users=1] = call_module[target=block.conv1](args = (%relu_1,), "
            "kwargs = {})\n"
            "    %relu_2 : [num_users=1] = call_function[target=torch.nn.functional.relu](args = "
            "(%block_conv1,), kwargs = {inplace: False})\n"
            "    %block_conv2 : [num_users=1] = call_module[target=block.conv2](args = (%relu_2,), "
            "kwargs = {})\n"
            "    %add : [num_users=1] = call_function[target=operator.add](args = (%block_conv2, "
            "%relu_1), kwargs = {})\n"
            "    %relu_3 : [num_users=1] = call_function[target=torch.nn.functional.relu](args = "
            "(%add,), kwargs = {inplace: False})\n"
            "    %view : [num_users=1] = call_method[target=view](args = (%relu_3, -1, 256), "
            "kwargs = {})\n"
            "    %fc : [num_users=1] = call_module[target=fc](args = (%view,), kwargs = {})\n"
            "    %relu_4 : [num_users=1] = call_function[target=torch.nn.functional.relu](args = "
            "(%fc,), kwargs = {inplace: False})\n"
            "    return relu_4");
}

TEST(ListingTest, CountsAUserOnce) {
  const Graph graph =
      Graph::Create("g", {Input({4}), Function("add", Add{}, {"x", "x"}), Output("add")}).value();
  EXPECT_EQ(Listing(graph),
            "graph():\n"
            "    %x : [num_users=1] = placeholder[target=x]\n"
            "    %add : [num_users=1] = call_function[target=operator.add](args = (%x, %x), "
            "kwargs = {})\n"
            "    return add");
}

TEST(ListingTest, ShowsQuantizedFunctions) {
  const Graph graph =
      Graph::Create(
          "g", {Input({4}), Quantized(Function("relu", Relu{}, {"x"}), "integer"), Output("relu")})
          .value();
  EXPECT_THAT(Listing(graph),
              ::testing::HasSubstr("call_function[target=relu_integer](args = (%x,), kwargs = "
                                   "{inplace: False})"));
}

TEST(ModuleTextTest, IsTheFrameworks) {
  const auto text = [](Op op) { return ModuleText(Module("m", std::move(op), "x")); };
  EXPECT_EQ(text(Conv1d{1, 8, 3, 1, 1, true}),
            "Conv1d(1, 8, kernel_size=(3,), stride=(1,), padding=(1,))");
  EXPECT_EQ(text(Conv1d{2, 4, 5, 2, 0, false}),
            "Conv1d(2, 4, kernel_size=(5,), stride=(2,), bias=False)");
  EXPECT_EQ(text(Linear{256, 5, true}), "Linear(in_features=256, out_features=5, bias=True)");
  EXPECT_EQ(text(Linear{2, 3, false}), "Linear(in_features=2, out_features=3, bias=False)");
  EXPECT_EQ(text(BatchNorm1d{16}),
            "BatchNorm1d(16, eps=1e-05, momentum=0.1, affine=True, track_running_stats=True)");
  EXPECT_EQ(text(BatchNorm1d{4, 0.001, 1}),
            "BatchNorm1d(4, eps=0.001, momentum=1.0, affine=True, track_running_stats=True)");
  EXPECT_EQ(text(Relu{false}), "ReLU()");
  EXPECT_EQ(text(Relu{true}), "ReLU(inplace=True)");
  EXPECT_EQ(text(Sigmoid{}), "Sigmoid()");
  EXPECT_EQ(text(Dropout{0.5}), "Dropout(p=0.5, inplace=False)");
  EXPECT_EQ(text(Flatten{1}), "Flatten(start_dim=1, end_dim=-1)");
}

TEST(ModuleTextTest, QuantizedModulesHaveTheFormatInTheirClass) {
  EXPECT_EQ(ModuleText(Quantized(Module("m", Linear{256, 5, true}, "x"), "integer")),
            "LinearInteger(in_features=256, out_features=5, bias=True)");
  EXPECT_EQ(ModuleText(Quantized(Module("m", Relu{}, "x"), "block_fp")), "ReLUBlockFP()");
}

TEST(TypeTextTest, IsTheClassTheFunctionOrTheTarget) {
  EXPECT_EQ(TypeText(Input({1})), "x");
  EXPECT_EQ(TypeText(Output("x")), "output");
  EXPECT_EQ(TypeText(Module("m", Conv1d{}, "x")), "Conv1d");
  EXPECT_EQ(TypeText(Quantized(Module("m", Conv1d{}, "x"), "fixed")), "Conv1dInteger");
  EXPECT_EQ(TypeText(Function("relu_3", Relu{}, {"x"})), "relu");
  EXPECT_EQ(TypeText(Quantized(Function("relu_3", Relu{}, {"x"}), "integer")), "relu_integer");
  EXPECT_EQ(TypeText(Quantized(Function("add", Add{}, {"x", "x"}), "fixed")), "add_integer");
  EXPECT_EQ(TypeText(Method("view_1", View{{-1, 2}}, {"x"})), "view");
}

TEST(MaseTypeTest, FollowsTheReportTool) {
  EXPECT_EQ(MaseType(Module("m", BatchNorm1d{}, "x")), "module");
  EXPECT_EQ(MaseType(Module("m", Dropout{}, "x")), "module_related_func");
  EXPECT_EQ(MaseType(Function("sigmoid", Sigmoid{}, {"x"})), "module_related_func");
  EXPECT_EQ(MaseType(Method("add", Add{}, {"x", "x"})), "builtin_func");
  EXPECT_EQ(MaseType(Module("m", Flatten{}, "x")), "implicit_func");
  EXPECT_EQ(MaseOp(Input({1})), "placeholder");
}

TEST(ReportTest, ListsModulesInTheOrderOfTheirCalls) {
  ASSERT_OK_AND_ASSIGN(const Graph graph, BuildModel("jsc-tiny", {}));
  const GraphReport report = Report(graph);
  EXPECT_THAT(
      report.modules,
      ElementsAre("BatchNorm1d(16, eps=1e-05, momentum=0.1, affine=True, track_running_stats=True)",
                  "ReLU()", "Linear(in_features=16, out_features=5, bias=True)", "ReLU()"));
  EXPECT_EQ(report.listing, Listing(graph));
  EXPECT_EQ(report.counts, (KindCounts{.placeholder = 1, .call_module = 4, .output = 1}));
}

// jsc-tiny with its linear layer in this format.
Graph TinyWith(NumberFormat format) {
  const Graph graph = BuildModel("jsc-tiny", {}).value();
  std::vector<Node> nodes = graph.nodes();
  nodes[3].quantization =
      NodeQuantization{.format = std::string(FormatName(format)), .weight = format};
  return Graph::Create(graph.name(), std::move(nodes)).value();
}

TEST(CompareTest, MarksTheOneQuantizedNodeOfTheLabReport) {
  ASSERT_OK_AND_ASSIGN(const Graph graph, BuildModel("jsc-tiny", {}));
  const GraphComparison comparison = Compare(graph, TinyWith(IntegerFormat{}));
  ASSERT_THAT(comparison.nodes, SizeIs(6));
  EXPECT_EQ(comparison.nodes[3],
            (NodeComparison{"seq_blocks_2", "seq_blocks_2", "call_module", "module_related_func",
                            "linear", "Linear", "LinearInteger", true}));
  EXPECT_EQ(comparison.nodes[0], (NodeComparison{"x", "x", "placeholder", "placeholder",
                                                 "placeholder", "x", "x", false}));
  EXPECT_THAT(comparison.histogram, ElementsAre(TypeChanges{"BatchNorm1d", "batch_norm1d", 1, 0, 1},
                                                TypeChanges{"Linear", "linear", 1, 1, 0},
                                                TypeChanges{"ReLU", "relu", 2, 0, 2},
                                                TypeChanges{"output", "output", 1, 0, 1},
                                                TypeChanges{"x", "placeholder", 1, 0, 1}));
}

TEST(CompareTest, AQuantizedFunctionIsChanged) {
  ASSERT_OK_AND_ASSIGN(const Graph graph, BuildModel("jsc-rs1923-relu", {}));
  std::vector<Node> nodes = graph.nodes();
  nodes[2].quantization = NodeQuantization{.format = "integer"};
  const Graph quantized = Graph::Create(graph.name(), nodes).value();
  const NodeComparison row = Compare(graph, quantized).nodes[2];
  EXPECT_EQ(row.quantized_type, "relu_integer");
  EXPECT_TRUE(row.changed);
}

TEST(CompareTest, OtherWidthsAreAChange) {
  const GraphComparison comparison =
      Compare(TinyWith(IntegerFormat{.width = 8}), TinyWith(IntegerFormat{.width = 4}));
  EXPECT_EQ(comparison.nodes[3].original_type, comparison.nodes[3].quantized_type);
  EXPECT_TRUE(comparison.nodes[3].changed);
  EXPECT_FALSE(Compare(TinyWith(IntegerFormat{}), TinyWith(IntegerFormat{})).nodes[3].changed);
}

}  // namespace
}  // namespace bitsweep::graph
