// SPDX-License-Identifier: Apache-2.0
// Formats that round each element alone, beside their formulas in float32 arithmetic
// (docs/numerics.md, "Number formats"), and what follows from these.
#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <limits>
#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/support/status_matchers.h"
#include "worker/quant/quantize.h"

namespace bitsweep::quant {
namespace {

using bitsweep::testing::IsOk;
using Kind = graph::MinifloatFormat::Kind;

const float kInf = std::numeric_limits<float>::infinity();
const float kNan = std::numeric_limits<float>::quiet_NaN();

std::vector<float> Quantized(const graph::NumberFormat& format, const std::vector<float>& x) {
  std::vector<float> y(x.size());
  EXPECT_THAT(Quantize(format, {static_cast<std::int64_t>(x.size())}, x, y, nullptr), IsOk());
  return y;
}

// Rising: some of each binade from 2^-34 on, and all next to powers of two and the root of two.
std::vector<float> Magnitudes() {
  std::vector<float> x;
  for (int e = -34; e < 12; ++e) {
    const auto first = std::bit_cast<std::uint32_t>(std::ldexp(1.0F, e));
    const auto root = std::bit_cast<std::uint32_t>(std::ldexp(1.41421356F, e));
    for (std::uint32_t i = 0; i < 80; ++i) {
      for (const std::uint32_t bits : {first - 40 + i, root - 40 + i, first + i * 104729}) {
        x.push_back(std::bit_cast<float>(bits));
      }
    }
  }
  std::sort(x.begin(), x.end());
  return x;
}

float Log2(float x) { return static_cast<float>(std::log2(static_cast<double>(x))); }
float Clamp(float x, float low, float high) { return std::min(std::max(x, low), high); }

float Formula(const graph::MinifloatFormat& format, float x) {
  if (x <= 1e-8F) return x;
  const float levels = std::exp2(static_cast<float>(format.width - format.exponent_width - 1));
  const auto low = static_cast<float>(-format.exponent_bias);
  const float high = std::exp2(static_cast<float>(format.exponent_width)) - 1 + low;
  const float log = Log2(x + 1e-9F);
  const bool ieee = format.kind == Kind::kIeee;
  const float e = Clamp(ieee ? std::floor(log) : std::ceil(log), low, high);
  const float fraction = x / std::exp2(e);
  if (!ieee) return std::exp2(e) * Clamp(std::rint(fraction * levels), 0, levels - 1) / levels;
  if (e == low) {
    return std::exp2(e + 1) * Clamp(std::rint(fraction * levels / 2), 0, levels - 1) / levels;
  }
  return std::exp2(e) * (1 + Clamp(std::rint((fraction - 1) * levels), 0, levels - 1) / levels);
}

TEST(MinifloatTest, CompatibleIsTheFormula) {
  const std::vector<float> x = Magnitudes();
  for (const Kind kind : {Kind::kIeee, Kind::kDenorm}) {
    for (const auto& [width, exponent_width, bias] :
         std::vector<std::array<std::int64_t, 3>>{{8, 4, 7}, {6, 2, 1}, {16, 5, 15}, {8, 5, 20}}) {
      const graph::MinifloatFormat format{kind, width, exponent_width, bias};
      const std::vector<float> y = Quantized(format, x);
      for (std::size_t i = 0; i < x.size(); ++i) {
        ASSERT_EQ(y[i], Formula(format, x[i])) << graph::FormatText(format) << " of " << x[i];
      }
    }
  }
}

TEST(LogTest, IsTheFormula) {
  const std::vector<float> x = Magnitudes();
  for (const auto& [width, bias] :
       std::vector<std::array<std::int64_t, 2>>{{8, 63}, {4, 3}, {8, 128}, {6, -2}}) {
    const std::vector<float> y = Quantized(graph::LogFormat{width, bias}, x);
    const auto low = static_cast<float>(-bias);
    const float high = std::exp2(static_cast<float>(width - 1)) - 1 + low;
    const auto p = static_cast<float>(0.1 * std::exp2(static_cast<double>(low)));
    for (std::size_t i = 0; i < x.size(); ++i) {
      ASSERT_EQ(y[i], std::exp2(Clamp(std::rint(Log2(x[i] + p)), low, high))) << x[i];
    }
  }
}

// Every value of the two kinds with w = 6, e = 3, bias 3, listed; the middles between two go to
// the even mantissa.
TEST(MinifloatTest, ExactIsTheNearestOfItsValues) {
  for (const Kind kind : {Kind::kIeee, Kind::kDenorm}) {
    std::vector<float> values;
    for (int e = -3; e <= 4; ++e) {
      for (int k = 0; k < 4; ++k) {
        const auto fraction = static_cast<float>(k) / 4;
        const bool implicit = kind == Kind::kIeee && e > -3;
        const int exponent = kind == Kind::kIeee && e == -3 ? -2 : e;
        values.push_back(std::ldexp(implicit ? 1 + fraction : fraction, exponent));
      }
    }
    std::sort(values.begin(), values.end());
    values.erase(std::unique(values.begin(), values.end()), values.end());
    std::vector<float> x = Magnitudes();
    for (std::size_t i = 1; i < values.size(); ++i) x.push_back((values[i - 1] + values[i]) / 2);
    const graph::MinifloatFormat format{kind, 6, 3, 3, graph::Semantics::kExact};
    const std::vector<float> y = Quantized(format, x);
    for (std::size_t i = 0; i < x.size(); ++i) {
      const auto above = std::lower_bound(values.begin(), values.end(), x[i]);
      const auto index = above - values.begin();
      float nearest = values.back();
      if (above != values.end()) {
        const float up = *above - x[i];
        const float down = x[i] - *(above - 1);
        nearest = up < down || (up == down && index % 2 == 0) ? *above : *(above - 1);
      }
      ASSERT_EQ(y[i], nearest) << x[i];
    }
  }
}

struct Case {
  const char* name;
  graph::NumberFormat format;
};

class ElementsTest : public ::testing::TestWithParam<Case> {
 protected:
  const graph::NumberFormat format_ = GetParam().format;
};

TEST_P(ElementsTest, NeverFalls) {
  std::vector<float> x = Magnitudes();
  x.erase(x.begin(), std::upper_bound(x.begin(), x.end(), 1e-8F));  // unchanged: may be above 0
  const std::vector<float> y = Quantized(format_, x);
  EXPECT_TRUE(std::is_sorted(y.begin(), y.end()));
}

TEST_P(ElementsTest, IsOddButForOneSidedRanges) {
  std::vector<float> x = Magnitudes();
  x.resize(static_cast<std::size_t>(std::upper_bound(x.begin(), x.end(), 7.0F) - x.begin()));
  const std::vector<float> y = Quantized(format_, x);
  for (float& value : x) value = -value;
  const std::vector<float> negative = Quantized(format_, x);
  for (std::size_t i = 0; i < x.size(); ++i) {
    // log adds a little to x before it looks.
    if (std::holds_alternative<graph::LogFormat>(format_) && x[i] > -0.01F) continue;
    ASSERT_EQ(negative[i], -y[i]) << x[i];
  }
}

TEST_P(ElementsTest, KeepsNan) { EXPECT_TRUE(std::isnan(Quantized(format_, {kNan})[0])); }

TEST_P(ElementsTest, GivesTheSameInPlace) {
  std::vector<float> x = Magnitudes();
  const std::vector<float> y = Quantized(format_, x);
  ASSERT_THAT(Quantize(format_, {static_cast<std::int64_t>(x.size())}, x, x, nullptr), IsOk());
  EXPECT_EQ(x, y);
}

INSTANTIATE_TEST_SUITE_P(
    Formats, ElementsTest,
    ::testing::Values(
        Case{"Integer", graph::IntegerFormat{}}, Case{"Wide", graph::IntegerFormat{32, 12}},
        Case{"Ieee", graph::MinifloatFormat{}},
        Case{"IeeeExact", graph::MinifloatFormat{.semantics = graph::Semantics::kExact}},
        Case{"DenormExact",
             graph::MinifloatFormat{.kind = Kind::kDenorm, .semantics = graph::Semantics::kExact}},
        Case{"Log", graph::LogFormat{.width = 6, .exponent_bias = 15}}),
    [](const auto& one) { return std::string(one.param.name); });

TEST(MinifloatTest, InfinityIsNanInCompatibleAndTheLargestInExact) {
  for (const Kind kind : {Kind::kIeee, Kind::kDenorm}) {
    const graph::MinifloatFormat compatible{kind};
    graph::MinifloatFormat exact = compatible;
    exact.semantics = graph::Semantics::kExact;
    const std::vector<float> y = Quantized(compatible, {kInf, -kInf});
    EXPECT_TRUE(std::isnan(y[0]) && std::isnan(y[1]));
    const float largest = kind == Kind::kIeee ? 480 : 224;  // 2^8 (2 - 1/8), 2^8 (1 - 1/8)
    EXPECT_THAT(Quantized(exact, {kInf, -kInf}), ::testing::ElementsAre(largest, -largest));
  }
}

TEST(IntegerTest, UnsignedKeepsOnlyTheSignOfWhatRoundsToZero) {
  const std::vector<float> y = Quantized(graph::IntegerFormat{.is_signed = false}, {-0.01F, -5.0F});
  EXPECT_TRUE(y[0] == 0 && std::signbit(y[0]));
  EXPECT_TRUE(y[1] == 0 && !std::signbit(y[1]));
}

TEST(IntegerTest, FloorIsNeverAbove) {
  const graph::IntegerFormat format{.width = 32, .rounding = graph::Rounding::kFloor};
  std::vector<float> x = Magnitudes();
  for (std::size_t i = 0; i < x.size(); i += 2) x[i] = -x[i];
  const std::vector<float> y = Quantized(format, x);
  for (std::size_t i = 0; i < x.size(); ++i) {
    ASSERT_LE(y[i], x[i]);
    ASSERT_GT(y[i] + 0.0625, x[i]);
  }
}

TEST(ScaleIntegerTest, EachRowHasItsScale) {
  std::vector<float> x = {0.5F, -1, 0.26F, 0, 5, -10, 2.6F, 0};
  ASSERT_THAT(Quantize(graph::ScaleIntegerFormat{.width = 3}, {2, 4}, x, x, nullptr), IsOk());
  EXPECT_THAT(x, ::testing::ElementsAre(0.5F, -1, 0.25F, 0, 5, -10, 2.5F, 0));
}

TEST(BinaryTest, NotBipolarHasTheMeanOfEachItem) {
  std::vector<float> x = {1, -3, 0, 8, 2, -2, -2, 2};
  ASSERT_THAT(Quantize(graph::BinaryFormat{.bipolar = false}, {2, 2, 2}, x, x, nullptr), IsOk());
  EXPECT_THAT(x, ::testing::ElementsAre(3, 0, 0, 3, 2, 0, 0, 2));
}

TEST(TernaryTest, TakesMeanThenMaxThenMedian) {
  const std::vector<float> x = {0.2F, 0.4F, 0.6F, 0.8F};
  graph::TernaryFormat format{.median = 1.0};  // 0.75
  EXPECT_THAT(Quantized(format, x), ::testing::ElementsAre(0, 0, 0, 1));
  format.max = 10.0;  // 0.5
  EXPECT_THAT(Quantized(format, x), ::testing::ElementsAre(0, 0, 1, 1));
  format.mean = 0.4;  // 0.3
  EXPECT_THAT(Quantized(format, x), ::testing::ElementsAre(0, 1, 1, 1));
}

}  // namespace
}  // namespace bitsweep::quant
