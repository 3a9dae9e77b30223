// SPDX-License-Identifier: Apache-2.0
#include "worker/nn/initialize.h"

#include <algorithm>
#include <cmath>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "core/base/random.h"
#include "core/graph/zoo.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/worker/nn/module_run.h"

namespace bitsweep::nn {
namespace {

using ::testing::Each;
using ::testing::ElementsAre;

graph::Graph Model(const std::string& name) { return graph::BuildModel(name, {}).value(); }

const graph::TensorValue& Named(const std::vector<graph::TensorValue>& tensors,
                                const std::string& name) {
  for (const graph::TensorValue& tensor : tensors) {
    if (tensor.name == name) return tensor;
  }
  throw std::out_of_range(name);
}

TEST(InitialTensorsTest, WeightsAndBiasesAreUniformWithinOneOverRootOfFanIn) {
  struct Case {
    std::string model;
    std::string tensor;
    std::size_t count;
    double bound;  // PyTorch's: 1 / sqrt(in_features), 1 / sqrt(in_channels * kernel_size)
  };
  const Case cases[] = {{"jsc-tiny", "seq_blocks.2.weight", 80, 0.25},
                        {"jsc-tiny", "seq_blocks.2.bias", 5, 0.25},
                        {"jsc-s", "module_list.5.weight", 2048, 0.125},
                        {"jsc-rs1923", "conv1.weight", 24, 1 / std::sqrt(3.0)},
                        {"jsc-rs1923", "conv1.bias", 8, 1 / std::sqrt(3.0)},
                        {"jsc-rs1923", "block.conv1.weight", 768, 1 / std::sqrt(48.0)},
                        {"jsc-rs1923", "fc.weight", 1280, 0.0625},
                        {"jsc-rs1923", "fc.bias", 5, 0.0625}};
  for (const Case& c : cases) {
    double squares = 0;
    double largest = 0;
    std::size_t drawn = 0;
    for (std::uint64_t seed = 0; seed < 400; ++seed) {
      const auto tensors = InitialTensors(Model(c.model), seed);
      const std::vector<float>& values = Named(tensors, c.tensor).f32;
      ASSERT_EQ(values.size(), c.count);
      for (const float value : values) {
        squares += static_cast<double>(value) * value;
        largest = std::max(largest, std::abs(static_cast<double>(value)));
        ++drawn;
      }
    }
    EXPECT_LE(largest, c.bound * 1.000001) << c.tensor;
    EXPECT_GT(largest, c.bound * 0.99) << c.tensor;
    // The variance of a uniform draw is bound^2 / 3.
    EXPECT_NEAR(squares / static_cast<double>(drawn), c.bound * c.bound / 3,
                0.05 * c.bound * c.bound / 3)
        << c.tensor;
  }
}

TEST(InitialTensorsTest, BatchNormStartsAsTheIdentity) {
  const auto tensors = InitialTensors(Model("jsc-toy"), 7);
  EXPECT_THAT(Named(tensors, "seq_blocks.3.weight").f32, Each(1.0F));
  EXPECT_THAT(Named(tensors, "seq_blocks.3.bias").f32, Each(0.0F));
  EXPECT_THAT(Named(tensors, "seq_blocks.3.running_mean").f32, Each(0.0F));
  EXPECT_THAT(Named(tensors, "seq_blocks.3.running_var").f32, Each(1.0F));
  EXPECT_THAT(Named(tensors, "seq_blocks.3.num_batches_tracked").i64, ElementsAre(0));
}

TEST(InitialTensorsTest, DrawsEachParameterFromAStreamOfItsOwn) {
  const auto tensors = InitialTensors(Model("jsc-tiny"), 99);
  // Parameters in order: batch norm's weight and bias (0, 1), the linear weight (2) and bias (3).
  Random weight(99, RandomStream::kInit, 2);
  for (const float value : Named(tensors, "seq_blocks.2.weight").f32) {
    EXPECT_EQ(value, (2.0F * weight.NextFloat() - 1.0F) * 0.25F);
  }
  Random bias(99, RandomStream::kInit, 3);
  for (const float value : Named(tensors, "seq_blocks.2.bias").f32) {
    EXPECT_EQ(value, (2.0F * bias.NextFloat() - 1.0F) * 0.25F);
  }
}

TEST(InitialTensorsTest, AParameterDoesNotDependOnTheSizesOfOthers) {
  const auto narrow = InitialTensors(
      Chain({4}, {graph::Linear{4, 2}, graph::Linear{2, 3}, graph::Linear{3, 2}}), 5);
  const auto wide = InitialTensors(
      Chain({9}, {graph::Linear{9, 2}, graph::Linear{2, 3}, graph::Linear{3, 700}}), 5);
  EXPECT_EQ(Named(narrow, "m2.weight"), Named(wide, "m2.weight"));
  EXPECT_EQ(Named(narrow, "m2.bias"), Named(wide, "m2.bias"));
}

TEST(InitialTensorsTest, DependsOnTheSeedAndNotOnTheThread) {
  const graph::Graph graph = Model("jsc-rs1923");
  const auto expected = InitialTensors(graph, 3);
  std::vector<std::vector<graph::TensorValue>> got(4);
  std::vector<std::thread> threads;
  for (auto& place : got) {
    threads.emplace_back([&] {
      InitialTensors(graph, 1000);  // what was drawn before does not matter
      place = InitialTensors(graph, 3);
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_THAT(got, Each(expected));
  EXPECT_NE(InitialTensors(graph, 4), expected);
}

}  // namespace
}  // namespace bitsweep::nn
