// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <cmath>
#include <limits>

#include "worker/passes/verify_quantization.h"

namespace bitsweep::passes {
namespace {

constexpr double kFewestBins = 32;  // of a format with a step
constexpr double kMostBins = 256;
constexpr double kBinsWithoutStep = 64;

struct Extent {
  double lowest = std::numeric_limits<double>::infinity();
  double highest = -std::numeric_limits<double>::infinity();
};

Extent ExtentOf(std::span<const float> values, Extent extent) {
  for (const float value : values) {
    if (!std::isfinite(value)) continue;
    extent.lowest = std::min<double>(extent.lowest, value);
    extent.highest = std::max<double>(extent.highest, value);
  }
  return extent;
}

// Width of the bins and one of their borders.
struct Bins {
  double width = 1;
  double border = 0;
};

Bins BinsOf(const graph::NumberFormat& format, const Extent& extent) {
  const double range = extent.highest - extent.lowest;
  const double step = Step(format);
  if (step == 0) {
    return range > 0 ? Bins{.width = range / kBinsWithoutStep, .border = extent.lowest}
                     : Bins{.width = 1, .border = extent.lowest - 0.5};
  }
  // Of the numbers of the grid one is 0, or for binary 1.
  const double number = std::holds_alternative<graph::BinaryFormat>(format) ? 1 : 0;
  const double steps = range / step + 1;
  if (steps > kMostBins) {
    return {.width = step * std::ceil(steps / kMostBins), .border = number - step / 2};
  }
  const double part = std::ceil(kFewestBins / steps);
  const double odd_part = std::fmod(part, 2) == 0 ? part + 1 : part;
  return {.width = step / odd_part, .border = number - step / odd_part / 2};
}

std::vector<std::int64_t> Count(const QuantizationHistogram& histogram, std::size_t bins,
                                std::span<const float> values) {
  std::vector<std::int64_t> counts(bins);
  for (const float value : values) {
    if (!std::isfinite(value)) continue;
    const double place = std::floor((value - histogram.low) / histogram.bin_width);
    ++counts[static_cast<std::size_t>(std::clamp(place, 0.0, static_cast<double>(bins - 1)))];
  }
  return counts;
}

}  // namespace

QuantizationHistogram MakeHistogram(const graph::NumberFormat& format, std::span<const float> x,
                                    std::span<const float> q) {
  const Extent extent = ExtentOf(q, ExtentOf(x, {}));
  if (extent.lowest > extent.highest) return {};
  const Bins bins = BinsOf(format, extent);
  QuantizationHistogram histogram{.bin_width = bins.width};
  histogram.low = bins.border + std::floor((extent.lowest - bins.border) / bins.width) * bins.width;
  const double count = std::floor((extent.highest - histogram.low) / bins.width) + 1;
  const auto size = static_cast<std::size_t>(std::clamp(count, 1.0, 2 * kMostBins));
  histogram.original = Count(histogram, size, x);
  histogram.quantized = Count(histogram, size, q);
  return histogram;
}

}  // namespace bitsweep::passes
