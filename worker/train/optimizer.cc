// SPDX-License-Identifier: Apache-2.0
#include "worker/train/optimizer.h"

#include <cmath>

namespace bitsweep::train {
namespace {

constexpr double kBeta1 = 0.9;
constexpr double kBeta2 = 0.999;
constexpr double kEpsilon = 1e-8;
constexpr float kMomentum = 0.9F;
constexpr float kSgdWeightDecay = 5e-4F;

}  // namespace

Optimizer::Optimizer(spec::Optimizer kind, double weight_decay, std::size_t parameters)
    : kind_(kind), weight_decay_(weight_decay), first_(parameters, 0.0F) {
  if (kind_ != spec::Optimizer::kSgd) second_.assign(parameters, 0.0F);
}

void Optimizer::Step(std::span<float> parameters, std::span<const float> gradients,
                     double learning_rate) {
  ++step_;
  if (kind_ == spec::Optimizer::kSgd) {
    Sgd(parameters, gradients, learning_rate);
  } else {
    Adam(parameters, gradients, learning_rate);
  }
}

void Optimizer::Adam(std::span<float> w, std::span<const float> g, double learning_rate) {
  const bool is_decoupled = kind_ == spec::Optimizer::kAdamW;
  const float shrink = is_decoupled ? static_cast<float>(1 - learning_rate * weight_decay_) : 1.0F;
  const float l2 = is_decoupled ? 0.0F : static_cast<float>(weight_decay_);
  const double t = static_cast<double>(step_);
  const float step_size = static_cast<float>(learning_rate / (1 - std::pow(kBeta1, t)));
  const float root_correction = static_cast<float>(std::sqrt(1 - std::pow(kBeta2, t)));
  constexpr float kB1 = static_cast<float>(kBeta1);
  constexpr float kB2 = static_cast<float>(kBeta2);
  constexpr float kC1 = static_cast<float>(1 - kBeta1);
  constexpr float kC2 = static_cast<float>(1 - kBeta2);
  constexpr float kEps = static_cast<float>(kEpsilon);
  float* m = first_.data();
  float* v = second_.data();
  for (std::size_t i = 0; i < w.size(); ++i) {
    const float decayed = w[i] * shrink;
    const float gradient = g[i] + l2 * decayed;
    m[i] = m[i] * kB1 + kC1 * gradient;
    v[i] = v[i] * kB2 + kC2 * gradient * gradient;
    w[i] = decayed - step_size * (m[i] / (std::sqrt(v[i]) / root_correction + kEps));
  }
}

void Optimizer::Sgd(std::span<float> w, std::span<const float> g, double learning_rate) {
  const float rate = static_cast<float>(learning_rate);
  const float momentum = step_ == 1 ? 0.0F : kMomentum;
  float* m = first_.data();
  for (std::size_t i = 0; i < w.size(); ++i) {
    const float gradient = g[i] + kSgdWeightDecay * w[i];
    m[i] = momentum * m[i] + gradient;
    w[i] -= rate * (gradient + kMomentum * m[i]);
  }
}

}  // namespace bitsweep::train
