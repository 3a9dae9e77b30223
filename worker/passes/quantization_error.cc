// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <cmath>
#include <limits>

#include "worker/passes/verify_quantization.h"

namespace bitsweep::passes {
namespace {

double PowerOfTwo(std::int64_t exponent) {
  return std::ldexp(1.0, static_cast<int>(std::clamp<std::int64_t>(exponent, -2000, 2000)));
}

Range Symmetric(double highest) { return {.lowest = -highest, .highest = highest}; }

// Exponents go up to `highest_exponent`, mantissas below 2 (with the implicit one) or 1.
Range Floating(std::int64_t highest_exponent, std::int64_t mantissa_bits, bool implicit_one) {
  const double mantissa = (implicit_one ? 2.0 : 1.0) - PowerOfTwo(-mantissa_bits);
  return Symmetric(PowerOfTwo(highest_exponent) * mantissa);
}

std::int64_t Codes(std::int64_t bits) {
  return std::int64_t{1} << std::clamp<std::int64_t>(bits, 0, 62);
}

struct RangeVisitor {
  std::optional<Range> operator()(const graph::IntegerFormat& f) const {
    const double scale = PowerOfTwo(-f.frac_width);
    if (!f.is_signed) return Range{.lowest = 0, .highest = (PowerOfTwo(f.width) - 1) * scale};
    const double half = PowerOfTwo(f.width - 1);
    return Range{.lowest = -half * scale, .highest = (half - 1) * scale};
  }
  std::optional<Range> operator()(const graph::ScaleIntegerFormat&) const { return std::nullopt; }
  std::optional<Range> operator()(const graph::BinaryFormat& f) const {
    return f.bipolar ? std::optional<Range>(Symmetric(1)) : std::nullopt;
  }
  std::optional<Range> operator()(const graph::TernaryFormat& f) const {
    return f.scaling_factor ? std::nullopt : std::optional<Range>(Symmetric(1));
  }
  std::optional<Range> operator()(const graph::MinifloatFormat& f) const {
    return Floating(Codes(f.exponent_width) - 1 - f.exponent_bias, f.width - f.exponent_width - 1,
                    f.kind == graph::MinifloatFormat::Kind::kIeee);
  }
  std::optional<Range> operator()(const graph::LogFormat& f) const {
    return Symmetric(PowerOfTwo(Codes(f.width - 1) - 1 - f.exponent_bias));
  }
  std::optional<Range> operator()(const graph::BlockFpFormat& f) const {
    return Floating(Codes(f.exponent_width) - 1 - f.exponent_bias, f.width - 1, false);
  }
  std::optional<Range> operator()(const graph::BlockMinifloatFormat& f) const {
    return Floating(Codes(f.exponent_width) - 1, f.width - f.exponent_width - 1, true);
  }
  std::optional<Range> operator()(const graph::BlockLogFormat& f) const {
    return Symmetric(PowerOfTwo(Codes(f.width - 1) - 1));
  }
  std::optional<Range> operator()(const graph::MxintFormat&) const { return std::nullopt; }
  std::optional<Range> operator()(const graph::MxfpFormat&) const { return std::nullopt; }
};

std::int64_t Distinct(std::span<const float> values) {
  std::vector<float> sorted;
  bool has_nan = false;
  for (const float value : values) {
    if (std::isnan(value)) {
      has_nan = true;
    } else {
      sorted.push_back(value);
    }
  }
  std::sort(sorted.begin(), sorted.end());
  return std::unique(sorted.begin(), sorted.end()) - sorted.begin() + (has_nan ? 1 : 0);
}

}  // namespace

std::optional<Range> RangeOf(const graph::NumberFormat& format) {
  return std::visit(RangeVisitor{}, format);
}

double Step(const graph::NumberFormat& format) {
  if (const auto* integer = std::get_if<graph::IntegerFormat>(&format)) {
    return PowerOfTwo(-integer->frac_width);
  }
  if (const auto* binary = std::get_if<graph::BinaryFormat>(&format))
    return binary->bipolar ? 2 : 0;
  if (const auto* ternary = std::get_if<graph::TernaryFormat>(&format)) {
    return ternary->scaling_factor ? 0 : 1;
  }
  return 0;
}

QuantizationError MeasureError(const graph::NumberFormat& format, std::span<const float> x,
                               std::span<const float> q) {
  QuantizationError error;
  error.elements = static_cast<std::int64_t>(x.size());
  error.distinct = Distinct(q);
  const std::optional<Range> range = RangeOf(format);
  double signal = 0;
  double noise = 0;
  double sum = 0;
  for (std::size_t i = 0; i < x.size(); ++i) {
    const double value = x[i];
    const double distance = std::abs(value - q[i]);
    if (range && (value < range->lowest || value > range->highest)) ++error.saturated;
    if (value != 0 && q[i] == 0) ++error.flushed_to_zero;
    if (std::isnan(distance) || distance > error.max_abs_error) error.max_abs_error = distance;
    sum += distance;
    signal += value * value;
    noise += distance * distance;
  }
  if (std::isnan(sum)) error.max_abs_error = std::numeric_limits<double>::quiet_NaN();
  error.mean_abs_error = x.empty() ? 0 : sum / static_cast<double>(x.size());
  error.sqnr_db =
      noise == 0 ? std::numeric_limits<double>::infinity() : 10 * std::log10(signal / noise);
  return error;
}

}  // namespace bitsweep::passes
