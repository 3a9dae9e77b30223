// SPDX-License-Identifier: Apache-2.0
#include "worker/train/optimizer.h"

#include <cmath>

// Fused multiply-adds are instructions where the processor has them, else exact calls: the same
// bits everywhere.
#if defined(__x86_64__) && defined(__GNUC__) && !defined(__clang__) && !defined(BITSWEEP_SANITIZED)
#define BITSWEEP_FMA_CLONES __attribute__((target_clones("fma", "default")))
#else
#define BITSWEEP_FMA_CLONES
#endif

namespace bitsweep::train {
namespace {

constexpr double kBeta1 = 0.9;
constexpr double kBeta2 = 0.999;
constexpr double kEpsilon = 1e-8;
constexpr float kMomentum = 0.9F;
constexpr float kSgdWeightDecay = 5e-4F;

struct AdamFactors {
  float shrink;  // of the weight, before all else
  float l2;
  float minus_step_size;
  float root_correction;
};

// Each line rounds where PyTorch's kernels do. A gradient that is 0 but for rounding, as that of a
// bias before a batch norm, makes Adam steps of full size: only equal bits make equal weights.
BITSWEEP_FMA_CLONES void AdamLoop(float* __restrict w, const float* __restrict g,
                                  float* __restrict m, float* __restrict v, std::size_t count,
                                  const AdamFactors& given) {
  const AdamFactors f = given;
  constexpr float kB1 = static_cast<float>(kBeta1);
  constexpr float kB2 = static_cast<float>(kBeta2);
  constexpr float kC1 = static_cast<float>(1 - kBeta1);
  constexpr float kC2 = static_cast<float>(1 - kBeta2);
  constexpr float kEps = static_cast<float>(kEpsilon);
  for (std::size_t i = 0; i < count; ++i) {
    const float decayed = w[i] * f.shrink;
    const float gradient = std::fma(f.l2, decayed, g[i]);
    m[i] = std::fma(kC1, gradient, m[i] * kB1);
    v[i] = std::fma(kC2 * gradient, gradient, v[i] * kB2);
    w[i] = decayed + f.minus_step_size * m[i] / (std::sqrt(v[i]) / f.root_correction + kEps);
  }
}

BITSWEEP_FMA_CLONES void SgdLoop(float* __restrict w, const float* __restrict g,
                                 float* __restrict m, std::size_t count, float momentum,
                                 float minus_rate) {
  for (std::size_t i = 0; i < count; ++i) {
    const float gradient = std::fma(kSgdWeightDecay, w[i], g[i]);
    m[i] = momentum * m[i] + gradient;
    w[i] = std::fma(minus_rate, std::fma(kMomentum, m[i], gradient), w[i]);
  }
}

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
  const double t = static_cast<double>(step_);
  const AdamFactors factors = {
      .shrink = is_decoupled ? static_cast<float>(1 - learning_rate * weight_decay_) : 1.0F,
      .l2 = is_decoupled ? 0.0F : static_cast<float>(weight_decay_),
      .minus_step_size = static_cast<float>(-(learning_rate / (1 - std::pow(kBeta1, t)))),
      .root_correction = static_cast<float>(std::sqrt(1 - std::pow(kBeta2, t)))};
  AdamLoop(w.data(), g.data(), first_.data(), second_.data(), w.size(), factors);
}

void Optimizer::Sgd(std::span<float> w, std::span<const float> g, double learning_rate) {
  const float momentum = step_ == 1 ? 0.0F : kMomentum;
  SgdLoop(w.data(), g.data(), first_.data(), w.size(), momentum,
          static_cast<float>(-learning_rate));
}

}  // namespace bitsweep::train
