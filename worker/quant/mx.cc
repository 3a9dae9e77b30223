// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <cmath>

#include "core/base/status_macros.h"
#include "core/graph/graph.h"
#include "fmt/format.h"
#include "worker/quant/elements.h"
#include "worker/quant/kernels.h"

namespace bitsweep::quant {
namespace {

absl::Status CheckBlocks(std::int64_t block, const graph::Shape& shape) {
  if (!shape.empty() && shape.back() % block == 0) return absl::OkStatus();
  return absl::InvalidArgumentError(
      fmt::format("a tensor of shape {} cannot be divided into blocks of {}: expected a last "
                  "dimension that is a multiple of it",
                  graph::ShapeText(shape), block));
}

float Maximum(std::span<const float> block) {
  float maximum = 0;
  for (const float value : block) maximum = std::max(maximum, std::fabs(value));
  return maximum;
}

}  // namespace

// Shared exponent e = ceil(log2(max)), 8 bits with bias 127; an element is
// clamp(rint(x / 2^e 2^(b-1)), -2^(b-1), 2^(b-1) - 1) / 2^(b-1). (OCP's MXINT8 takes floor.)
absl::Status Mxint(const graph::MxintFormat& format, const graph::Shape& shape,
                   std::span<const float> x, std::span<float> y) {
  RETURN_IF_ERROR(CheckBlocks(format.block_size, shape));
  const auto block = static_cast<std::size_t>(format.block_size);
  const double levels = PowerOfTwo(static_cast<double>(format.width - 1));
  for (std::size_t begin = 0; begin < x.size(); begin += block) {
    const float maximum = Maximum(x.subspan(begin, block));
    const double e = maximum == 0 ? -126 : Clamp(CeilLog2(maximum), -127, 127);
    const double unit = PowerOfTwo(e) / levels;
    for (std::size_t i = begin; i < begin + block; ++i) {
      const double k = Round(x[i] / unit);
      y[i] = std::isnan(x[i]) ? x[i] : static_cast<float>(Clamp(k, -levels, levels - 1) * unit);
    }
  }
  return absl::OkStatus();
}

// OCP Microscaling v1.0: shared exponent floor(log2(max)) - emax, in -127..127; elements are the
// nearest minifloats (ties to even, saturating). E4M3 keeps its last code and E5M2 its last binade
// for what is not finite; the others have no such codes.
absl::Status Mxfp(const graph::MxfpFormat& format, const graph::Shape& shape,
                  std::span<const float> x, std::span<float> y) {
  RETURN_IF_ERROR(CheckBlocks(format.block_size, shape));
  const auto block = static_cast<std::size_t>(format.block_size);
  const int mantissa = static_cast<int>(format.frac_width);
  const double bias = PowerOfTwo(static_cast<double>(format.exponent_width - 1)) - 1;
  double highest = PowerOfTwo(static_cast<double>(format.exponent_width)) - 1 - bias;
  if (format.exponent_width == 5) highest -= 1;
  const double levels = PowerOfTwo(mantissa);
  double largest = PowerOfTwo(highest) * (2 - 1 / levels);
  if (format.exponent_width == 4) largest = PowerOfTwo(highest) * (2 - 2 / levels);
  const double lowest_unit = PowerOfTwo(1 - bias) / levels;
  for (std::size_t begin = 0; begin < x.size(); begin += block) {
    const float maximum = Maximum(x.subspan(begin, block));
    const double shared = maximum == 0 ? -127 : Clamp(Split(maximum).exponent - highest, -127, 127);
    const double scale = PowerOfTwo(shared);
    for (std::size_t i = begin; i < begin + block; ++i) {
      const auto scaled = static_cast<float>(x[i] / scale);
      y[i] = static_cast<float>(Nearest(scaled, mantissa, lowest_unit, largest) * scale);
    }
  }
  return absl::OkStatus();
}

}  // namespace bitsweep::quant
