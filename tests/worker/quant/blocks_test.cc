// SPDX-License-Identifier: Apache-2.0
// Block formats beside a second way to divide a tensor: by the coordinates of each element.
#include <algorithm>
#include <cmath>
#include <limits>
#include <map>
#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/support/status_matchers.h"
#include "worker/quant/quantize.h"

namespace bitsweep::quant {
namespace {

using bitsweep::testing::IsOk;
using bitsweep::testing::StatusIs;
using ::testing::Each;

std::vector<float> Wave(std::size_t count) {
  std::vector<float> x;
  for (std::size_t i = 0; i < count; ++i) {
    const auto t = static_cast<float>(i);
    x.push_back(std::sin(1.7F * t) * std::exp2(std::sin(0.3F * t) * 6.0F));
  }
  return x;
}

std::size_t Elements(const graph::Shape& shape) {
  std::int64_t count = 1;
  for (const std::int64_t size : shape) count *= size;
  return static_cast<std::size_t>(count);
}

// The block of element i: its coordinates over the tile's sizes.
std::vector<std::int64_t> BlockOf(std::size_t i, const graph::Shape& shape,
                                  const graph::Shape& tile) {
  std::vector<std::int64_t> block(shape.size());
  auto rest = static_cast<std::int64_t>(i);
  for (std::size_t d = shape.size(); d-- > 0;) {
    block[d] = rest % shape[d] / tile[d];
    rest /= shape[d];
  }
  return block;
}

struct Division {
  const char* name;
  graph::Shape shape;
  graph::Blocks blocks;
  graph::Shape tile;  // what it comes to
};

class BlocksTest : public ::testing::TestWithParam<Division> {};

TEST_P(BlocksTest, EachTileHasTheExponentOfItsMaximum) {
  const Division& division = GetParam();
  const std::vector<float> x = Wave(Elements(division.shape));
  std::map<std::vector<std::int64_t>, float> maxima;
  for (std::size_t i = 0; i < x.size(); ++i) {
    float& maximum = maxima[BlockOf(i, division.shape, division.tile)];
    maximum = std::max(maximum, std::fabs(x[i]));
  }
  const graph::BlockFpFormat format{.width = 6, .blocks = division.blocks};
  std::vector<float> y(x.size());
  ASSERT_THAT(Quantize(format, division.shape, x, y, nullptr), IsOk());
  for (std::size_t i = 0; i < x.size(); ++i) {
    const float maximum = maxima[BlockOf(i, division.shape, division.tile)];
    const double unit = std::exp2(std::ceil(std::log2(maximum)) - 5);
    const double k = std::min(std::rint((std::fabs(x[i]) + 1e-9F) / unit), 31.0);
    EXPECT_EQ(y[i], static_cast<float>(std::copysign(k * unit, x[i]))) << i;
  }
}

INSTANTIATE_TEST_SUITE_P(
    Divisions, BlocksTest,
    ::testing::Values(Division{"Line", {20}, {{8}, false}, {8}},
                      Division{"LineInOne", {5}, {{16}, false}, {5}},
                      Division{"RightAlignedInOne", {5, 16}, {{16}, false}, {5, 16}},
                      Division{"Rows", {5, 16}, {{1, 16}, false}, {1, 16}},
                      Division{"TilesWithRests", {7, 10}, {{3, 4}, false}, {3, 4}},
                      Division{"WholeColumns", {6, 9}, {{-1, 2}, false}, {6, 2}},
                      Division{"MoreSizesThanDimensions", {4, 6}, {{9, 2, 3}, false}, {2, 3}},
                      Division{"BatchOfRows", {4, 20}, {{16}, true}, {1, 16}},
                      Division{"FirstSizeIsIgnored", {4, 20}, {{3, 8}, true}, {1, 8}},
                      Division{"BatchOfTiles", {3, 5, 7}, {{2, 3}, true}, {1, 2, 3}},
                      Division{"BatchOfWholeItems", {3, 4, 5}, {{-1, -1}, true}, {1, 4, 5}}),
    [](const auto& one) { return std::string(one.param.name); });

TEST(BlockFormatsTest, GiveTheSameInPlace) {
  const std::vector<float> x = Wave(70);
  const graph::Blocks blocks{{3, 4}, false};
  const std::vector<graph::NumberFormat> formats = {
      graph::BlockFpFormat{.blocks = blocks}, graph::BlockMinifloatFormat{.blocks = blocks},
      graph::BlockLogFormat{.blocks = blocks}, graph::MxintFormat{.block_size = 5},
      graph::MxfpFormat{.block_size = 5}};
  for (const graph::NumberFormat& format : formats) {
    std::vector<float> apart(70);
    std::vector<float> in_place = x;
    ASSERT_THAT(Quantize(format, {7, 10}, x, apart, nullptr), IsOk());
    ASSERT_THAT(Quantize(format, {7, 10}, in_place, in_place, nullptr), IsOk());
    EXPECT_EQ(apart, in_place) << format.index();
  }
}

TEST(BlockFormatsTest, ZerosStayZerosButInLog) {
  const std::vector<float> zeros(32, 0.0F);
  std::vector<float> y(32, 1.0F);
  const graph::Blocks rows{{1, 16}, false};
  for (const graph::NumberFormat& format : std::vector<graph::NumberFormat>{
           graph::BlockFpFormat{.blocks = rows}, graph::BlockMinifloatFormat{.blocks = rows},
           graph::MxintFormat{}, graph::MxfpFormat{.block_size = 16}}) {
    ASSERT_THAT(Quantize(format, {2, 16}, zeros, y, nullptr), IsOk());
    EXPECT_THAT(y, Each(0.0F)) << format.index();
  }
  // The maximum counts as 1: bias 2^3 - 1 - 0, and 0 becomes 2^-7.
  const graph::BlockLogFormat log{.width = 4, .exponent_bias_width = 4, .blocks = rows};
  ASSERT_THAT(Quantize(log, {2, 16}, zeros, y, nullptr), IsOk());
  EXPECT_THAT(y, Each(0x1p-7F));
}

// Maxima 0 and 3 in two rows: the first takes the other's, bias 7 - 2, and its zeros become 2^-5.
TEST(BlockFormatsTest, ABlockOfZerosTakesTheSmallestOtherMaximum) {
  std::vector<float> x(12, 0.0F);
  x[5] = 3;
  x[9] = 100;
  const graph::BlockLogFormat log{.width = 4, .exponent_bias_width = 4, .blocks = {{1, 4}, false}};
  ASSERT_THAT(Quantize(log, {3, 4}, x, x, nullptr), IsOk());
  EXPECT_EQ(x[0], 0x1p-5F);
  EXPECT_EQ(x[4], 0x1p-5F);
  EXPECT_EQ(x[8], 1.0F);  // bias 7 - 7
}

// Powers of two: E2M1 holds 6 as its largest, so a block with 7 and 8 has the scales 1 and 2.
TEST(BlockFormatsTest, MxfpScalesByThePowerOfTwoBelowTheMaximum) {
  std::vector<float> x = {7, 2.4F, 0.3F, -5, 8, 2.4F, 0.3F, -5};
  const graph::MxfpFormat e2m1{.exponent_width = 2, .frac_width = 1, .block_size = 4};
  ASSERT_THAT(Quantize(e2m1, {8}, x, x, nullptr), IsOk());
  EXPECT_THAT(x, ::testing::ElementsAre(6, 2, 0.5, -4, 8, 2, 0, -4));
}

TEST(BlockFormatsTest, MxfpSaturatesWhereOcpSays) {
  const auto largest = [](std::int64_t exponent_width, std::int64_t frac_width, float x) {
    const graph::MxfpFormat format{exponent_width, frac_width, 1};
    EXPECT_THAT(Quantize(format, {1}, {&x, 1}, {&x, 1}, nullptr), IsOk());
    return x;
  };
  EXPECT_EQ(largest(2, 1, 7.99F), 6);
  EXPECT_EQ(largest(2, 3, 7.99F), 7.5);
  EXPECT_EQ(largest(3, 2, 31.9F), 28);
  EXPECT_EQ(largest(4, 3, 511.0F), 448);
  EXPECT_EQ(largest(5, 2, 65535.0F), 57344);
}

TEST(BlockFormatsTest, RefuseRanksAndLeaveTheOutputAlone) {
  const std::vector<float> x(16, 0.3F);
  std::vector<float> y(16, 9.0F);
  for (const bool skip : {false, true}) {
    const graph::Blocks blocks{{4}, skip};
    const graph::Shape wrong = skip ? graph::Shape{16} : graph::Shape{2, 2, 4};
    for (const graph::Shape& shape : {wrong, graph::Shape{1, 2, 2, 4}}) {
      for (const graph::NumberFormat& format :
           std::vector<graph::NumberFormat>{graph::BlockFpFormat{.blocks = blocks},
                                            graph::BlockMinifloatFormat{.blocks = blocks},
                                            graph::BlockLogFormat{.blocks = blocks}}) {
        EXPECT_THAT(Quantize(format, shape, x, y, nullptr),
                    StatusIs(absl::StatusCode::kInvalidArgument));
      }
    }
  }
  EXPECT_THAT(y, Each(9.0F));
}

TEST(BlockFormatsTest, KeepNanAndSaturateInfinity) {
  const float inf = std::numeric_limits<float>::infinity();
  for (const graph::NumberFormat& format : std::vector<graph::NumberFormat>{
           graph::BlockFpFormat{.exponent_width = 4, .exponent_bias = 7, .blocks = {{4}, false}},
           graph::BlockLogFormat{.width = 4, .exponent_bias_width = 3, .blocks = {{4}, false}}}) {
    std::vector<float> y = {std::nanf(""), inf, -inf, 0.5F};
    ASSERT_THAT(Quantize(format, {4}, y, y, nullptr), IsOk());
    EXPECT_TRUE(std::isnan(y[0])) << format.index();
    EXPECT_TRUE(std::isfinite(y[1]) && y[1] > 100) << format.index() << " " << y[1];
    EXPECT_EQ(y[2], -y[1]) << format.index();
  }
}

}  // namespace
}  // namespace bitsweep::quant
