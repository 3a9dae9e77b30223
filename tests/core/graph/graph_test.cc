// SPDX-License-Identifier: Apache-2.0
#include "core/graph/graph.h"

#include "tests/core/graph/nodes.h"
#include "tests/support/status_matchers.h"

namespace bitsweep::graph {
namespace {

using ::bitsweep::testing::IsOk;
using ::bitsweep::testing::StatusIs;
using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;

// That Create refuses `nodes` with a message about node `name` that says `why`.
void ExpectNoGraph(std::vector<Node> nodes, const std::string& name, const std::string& why) {
  EXPECT_THAT(Graph::Create("g", std::move(nodes)),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       AllOf(HasSubstr("node \"" + name + "\": "), HasSubstr(why))));
}

std::vector<Node> Valid() {
  return {Input({4}), Module("fc", Linear{4, 3}, "x"), Function("relu", Relu{}, {"fc"}),
          Output("relu")};
}

TEST(GraphTest, KnowsTheShapeAfterEachNode) {
  ASSERT_OK_AND_ASSIGN(const Graph graph, Graph::Create("every", NodesOfEveryOp()));
  EXPECT_THAT(graph.sample_shapes(),
              ElementsAre(Shape{2, 8}, Shape{4, 4}, Shape{4, 4}, Shape{4, 4}, Shape{4, 4},
                          Shape{4, 4}, Shape{2, 8}, Shape{16}, Shape{16}, Shape{3}, Shape{3}));
  EXPECT_EQ(graph.InputFeatures(), 16);
  EXPECT_EQ(graph.OutputFeatures(), 3);
}

TEST(GraphTest, ListsTensorsInTheFrameworksOrder) {
  ASSERT_OK_AND_ASSIGN(const Graph graph, Graph::Create("every", NodesOfEveryOp()));
  std::vector<std::string> names;
  for (const TensorInfo& tensor : graph.tensors()) names.push_back(tensor.name);
  EXPECT_THAT(names,
              ElementsAre("conv.weight", "norm.weight", "norm.bias", "norm.running_mean",
                          "norm.running_var", "norm.num_batches_tracked", "fc.weight", "fc.bias"));
  EXPECT_EQ(graph.ParameterCount(), 4 * 2 * 3 + 4 + 4 + 3 * 16 + 3);
}

TEST(GraphTest, FindsNodesByName) {
  ASSERT_OK_AND_ASSIGN(const Graph graph, Graph::Create("g", Valid()));
  EXPECT_EQ(graph.Find("x"), 0);
  EXPECT_EQ(graph.Find("output"), 3);
  EXPECT_EQ(graph.Find("nobody"), -1);
}

TEST(GraphTest, SharesTheTensorsOfAModuleThatIsCalledTwice) {
  std::vector<Node> nodes = {Input({4}), Module("fc", Linear{4, 4}, "x"),
                             Module("again", Linear{4, 4}, "fc"), Output("again")};
  nodes[2].target = "fc";
  ASSERT_OK_AND_ASSIGN(const Graph graph, Graph::Create("g", nodes));
  EXPECT_EQ(graph.ParameterCount(), 20);
  nodes[2].op = Linear{4, 4, false};
  ExpectNoGraph(nodes, "again", "module \"fc\" is another one in node \"fc\"");
}

TEST(GraphTest, EqualsOnlyAGraphOfTheSameNameAndNodes) {
  ASSERT_OK_AND_ASSIGN(const Graph graph, Graph::Create("g", Valid()));
  ASSERT_OK_AND_ASSIGN(const Graph same, Graph::Create("g", Valid()));
  ASSERT_OK_AND_ASSIGN(const Graph renamed, Graph::Create("h", Valid()));
  std::vector<Node> nodes = Valid();
  nodes[2].op = Relu{true};
  ASSERT_OK_AND_ASSIGN(const Graph inplace, Graph::Create("g", nodes));
  EXPECT_EQ(graph, same);
  EXPECT_FALSE(graph == renamed);
  EXPECT_FALSE(graph == inplace);
}

TEST(GraphErrorTest, WantsANameAndAtLeastTwoNodes) {
  EXPECT_THAT(Graph::Create("", Valid()), StatusIs(absl::StatusCode::kInvalidArgument));
  EXPECT_THAT(Graph::Create(std::string(201, 'g'), Valid()),
              StatusIs(absl::StatusCode::kInvalidArgument));
  EXPECT_THAT(Graph::Create("g", {}),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("0 nodes")));
  EXPECT_THAT(Graph::Create("g", {Input({4})}),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("1 nodes")));
}

