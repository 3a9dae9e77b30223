// SPDX-License-Identifier: Apache-2.0
#include "tests/bench/exact_kernel.h"

#include <algorithm>
#include <cmath>
#include <random>
#include <stdexcept>

namespace bitsweep::bench {

ExactKernel::ExactKernel(const float* x, const std::int32_t* y, std::size_t batch,
                         std::uint32_t seed)
    : x_(x),
      y_(y),
      batch_(batch),
      tile_(kFeatures * batch),
      normal_(kFeatures * batch),
      hidden_(kFeatures * batch),
      out_(kClasses * batch),
      slope_(kClasses * batch) {
  std::mt19937 generator(seed);
  std::uniform_real_distribution<float> uniform(-0.25F, 0.25F);
  for (std::size_t i = 0; i < kParameters; ++i) {
    w_[i] = i < kFeatures ? 1.0F : i < 2 * kFeatures ? 0.0F : uniform(generator);
    g_[i] = m_[i] = v_[i] = 0;
  }
  for (std::size_t f = 0; f < kFeatures; ++f) {
    running_mean_[f] = 0;
    running_variance_[f] = 1;
  }
}

template <std::size_t kBatch>
float ExactKernel::StepOf(const std::uint32_t* rows, float learning_rate) {
  const float* gamma = w_;
  const float* beta = w_ + kFeatures;
  const float* weight = beta + kFeatures;
  const float* bias = weight + kClasses * kFeatures;
  float* __restrict tile = tile_.data();
  float* __restrict normal = normal_.data();
  float* __restrict hidden = hidden_.data();
  float* __restrict out = out_.data();
  float* __restrict slope = slope_.data();
  alignas(64) std::int32_t label[kBatch];
  for (std::size_t b = 0; b < kBatch; ++b) {
    const float* row = x_ + std::size_t{rows[b]} * kFeatures;
    for (std::size_t f = 0; f < kFeatures; ++f) tile[f * kBatch + b] = row[f];
    label[b] = y_[rows[b]];
  }
  float inverse[kFeatures];
  for (std::size_t f = 0; f < kFeatures; ++f) {
    const float* x = tile + f * kBatch;
    float mean = 0;
    for (std::size_t b = 0; b < kBatch; ++b) mean += x[b];
    mean /= kBatch;
    float variance = 0;
    for (std::size_t b = 0; b < kBatch; ++b) variance += (x[b] - mean) * (x[b] - mean);
    variance /= kBatch;
    inverse[f] = 1 / std::sqrt(variance + 1e-5F);
    running_mean_[f] = 0.9F * running_mean_[f] + 0.1F * mean;
    running_variance_[f] = 0.9F * running_variance_[f] + 0.1F * variance * kBatch / (kBatch - 1);
    for (std::size_t b = 0; b < kBatch; ++b) {
      normal[f * kBatch + b] = (x[b] - mean) * inverse[f];
      hidden[f * kBatch + b] = std::max(0.0F, normal[f * kBatch + b] * gamma[f] + beta[f]);
    }
  }
  for (std::size_t o = 0; o < kClasses; ++o) {
    float* y = out + o * kBatch;
    for (std::size_t b = 0; b < kBatch; ++b) y[b] = bias[o];
    for (std::size_t f = 0; f < kFeatures; ++f) {
      const float w = weight[o * kFeatures + f];
      for (std::size_t b = 0; b < kBatch; ++b) y[b] += w * hidden[f * kBatch + b];
    }
    for (std::size_t b = 0; b < kBatch; ++b) y[b] = std::max(0.0F, y[b]);
  }
  alignas(64) float highest[kBatch];
  alignas(64) float sum[kBatch];
  for (std::size_t b = 0; b < kBatch; ++b) {
    highest[b] = out[b];
    sum[b] = 0;
  }
  for (std::size_t o = 1; o < kClasses; ++o) {
    for (std::size_t b = 0; b < kBatch; ++b) highest[b] = std::max(highest[b], out[o * kBatch + b]);
  }
  for (std::size_t o = 0; o < kClasses; ++o) {
    for (std::size_t b = 0; b < kBatch; ++b) {
      slope[o * kBatch + b] = std::exp(out[o * kBatch + b] - highest[b]);
      sum[b] += slope[o * kBatch + b];
    }
  }
  float loss = 0;
  for (std::size_t b = 0; b < kBatch; ++b) {
    loss += std::log(sum[b]) + highest[b] - out[static_cast<std::size_t>(label[b]) * kBatch + b];
    sum[b] = 1 / (sum[b] * kBatch);
  }
  for (std::size_t o = 0; o < kClasses; ++o) {
    float* s = slope + o * kBatch;
    float total = 0;
    for (std::size_t b = 0; b < kBatch; ++b) {
      const float target = label[b] == static_cast<std::int32_t>(o) ? 1.0F / kBatch : 0.0F;
      s[b] = out[o * kBatch + b] > 0 ? s[b] * sum[b] - target : 0.0F;
      total += s[b];
    }
    g_[2 * kFeatures + kClasses * kFeatures + o] = total;
    for (std::size_t f = 0; f < kFeatures; ++f) {
      float product = 0;
      for (std::size_t b = 0; b < kBatch; ++b) product += s[b] * hidden[f * kBatch + b];
      g_[2 * kFeatures + o * kFeatures + f] = product;
    }
  }
  for (std::size_t f = 0; f < kFeatures; ++f) {
    float gamma_slope = 0;
    float beta_slope = 0;
    for (std::size_t b = 0; b < kBatch; ++b) {
      float d = 0;
      for (std::size_t o = 0; o < kClasses; ++o) {
        d += weight[o * kFeatures + f] * slope[o * kBatch + b];
      }
      d = hidden[f * kBatch + b] > 0 ? d : 0.0F;
      gamma_slope += d * normal[f * kBatch + b];
      beta_slope += d;
    }
    g_[f] = gamma_slope;
    g_[kFeatures + f] = beta_slope;
  }
  step_ += 1;
  const float rate = learning_rate / static_cast<float>(1 - std::pow(0.9, step_));
  const float correction = 1 / std::sqrt(static_cast<float>(1 - std::pow(0.999, step_)));
  for (std::size_t i = 0; i < kParameters; ++i) {
    m_[i] = 0.9F * m_[i] + 0.1F * g_[i];
    v_[i] = 0.999F * v_[i] + 0.001F * g_[i] * g_[i];
    w_[i] -= rate * m_[i] / (std::sqrt(v_[i]) * correction + 1e-8F);
  }
  return loss / kBatch;
}

float ExactKernel::Step(const std::uint32_t* rows, float learning_rate) {
  switch (batch_) {
    case 16:
      return StepOf<16>(rows, learning_rate);
    case 64:
      return StepOf<64>(rows, learning_rate);
    case 256:
      return StepOf<256>(rows, learning_rate);
    case 1024:
      return StepOf<1024>(rows, learning_rate);
    default:
      throw std::invalid_argument("the exact kernel knows batches of 16, 64, 256 and 1024");
  }
}

}  // namespace bitsweep::bench
