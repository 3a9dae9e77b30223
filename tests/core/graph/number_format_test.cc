// SPDX-License-Identifier: Apache-2.0
#include "core/graph/number_format.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace bitsweep::graph {
namespace {

using ::testing::ElementsAre;

TEST(NumberFormatTest, NamesEveryFormatAsUsersDo) {
  EXPECT_EQ(FormatName(IntegerFormat{}), "integer");
  EXPECT_EQ(FormatName(ScaleIntegerFormat{}), "scale_integer");
  EXPECT_EQ(FormatName(BinaryFormat{}), "binary");
  EXPECT_EQ(FormatName(TernaryFormat{}), "ternary");
  EXPECT_EQ(FormatName(MinifloatFormat{.kind = MinifloatFormat::Kind::kIeee}), "minifloat_ieee");
  EXPECT_EQ(FormatName(MinifloatFormat{.kind = MinifloatFormat::Kind::kDenorm}),
            "minifloat_denorm");
  EXPECT_EQ(FormatName(LogFormat{}), "log");
  EXPECT_EQ(FormatName(BlockFpFormat{}), "block_fp");
  EXPECT_EQ(FormatName(BlockMinifloatFormat{}), "block_minifloat");
  EXPECT_EQ(FormatName(BlockLogFormat{}), "block_log");
  EXPECT_EQ(FormatName(MxintFormat{}), "mxint");
  EXPECT_EQ(FormatName(MxfpFormat{}), "mxfp");
}

TEST(NumberFormatTest, TitlesAreTheEndsOfClassNames) {
  EXPECT_EQ(FormatTitle("integer"), "Integer");
  EXPECT_EQ(FormatTitle("fixed"), "Integer");
  EXPECT_EQ(FormatTitle("scale_integer"), "ScaleInteger");
  EXPECT_EQ(FormatTitle("binary"), "Binary");
  EXPECT_EQ(FormatTitle("ternary"), "Ternary");
  EXPECT_EQ(FormatTitle("minifloat_ieee"), "MinifloatIEEE");
  EXPECT_EQ(FormatTitle("minifloat_denorm"), "MinifloatDenorm");
  EXPECT_EQ(FormatTitle("log"), "Log");
  EXPECT_EQ(FormatTitle("block_fp"), "BlockFP");
  EXPECT_EQ(FormatTitle("block_minifloat"), "BlockMinifloat");
  EXPECT_EQ(FormatTitle("block_log"), "BlockLog");
  EXPECT_EQ(FormatTitle("mxint"), "MXINT");
  EXPECT_EQ(FormatTitle("mxfp"), "MXFP");
  EXPECT_EQ(FormatTitle("int8"), "");
}

TEST(NumberFormatTest, ElementBitsLeaveOutWhatABlockShares) {
  EXPECT_EQ(ElementBits(IntegerFormat{.width = 5}), 5);
  EXPECT_EQ(ElementBits(ScaleIntegerFormat{.width = 6}), 6);
  EXPECT_EQ(ElementBits(BinaryFormat{}), 1);
  EXPECT_EQ(ElementBits(TernaryFormat{}), 2);
  EXPECT_EQ(ElementBits(MinifloatFormat{.width = 7}), 7);
  EXPECT_EQ(ElementBits(LogFormat{.width = 4}), 4);
  EXPECT_EQ(ElementBits(BlockFpFormat{.width = 9}), 9);
  EXPECT_EQ(ElementBits(BlockMinifloatFormat{.width = 10}), 10);
  EXPECT_EQ(ElementBits(BlockLogFormat{.width = 11}), 11);
  EXPECT_EQ(ElementBits(MxintFormat{.width = 12}), 12);
  EXPECT_EQ(ElementBits(MxfpFormat{.exponent_width = 2, .frac_width = 1}), 4);
}

TEST(NumberFormatTest, PrecisionHasTheEntriesInTableOrder) {
  EXPECT_THAT(Precision(IntegerFormat{.width = 8, .frac_width = 4}), ElementsAre(8, 4));
  EXPECT_THAT(Precision(ScaleIntegerFormat{.width = 8}), ElementsAre(8));
  EXPECT_THAT(Precision(BinaryFormat{.bipolar = true, .stochastic = false}), ElementsAre(1, 0, 1));
  EXPECT_THAT(Precision(TernaryFormat{.scaling_factor = true}), ElementsAre(2, 1));
  EXPECT_THAT(Precision(MinifloatFormat{.width = 8, .exponent_width = 4, .exponent_bias = 7}),
              ElementsAre(8, 4, 7));
  EXPECT_THAT(Precision(LogFormat{.width = 8, .exponent_bias = 63}), ElementsAre(8, 63));
  EXPECT_THAT(
      Precision(BlockFpFormat{
          .width = 8, .exponent_width = 8, .exponent_bias = 127, .blocks = {.size = {1, 16}}}),
      ElementsAre(8, 8, 127, 1, 16));
  EXPECT_THAT(
      Precision(BlockMinifloatFormat{
          .width = 8, .exponent_width = 4, .exponent_bias_width = 6, .blocks = {.size = {-1}}}),
      ElementsAre(8, 4, 6, -1));
  EXPECT_THAT(
      Precision(BlockLogFormat{.width = 8, .exponent_bias_width = 5, .blocks = {.size = {2}}}),
      ElementsAre(8, 5, 2));
  EXPECT_THAT(Precision(MxintFormat{.width = 8, .block_size = 16}), ElementsAre(8, 16));
  EXPECT_THAT(Precision(MxfpFormat{.exponent_width = 4, .frac_width = 3, .block_size = 32}),
              ElementsAre(4, 3, 32));
}

TEST(NumberFormatTest, TextIsNameAndPrecision) {
  EXPECT_EQ(FormatText(IntegerFormat{.width = 8, .frac_width = 4}), "integer (8, 4)");
  EXPECT_EQ(FormatText(BinaryFormat{}), "binary (1, 0, 1)");
}

}  // namespace
}  // namespace bitsweep::graph