TEST(GraphErrorTest, RefusesTooManyNodes) {
  std::vector<Node> nodes = {Input({1})};
  for (std::int64_t i = 0; i < Graph::kMaxNodes - 2; ++i) {
    nodes.push_back(Function("n" + std::to_string(i), Relu{}, {nodes.back().name}));
  }
  nodes.push_back(Output(nodes.back().name));
  EXPECT_THAT(Graph::Create("g", nodes), IsOk());
  nodes.insert(nodes.end() - 1, Function("more", Relu{}, {"x"}));
  EXPECT_THAT(Graph::Create("g", nodes),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("10001 nodes")));
}

TEST(GraphErrorTest, WantsAPlaceholderFirstAndAnOutputLast) {
  std::vector<Node> nodes = Valid();
  ExpectNoGraph({nodes.begin() + 1, nodes.end()}, "fc", "first node must be a placeholder");
  ExpectNoGraph({nodes.begin(), nodes.end() - 1}, "relu", "last node must be an output");
}

TEST(GraphErrorTest, WantsOnePlaceholderAndOneOutput) {
  std::vector<Node> nodes = Valid();
  Node second = Input({4});
  second.name = "y";
  nodes.insert(nodes.begin() + 1, second);
  ExpectNoGraph(nodes, "y", "must be the first node, and the only one");
  nodes = Valid();
  nodes.insert(nodes.begin() + 2, Output("fc"));
  ExpectNoGraph(nodes, "output", "must be the last node, and the only one");
}

TEST(GraphErrorTest, RefusesNamesThatAreNoIdentifiers) {
  for (const std::string& name :
       {std::string(), std::string("0fc"), std::string("a.b"), std::string("a b"),
        std::string("caf\xc3\xa9"), std::string(201, 'a')}) {
    std::vector<Node> nodes = Valid();
    nodes[1].name = name;
    ExpectNoGraph(nodes, name.substr(0, 200), "not an identifier");
  }
}

TEST(GraphErrorTest, RefusesRepeatedNames) {
  std::vector<Node> nodes = Valid();
  nodes[2].name = "fc";
  nodes[3].inputs = {"fc"};
  ExpectNoGraph(nodes, "fc", "used twice");
}

TEST(GraphErrorTest, RefusesInputsThatAreNotEarlier) {
  for (const std::string input : {"nobody", "fc", "relu", "output", ""}) {
    std::vector<Node> nodes = Valid();
    nodes[1].inputs = {input};
    ExpectNoGraph(nodes, "fc", "input \"" + input + "\" is no earlier node");
  }
}

TEST(GraphErrorTest, RefusesAWrongNumberOfInputs) {
  std::vector<Node> nodes = Valid();
  nodes[1].inputs = {};
  ExpectNoGraph(nodes, "fc", "0 inputs, expected 1");
  nodes[1].inputs = {"x", "x"};
  ExpectNoGraph(nodes, "fc", "2 inputs, expected 1");
  nodes = Valid();
  nodes[0].inputs = {"x"};
  ExpectNoGraph(nodes, "x", "1 inputs, expected 0");
  nodes = Valid();
  nodes[2] = Function("relu", Add{}, {"fc"});
  ExpectNoGraph(nodes, "relu", "1 inputs, expected 2");
  nodes = Valid();
  nodes[3].inputs = {"fc", "relu"};
  ExpectNoGraph(nodes, "output", "2 inputs, expected 1");
}

TEST(GraphErrorTest, RefusesKindsThatDoNotGoWithTheOp) {
  const std::pair<NodeKind, Op> wrong[] = {
      {NodeKind::kCallFunction, NoOp{}},        {NodeKind::kCallFunction, Linear{4, 3}},
      {NodeKind::kCallFunction, Conv1d{}},      {NodeKind::kCallFunction, BatchNorm1d{4}},
      {NodeKind::kCallFunction, View{{-1, 4}}}, {NodeKind::kCallMethod, NoOp{}},
      {NodeKind::kCallMethod, Linear{4, 3}},    {NodeKind::kCallMethod, Dropout{}},
      {NodeKind::kCallModule, NoOp{}},          {NodeKind::kCallModule, Add{}},
      {NodeKind::kCallModule, View{{-1, 4}}}};
  for (const auto& [kind, op] : wrong) {
    std::vector<Node> nodes = Valid();
    nodes[1].kind = kind;
    nodes[1].op = op;
    ExpectNoGraph(nodes, "fc", std::string(Name(kind)) + " cannot be " + std::string(OpName(op)));
  }
}

