// SPDX-License-Identifier: Apache-2.0
#include "worker/passes/quantile.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace bitsweep::passes {

double Quantile(std::vector<float>& values, double q) {
  const bool has_nan =
      std::any_of(values.begin(), values.end(), [](float value) { return std::isnan(value); });
  if (has_nan) return std::numeric_limits<double>::quiet_NaN();
  const double rank = q * static_cast<double>(values.size() - 1);
  const auto below = std::min(static_cast<std::size_t>(rank), values.size() - 1);
  const auto middle = values.begin() + static_cast<std::ptrdiff_t>(below);
  std::nth_element(values.begin(), middle, values.end());
  const double low = *middle;
  const double part = rank - static_cast<double>(below);
  if (part == 0 || below + 1 == values.size()) return low;
  const double high = *std::min_element(middle + 1, values.end());
  if (low == high) return low;
  // From the nearer end, so that the result never leaves [low, high].
  return part < 0.5 ? low + (high - low) * part : high - (high - low) * (1 - part);
}

}  // namespace bitsweep::passes
