// SPDX-License-Identifier: Apache-2.0
#include "client/report/compare_words.h"

#include <cmath>

#include "fmt/format.h"

namespace bitsweep::report {

std::string SignedText(double value) { return fmt::format("{:+.4f}", value); }

std::string DifferenceWords(const Sample& a, const Sample& b, const Difference& difference) {
  const char* better = difference.value > 0 ? "B" : "A";
  const double size = std::fabs(difference.value);
  if (!difference.interval) {
    const std::string what = size == 0 ? std::string("both are equal")
                                       : fmt::format("{} is better by {:.4f}", better, size);
    return what + ", but one repeat does not tell the noise";
  }
  const Interval& interval = *difference.interval;
  const std::string repeats = fmt::format("{} and {} repeats", a.n, b.n);
  if (difference.IsMoreThanNoise()) {
    const double low = difference.value > 0 ? interval.low : -interval.high;
    const double high = difference.value > 0 ? interval.high : -interval.low;
    return fmt::format("{} is better by {:.4f} ({:.4f} to {:.4f}), more than the noise of {}",
                       better, size, low, high, repeats);
  }
  return fmt::format("no difference is seen: {:.4f} ({:.4f} to {:.4f}) is within the noise of {}",
                     difference.value, interval.low, interval.high, repeats);
}

}  // namespace bitsweep::report
