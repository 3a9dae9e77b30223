// SPDX-License-Identifier: Apache-2.0
#include "client/report/statistics.h"

#include <vector>

#include "client/report/compare_words.h"
#include "gtest/gtest.h"

namespace bitsweep::report {
namespace {

// Tables of Student's t distribution, two-sided 95 % and 99 %.
TEST(StudentQuantileTest, AgreesWithPublishedTables) {
  EXPECT_NEAR(StudentQuantile(1), 12.706, 5e-4);
  EXPECT_NEAR(StudentQuantile(2), 4.303, 5e-4);
  EXPECT_NEAR(StudentQuantile(9), 2.262, 5e-4);
  EXPECT_NEAR(StudentQuantile(30), 2.042, 5e-4);
  EXPECT_NEAR(StudentQuantile(9, 0.99), 3.250, 5e-4);
  EXPECT_NEAR(StudentQuantile(1e7), 1.960, 5e-4);
}

TEST(SampleTest, HasMeanAndSampleDeviation) {
  // Deviations -3 -1 -1 -1 0 0 2 4: squares sum to 32.
  const Sample sample = SampleOf(std::vector<double>{2, 4, 4, 4, 5, 5, 7, 9});
  EXPECT_EQ(sample.n, 8);
  EXPECT_DOUBLE_EQ(sample.mean, 5);
  EXPECT_NEAR(sample.sd.value(), 2.13808993529939, 1e-14);  // sqrt(32 / 7)
}

TEST(SampleTest, KeepsItsDigitsFarFromZero) {
  const Sample sample = SampleOf(std::vector<double>{1e9 + 4, 1e9 + 7, 1e9 + 13, 1e9 + 16});
  EXPECT_DOUBLE_EQ(sample.mean, 1e9 + 10);
  EXPECT_NEAR(sample.sd.value(), 5.477225575051661, 1e-9);  // sqrt(30)
}

TEST(SampleTest, OfOneOrNoneHasNoDeviation) {
  EXPECT_EQ(SampleOf({}).n, 0);
  EXPECT_FALSE(SampleOf({}).sd.has_value());
  const Sample one = SampleOf(std::vector<double>{0.5});
  EXPECT_EQ(one.mean, 0.5);
  EXPECT_FALSE(one.sd.has_value());
  EXPECT_FALSE(MeanInterval(one).has_value());
}

TEST(MeanIntervalTest, IsStudents) {
  const auto interval = MeanInterval(Sample{.n = 10, .mean = 50, .sd = 4});
  ASSERT_TRUE(interval.has_value());  // 2.262157 * 4 / sqrt(10) = 2.861427
  EXPECT_NEAR(interval->low, 47.138573, 1e-5);
  EXPECT_NEAR(interval->high, 52.861427, 1e-5);
}

// By hand: va = 4, vb = 1, difference 5, degrees 25 / (16 / 3 + 1 / 8) = 4.580153 (3 and 8
// degrees); t(4.580153) lies between t(4) = 2.776 and t(5) = 2.571.
TEST(WelchDifferenceTest, TakesTheDegreesOfSatterthwaite) {
  const Difference difference =
      WelchDifference(Sample{.n = 4, .mean = 10, .sd = 4}, Sample{.n = 9, .mean = 15, .sd = 3});
  EXPECT_DOUBLE_EQ(difference.value, 5);
  EXPECT_NEAR(difference.degrees.value(), 4.580153, 1e-6);
  const double reach = difference.interval->high - 5;
  EXPECT_GT(reach, 2.571 * 2.2360679);
  EXPECT_LT(reach, 2.776 * 2.2360679);
  EXPECT_NEAR(5 - difference.interval->low, reach, 1e-12);
}

// With equal deviations and sizes it is the pooled interval, with 2 n - 2 degrees.
TEST(WelchDifferenceTest, IsThePooledIntervalForEqualSamples) {
  const Sample a{.n = 10, .mean = 0.50, .sd = 0.02};
  const Sample b{.n = 10, .mean = 0.53, .sd = 0.02};
  const Difference difference = WelchDifference(a, b);
  EXPECT_NEAR(difference.degrees.value(), 18, 1e-9);
  EXPECT_NEAR(difference.interval->low, 0.03 - 2.100922 * 0.008944272, 1e-8);  // t(18) = 2.100922
  EXPECT_TRUE(difference.IsMoreThanNoise());
  const Difference reverse = WelchDifference(b, a);
  EXPECT_DOUBLE_EQ(reverse.value, -difference.value);
  EXPECT_DOUBLE_EQ(reverse.interval->high, -difference.interval->low);
}

TEST(WelchDifferenceTest, KnowsNoNoiseFromOneRepeat) {
  const Difference difference =
      WelchDifference(Sample{.n = 1, .mean = 1}, Sample{.n = 9, .mean = 2, .sd = 0.1});
  EXPECT_EQ(difference.value, 1);
  EXPECT_FALSE(difference.interval.has_value());
  EXPECT_FALSE(difference.IsMoreThanNoise());
}

TEST(WelchDifferenceTest, OfValuesThatDoNotVaryIsItself) {
  const Difference difference =
      WelchDifference(Sample{.n = 3, .mean = 1, .sd = 0}, Sample{.n = 5, .mean = 1.5, .sd = 0});
  EXPECT_EQ(difference.degrees, 6);
  EXPECT_EQ(difference.interval->low, 0.5);
  EXPECT_EQ(difference.interval->high, 0.5);
}

TEST(WelchDifferenceTest, HoldsForTinyVariances) {
  const Difference difference = WelchDifference(Sample{.n = 5, .mean = 0, .sd = 1e-160},
                                                Sample{.n = 5, .mean = 0, .sd = 1e-160});
  EXPECT_NEAR(difference.degrees.value(), 8, 1e-9);
}

TEST(DifferenceWordsTest, SayWhichIsBetterAndWhetherItIsNoise) {
  const Sample low{.n = 10, .mean = 0.50, .sd = 0.02};
  const Sample high{.n = 10, .mean = 0.53, .sd = 0.02};
  const Sample close{.n = 10, .mean = 0.505, .sd = 0.02};
  const Sample one{.n = 1, .mean = 0.52};
  const auto words = [](const Sample& a, const Sample& b) {
    return DifferenceWords(a, b, WelchDifference(a, b));
  };
  EXPECT_EQ(words(low, high),
            "B is better by 0.0300 (0.0112 to 0.0488), more than the noise of 10 and 10 repeats");
  EXPECT_EQ(words(high, low),
            "A is better by 0.0300 (0.0112 to 0.0488), more than the noise of 10 and 10 repeats");
  EXPECT_EQ(words(low, close),
            "no difference is seen: 0.0050 (-0.0138 to 0.0238) is within the noise of 10 and 10 "
            "repeats");
  EXPECT_EQ(words(low, one), "B is better by 0.0200, but one repeat does not tell the noise");
  EXPECT_EQ(words(one, one), "both are equal, but one repeat does not tell the noise");
}

}  // namespace
}  // namespace bitsweep::report
