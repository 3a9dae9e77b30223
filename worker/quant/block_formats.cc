// SPDX-License-Identifier: Apache-2.0
#include <cmath>

#include "core/base/status_macros.h"
#include "worker/quant/blocks.h"
#include "worker/quant/elements.h"
#include "worker/quant/kernels.h"

namespace bitsweep::quant {

// MSFP: e = clamp(ceil(log2(block max)), emin, emax), k = clamp(rint((|x| + 1e-9) / 2^e 2^m), 0,
// 2^m - 1), m = width - 1; y = sign 2^e k / 2^m; |x| <= 1e-8 unchanged.
absl::Status BlockFp(const graph::BlockFpFormat& format, const graph::Shape& shape,
                     std::span<const float> x, std::span<float> y) {
  ASSIGN_OR_RETURN(const BlockGrid grid, DivideIntoBlocks(format.blocks, shape));
  const std::vector<float> maxima = BlockMaxima(grid, x);
  const auto bias = static_cast<double>(format.exponent_bias);
  const double highest = PowerOfTwo(static_cast<double>(format.exponent_width)) - 1 - bias;
  const double levels = PowerOfTwo(static_cast<double>(format.width - 1));
  ForEachRun(grid, [&](std::size_t block, std::size_t begin, std::size_t size) {
    const double e = Clamp(CeilLog2(maxima[block]), -bias, highest);
    const double unit = PowerOfTwo(e) / levels;
    const double units_of_one = PowerOfTwo(-e) * levels;
    for (std::size_t i = begin; i < begin + size; ++i) {
      const float magnitude = std::fabs(x[i]);
      const double k = Clamp(Round((magnitude + kTiny) * units_of_one), 0, levels - 1);
      const float value = std::copysign(static_cast<float>(k * unit), x[i]);
      y[i] = magnitude > kPassThrough ? value : x[i] + 0.0F;  // NaN stays
    }
  });
  return absl::OkStatus();
}

// Shared bias clamp(floor(log2(block max)), 0, 2^bw - 1); exact: clamp(2^ew - 1 - floor(log2(block
// max)), 0, 2^bw - 1). Then minifloat (IEEE kind) with it.
absl::Status BlockMinifloat(const graph::BlockMinifloatFormat& format, const graph::Shape& shape,
                            std::span<const float> x, std::span<float> y) {
  ASSIGN_OR_RETURN(const BlockGrid grid, DivideIntoBlocks(format.blocks, shape));
  const std::vector<float> maxima = BlockMaxima(grid, x);
  const double most = PowerOfTwo(static_cast<double>(format.exponent_bias_width)) - 1;
  const double top = PowerOfTwo(static_cast<double>(format.exponent_width)) - 1;
  const bool exact = format.semantics == graph::Semantics::kExact;
  ForEachRun(grid, [&](std::size_t block, std::size_t begin, std::size_t size) {
    const double exponent = FloorLog2(maxima[block]);
    const double bias = Clamp(exact ? top - exponent : exponent, 0, most);
    const MinifloatRange range =
        RangeOf(format.width, format.exponent_width, static_cast<std::int64_t>(bias));
    for (std::size_t i = begin; i < begin + size; ++i) y[i] = CompatibleIeee(x[i], range);
  });
  return absl::OkStatus();
}

// Shared bias clamp(2^(width - 1) - 1 - ceil(log2(block max)), 0, 2^bw - 1). Then log with it.
absl::Status BlockLog(const graph::BlockLogFormat& format, const graph::Shape& shape,
                      std::span<const float> x, std::span<float> y) {
  ASSIGN_OR_RETURN(const BlockGrid grid, DivideIntoBlocks(format.blocks, shape));
  const std::vector<float> maxima = BlockMaxima(grid, x);
  const double most = PowerOfTwo(static_cast<double>(format.exponent_bias_width)) - 1;
  const double top = PowerOfTwo(static_cast<double>(format.width - 1)) - 1;
  ForEachRun(grid, [&](std::size_t block, std::size_t begin, std::size_t size) {
    const double bias = Clamp(top - CeilLog2(maxima[block]), 0, most);
    const float p = LogOffset(-bias);
    for (std::size_t i = begin; i < begin + size; ++i) y[i] = Log(x[i], p, -bias, top - bias);
  });
  return absl::OkStatus();
}

}  // namespace bitsweep::quant
