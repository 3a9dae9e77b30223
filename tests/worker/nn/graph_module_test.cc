// SPDX-License-Identifier: Apache-2.0
#include "worker/nn/graph_module.h"

#include <algorithm>
#include <cmath>
#include <string>
#include <vector>

#include "core/graph/checkpoint.h"
#include "core/graph/zoo.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/support/status_matchers.h"
#include "tests/worker/nn/module_run.h"
#include "worker/nn/initialize.h"

namespace bitsweep::nn {
namespace {

using graph::OutputActivation;
using ::testing::ElementsAre;
using ::testing::ElementsAreArray;

std::vector<float> Wave(std::size_t count) {
  std::vector<float> x;
  for (std::size_t i = 0; i < count; ++i) x.push_back(static_cast<float>((i * 53 + 7) % 193) / 64);
  return x;
}

std::vector<float> Concatenated(const graph::Graph& graph,
                                const std::vector<graph::TensorValue>& values) {
  std::vector<float> all;
  for (std::size_t t = 0; t < values.size(); ++t) {
    if (graph.tensors()[t].role != graph::TensorRole::kParameter) continue;
    all.insert(all.end(), values[t].f32.begin(), values[t].f32.end());
  }
  return all;
}

TEST(GraphModuleTest, LinearMultipliesByTheTransposedWeightAndAddsTheBias) {
  const graph::Graph graph = Chain({2}, {graph::Linear{2, 3}});
  GraphModule module(
      graph,
      {{.name = "m1.weight", .f32 = {1, 2, 3, 4, 5, 6}}, {.name = "m1.bias", .f32 = {0.5F, 0, -1}}},
      0);
  EXPECT_THAT(Outputs(module, {1, 10, -1, 0}, 2, Mode::kEvaluate),
              ElementsAre(21.5F, 43, 64, -0.5F, -3, -6));
}

TEST(GraphModuleTest, ConvolutionCrossCorrelatesWithStrideAndZeroPadding) {
  const graph::Graph graph =
      Chain({1, 5},
            {graph::Conv1d{
                .in_channels = 1, .out_channels = 2, .kernel_size = 3, .stride = 2, .padding = 1}});
  GraphModule module(
      graph,
      {{.name = "m1.weight", .f32 = {1, 10, 100, 0, 1, 0}}, {.name = "m1.bias", .f32 = {0, 0.5F}}},
      0);
  // Windows of 0 1 2 3 4 5 0 at 0, 2, 4: (0 1 2), (2 3 4), (4 5 0).
  EXPECT_THAT(Outputs(module, {1, 2, 3, 4, 5}, 1, Mode::kEvaluate),
              ElementsAre(210, 432, 54, 1.5F, 3.5F, 5.5F));
}

TEST(GraphModuleTest, AddTakesBothItsInputs) {
  std::vector<graph::Node> nodes = {
      {.name = "x", .kind = graph::NodeKind::kPlaceholder, .target = "x", .sample_shape = {3}},
      {.name = "relu",
       .kind = graph::NodeKind::kCallFunction,
       .target = "relu",
       .op = graph::Relu{},
       .inputs = {"x"}},
      {.name = "add",
       .kind = graph::NodeKind::kCallFunction,
       .target = "add",
       .op = graph::Add{},
       .inputs = {"relu", "x"}},
      {.name = "output", .kind = graph::NodeKind::kOutput, .target = "output", .inputs = {"add"}}};
  ASSERT_OK_AND_ASSIGN(const graph::Graph graph, graph::Graph::Create("residual", nodes));
  GraphModule module(graph, {}, 0);
  EXPECT_THAT(Outputs(module, {-2, 0, 3}, 1, Mode::kEvaluate), ElementsAre(-2, 0, 6));
}

TEST(GraphModuleTest, ViewAndFlattenKeepRowsAndRowMajorOrder) {
  const graph::Graph graph =
      Chain({2, 3}, {graph::View{{-1, 3, 2}}, graph::Flatten{1}, graph::View{{-1, 6}}});
  GraphModule module(graph, {}, 0);
  const std::vector<float> x = Wave(12);
  EXPECT_EQ(Outputs(module, x, 2, Mode::kEvaluate), x);
}

TEST(GraphModuleTest, ParametersLieInOneBlockInTheOrderOfTheGraph) {
  const graph::Graph graph = graph::BuildModel("jsc-toy", {}).value();
  const auto values = InitialTensors(graph, 1);
  GraphModule module(graph, values, 1);
  EXPECT_THAT(module.parameters(), ElementsAreArray(Concatenated(graph, values)));
  EXPECT_EQ(module.gradients().size(), module.parameters().size());
}

TEST(GraphModuleTest, WritingToTheBlockChangesTheNetwork) {
  const graph::Graph graph = Chain({2}, {graph::Linear{2, 1}});
  GraphModule module(graph, {{.name = "m1.weight", .f32 = {1, 1}}, {.name = "m1.bias", .f32 = {0}}},
                     0);
  module.parameters()[1] = 7;
  EXPECT_THAT(Outputs(module, {1, 1}, 1, Mode::kEvaluate), ElementsAre(8));
  EXPECT_THAT(module.Values()[0].f32, ElementsAre(1, 7));
}

TEST(GraphModuleTest, ABackwardPassAddsToTheBlockOfGradients) {
  const graph::Graph graph = Chain({2}, {graph::Linear{2, 1}});
  GraphModule module(graph, {{.name = "m1.weight", .f32 = {1, 1}}, {.name = "m1.bias", .f32 = {0}}},
                     0);
  std::vector<float> x = {1, 2, 3, 5};
  const at::Tensor input = at::from_blob(x.data(), {2, 2}, at::kFloat);
  module.Forward(input, Mode::kTrain).sum().backward();
  EXPECT_THAT(module.gradients(), ElementsAre(4, 7, 2));
  module.Forward(input, Mode::kTrain).sum().backward();
  EXPECT_THAT(module.gradients(), ElementsAre(8, 14, 4));
}

TEST(GraphModuleTest, ComesBackFromACheckpointUnchanged) {
  for (const std::string_view name : graph::BuiltinModels()) {
    const graph::Graph graph = graph::BuildModel(name, {}).value();
    GraphModule module(graph, InitialTensors(graph, 11), 11);
    Outputs(module, Wave(8 * 16), 8, Mode::kTrain);  // moves the running statistics
    const std::string bytes =
        graph::SerializeCheckpoint({.graph = graph, .tensors = module.Values()});
    ASSERT_OK_AND_ASSIGN(const graph::Checkpoint read, graph::ParseCheckpoint(bytes));
    GraphModule again(read.graph, read.tensors, 11);
    EXPECT_EQ(again.Values(), module.Values()) << name;
    EXPECT_EQ(Outputs(again, Wave(4 * 16), 4, Mode::kEvaluate),
              Outputs(module, Wave(4 * 16), 4, Mode::kEvaluate))
        << name;
  }
}

TEST(GraphModuleTest, TheOutputActivationIsAppliedToTheLogits) {
  const auto run = [](OutputActivation activation) {
    const graph::Graph graph =
        graph::BuildModel("jsc-rs1923", {.output_activation = activation}).value();
    GraphModule module(graph, InitialTensors(graph, 2), 2);
    return Outputs(module, Wave(6 * 16), 6, Mode::kEvaluate);
  };
  const std::vector<float> logits = run(OutputActivation::kNone);
  const std::vector<float> relu = run(OutputActivation::kRelu);
  const std::vector<float> sigmoid = run(OutputActivation::kSigmoid);
  ASSERT_EQ(logits.size(), 30U);
  EXPECT_LT(*std::min_element(logits.begin(), logits.end()), 0);
  for (std::size_t i = 0; i < logits.size(); ++i) {
    EXPECT_EQ(relu[i], std::max(logits[i], 0.0F));
    EXPECT_NEAR(sigmoid[i], 1 / (1 + std::exp(-static_cast<double>(logits[i]))), 1e-6);
  }
}

TEST(GraphModuleTest, ARowsOutputDoesNotDependOnItsCompanyInEvaluation) {
  const graph::Graph graph = graph::BuildModel("jsc-three-linear-layers", {}).value();
  GraphModule module(graph, InitialTensors(graph, 4), 4);
  const std::vector<float> x = Wave(3 * 16);
  const std::vector<float> together = Outputs(module, x, 3, Mode::kEvaluate);
  for (std::size_t row = 0; row < 3; ++row) {
    const auto first = x.begin() + static_cast<std::ptrdiff_t>(16 * row);
    const std::vector<float> alone = Outputs(module, {first, first + 16}, 1, Mode::kEvaluate);
    for (std::size_t i = 0; i < 5; ++i) EXPECT_NEAR(alone[i], together[5 * row + i], 1e-6);
  }
}

}  // namespace
}  // namespace bitsweep::nn
