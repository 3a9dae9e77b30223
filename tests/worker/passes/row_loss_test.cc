// SPDX-License-Identifier: Apache-2.0
#include "worker/passes/row_loss.h"

#include <cmath>
#include <limits>
#include <vector>

#include "gtest/gtest.h"

namespace bitsweep::passes {
namespace {

TEST(RowLossTest, ArgMaxTakesTheFirstOfTheHighest) {
  EXPECT_EQ(ArgMax(std::vector<float>{0, 3, -1, 3}), 1);
  EXPECT_EQ(ArgMax(std::vector<float>{0, 0, 0}), 0);
}

TEST(RowLossTest, CrossEntropyIsMinusTheLogOfTheSoftmax) {
  const std::vector<float> outputs = {1, -2, 0.5F};
  const double sum = std::exp(1.0) + std::exp(-2.0) + std::exp(0.5);
  EXPECT_NEAR(CrossEntropy(outputs, 0), -std::log(std::exp(1.0) / sum), 1e-12);
  EXPECT_NEAR(CrossEntropy(outputs, 1), -std::log(std::exp(-2.0) / sum), 1e-12);
  EXPECT_NEAR(CrossEntropy(std::vector<float>(5, 0.0F), 3), std::log(5.0), 1e-12);
}

TEST(RowLossTest, CrossEntropyDoesNotOverflow) {
  EXPECT_NEAR(CrossEntropy(std::vector<float>{1000, 0}, 0), 0, 1e-12);
  EXPECT_NEAR(CrossEntropy(std::vector<float>{1000, 0}, 1), 1000, 1e-9);
}

TEST(RowLossTest, CrossEntropyOfWhatIsNoNumberIsNoNumber) {
  constexpr float kNan = std::numeric_limits<float>::quiet_NaN();
  EXPECT_TRUE(std::isnan(CrossEntropy(std::vector<float>{0, kNan, 1}, 0)));
  EXPECT_TRUE(std::isnan(CrossEntropy(std::vector<float>{kNan, 0, 1}, 1)));
  EXPECT_FALSE(std::isfinite(
      CrossEntropy(std::vector<float>{std::numeric_limits<float>::infinity(), 0}, 1)));
}

}  // namespace
}  // namespace bitsweep::passes
