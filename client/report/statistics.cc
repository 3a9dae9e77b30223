// SPDX-License-Identifier: Apache-2.0
#include "client/report/statistics.h"

#include <cmath>

#include "boost/math/distributions/students_t.hpp"

namespace bitsweep::report {

Sample SampleOf(std::span<const double> values) {
  Sample sample;
  double squares = 0;  // of distances from the mean so far (Welford)
  for (const double value : values) {
    ++sample.n;
    const double before = value - sample.mean;
    sample.mean += before / static_cast<double>(sample.n);
    squares += before * (value - sample.mean);
  }
  if (sample.n > 1) sample.sd = std::sqrt(squares / static_cast<double>(sample.n - 1));
  return sample;
}

double StudentQuantile(double degrees, double confidence) {
  return boost::math::quantile(boost::math::students_t(degrees), (1 + confidence) / 2);
}

std::optional<Interval> MeanInterval(const Sample& sample, double confidence) {
  if (sample.n < 2 || !sample.sd) return std::nullopt;
  const auto n = static_cast<double>(sample.n);
  const double reach = StudentQuantile(n - 1, confidence) * *sample.sd / std::sqrt(n);
  return Interval{sample.mean - reach, sample.mean + reach};
}

bool Difference::IsMoreThanNoise() const {
  return interval && (interval->low > 0 || interval->high < 0);
}

Difference WelchDifference(const Sample& a, const Sample& b, double confidence) {
  Difference difference{.value = b.mean - a.mean};
  if (a.n < 2 || b.n < 2 || !a.sd || !b.sd) return difference;
  const auto na = static_cast<double>(a.n);
  const auto nb = static_cast<double>(b.n);
  const double va = *a.sd * *a.sd / na;
  const double vb = *b.sd * *b.sd / nb;
  if (va + vb > 0) {
    // Divided by the larger one first: squares of small variances would underflow.
    const double scale = std::max(va, vb);
    const double ra = va / scale;
    const double rb = vb / scale;
    difference.degrees = (ra + rb) * (ra + rb) / (ra * ra / (na - 1) + rb * rb / (nb - 1));
  } else {
    difference.degrees = na + nb - 2;
  }
  const double reach = StudentQuantile(*difference.degrees, confidence) * std::sqrt(va + vb);
  difference.interval = Interval{difference.value - reach, difference.value + reach};
  return difference;
}

}  // namespace bitsweep::report
