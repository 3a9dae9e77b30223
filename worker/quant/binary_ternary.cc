// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <cmath>
#include <optional>
#include <vector>

#include "worker/quant/kernels.h"

namespace bitsweep::quant {
namespace {

// The sum in float32, as numpy adds: eight running sums up to 128 values, halves of more. (Pairwise
// summation, Higham 1993.)
float PairwiseSum(std::span<const float> x) {
  if (x.size() > 128) {
    const std::size_t half = x.size() / 2 - x.size() / 2 % 8;
    return PairwiseSum(x.first(half)) + PairwiseSum(x.subspan(half));
  }
  if (x.size() < 8) {
    float sum = 0;
    for (const float value : x) sum += value;
    return sum;
  }
  float r[8];
  std::copy_n(x.begin(), 8, r);
  std::size_t i = 8;
  for (; i + 8 <= x.size(); i += 8) {
    for (std::size_t lane = 0; lane < 8; ++lane) r[lane] += x[i + lane];
  }
  float sum = ((r[0] + r[1]) + (r[2] + r[3])) + ((r[4] + r[5]) + (r[6] + r[7]));
  for (; i < x.size(); ++i) sum += x[i];
  return sum;
}

// Of those above `delta`; NaN when there are none.
float MeanMagnitude(std::span<const float> x, float delta) {
  std::vector<float> chosen(x.size());
  std::size_t count = 0;
  for (const float value : x) {
    chosen[count] = std::fabs(value);
    count += std::fabs(value) > delta ? 1 : 0;
  }
  return PairwiseSum(std::span(chosen).first(count)) / static_cast<float>(count);
}

float MeanMagnitude(std::span<const float> x) {
  std::vector<float> magnitudes(x.size());
  for (std::size_t i = 0; i < x.size(); ++i) magnitudes[i] = std::fabs(x[i]);
  return PairwiseSum(magnitudes) / static_cast<float>(x.size());
}

// Above `delta` 1, below -delta -1, else 0 (also NaN); with `scaled` times the mean of what is
// above: 0 / 0 where nothing is gives NaN, as the definition says.
void Thresholded(float delta, bool scaled, std::span<const float> x, std::span<float> y) {
  const float factor = scaled ? MeanMagnitude(x, delta) : 1.0F;
  for (std::size_t i = 0; i < x.size(); ++i) {
    const float sign = x[i] > delta ? 1.0F : (x[i] < -delta ? -1.0F : 0.0F);
    y[i] = sign * factor;
  }
}

std::optional<float> GivenThreshold(const graph::TernaryFormat& format) {
  if (format.mean) return static_cast<float>(0.75 * *format.mean);
  if (format.max) return static_cast<float>(0.05 * *format.max);
  if (format.median) return static_cast<float>(0.75 * *format.median);
  return std::nullopt;
}

}  // namespace

// bipolar: 1 where x >= 0 (stochastic: where clamp((x + 1) / 2, 0, 1) >= u), else -1. Otherwise:
// the mean of |x| of the item where x > 0 (stochastic: the same draw), else 0. NaN gives -1 and 0.
void Binary(const graph::BinaryFormat& format, std::size_t item, std::span<const float> uniforms,
            std::span<const float> x, std::span<float> y) {
  for (std::size_t begin = 0; begin < x.size(); begin += item) {
    const float high = format.bipolar ? 1.0F : MeanMagnitude(x.subspan(begin, item));
    const float low = format.bipolar ? -1.0F : 0.0F;
    for (std::size_t i = begin; i < begin + item; ++i) {
      bool is_high = format.bipolar ? x[i] >= 0 : x[i] > 0;
      if (format.stochastic) {
        const float p = (x[i] + 1.0F) / 2.0F;
        is_high = std::fmin(std::fmax(p, 0.0F), 1.0F) >= uniforms[i] && !std::isnan(x[i]);
      }
      y[i] = is_high ? high : low;
    }
  }
}

// The threshold is 0.75 mean, else 0.05 max, else 0.75 median when one is given: for the whole
// tensor; else 0.75 mean |x| of each item.
void Ternary(const graph::TernaryFormat& format, std::size_t item, std::span<const float> x,
             std::span<float> y) {
  if (const std::optional<float> delta = GivenThreshold(format)) {
    Thresholded(*delta, format.scaling_factor, x, y);
    return;
  }
  for (std::size_t begin = 0; begin < x.size(); begin += item) {
    const std::span<const float> in = x.subspan(begin, item);
    Thresholded(0.75F * MeanMagnitude(in), format.scaling_factor, in, y.subspan(begin, item));
  }
}

}  // namespace bitsweep::quant