TEST(GraphErrorTest, RefusesAnOpWhereThereIsNone) {
  std::vector<Node> nodes = Valid();
  nodes[0].op = Relu{};
  ExpectNoGraph(nodes, "x", "a placeholder has no op");
  nodes = Valid();
  nodes[3].op = Relu{};
  ExpectNoGraph(nodes, "output", "an output has no op");
}

TEST(GraphErrorTest, RefusesGetAttr) {
  std::vector<Node> nodes = Valid();
  nodes[2].kind = NodeKind::kGetAttr;
  ExpectNoGraph(nodes, "relu", "get_attr nodes are not supported");
}

TEST(GraphErrorTest, RefusesTargetsThatAreNoModulePaths) {
  for (const std::string& target :
       {std::string(), std::string(".fc"), std::string("fc."), std::string("a..b"),
        std::string("a/b"), std::string("a b"), std::string(201, 'a')}) {
    std::vector<Node> nodes = Valid();
    nodes[1].target = target;
    ExpectNoGraph(nodes, "fc", "expected a module path");
  }
}

TEST(GraphErrorTest, RefusesPlaceholdersWithoutPositiveSizes) {
  for (const Shape& shape :
       {Shape{0}, Shape{-4}, Shape{-2, -2}, Shape{4, 0}, Shape{}, Shape(9, 1)}) {
    ExpectNoGraph({Input(shape), Output("x")}, "x", "size");
  }
}

TEST(GraphErrorTest, RefusesShapesThatDoNotFit) {
  std::vector<Node> nodes = Valid();
  nodes[1].op = Linear{5, 3};
  ExpectNoGraph(nodes, "fc", "input has shape [4], expected [5]");
}

TEST(GraphErrorTest, RefusesActivationsBeyondTheLimit) {
  const std::int64_t most = Graph::kMaxElements / 2;
  EXPECT_THAT(Graph::Create("g", {Input({most}), Output("x")}), IsOk());
  ExpectNoGraph({Input({most}), Function("relu", Relu{}, {"x"}), Output("relu")}, "output",
                "at most 268435456 elements");
  ExpectNoGraph({Input({std::int64_t{1} << 62}), Output("x")}, "x", "at most");
  ExpectNoGraph({Input(Shape(8, std::int64_t{1} << 62)), Output("x")}, "x", "at most");
}

TEST(GraphErrorTest, RefusesParametersBeyondTheLimit) {
  EXPECT_THAT(
      Graph::Create("g",
                    {Input({1 << 20}), Module("fc", Linear{1 << 20, 1 << 20}, "x"), Output("fc")}),
      StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("parameters, at most 268435456")));
}

TEST(GraphErrorTest, QuotesNamesShortAndAsText) {
  std::vector<Node> nodes = Valid();
  nodes[1].name = std::string(100'000, 'a') + "\xff";
  const absl::StatusOr<Graph> graph = Graph::Create("g", nodes);
  ASSERT_THAT(graph, Not(IsOk()));
  EXPECT_LT(graph.status().message().size(), 400u);
}

TEST(ShapeTest, CountsElements) {
  EXPECT_EQ(ElementCount({}), 1);
  EXPECT_EQ(ElementCount({3}), 3);
  EXPECT_EQ(ElementCount({2, 0, 5}), 0);
  EXPECT_EQ(ElementCount({16, 8, 3}), 384);
  EXPECT_GT(ElementCount(Shape(8, std::int64_t{1} << 62)), Graph::kMaxElements);
}

TEST(ShapeTest, PrintsAsAList) {
  EXPECT_EQ(ShapeText({}), "[]");
  EXPECT_EQ(ShapeText({16}), "[16]");
  EXPECT_EQ(ShapeText({16, 5}), "[16, 5]");
}

}  // namespace
}  // namespace bitsweep::graph
