// SPDX-License-Identifier: Apache-2.0
// One element of each format, for finite x unless said otherwise. Sources: docs/numerics.md,
// "Number formats". double holds every intermediate of float32 operands exactly where the text
// says exact.
#ifndef BITSWEEP_WORKER_QUANT_ELEMENTS_H_
#define BITSWEEP_WORKER_QUANT_ELEMENTS_H_

#include <bit>
#include <cmath>
#include <cstdint>

namespace bitsweep::quant {

// What the compatible formats add to |x| before a logarithm, in float32.
inline constexpr float kTiny = 1e-9F;
// Values up to this pass the compatible minifloats and block_fp unchanged.
inline constexpr float kPassThrough = 1e-8F;

// The nearest whole number, ties to even; |x| below 2^51.
inline double Round(double x) {
  constexpr double kWhole = 4503599627370496.0;  // 2^52
  const double rounded = (std::fabs(x) + kWhole) - kWhole;
  return std::copysign(std::fabs(x) < kWhole ? rounded : std::fabs(x), x);
}

// 2^exponent for whole exponents of doubles.
inline double PowerOfTwo(double exponent) {
  if (exponent < -1022 || exponent > 1023) {
    return std::ldexp(1.0, static_cast<int>(exponent < 0 ? std::fmax(exponent, -2000.0)
                                                         : std::fmin(exponent, 2000.0)));
  }
  const auto biased = static_cast<std::uint64_t>(static_cast<std::int64_t>(exponent) + 1023);
  return std::bit_cast<double>(biased << 52);
}

// float32 log2, correctly rounded: near powers of two this decides floor and ceil.
inline double Log2(float x) { return static_cast<float>(std::log2(static_cast<double>(x))); }

// x = 2^exponent fraction, 1 <= fraction < 2. REQUIRES: x > 0, finite and not subnormal: a float32
// never is.
struct Binary32 {
  double exponent, fraction;
};
inline Binary32 Split(double x) {
  const auto bits = std::bit_cast<std::uint64_t>(x);
  constexpr std::uint64_t kFraction = (std::uint64_t{1} << 52) - 1;
  return {static_cast<double>(static_cast<std::int64_t>(bits >> 52) - 1023),
          std::bit_cast<double>((bits & kFraction) | (std::uint64_t{1023} << 52))};
}

// floor, ceil and round of Log2(x). float32 rounding can move a logarithm by at most 2^-18 (for
// |log2 x| < 128): only so close to a decision the logarithm itself is needed.
inline constexpr double kClose = 1.0 / 16384;
inline double FloorLog2(float x) {
  const Binary32 split = Split(x);
  return split.fraction > 2 - kClose ? std::floor(Log2(x)) : split.exponent;
}
inline double CeilLog2(float x) {
  const Binary32 split = Split(x);
  return split.fraction < 1 + kClose ? std::ceil(Log2(x)) : split.exponent + 1;
}
inline double RoundLog2(float x) {
  constexpr double kSqrt2 = 1.4142135623730951;
  const Binary32 split = Split(x);
  if (std::fabs(split.fraction - kSqrt2) < kClose) return std::nearbyint(Log2(x));
  return split.exponent + static_cast<double>(split.fraction > kSqrt2);
}

inline double Clamp(double x, double lowest, double highest) {
  return x < lowest ? lowest : (x > highest ? highest : x);
}

// -1, 0, 1.
inline double Sign(float x) { return x > 0 ? 1 : (x < 0 ? -1 : 0); }

// Exponent range and mantissa bits of an element.
struct MinifloatRange {
  double lowest = 0;   // emin = -bias
  double highest = 0;  // emax = 2^exponent_width - 1 - bias
  double levels = 0;   // 2^mantissa bits
  double level = 0;    // 1 / levels
};
inline MinifloatRange RangeOf(std::int64_t width, std::int64_t exponent_width,
                              std::int64_t exponent_bias) {
  const auto bias = static_cast<double>(exponent_bias);
  return {.lowest = -bias,
          .highest = PowerOfTwo(static_cast<double>(exponent_width)) - 1 - bias,
          .levels = PowerOfTwo(static_cast<double>(width - exponent_width - 1)),
          .level = PowerOfTwo(static_cast<double>(1 + exponent_width - width))};
}

// Without the implicit one: sign 2^e k / 2^m, e = clamp(ceil(log2(|x| + 1e-9)), emin, emax),
// k = clamp(rint(|x| / 2^e 2^m), 0, 2^m - 1). Infinity and NaN give NaN.
inline float CompatibleDenorm(float x, const MinifloatRange& range) {
  const float magnitude = std::fabs(x);
  if (!std::isfinite(x)) return std::nanf("");
  if (magnitude <= kPassThrough) return x + 0.0F;
  const double e = Clamp(CeilLog2(magnitude + kTiny), range.lowest, range.highest);
  const double k = Clamp(Round(magnitude * PowerOfTwo(-e) * range.levels), 0, range.levels - 1);
  return std::copysign(static_cast<float>(k * range.level * PowerOfTwo(e)), x);
}

// With the implicit one: e = clamp(floor(log2(|x| + 1e-9)), emin, emax); e != emin:
// 2^e (1 + k / 2^m), k = clamp(rint((|x| / 2^e - 1) 2^m), 0, 2^m - 1); e == emin: 2^(e + 1) k /
// 2^m, k = clamp(rint(|x| / 2^e 2^m / 2), 0, 2^m - 1). Infinity and NaN give NaN.
inline float CompatibleIeee(float x, const MinifloatRange& range) {
  const float magnitude = std::fabs(x);
  if (!std::isfinite(x)) return std::nanf("");
  if (magnitude <= kPassThrough) return x + 0.0F;
  const double e = Clamp(FloorLog2(magnitude + kTiny), range.lowest, range.highest);
  const auto implicit = static_cast<double>(e > range.lowest);  // both cases without a branch
  const double step = 2 - implicit;                             // of k, in 2^e / 2^m
  const double scaled =
      (magnitude * PowerOfTwo(-e) - implicit) * (range.levels * (0.5 + 0.5 * implicit));
  const double k = Clamp(Round(scaled), 0, range.levels - 1);
  const double value = PowerOfTwo(e) * step * (implicit + k * range.level);
  return std::copysign(static_cast<float>(value), x);
}

// The nearest value of the form k unit, ties to even k, where unit is that of |x|'s binade, not
// below `lowest_unit`; above `largest` it saturates. Keeps the sign of zero; NaN gives NaN.
// `mantissa`: binary digits after the first.
inline float Nearest(float x, int mantissa, double lowest_unit, double largest) {
  if (std::isnan(x)) return x;
  const double magnitude = std::fabs(static_cast<double>(x));
  if (magnitude >= largest) return std::copysign(static_cast<float>(largest), x);
  if (magnitude == 0) return x;
  const double of_binade = PowerOfTwo(Split(magnitude).exponent - mantissa);
  const double unit = of_binade > lowest_unit ? of_binade : lowest_unit;
  const double value = Round(magnitude / unit) * unit;
  return std::copysign(static_cast<float>(value < largest ? value : largest), x);
}

// What `log` adds to x: 0.1 2^emin in float32.
inline float LogOffset(double lowest) { return static_cast<float>(0.1 * PowerOfTwo(lowest)); }

// A power of two: sign(x + p) 2^clamp(rint(log2(|x| + p)), emin, emax), p = LogOffset(emin).
// Infinity saturates, NaN gives NaN, 0 gives 2^emin.
inline float Log(float x, float p, double lowest, double highest) {
  if (std::isnan(x)) return x;
  const float magnitude = std::fabs(x) + p;
  // p is 0 where 0.1 2^emin is too small for float32.
  const double log =
      magnitude > 0 && std::isfinite(magnitude) ? RoundLog2(magnitude) : Log2(magnitude);
  const double e = Clamp(log, lowest, highest);
  return static_cast<float>(Sign(x + p) * PowerOfTwo(e));
}

}  // namespace bitsweep::quant

#endif  // BITSWEEP_WORKER_QUANT_ELEMENTS_H_
