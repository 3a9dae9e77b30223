// SPDX-License-Identifier: Apache-2.0
// What a report says of repeats: means, deviations and how far chance reaches. Pure.
#ifndef BITSWEEP_CLIENT_REPORT_STATISTICS_H_
#define BITSWEEP_CLIENT_REPORT_STATISTICS_H_

#include <cstdint>
#include <optional>
#include <span>

namespace bitsweep::report {

// n values as their mean and sample standard deviation, with the divisor n - 1.
struct Sample {
  std::int64_t n = 0;
  double mean = 0;           // 0 when n is 0
  std::optional<double> sd;  // nullopt for n < 2
};

Sample SampleOf(std::span<const double> values);

struct Interval {
  double low = 0;
  double high = 0;
};

// The value that a Student's t variable with `degrees` > 0 of freedom stays below with probability
// (1 + confidence) / 2.
double StudentQuantile(double degrees, double confidence = 0.95);

// Student's interval of the mean of what the values were drawn from:
//   mean -+ t(n - 1) sd / sqrt(n)
// nullopt for n < 2. As every interval here it takes the values for independent and normal.
std::optional<Interval> MeanInterval(const Sample& sample, double confidence = 0.95);

// b.mean - a.mean, and how sure that is.
struct Difference {
  double value = 0;
  // nullopt where a side has n < 2 and so no noise is known.
  std::optional<double> degrees;
  std::optional<Interval> interval;

  // Whether the interval is known and leaves out 0.
  bool IsMoreThanNoise() const;
};

// Welch's interval of a difference of means, which takes neither sample's deviation for the
// other's (B. L. Welch, Biometrika 34, 1947, 28-35; F. E. Satterthwaite, Biometrics Bulletin 2,
// 1946, 110-114): with va = sd_a^2 / n_a and vb = sd_b^2 / n_b
//   value -+ t(degrees) sqrt(va + vb)
//   degrees = (va + vb)^2 / (va^2 / (n_a - 1) + vb^2 / (n_b - 1))
// Where both deviations are 0 the interval is the value itself, with n_a + n_b - 2 degrees.
// REQUIRES: both n > 0.
Difference WelchDifference(const Sample& a, const Sample& b, double confidence = 0.95);

}  // namespace bitsweep::report

#endif  // BITSWEEP_CLIENT_REPORT_STATISTICS_H_
