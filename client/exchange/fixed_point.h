// SPDX-License-Identifier: Apache-2.0
// Used inside this room: types of fixed-point numbers that are wide enough. Pure functions.
#ifndef BITSWEEP_CLIENT_EXCHANGE_FIXED_POINT_H_
#define BITSWEEP_CLIENT_EXCHANGE_FIXED_POINT_H_

#include <cstdint>
#include <span>
#include <string>

#include "core/graph/number_format.h"

namespace bitsweep::exchange {

// ap_fixed<width, integer> of vendors' tools: whole multiples of 2^-(width - integer) from
// -2^(integer - 1), or from 0 to below 2^integer where it is unsigned.
struct FixedType {
  std::int64_t width = 1;
  std::int64_t integer = 1;  // bits before the point, the sign's among them; may be negative
  bool is_signed = true;
  std::string modes;  // ",AP_RND_CONV,AP_SAT" where values are rounded; empty where none is

  std::int64_t fraction() const { return width - integer; }
  // "ap_fixed<8,4,AP_RND_CONV,AP_SAT>".
  std::string Text() const;
  bool operator==(const FixedType&) const = default;
};

// The numbers of an integer format, rounded and saturated as it does.
FixedType TypeOf(const graph::IntegerFormat& format);
// A type with these bits before and behind the point, signed, that rounds to nearest even.
FixedType RoundedType(std::int64_t integer, std::int64_t fraction);

// Holds every sum of `terms` products of x and w.
FixedType SumOfProducts(const FixedType& x, const FixedType& w, std::int64_t terms);
// Holds every a + b.
FixedType Sum(const FixedType& a, const FixedType& b);
// Holds every value, exactly where that takes at most `max_fraction` bits behind the point.
FixedType Holding(std::span<const float> values, std::int64_t max_fraction);

}  // namespace bitsweep::exchange

#endif  // BITSWEEP_CLIENT_EXCHANGE_FIXED_POINT_H_
