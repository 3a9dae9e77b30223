// SPDX-License-Identifier: Apache-2.0
#include "worker/quant/quantize.h"

#include <cmath>
#include <limits>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "worker/quant/elements.h"

namespace bitsweep::quant {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

std::vector<float> Quantized(const graph::NumberFormat& format, const graph::Shape& shape,
                             std::vector<float> x) {
  EXPECT_TRUE(Quantize(format, shape, x, x, nullptr).ok());  // in place
  return x;
}

std::vector<float> Line(float from, float to, int points) {
  std::vector<float> x;
  for (int i = 0; i < points; ++i) {
    x.push_back(from + (to - from) * static_cast<float>(i) / static_cast<float>(points - 1));
  }
  return x;
}

TEST(QuantizeTest, IntegerRoundsWithinHalfAStepAndRises) {
  const std::vector<float> x = Line(-9, 9, 5001);
  const std::vector<float> y =
      Quantized(graph::IntegerFormat{.width = 8, .frac_width = 4}, {5001}, x);
  for (std::size_t i = 0; i < x.size(); ++i) {
    if (x[i] >= -8 && x[i] <= 7.9375F) {
      EXPECT_LE(std::fabs(y[i] - x[i]), 1.0F / 32) << x[i];
    } else {
      EXPECT_EQ(y[i], x[i] < 0 ? -8.0F : 7.9375F);
    }
    EXPECT_GE(y[i], y[i == 0 ? 0 : i - 1]);
  }
}

TEST(QuantizeTest, DoesNotChangeWhatItHasRounded) {
  const std::vector<graph::NumberFormat> formats = {
      graph::IntegerFormat{},
      graph::IntegerFormat{.width = 32, .frac_width = 30},
      graph::BinaryFormat{},
      graph::LogFormat{},
      graph::MinifloatFormat{.semantics = graph::Semantics::kExact},
      graph::MinifloatFormat{.kind = graph::MinifloatFormat::Kind::kDenorm,
                             .semantics = graph::Semantics::kExact},
      graph::MxfpFormat{.block_size = 3}};
  for (const graph::NumberFormat& format : formats) {
    const std::vector<float> once = Quantized(format, {303}, Line(-3, 3, 303));
    EXPECT_EQ(Quantized(format, {303}, once), once) << format.index();
  }
}

TEST(QuantizeTest, IntegerHandlesWhatIsNotFinite) {
  const float inf = std::numeric_limits<float>::infinity();
  const std::vector<float> y =
      Quantized(graph::IntegerFormat{}, {4}, {inf, -inf, std::nanf(""), -0.01F});
  EXPECT_EQ(y[0], 7.9375F);
  EXPECT_EQ(y[1], -8.0F);
  EXPECT_TRUE(std::isnan(y[2]));
  EXPECT_TRUE(y[3] == 0 && std::signbit(y[3]));
}

TEST(QuantizeTest, BinaryAndTernaryHandleNan) {
  const float nan = std::nanf("");
  EXPECT_THAT(Quantized(graph::BinaryFormat{}, {1}, {nan}), ElementsAre(-1.0F));
  EXPECT_THAT(Quantized(graph::TernaryFormat{.mean = 1.0}, {3}, {nan, 0.8F, -0.8F}),
              ElementsAre(0.0F, 1.0F, -1.0F));
}

// One block of 2 x 4 has one exponent; blocks of 1 x 4 have one each.
TEST(QuantizeTest, BlocksShareAnExponent) {
  const std::vector<float> x = {0.01F, 0.01F, 0.01F, 0.01F, 8, 8, 8, 9};
  const graph::BlockFpFormat whole{.width = 4, .blocks = {.size = {16}}};
  graph::BlockFpFormat rows = whole;
  rows.blocks.size = {1, 16};
  EXPECT_EQ(Quantized(whole, {2, 4}, x)[0], 0.0F);
  EXPECT_NEAR(Quantized(rows, {2, 4}, x)[0], 0.01F, 0.001F);
}

TEST(QuantizeTest, TakesMinusOneAndTooLargeForTheWholeDimension) {
  const std::vector<float> x = {0.3F, -1.2F, 5.0F, 0.7F, 0.1F, 2.5F};
  const graph::BlockFpFormat minus_one{.width = 5, .blocks = {.size = {-1, -1}}};
  const graph::BlockFpFormat large{.width = 5, .blocks = {.size = {7, 2, 100}}};
  EXPECT_EQ(Quantized(minus_one, {2, 3}, x), Quantized(large, {2, 3}, x));
}

TEST(QuantizeTest, RefusesRanksThatItCannotBlock) {
  std::vector<float> x(8, 1.0F);
  const graph::BlockFpFormat over{};
  graph::BlockFpFormat without = over;
  without.blocks.skip_first_dim = true;
  EXPECT_THAT(Quantize(over, {2, 2, 2}, x, x, nullptr).message(), HasSubstr("[2, 2, 2]"));
  EXPECT_THAT(Quantize(without, {8}, x, x, nullptr).message(), HasSubstr("[8]"));
  EXPECT_THAT(x, ::testing::Each(1.0F));
}

TEST(QuantizeTest, RefusesMxBlocksThatDoNotDivideTheLastDimension) {
  std::vector<float> x(6, 1.0F);
  EXPECT_THAT(Quantize(graph::MxintFormat{.block_size = 4}, {1, 6}, x, x, nullptr).message(),
              HasSubstr("blocks of 4"));
  EXPECT_THAT(Quantize(graph::MxfpFormat{.block_size = 4}, {6}, x, x, nullptr).message(),
              HasSubstr("blocks of 4"));
}

TEST(QuantizeTest, StochasticBinaryWantsRandomNumbersAndFollowsThem) {
  const graph::BinaryFormat format{.stochastic = true};
  std::vector<float> x(10000, 0.5F);
  EXPECT_THAT(Quantize(format, {10000}, x, x, nullptr).message(), HasSubstr("random"));
  Random random(3, RandomStream::kQuantize);
  std::vector<float> y(x.size());
  ASSERT_TRUE(Quantize(format, {10000}, x, y, &random).ok());
  double sum = 0;
  for (const float value : y) sum += value;
  EXPECT_NEAR(sum / 10000, 0.5, 0.05);  // p = 0.75: mean 0.5, standard error 0.0087
}

// Short cuts for the logarithm against the logarithm: beside powers of two and of the square root.
TEST(QuantizeTest, ShortLogarithmsAreTheLogarithms) {
  for (int e = -149; e <= 127; ++e) {
    for (const double fraction : {1.0, 1.25, 1.4142135623730951, 1.9999999}) {
      float x = static_cast<float>(std::ldexp(fraction, e));
      for (int i = 0; i < 300; ++i) x = std::nextafterf(x, 0.0F);
      for (int i = 0; i < 600; ++i, x = std::nextafterf(x, 1e38F)) {
        if (!(x > 0)) continue;
        ASSERT_EQ(FloorLog2(x), std::floor(Log2(x))) << x;
        ASSERT_EQ(CeilLog2(x), std::ceil(Log2(x))) << x;
        ASSERT_EQ(RoundLog2(x), std::nearbyint(Log2(x))) << x;
      }
    }
  }
}

// The plain formula of docs/numerics.md beside powers of two, where the logarithm's rounding
// decides.
TEST(QuantizeTest, CompatibleMinifloatFollowsTheRoundedLogarithm) {
  const graph::MinifloatFormat format{.width = 8, .exponent_width = 4, .exponent_bias = 7};
  for (int e = -6; e <= 7; ++e) {
    for (const int ulps : {-2, -1, 0, 1, 2}) {
      float x = std::ldexp(1.0F, e);
      for (int i = 0; i < std::abs(ulps); ++i) x = std::nextafterf(x, ulps < 0 ? 0.0F : 1e9F);
      const float log = static_cast<float>(std::log2(static_cast<double>(x + 1e-9F)));
      const double floor = std::min(std::max(std::floor(static_cast<double>(log)), -7.0), 8.0);
      const double power = std::exp2(floor);
      const double k = std::min(std::max(std::nearbyint((x / power - 1) * 8), 0.0), 7.0);
      EXPECT_EQ(Quantized(format, {1}, {x})[0], static_cast<float>(power * (1 + k / 8))) << x;
    }
  }
}

}  // namespace
}  // namespace bitsweep::quant
