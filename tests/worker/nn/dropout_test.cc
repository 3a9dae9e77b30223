// SPDX-License-Identifier: Apache-2.0
#include <vector>

#include "core/base/random.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/worker/nn/module_run.h"

namespace bitsweep::nn {
namespace {

using ::testing::Each;

std::vector<float> Ones(std::size_t count) { return std::vector<float>(count, 1.0F); }

TEST(DropoutTest, EvaluationIsTheIdentity) {
  const graph::Graph graph = Chain({3}, {graph::Dropout{.p = 0.9}});
  GraphModule module(graph, {}, 1);
  EXPECT_EQ(Outputs(module, {1, -2, 3}, 1, Mode::kEvaluate), std::vector<float>({1, -2, 3}));
}

TEST(DropoutTest, ZeroesWithProbabilityPAndScalesTheRest) {
  const graph::Graph graph = Chain({100}, {graph::Dropout{.p = 0.2}});
  GraphModule module(graph, {}, 1);
  int zeros = 0;
  for (const float value : Outputs(module, Ones(20000), 200, Mode::kTrain)) {
    if (value == 0) {
      ++zeros;
    } else {
      EXPECT_EQ(value, 1.25F);
    }
  }
  EXPECT_NEAR(zeros / 20000.0, 0.2, 0.015);  // 5 standard deviations
}

TEST(DropoutTest, MasksContinueTheStreamOfTheNodeFromBatchToBatch) {
  const graph::Graph graph = Chain({8}, {graph::Relu{}, graph::Dropout{.p = 0.5}});
  GraphModule module(graph, {}, 77);
  Random expected(77, RandomStream::kDropout, 2);  // nodes: x, m1, m2, output
  for (int batch = 0; batch < 3; ++batch) {
    for (const float value : Outputs(module, Ones(40), 5, Mode::kTrain)) {
      EXPECT_EQ(value, expected.NextFloat() < 0.5F ? 0.0F : 2.0F);
    }
    Outputs(module, Ones(8), 1, Mode::kEvaluate);  // draws nothing
  }
}

TEST(DropoutTest, EachNodeHasAStreamOfItsOwn) {
  const graph::Graph one = Chain({64}, {graph::Dropout{.p = 0.5}, graph::Relu{}});
  const graph::Graph other = Chain({64}, {graph::Relu{}, graph::Dropout{.p = 0.5}});
  GraphModule first(one, {}, 5);
  GraphModule second(other, {}, 5);
  EXPECT_NE(Outputs(first, Ones(64), 1, Mode::kTrain), Outputs(second, Ones(64), 1, Mode::kTrain));
}

TEST(DropoutTest, KeepsEverythingWithProbabilityZero) {
  const graph::Graph graph = Chain({64}, {graph::Dropout{.p = 0}});
  GraphModule module(graph, {}, 5);
  EXPECT_THAT(Outputs(module, Ones(64), 1, Mode::kTrain), Each(1.0F));
}

}  // namespace
}  // namespace bitsweep::nn
