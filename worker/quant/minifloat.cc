// SPDX-License-Identifier: Apache-2.0
#include "worker/quant/elements.h"
#include "worker/quant/kernels.h"

namespace bitsweep::quant {

// Formulas: elements.h. Exact: denorm holds 2^e k / 2^m (k < 2^m, largest 2^emax (1 - 2^-m)), ieee
// 2^e (1 + k / 2^m) for e above emin and 2^(emin + 1) k / 2^m (largest 2^emax (2 - 2^-m)).
void Minifloat(const graph::MinifloatFormat& format, std::span<const float> x, std::span<float> y) {
  const bool ieee = format.kind == graph::MinifloatFormat::Kind::kIeee;
  const MinifloatRange range = RangeOf(format.width, format.exponent_width, format.exponent_bias);
  if (format.semantics == graph::Semantics::kExact) {
    const int bits = static_cast<int>(format.width - format.exponent_width - 1);
    const double top = PowerOfTwo(range.highest);
    const double largest = ieee ? top * (2 - 1 / range.levels) : top * (1 - 1 / range.levels);
    const double unit = PowerOfTwo(ieee ? range.lowest + 1 : range.lowest) / range.levels;
    // Binary digits after the first: m with the implicit one, else m - 1.
    for (std::size_t i = 0; i < x.size(); ++i) {
      y[i] = Nearest(x[i], ieee ? bits : bits - 1, unit, largest);
    }
  } else if (ieee) {
    for (std::size_t i = 0; i < x.size(); ++i) y[i] = CompatibleIeee(x[i], range);
  } else {
    for (std::size_t i = 0; i < x.size(); ++i) y[i] = CompatibleDenorm(x[i], range);
  }
}

// emin = -bias, emax = 2^(width - 1) - 1 - bias.
void LogFormatKernel(const graph::LogFormat& format, std::span<const float> x, std::span<float> y) {
  const auto bias = static_cast<double>(format.exponent_bias);
  const double highest = PowerOfTwo(static_cast<double>(format.width - 1)) - 1 - bias;
  const float p = LogOffset(-bias);
  for (std::size_t i = 0; i < x.size(); ++i) y[i] = Log(x[i], p, -bias, highest);
}

}  // namespace bitsweep::quant
