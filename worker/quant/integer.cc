// SPDX-License-Identifier: Apache-2.0
#include <cmath>

#include "worker/quant/integer_grid.h"
#include "worker/quant/kernels.h"

namespace bitsweep::quant {
namespace {

// The nearest whole number, ties to even, with the sign of x; plain arithmetic that vectorizes.
// From 2^23 on every float32 is whole; below, adding 2^23 rounds to the ones.
inline float Round(float x) {
  constexpr float kWhole = 8388608.0F;
  const float magnitude = std::fabs(x);
  const float rounded = (magnitude + kWhole) - kWhole;
  return std::copysign(magnitude < kWhole ? rounded : magnitude, x);
}

inline float Floor(float x) {
  const float rounded = Round(x);
  return rounded > x ? rounded - 1.0F : rounded;
}

// y = clamp(round(x scale), lowest, highest) step; NaN stays.
template <float (*kRound)(float)>
void OnGrid(const IntegerGrid grid, std::span<const float> x, std::span<float> y) {
  const float* in = x.data();
  float* out = y.data();
  const std::size_t count = x.size();
  for (std::size_t i = 0; i < count; ++i) {
    float v = kRound(in[i] * grid.scale);
    v = v < grid.lowest ? grid.lowest : v;
    v = v > grid.highest ? grid.highest : v;
    out[i] = v * grid.step;
  }
}

}  // namespace

IntegerGrid GridOf(const graph::IntegerFormat& format) {
  const int width = static_cast<int>(format.width);
  const int frac = static_cast<int>(format.frac_width);
  return {
      .scale = std::ldexp(1.0F, frac),
      .step = std::ldexp(1.0F, -frac),
      .lowest = format.is_signed ? -std::ldexp(1.0F, width - 1) : 0.0F,
      .highest = static_cast<float>(std::ldexp(1.0, format.is_signed ? width - 1 : width) - 1.0),
      .floor = format.rounding == graph::Rounding::kFloor};
}

// y = clamp(round(x 2^f), lo, hi) / 2^f with lo, hi = -2^(w-1), 2^(w-1) - 1 (signed) or
// 0, 2^w - 1. All in float32: above 24 bits the bounds are its nearest values. Infinity saturates,
// the sign of zero stays.
void Integer(const graph::IntegerFormat& format, std::span<const float> x, std::span<float> y) {
  const IntegerGrid grid = GridOf(format);
  if (grid.floor) {
    OnGrid<Floor>(grid, x, y);
  } else {
    OnGrid<Round>(grid, x, y);
  }
}

// Each row has the scale s = 2^(w-1) / (max |x| + 1e-9); y = clamp(round(x s), -2^(w-1),
// 2^(w-1) - 1) / s.
void ScaleInteger(const graph::ScaleIntegerFormat& format, std::size_t row,
                  std::span<const float> x, std::span<float> y) {
  const float bound = std::ldexp(1.0F, static_cast<int>(format.width) - 1);
  const auto highest = static_cast<float>(static_cast<double>(bound) - 1.0);
  for (std::size_t begin = 0; begin < x.size(); begin += row) {
    float maximum = 0;
    for (std::size_t i = begin; i < begin + row; ++i) {
      const float magnitude = std::fabs(x[i]);
      maximum = magnitude > maximum ? magnitude : maximum;  // passes over NaN
    }
    const float scale = bound / (maximum + 1e-9F);
    for (std::size_t i = begin; i < begin + row; ++i) {
      float v = Round(x[i] * scale);
      v = v < -bound ? -bound : v;
      v = v > highest ? highest : v;
      y[i] = v / scale;
    }
  }
}

}  // namespace bitsweep::quant
