// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <cmath>
#include <fstream>
#include <string>
#include <thread>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "nlohmann/json.hpp"
#include "tests/support/test_paths.h"
#include "worker/data/dataset.h"

namespace bitsweep::data {
namespace {

absl::StatusOr<Table> Jets(std::int64_t rows, std::int64_t seed) {
  return LoadTable("/", {.name = "synthetic-jets", .synthetic_rows = rows, .synthetic_seed = seed});
}

TEST(SyntheticJetsTest, ARowDependsOnSeedAndNumberAlone) {
  const auto large = Jets(3000, 5);
  for (const std::int64_t rows : {1, 255, 256, 257, 2999}) {
    const auto small = Jets(rows, 5);
    ASSERT_TRUE(small.ok());
    EXPECT_TRUE(std::equal(small->x.begin(), small->x.end(), large->x.begin())) << rows;
    EXPECT_TRUE(std::equal(small->y.begin(), small->y.end(), large->y.begin())) << rows;
  }
  EXPECT_EQ(Jets(3000, 5)->digest, large->digest);
  EXPECT_NE(Jets(3000, 6)->digest, large->digest);
}

// Recorded once: the bytes are the same on every machine and in every build, for ever.
TEST(SyntheticJetsTest, BytesNeverChange) {
  EXPECT_EQ(Jets(1000, 0)->digest,
            "9769c3aa8d022f95a0be8e9202ccbeb28f3f44bd125e68f9eebfc98e78729c5e");
}

TEST(SyntheticJetsTest, ThreadsAtWorkTogetherMakeTheSameRows) {
  const std::string alone = Jets(5000, 8)->digest;
  std::vector<std::string> digests(4);
  std::vector<std::thread> threads;
  for (std::size_t i = 0; i < digests.size(); ++i) {
    threads.emplace_back([&, i] {
      Jets(1000, static_cast<std::int64_t>(i)).status().IgnoreError();
      digests[i] = Jets(5000, 8)->digest;
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_THAT(digests, ::testing::Each(alone));
}

TEST(SyntheticJetsTest, RefusesAnImpossibleNumberOfRows) {
  EXPECT_TRUE(absl::IsInvalidArgument(Jets(0, 0).status()));
  EXPECT_TRUE(absl::IsInvalidArgument(Jets(-5, 0).status()));
  EXPECT_TRUE(absl::IsInvalidArgument(Jets(std::int64_t{1} << 40, 0).status()));
}

nlohmann::json ReadFit() {
  std::ifstream stream(bitsweep::testing::TestDataDir() / "synthetic_jets.json");
  return nlohmann::json::parse(stream);
}

class SyntheticStatistics : public ::testing::Test {
 protected:
  static constexpr std::int64_t kRows = 400000;
  const nlohmann::json fit = ReadFit();
  const Table table = *Jets(kRows, 3);
};

TEST_F(SyntheticStatistics, ClassesHaveTheirFractions) {
  std::vector<double> counts(5);
  for (const int y : table.y) ++counts[static_cast<std::size_t>(y)];
  const auto fractions = fit["class_fraction"].get<std::vector<double>>();
  for (std::size_t c = 0; c < 5; ++c) {
    EXPECT_NEAR(counts[c] / kRows, fractions[c] / 1.0001, 0.004) << c;
  }
}

// The mixtures' own quantiles, computed here in 64 bits from the json: for each class and feature
// P(score < z) = sum w Phi((z - m) / s), so P(value < quantile(Phi(z))) must be that.
TEST_F(SyntheticStatistics, EachClassFollowsItsMixture) {
  const auto phi = [](double z) { return 0.5 * std::erfc(-z / std::sqrt(2.0)); };
  const auto grid = fit["p"].get<std::vector<double>>();
  for (std::size_t c = 0; c < 5; ++c) {
    double rows = 0;
    for (const int y : table.y) rows += y == static_cast<int>(c);
    for (const std::size_t f : {std::size_t{0}, std::size_t{3}, std::size_t{10}, std::size_t{13}}) {
      const std::size_t column = f < 8 ? f : f + 1;
      const auto quantiles = fit["quantiles"][column].get<std::vector<double>>();
      const double scale = fit["feature_scale"][column];
      const double mean = fit["feature_mean"][column];
      for (const double z : {-1.5, -0.5, 0.3, 1.2}) {
        double expected = 0;
        for (std::size_t k = 0; k < 4; ++k) {
          double variance = 0;
          for (const double l : fit["chol"][c][k][f]) variance += l * l;
          const double m = fit["mean"][c][k][f];
          expected += fit["weight"][c][k].get<double>() * phi((z - m) / std::sqrt(variance));
        }
        const double p = phi(z);
        const auto above = std::upper_bound(grid.begin(), grid.end(), p);
        const std::size_t i = static_cast<std::size_t>(above - grid.begin()) - 1;
        const double t = (p - grid[i]) / (grid[i + 1] - grid[i]);
        const double value = (quantiles[i] + t * (quantiles[i + 1] - quantiles[i])) * scale + mean;
        double below = 0;
        for (std::size_t r = 0; r < static_cast<std::size_t>(kRows); ++r) {
          below += table.y[r] == static_cast<int>(c) && table.x[r * 16 + column] < value;
        }
        EXPECT_NEAR(below / rows, expected, 0.01) << "class " << c << " feature " << f;
      }
    }
  }
}

TEST_F(SyntheticStatistics, FeaturesAreCorrelatedAsFitted) {
  // d2_a1_b1 repeats d2_b1; multiplicity is a count; everything is inside the fitted quantiles.
  for (std::size_t r = 0; r < 2000; ++r) {
    const float* row = table.x.data() + r * 16;
    EXPECT_EQ(row[6], row[8]);
    EXPECT_EQ(row[15], std::nearbyint(row[15]));
  }
  for (std::size_t f = 0; f < 15; ++f) {
    const auto quantiles = fit["quantiles"][f].get<std::vector<double>>();
    const double scale = fit["feature_scale"][f];
    const double mean = fit["feature_mean"][f];
    float low = 1e30F;
    float high = -1e30F;
    for (std::size_t r = 0; r < static_cast<std::size_t>(kRows); ++r) {
      low = std::min(low, table.x[r * 16 + f]);
      high = std::max(high, table.x[r * 16 + f]);
    }
    EXPECT_NEAR(low, quantiles.front() * scale + mean, 1e-4 * scale + 1e-6);
    EXPECT_NEAR(high, quantiles.back() * scale + mean, 1e-4 * scale + 1e-5);
  }
}

}  // namespace
}  // namespace bitsweep::data
