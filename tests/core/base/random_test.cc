// SPDX-License-Identifier: Apache-2.0
#include "core/base/random.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <numbers>
#include <numeric>
#include <set>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace bitsweep {
namespace {

using ::testing::ElementsAre;

// The known answers that Random123 publishes for philox4x32-10.
TEST(PhiloxTest, GivesTheAnswerForZeros) {
  EXPECT_THAT(Philox4x32({0, 0, 0, 0}, {0, 0}),
              ElementsAre(0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8));
}

TEST(PhiloxTest, GivesTheAnswerForOnes) {
  EXPECT_THAT(
      Philox4x32({0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff}, {0xffffffff, 0xffffffff}),
      ElementsAre(0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd));
}

TEST(PhiloxTest, GivesTheAnswerForDigitsOfPi) {
  EXPECT_THAT(
      Philox4x32({0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344}, {0xa4093822, 0x299f31d0}),
      ElementsAre(0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1));
}

TEST(RandomTest, WordsAreThoseOfTheCounter) {
  Random random(0x0123456789abcdef, RandomStream::kShuffle, 7);
  for (std::uint32_t block = 0; block < 3; ++block) {
    const auto words = Philox4x32({block, 0, 7, 2}, {0x89abcdef, 0x01234567});
    for (const std::uint32_t word : words) EXPECT_EQ(random.NextUint32(), word);
  }
}

TEST(RandomTest, StreamNumbersNeverChange) {
  EXPECT_EQ(static_cast<int>(RandomStream::kInit), 1);
  EXPECT_EQ(static_cast<int>(RandomStream::kShuffle), 2);
  EXPECT_EQ(static_cast<int>(RandomStream::kDropout), 3);
  EXPECT_EQ(static_cast<int>(RandomStream::kSplit), 4);
  EXPECT_EQ(static_cast<int>(RandomStream::kSynthetic), 5);
  EXPECT_EQ(static_cast<int>(RandomStream::kSearch), 6);
}

TEST(RandomTest, SeedsStreamsAndSubstreamsDiffer) {
  std::set<std::uint64_t> first_words;
  first_words.insert(Random(1, RandomStream::kInit, 0).NextUint64());
  first_words.insert(Random(2, RandomStream::kInit, 0).NextUint64());
  first_words.insert(Random(std::uint64_t{1} << 32, RandomStream::kInit, 0).NextUint64());
  first_words.insert(Random(1, RandomStream::kDropout, 0).NextUint64());
  first_words.insert(Random(1, RandomStream::kInit, 1).NextUint64());
  EXPECT_EQ(first_words.size(), 5u);
}

TEST(RandomTest, FillAndSkipContinueTheSequence) {
  for (const std::size_t before : {0, 1, 3, 4}) {
    for (const std::size_t count : {0, 1, 2, 5, 31, 32, 33, 100, 1024}) {
      Random one_by_one(7, RandomStream::kShuffle, 2);
      Random filled = one_by_one;
      for (std::size_t i = 0; i < before; ++i) {
        one_by_one.NextUint32();
        filled.NextUint32();
      }
      Random skipped = filled;
      std::vector<std::uint32_t> words(count);
      filled.Fill(words);
      for (const std::uint32_t word : words) EXPECT_EQ(word, one_by_one.NextUint32());
      skipped.Skip(count);
      const std::uint32_t following = one_by_one.NextUint32();
      EXPECT_EQ(filled.NextUint32(), following) << before << " + " << count;
      EXPECT_EQ(skipped.NextUint32(), following) << before << " + " << count;
    }
  }
}

TEST(RandomTest, WiderDrawsAreMadeOfWords) {
  Random words(5, RandomStream::kInit);
  const std::uint32_t w0 = words.NextUint32();
  const std::uint32_t w1 = words.NextUint32();
  const std::uint64_t both = w0 | (std::uint64_t{w1} << 32);
  EXPECT_EQ(Random(5, RandomStream::kInit).NextUint64(), both);
  EXPECT_EQ(Random(5, RandomStream::kInit).NextDouble(), std::ldexp(double(both >> 11), -53));
  EXPECT_EQ(Random(5, RandomStream::kInit).NextFloat(), std::ldexp(float(w0 >> 8), -24));
}

TEST(RandomTest, UniformsStayBelowOne) {
  Random random(3, RandomStream::kInit);
  double sum = 0;
  for (int i = 0; i < 100'000; ++i) {
    const float f = random.NextFloat();
    const double d = random.NextDouble();
    ASSERT_TRUE(f >= 0 && f < 1);
    ASSERT_TRUE(d >= 0 && d < 1);
    sum += d;
  }
  EXPECT_NEAR(sum / 100'000, 0.5, 0.005);  // standard error 0.0009
}

TEST(RandomTest, NextBelowIsUniformForSmallBounds) {
  Random random(11, RandomStream::kShuffle);
  for (const std::uint64_t bound : {1u, 2u, 3u, 7u, 10u}) {
    std::vector<int> counts(bound);
    const int draws = 30'000;
    for (int i = 0; i < draws; ++i) {
      const std::uint64_t value = random.NextBelow(bound);
      ASSERT_LT(value, bound);
      ++counts[value];
    }
    const double expected = draws / static_cast<double>(bound);
    double chi2 = 0;
    for (const int count : counts) chi2 += (count - expected) * (count - expected) / expected;
    EXPECT_LT(chi2, 35) << bound;  // 9 degrees of freedom: p < 1e-4
  }
}

// With a bound of 3/4 of the range, a modulus would give the lowest third of the values half of the
// draws, and a bare multiplication each third value twice its share.
TEST(RandomTest, NextBelowHasNoBiasForLargeBounds) {
  for (const std::uint64_t quarter : {std::uint64_t{1} << 30, std::uint64_t{1} << 62}) {
    Random random(12, RandomStream::kShuffle);
    std::map<std::uint64_t, int> thirds;
    std::map<std::uint64_t, int> residues;
    for (int i = 0; i < 30'000; ++i) {
      const std::uint64_t value = random.NextBelow(3 * quarter);
      ++thirds[value / quarter];
      ++residues[value % 3];
    }
    for (std::uint64_t part = 0; part < 3; ++part) {
      EXPECT_NEAR(thirds[part], 10'000, 400);  // standard deviation 82
      EXPECT_NEAR(residues[part], 10'000, 400);
    }
    EXPECT_EQ(thirds.size(), 3u);
  }
}

TEST(RandomTest, NormalsAreBoxMullerPairs) {
  Random uniform(9, RandomStream::kSynthetic);
  Random normal(9, RandomStream::kSynthetic);
  for (int i = 0; i < 5; ++i) {
    const double radius = std::sqrt(-2 * std::log(1 - uniform.NextDouble()));
    const double angle = 2 * std::numbers::pi * uniform.NextDouble();
    EXPECT_DOUBLE_EQ(normal.NextNormal(), radius * std::cos(angle));
    EXPECT_DOUBLE_EQ(normal.NextNormal(), radius * std::sin(angle));
  }
}

TEST(RandomTest, NormalsHaveTheMomentsOfANormal) {
  Random random(10, RandomStream::kSynthetic);
  double sum = 0;
  double squares = 0;
  double fourths = 0;
  const int draws = 100'000;
  for (int i = 0; i < draws; ++i) {
    const double z = random.NextNormal();
    sum += z;
    squares += z * z;
    fourths += z * z * z * z;
  }
  EXPECT_NEAR(sum / draws, 0, 0.02);
  EXPECT_NEAR(squares / draws, 1, 0.03);
  EXPECT_NEAR(fourths / draws, 3, 0.2);
}

TEST(ShuffleTest, IsAPermutation) {
  for (const std::size_t size : {0u, 1u, 2u, 1000u}) {
    std::vector<std::uint32_t> values(size);
    std::iota(values.begin(), values.end(), 0u);
    const std::vector<std::uint32_t> sorted = values;
    Random random(4, RandomStream::kShuffle);
    Shuffle(values, random);
    if (size == 1000) {
      EXPECT_NE(values, sorted);
    }
    std::sort(values.begin(), values.end());
    EXPECT_EQ(values, sorted);
  }
}

TEST(ShuffleTest, SwapsFromTheEnd) {
  std::vector<std::uint32_t> expected = {10, 11, 12, 13, 14};
  std::vector<std::uint32_t> values = expected;
  Random draws(4, RandomStream::kShuffle, 1);
  for (const std::size_t i : {4u, 3u, 2u, 1u}) {
    std::swap(expected[i], expected[draws.NextBelow(i + 1)]);
  }
  Random random(4, RandomStream::kShuffle, 1);
  Shuffle(values, random);
  EXPECT_EQ(values, expected);
}

TEST(ShuffleTest, LeavesTheGeneratorWhereOneDrawASwapLeavesIt) {
  for (const std::uint32_t count : {2U, 3U, 1000U, 2049U}) {
    Random random(9, RandomStream::kShuffle);
    Random expected = random;
    std::vector<std::uint32_t> values(count);
    std::vector<std::uint32_t> by_hand(count);
    for (std::uint32_t i = 0; i < count; ++i) values[i] = by_hand[i] = i;
    Shuffle(values, random);
    for (std::size_t i = count; i > 1; --i)
      std::swap(by_hand[i - 1], by_hand[expected.NextBelow(i)]);
    EXPECT_EQ(values, by_hand);
    EXPECT_EQ(random.NextUint64(), expected.NextUint64());
  }
}

TEST(ShuffleTest, MakesEveryOrderEquallyOften) {
  Random random(21, RandomStream::kShuffle);
  std::map<std::vector<std::uint32_t>, int> orders;
  for (int i = 0; i < 12'000; ++i) {
    std::vector<std::uint32_t> values = {0, 1, 2};
    Shuffle(values, random);
    ++orders[values];
  }
  ASSERT_EQ(orders.size(), 6u);
  for (const auto& [order, count] : orders) EXPECT_NEAR(count, 2000, 200);  // deviation 41
}

// SHA-256("abc") begins ba7816bf8f01cfea (FIPS 180-4), so its first 8 bytes, little-endian, are
// eacf018fbf1678ba: the top bit is set and must go.
TEST(SeedFromTextTest, IsTheFrontOfTheDigestWithoutItsTopBit) {
  EXPECT_EQ(SeedFromText("abc"), 0x6acf018fbf1678bau);
  EXPECT_EQ(SeedFromText(""), 0x141cfc9842c4b0e3u);  // e3b0c44298fc1c14
}

TEST(SeedFromTextTest, DiffersForDifferentTexts) {
  std::set<std::uint64_t> seeds;
  for (int i = 0; i < 1000; ++i) {
    const std::uint64_t seed = SeedFromText(std::to_string(i));
    EXPECT_LE(seed, 0x7fffffffffffffffu);
    seeds.insert(seed);
  }
  EXPECT_EQ(seeds.size(), 1000u);
}

}  // namespace
}  // namespace bitsweep
