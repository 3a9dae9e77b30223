// SPDX-License-Identifier: Apache-2.0
#include "client/exchange/fixed_point.h"

#include <algorithm>
#include <bit>
#include <cmath>

#include "fmt/format.h"

namespace bitsweep::exchange {
namespace {

constexpr char kRoundAndSaturate[] = ",AP_RND_CONV,AP_SAT";

// The exponent of the lowest bit of x that is 1. REQUIRES: x is finite and not 0.
std::int64_t LowestBit(float x) {
  int exponent = 0;
  const float fraction = std::frexp(std::fabs(x), &exponent);
  const auto digits = static_cast<std::uint32_t>(std::ldexp(fraction, 24));
  return exponent - 24 + std::countr_zero(digits);
}

// Bits before the point of a signed type.
std::int64_t SignedInteger(const FixedType& type) {
  return type.integer + (type.is_signed ? 0 : 1);
}

}  // namespace

std::string FixedType::Text() const {
  return fmt::format("ap_{}fixed<{},{}{}>", is_signed ? "" : "u", width, integer, modes);
}

FixedType TypeOf(const graph::IntegerFormat& format) {
  return {
      .width = format.width,
      .integer = format.width - format.frac_width,
      .is_signed = format.is_signed,
      .modes = format.rounding == graph::Rounding::kFloor ? ",AP_TRN,AP_SAT" : kRoundAndSaturate};
}

FixedType RoundedType(std::int64_t integer, std::int64_t fraction) {
  return {.width = integer + fraction, .integer = integer, .modes = kRoundAndSaturate};
}

// |x| <= 2^(integer - 1) of a signed x and below 2^integer of an unsigned one, so a product is at
// most 2 to the sum of these exponents, and `terms` of them 2^ceil(log2 terms) times that. One bit
// more is for the sign, and one for the product of two lowest values, which is that power itself.
FixedType SumOfProducts(const FixedType& x, const FixedType& w, std::int64_t terms) {
  const auto grown =
      static_cast<std::int64_t>(std::bit_width(static_cast<std::uint64_t>(terms - 1)));
  const std::int64_t magnitude =
      x.integer - (x.is_signed ? 1 : 0) + w.integer - (w.is_signed ? 1 : 0);
  const std::int64_t integer = magnitude + grown + 1 + (x.is_signed && w.is_signed ? 1 : 0);
  return {.width = integer + x.fraction() + w.fraction(), .integer = integer};
}

FixedType Sum(const FixedType& a, const FixedType& b) {
  const std::int64_t integer = std::max(SignedInteger(a), SignedInteger(b)) + 1;
  return {.width = integer + std::max(a.fraction(), b.fraction()), .integer = integer};
}

FixedType Holding(std::span<const float> values, std::int64_t max_fraction) {
  std::int64_t integer = 1;
  std::int64_t fraction = 0;
  for (const float value : values) {
    if (value == 0) continue;
    int exponent = 0;  // |value| < 2^exponent
    static_cast<void>(std::frexp(value, &exponent));
    integer = std::max<std::int64_t>(integer, exponent + 1);
    fraction = std::max(fraction, -LowestBit(value));
  }
  return RoundedType(integer, std::min(fraction, max_fraction));
}

}  // namespace bitsweep::exchange
