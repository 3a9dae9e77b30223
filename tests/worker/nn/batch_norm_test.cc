// SPDX-License-Identifier: Apache-2.0
#include <cmath>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/worker/nn/module_run.h"

namespace bitsweep::nn {
namespace {

using ::testing::ElementsAre;
using ::testing::FloatNear;
using ::testing::Pointwise;

// Two features; weight (2, 1), bias (0, 10), running mean (1, -1), running variance (4, 0.25).
class BatchNormTest : public ::testing::Test {
 protected:
  const graph::Graph graph_ = Chain({2}, {graph::BatchNorm1d{.num_features = 2}});
  const std::vector<graph::TensorValue> values_ = {{.name = "m1.weight", .f32 = {2, 1}},
                                                   {.name = "m1.bias", .f32 = {0, 10}},
                                                   {.name = "m1.running_mean", .f32 = {1, -1}},
                                                   {.name = "m1.running_var", .f32 = {4, 0.25F}},
                                                   {.name = "m1.num_batches_tracked", .i64 = {6}}};
  GraphModule module_{graph_, values_, 0};
};

TEST_F(BatchNormTest, EvaluationUsesTheRunningStatistics) {
  const double a = 2 / std::sqrt(4 + 1e-5);
  const double b = 1 / std::sqrt(0.25 + 1e-5);
  const std::vector<double> expected = {4 * a, 2 * b + 10, -1 * a, 0 * b + 10};
  EXPECT_THAT(Outputs(module_, {5, 1, 0, -1}, 2, Mode::kEvaluate),
              Pointwise(FloatNear(1e-6F), expected));
}

TEST_F(BatchNormTest, EvaluationChangesNothing) {
  Outputs(module_, {5, 1, 0, -1}, 2, Mode::kEvaluate);
  EXPECT_EQ(module_.Values(), values_);
}

TEST_F(BatchNormTest, TrainingUsesTheBiasedStatisticsOfTheBatch) {
  // Feature 0: 1, 2, 6: mean 3, variance 14 / 3. Feature 1: 0, 0, 3: mean 1, variance 2.
  const double a = 2 / std::sqrt(14.0 / 3 + 1e-5);
  const double b = 1 / std::sqrt(2 + 1e-5);
  const std::vector<double> expected = {-2 * a,      -1 * b + 10, -1 * a,
                                        -1 * b + 10, 3 * a,       2 * b + 10};
  EXPECT_THAT(Outputs(module_, {1, 0, 2, 0, 6, 3}, 3, Mode::kTrain),
              Pointwise(FloatNear(1e-5F), expected));
}

TEST_F(BatchNormTest, TrainingMovesTheRunningStatisticsATenthOfTheWay) {
  Outputs(module_, {1, 0, 2, 0, 6, 3}, 3, Mode::kTrain);
  const std::vector<graph::TensorValue> now = module_.Values();
  EXPECT_THAT(now[2].f32, Pointwise(FloatNear(1e-6F), {0.9 * 1 + 0.1 * 3, 0.9 * -1 + 0.1 * 1}));
  // The unbiased variances: 7 and 3.
  EXPECT_THAT(now[3].f32, Pointwise(FloatNear(1e-6F), {0.9 * 4 + 0.1 * 7, 0.9 * 0.25 + 0.1 * 3}));
  EXPECT_THAT(now[4].i64, ElementsAre(7));
}

TEST(BatchNormOverLengthTest, TakesItsStatisticsOverRowsAndPositions) {
  const graph::Graph graph = Chain({1, 2}, {graph::BatchNorm1d{.num_features = 1}});
  const std::vector<graph::TensorValue> values = {{.name = "m1.weight", .f32 = {1}},
                                                  {.name = "m1.bias", .f32 = {0}},
                                                  {.name = "m1.running_mean", .f32 = {0}},
                                                  {.name = "m1.running_var", .f32 = {1}},
                                                  {.name = "m1.num_batches_tracked", .i64 = {0}}};
  GraphModule module(graph, values, 0);
  // One row of two positions: 1 and 3, mean 2, variance 1.
  const double scale = 1 / std::sqrt(1 + 1e-5);
  EXPECT_THAT(Outputs(module, {1, 3}, 1, Mode::kTrain),
              Pointwise(FloatNear(1e-6F), {-scale, scale}));
}

}  // namespace
}  // namespace bitsweep::nn
