// SPDX-License-Identifier: Apache-2.0
#include "core/graph/zoo.h"

#include "tests/support/status_matchers.h"

namespace bitsweep::graph {
namespace {

using ::bitsweep::testing::StatusIs;
using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

std::int64_t Parameters(std::string_view model, const ZooOptions& options = {}) {
  const absl::StatusOr<Graph> graph = BuildModel(model, options);
  return graph.ok() ? graph->ParameterCount() : -1;
}

TEST(ZooTest, ListsItsModels) {
  EXPECT_THAT(BuiltinModels(),
              ElementsAre("jsc-tiny", "jsc-toy", "jsc-s", "jsc-three-linear-layers", "jsc-trt",
                          "jsc-rs1923", "jsc-rs1923-relu"));
  EXPECT_TRUE(IsBuiltinModel("jsc-s"));
  EXPECT_FALSE(IsBuiltinModel("jsc-m"));
  EXPECT_FALSE(IsBuiltinModel(""));
}

TEST(ZooTest, CountsTheJetTaggersParameters) {
  EXPECT_EQ(Parameters("jsc-tiny"), 117);
  EXPECT_EQ(Parameters("jsc-toy"), 327);
  EXPECT_EQ(Parameters("jsc-s"), 5615);
  EXPECT_EQ(Parameters("jsc-three-linear-layers"), 661);
  EXPECT_EQ(Parameters("jsc-trt"), 3231);
  EXPECT_EQ(Parameters("jsc-rs1923"), 3285);
  EXPECT_EQ(Parameters("jsc-rs1923-relu"), 3285);
}

// f features and c classes, by hand: a Linear(a, b) has ab + b parameters, a BatchNorm1d(n) 2n.
TEST(ZooTest, FollowsTheDataSetsSizes) {
  const ZooOptions beans = {.features = 16, .classes = 7};
  EXPECT_EQ(Parameters("jsc-tiny", beans), 32 + 16 * 7 + 7);
  const ZooOptions other = {.features = 9, .classes = 2};
  EXPECT_EQ(Parameters("jsc-tiny", other), 18 + 9 * 2 + 2);
  EXPECT_EQ(Parameters("jsc-toy", other), 18 + (72 + 8) + 16 + (64 + 8) + 16 + (16 + 2) + 4);
  EXPECT_EQ(Parameters("jsc-rs1923", other), 32 + 400 + 784 + 784 + (16 * 9 * 2 + 2));
  for (const std::string_view model : BuiltinModels()) {
    SCOPED_TRACE(model);
    ASSERT_OK_AND_ASSIGN(const Graph graph, BuildModel(model, other));
    EXPECT_EQ(graph.InputFeatures(), 9);
    EXPECT_EQ(graph.OutputFeatures(), 2);
    EXPECT_EQ(graph.name(), model);
  }
}

TEST(ZooTest, ConvolutionsTakeRowsAsOneChannel) {
  ASSERT_OK_AND_ASSIGN(const Graph conv, BuildModel("jsc-rs1923", {}));
  EXPECT_THAT(conv.input_shape(), ElementsAre(1, 16));
  ASSERT_OK_AND_ASSIGN(const Graph dense, BuildModel("jsc-tiny", {}));
  EXPECT_THAT(dense.input_shape(), ElementsAre(16));
}

std::string_view LastOp(const Graph& graph) { return OpName(graph.nodes().end()[-2].op); }

TEST(ZooTest, ThePresetsChooseTheOutputActivation) {
  ASSERT_OK_AND_ASSIGN(const Graph sigmoid, BuildModel("jsc-rs1923", {}));
  EXPECT_EQ(LastOp(sigmoid), "sigmoid");
  ASSERT_OK_AND_ASSIGN(const Graph relu, BuildModel("jsc-rs1923-relu", {}));
  EXPECT_EQ(LastOp(relu), "relu");
}

TEST(ZooTest, TheOptionOverridesThePreset) {
  ASSERT_OK_AND_ASSIGN(const Graph relu,
                       BuildModel("jsc-rs1923", {.output_activation = OutputActivation::kRelu}));
  EXPECT_EQ(LastOp(relu), "relu");
  ASSERT_OK_AND_ASSIGN(
      const Graph none,
      BuildModel("jsc-rs1923-relu", {.output_activation = OutputActivation::kNone}));
  EXPECT_EQ(LastOp(none), "linear");
  EXPECT_EQ(none.ParameterCount(), 3285);
}

TEST(ZooTest, RefusesTheOptionWhereThereIsNone) {
  EXPECT_FALSE(HasOutputActivation("jsc-tiny"));
  EXPECT_THAT(BuildModel("jsc-tiny", {.output_activation = OutputActivation::kRelu}),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       "model jsc-tiny has no output_activation option"));
}

TEST(ZooTest, RefusesUnknownNamesAndListsTheKnown) {
  EXPECT_THAT(BuildModel("jsc-m", {}),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       AllOf(HasSubstr("\"jsc-m\""), HasSubstr("jsc-tiny, jsc-toy"))));
}

TEST(ZooTest, RefusesSizesThatMakeNoNetwork) {
  for (const std::int64_t size : {std::int64_t{0}, std::int64_t{-5}, std::int64_t{1} << 62}) {
    EXPECT_THAT(BuildModel("jsc-rs1923", {.features = size, .classes = 5}),
                StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("features")));
    EXPECT_THAT(BuildModel("jsc-tiny", {.features = 16, .classes = size}),
                StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("classes")));
  }
}

TEST(ZooTest, InitialisesAsTheFrameworkDoes) {
  ASSERT_OK_AND_ASSIGN(const Graph graph, BuildModel("jsc-tiny", {}));
  for (const TensorInfo& tensor : graph.tensors()) {
    SCOPED_TRACE(tensor.name);
    const bool drawn = tensor.name == "seq_blocks.2.weight" || tensor.name == "seq_blocks.2.bias";
    const bool one =
        tensor.name == "seq_blocks.0.weight" || tensor.name == "seq_blocks.0.running_var";
    EXPECT_EQ(tensor.fan_in, drawn ? 16 : 0);
    EXPECT_EQ(tensor.constant, one ? 1 : 0);
    EXPECT_EQ(tensor.is_int64, tensor.name == "seq_blocks.0.num_batches_tracked");
  }
  ASSERT_OK_AND_ASSIGN(const Graph conv, BuildModel("jsc-rs1923", {}));
  EXPECT_EQ(conv.tensors()[2].name, "conv2.weight");
  EXPECT_EQ(conv.tensors()[2].fan_in, 8 * 3);
  EXPECT_EQ(conv.tensors()[3].fan_in, 8 * 3);
}

TEST(OutputActivationTest, NamesAndParsesEach) {
  for (const OutputActivation activation :
       {OutputActivation::kNone, OutputActivation::kRelu, OutputActivation::kSigmoid}) {
    EXPECT_EQ(ParseOutputActivation(Name(activation)), activation);
  }
  EXPECT_EQ(Name(OutputActivation::kSigmoid), "sigmoid");
  EXPECT_EQ(ParseOutputActivation("Sigmoid"), std::nullopt);
  EXPECT_EQ(ParseOutputActivation(""), std::nullopt);
}

}  // namespace
}  // namespace bitsweep::graph
