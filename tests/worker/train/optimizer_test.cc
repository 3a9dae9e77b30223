// SPDX-License-Identifier: Apache-2.0
// The update rules, computed here in 64 bits; parity_test.cc compares with PyTorch.
#include "worker/train/optimizer.h"

#include <cmath>
#include <vector>

#include "gtest/gtest.h"

namespace bitsweep::train {
namespace {

constexpr double kGradients[] = {0.5, -2, 0.25, 1};

double AfterSteps(spec::Optimizer kind, double weight_decay, double start, double rate) {
  Optimizer optimizer(kind, weight_decay, 1);
  std::vector<float> w = {static_cast<float>(start)};
  for (const double gradient : kGradients) {
    const std::vector<float> g = {static_cast<float>(gradient)};
    optimizer.Step(w, g, rate);
  }
  return w[0];
}

double AdamByHand(double l2, double decoupled, double w, double rate) {
  double m = 0;
  double v = 0;
  double t = 0;
  for (double g : kGradients) {
    t += 1;
    w -= rate * decoupled * w;
    g += l2 * w;
    m = 0.9 * m + 0.1 * g;
    v = 0.999 * v + 0.001 * g * g;
    const double m_hat = m / (1 - std::pow(0.9, t));
    const double v_hat = v / (1 - std::pow(0.999, t));
    w -= rate * m_hat / (std::sqrt(v_hat) + 1e-8);
  }
  return w;
}

TEST(OptimizerTest, AdamPutsWeightDecayIntoTheGradient) {
  EXPECT_NEAR(AfterSteps(spec::Optimizer::kAdam, 0, 3, 0.1), AdamByHand(0, 0, 3, 0.1), 1e-6);
  EXPECT_NEAR(AfterSteps(spec::Optimizer::kAdam, 0.5, 3, 0.1), AdamByHand(0.5, 0, 3, 0.1), 1e-6);
}

TEST(OptimizerTest, AdamWShrinksTheWeightApartFromTheGradient) {
  EXPECT_NEAR(AfterSteps(spec::Optimizer::kAdamW, 0.5, 3, 0.1), AdamByHand(0, 0.5, 3, 0.1), 1e-6);
  EXPECT_EQ(AfterSteps(spec::Optimizer::kAdamW, 0, 3, 0.1),
            AfterSteps(spec::Optimizer::kAdam, 0, 3, 0.1));
}

TEST(OptimizerTest, SgdHasNesterovMomentumAndItsFixedWeightDecay) {
  double w = 3;
  double momentum = 0;
  for (double g : kGradients) {
    g += 5e-4 * w;
    momentum = 0.9 * momentum + g;
    w -= 0.1 * (g + 0.9 * momentum);
  }
  EXPECT_NEAR(AfterSteps(spec::Optimizer::kSgd, 0, 3, 0.1), w, 1e-6);
  EXPECT_EQ(AfterSteps(spec::Optimizer::kSgd, 0.5, 3, 0.1),
            AfterSteps(spec::Optimizer::kSgd, 0, 3, 0.1));
}

TEST(OptimizerTest, EachParameterHasItsOwnState) {
  Optimizer both(spec::Optimizer::kAdam, 0, 2);
  Optimizer alone(spec::Optimizer::kAdam, 0, 1);
  std::vector<float> pair = {1, 2};
  std::vector<float> one = {2};
  for (int step = 1; step < 5; ++step) {
    const float gradient = 1.0F / static_cast<float>(step);
    both.Step(pair, std::vector<float>{-3 * gradient, gradient}, 0.01);
    alone.Step(one, std::vector<float>{gradient}, 0.01);
  }
  EXPECT_EQ(pair[1], one[0]);
}

}  // namespace
}  // namespace bitsweep::train
