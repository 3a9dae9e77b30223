// SPDX-License-Identifier: Apache-2.0
#include <ATen/ops/from_blob.h>

#include <cmath>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/worker/nn/module_run.h"
#include "worker/nn/graph_module.h"

namespace bitsweep::nn {
namespace {

using ::testing::ElementsAre;

graph::NodeQuantization Integer84() {
  const graph::IntegerFormat format{.width = 8, .frac_width = 4};
  return {.format = "integer", .data_in = format, .weight = format, .bias = format};
}

// The chain with its first module quantized.
graph::Graph QuantizedChain(graph::Shape sample, std::vector<graph::Op> ops,
                            const graph::NodeQuantization& quantization) {
  const graph::Graph chain = Chain(std::move(sample), std::move(ops));
  std::vector<graph::Node> nodes = chain.nodes();
  nodes[1].quantization = quantization;
  return graph::Graph::Create("chain", nodes).value();
}

const std::vector<graph::TensorValue> kOneByTwo = {{.name = "m1.weight", .f32 = {0.03F, 100.0F}},
                                                   {.name = "m1.bias", .f32 = {0.2F}}};

// 0.53 -> 8/16, 0.03 -> 0, 100 saturates at 127/16, bias 0.2 -> 3/16.
TEST(QuantizedModuleTest, RoundsInputWeightAndBiasButNotTheResult) {
  const graph::Graph graph =
      QuantizedChain({2}, {graph::Linear{.in_features = 2, .out_features = 1}}, Integer84());
  GraphModule module(graph, kOneByTwo, 0);
  EXPECT_THAT(Outputs(module, {0.25F, 0.53F}, 1, Mode::kEvaluate),
              ElementsAre(0.5F * 7.9375F + 0.1875F));
}

TEST(QuantizedModuleTest, BypassComputesInFullPrecision) {
  graph::NodeQuantization quantization = Integer84();
  quantization.bypass = true;
  const graph::Graph graph =
      QuantizedChain({2}, {graph::Linear{.in_features = 2, .out_features = 1}}, quantization);
  GraphModule module(graph, kOneByTwo, 0);
  EXPECT_FLOAT_EQ(Outputs(module, {0.25F, 0.5F}, 1, Mode::kEvaluate).at(0),
                  0.25F * 0.03F + 0.5F * 100.0F + 0.2F);
}

// The padding's zeros are added after rounding: they stay 0 also where 0 rounds to something else.
TEST(QuantizedModuleTest, PadsConvolutionsAfterRounding) {
  graph::NodeQuantization quantization{.format = "binary", .data_in = graph::BinaryFormat{}};
  const graph::Graph graph = QuantizedChain(
      {1, 2},
      {graph::Conv1d{
          .in_channels = 1, .out_channels = 1, .kernel_size = 3, .padding = 1, .bias = false}},
      quantization);
  GraphModule module(graph, {{.name = "m1.weight", .f32 = {1, 1, 1}}}, 0);
  EXPECT_THAT(Outputs(module, {0.0F, 0.5F}, 1, Mode::kEvaluate), ElementsAre(2.0F, 2.0F));
}

// Weights stay float32 and are rounded at every use: a step smaller than the grid adds up.
TEST(QuantizedModuleTest, TrainsTheFloatWeightsThroughTheRounding) {
  const graph::Graph graph =
      QuantizedChain({1}, {graph::Linear{.in_features = 1, .out_features = 1}}, Integer84());
  GraphModule module(
      graph, {{.name = "m1.weight", .f32 = {0.03F}}, {.name = "m1.bias", .f32 = {0.0F}}}, 0);
  std::vector<float> x = {0.53F};
  const at::Tensor input = at::from_blob(x.data(), {1, 1}, at::kFloat);
  module.Forward(input, Mode::kTrain).sum().backward();
  EXPECT_THAT(std::vector<float>(module.gradients().begin(), module.gradients().end()),
              ElementsAre(0.5F, 1.0F));  // dy/dw is the rounded input
  EXPECT_FLOAT_EQ(module.parameters()[0], 0.03F);
  module.parameters()[0] += 0.02F;  // 0.05 -> 1/16
  EXPECT_THAT(Outputs(module, x, 1, Mode::kEvaluate), ElementsAre(0.5F * 0.0625F));
}

// Property: on grids of 1/16 every output of a linear layer lies on a grid of 1/256.
TEST(QuantizedModuleTest, GivesMultiplesOf256thsFor8Bits4) {
  const graph::Graph graph =
      QuantizedChain({16}, {graph::Linear{.in_features = 16, .out_features = 5}}, Integer84());
  Random random(3, RandomStream::kInit);
  std::vector<graph::TensorValue> tensors = {{.name = "m1.weight"}, {.name = "m1.bias"}};
  for (int i = 0; i < 80; ++i) tensors[0].f32.push_back(random.NextFloat() - 0.5F);
  for (int i = 0; i < 5; ++i) tensors[1].f32.push_back(random.NextFloat() - 0.5F);
  std::vector<float> x;
  for (int i = 0; i < 16 * 100; ++i) x.push_back(static_cast<float>(random.NextNormal()));
  GraphModule module(graph, tensors, 0);
  for (const float y : Outputs(module, x, 100, Mode::kEvaluate)) {
    EXPECT_EQ(y * 256, std::round(y * 256));
  }
}

}  // namespace
}  // namespace bitsweep::nn
