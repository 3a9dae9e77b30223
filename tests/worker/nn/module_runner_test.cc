// SPDX-License-Identifier: Apache-2.0
#include "worker/nn/module_runner.h"

#include <string>
#include <vector>

#include "core/graph/zoo.h"
#include "fmt/format.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/support/status_matchers.h"
#include "tests/worker/nn/module_run.h"
#include "worker/nn/initialize.h"

namespace bitsweep::nn {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

struct Tiny {
  graph::Graph graph = graph::BuildModel("jsc-tiny", {}).value();
  std::vector<graph::TensorValue> tensors = InitialTensors(graph, 5);
  std::unique_ptr<passes::GraphRunner> runner = ModuleRunners(0)(graph, tensors).value();
  std::vector<float> x;
  Tiny() {
    Random random(7, RandomStream::kRandomInput);
    for (int i = 0; i < 3 * 16; ++i) x.push_back(static_cast<float>(random.NextNormal()));
  }
};

TEST(ModuleRunnerTest, ComputesWhatTheModuleDoes) {
  Tiny tiny;
  GraphModule module(tiny.graph, tiny.tensors, 0);
  ASSERT_OK_AND_ASSIGN(const std::vector<float> got, tiny.runner->Forward(tiny.x, 3));
  EXPECT_EQ(got, Outputs(module, tiny.x, 3, Mode::kEvaluate));
}

TEST(ModuleRunnerTest, ShowsTheInputsOfTheWantedNodesInOrder) {
  Tiny tiny;
  std::vector<std::string> seen;
  ASSERT_THAT(tiny.runner->VisitInputs(tiny.x, 3, {3, 1},
                                       [&](const passes::NodeInput& input) {
                                         seen.push_back(fmt::format(
                                             "{} {} {} {}", input.node, input.input,
                                             graph::ShapeText(input.shape), input.values.size()));
                                       }),
              bitsweep::testing::IsOk());
  EXPECT_THAT(seen, ElementsAre("1 0 [3, 16] 48", "3 0 [3, 16] 48"));
}

TEST(ModuleRunnerTest, RunsANodeByItself) {
  Tiny tiny;
  std::vector<float> input;
  std::vector<float> output_of_last;
  ASSERT_THAT(tiny.runner->VisitInputs(tiny.x, 3, {4, 5},
                                       [&](const passes::NodeInput& seen) {
                                         (seen.node == 4 ? input : output_of_last)
                                             .assign(seen.values.begin(), seen.values.end());
                                       }),
              bitsweep::testing::IsOk());
  ASSERT_OK_AND_ASSIGN(const std::vector<float> got, tiny.runner->RunNode(4, {input}, 3));
  EXPECT_EQ(got, output_of_last);
}

// x -> a -> b -> b again: the second call of b uses b's tensors, not the first module's.
TEST(ModuleRunnerTest, AModuleThatIsCalledTwiceHasItsOwnTensors) {
  const graph::Op linear = graph::Linear{.in_features = 1, .out_features = 1};
  const graph::Graph chain = Chain({1}, {linear, linear, linear});
  std::vector<graph::Node> nodes = chain.nodes();
  nodes[3].target = nodes[2].target;
  const graph::Graph graph = graph::Graph::Create("twice", nodes).value();
  const std::vector<graph::TensorValue> tensors = {{.name = "m1.weight", .f32 = {2}},
                                                   {.name = "m1.bias", .f32 = {1}},
                                                   {.name = "m2.weight", .f32 = {10}},
                                                   {.name = "m2.bias", .f32 = {3}}};
  ASSERT_OK_AND_ASSIGN(const auto runner, ModuleRunners(0)(graph, tensors));
  ASSERT_OK_AND_ASSIGN(const std::vector<float> y, runner->Forward(std::vector<float>{1}, 1));
  EXPECT_THAT(y, ElementsAre(((2.0F + 1) * 10 + 3) * 10 + 3));
}

TEST(ModuleRunnerTest, TurnsErrorsOfTheFrameworkIntoStatus) {
  Tiny tiny;
  EXPECT_THAT(tiny.runner->Forward(tiny.x, 4).status().message(),
              HasSubstr("48 values for a tensor of shape [4, 16]"));
  EXPECT_THAT(tiny.runner->RunNode(3, {{1.0F}}, 1).status().message(), HasSubstr("[1, 16]"));
}

}  // namespace
}  // namespace bitsweep::nn
