// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <cmath>
#include <set>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "worker/data/dataset.h"

namespace bitsweep::data {
namespace {

using ::testing::ElementsAre;
using ::testing::FloatNear;

// Row r has features (r, 10 * (r % 7)) and class r % classes.
Table Numbered(std::int64_t rows, std::int64_t classes) {
  Table table{.rows = rows, .features = 2, .classes = classes, .digest = "d"};
  for (std::int64_t r = 0; r < rows; ++r) {
    table.x.push_back(static_cast<float>(r));
    table.x.push_back(static_cast<float>(10 * (r % 7)));
    table.y.push_back(static_cast<std::int32_t>(r % classes));
  }
  return table;
}

spec::DatasetSpec Plain(double fraction) {
  return {.name = "n", .validation_fraction = fraction, .scaler = spec::Scaler::kNone};
}

TEST(SplitTest, ValidationTakesTheFractionRoundedUp) {
  struct Case {
    std::int64_t rows;
    double fraction;
    std::size_t validation;
  };
  for (const Case& c : {Case{986806, 0.2, 197362}, Case{1000, 0.2, 200}, Case{7, 0.5, 4},
                        Case{10, 0.01, 1}, Case{2, 0.5, 1}}) {
    const auto data = Prepare(Numbered(c.rows, 1), Plain(c.fraction));
    ASSERT_TRUE(data.ok()) << data.status();
    EXPECT_EQ(data->val_y.size(), c.validation) << c.rows;
    EXPECT_EQ(data->train_y.size() + data->val_y.size(), static_cast<std::size_t>(c.rows));
  }
}

TEST(SplitTest, EveryRowIsInOnePartAndInOrder) {
  const auto data = Prepare(Numbered(1000, 3), Plain(0.3));
  ASSERT_TRUE(data.ok());
  std::set<float> seen;
  for (const auto* part : {&data->train_x, &data->val_x}) {
    float previous = -1;
    for (std::size_t i = 0; i < part->size(); i += 2) {
      EXPECT_GT((*part)[i], previous);
      previous = (*part)[i];
      EXPECT_TRUE(seen.insert(previous).second);
    }
  }
  EXPECT_EQ(seen.size(), 1000U);
  for (std::size_t i = 0; i < data->train_y.size(); ++i) {
    EXPECT_EQ(data->train_y[i], static_cast<int>(data->train_x[2 * i]) % 3);
  }
}

TEST(SplitTest, DependsOnTheSeedAndOnNothingElse) {
  const Table table = Numbered(500, 2);
  spec::DatasetSpec spec = Plain(0.2);
  const auto first = Prepare(table, spec);
  const auto again = Prepare(table, spec);
  spec.split_seed = 43;
  const auto other = Prepare(table, spec);
  EXPECT_EQ(first->val_x, again->val_x);
  EXPECT_NE(first->val_x, other->val_x);
}

TEST(SplitTest, StratifiedKeepsTheProportions) {
  Table table = Numbered(1000, 1);
  table.classes = 3;
  for (std::size_t r = 0; r < 1000; ++r) table.y[r] = r < 700 ? 0 : r < 990 ? 1 : 2;
  spec::DatasetSpec spec = Plain(0.2);
  spec.stratified = true;
  const auto data = Prepare(table, spec);
  ASSERT_TRUE(data.ok());
  std::vector<int> counts(3);
  for (const int y : data->val_y) ++counts[static_cast<std::size_t>(y)];
  EXPECT_THAT(counts, ElementsAre(140, 58, 2));
}

TEST(SplitTest, StratifiedCountsAddUpWhenNothingDivides) {
  for (std::int64_t rows = 5; rows < 40; ++rows) {
    for (const double fraction : {0.1, 0.33, 0.5, 0.77}) {
      spec::DatasetSpec spec = Plain(fraction);
      spec.stratified = true;
      const auto data = Prepare(Numbered(rows, 4), spec);
      ASSERT_TRUE(data.ok());
      EXPECT_EQ(static_cast<double>(data->val_y.size()),
                std::ceil(fraction * static_cast<double>(rows)));
    }
  }
}

TEST(SplitTest, RefusesAnEmptyPart) {
  EXPECT_TRUE(absl::IsInvalidArgument(Prepare(Numbered(1, 1), Plain(0.5)).status()));
  EXPECT_TRUE(absl::IsInvalidArgument(Prepare(Numbered(3, 1), Plain(0.9)).status()));
}

TEST(SplitTest, TrainingRowsAreValidatedOnWhenAsked) {
  spec::DatasetSpec spec = Plain(0.2);
  spec.validation = spec::Validation::kTrainingRows;
  const auto same = Prepare(Numbered(100, 2), spec);
  const auto held_out = Prepare(Numbered(100, 2), Plain(0.2));
  EXPECT_EQ(same->train_x, held_out->train_x);
  EXPECT_EQ(same->validation_y().size(), 80U);
  EXPECT_EQ(same->validation_x().data(), same->train_x.data());
  EXPECT_EQ(held_out->validation_y().size(), 20U);
}

TEST(SplitTest, DropsDuplicatesButTheFirst) {
  Table table{.rows = 5, .features = 1, .classes = 2, .digest = "d"};
  table.x = {1, 0.0F, 1, -0.0F, 1};
  table.y = {0, 1, 0, 1, 1};
  spec::DatasetSpec spec = Plain(0.3);
  spec.drop_duplicate_rows = true;
  const auto data = Prepare(table, spec);
  ASSERT_TRUE(data.ok());
  EXPECT_EQ(data->train_y.size() + data->val_y.size(), 3U);
}

TEST(SplitTest, KeepsNamesClassesAndDigestOfTheTable) {
  Table table = Numbered(20, 2);
  table.feature_names = {"row", "week"};
  table.class_names = {"even", "odd"};
  const auto data = Prepare(table, Plain(0.2));
  ASSERT_TRUE(data.ok());
  EXPECT_EQ(data->features, 2);
  EXPECT_EQ(data->classes, 2);
  EXPECT_THAT(data->feature_names, ElementsAre("row", "week"));
  EXPECT_THAT(data->class_names, ElementsAre("even", "odd"));
  EXPECT_EQ(data->digest, "d");
}

TEST(ScalerTest, IsFittedOnTrainingRowsWithThePopulationDeviation) {
  const Table table = Numbered(101, 2);
  const auto raw = Prepare(table, Plain(0.2));
  spec::DatasetSpec spec = Plain(0.2);
  spec.scaler = spec::Scaler::kStandard;
  const auto scaled = Prepare(table, spec);
  ASSERT_TRUE(scaled.ok());
  const std::size_t rows = raw->train_y.size();
  for (std::size_t f = 0; f < 2; ++f) {
    double sum = 0;
    double squares = 0;
    for (std::size_t r = 0; r < rows; ++r) {
      sum += raw->train_x[2 * r + f];
      squares += static_cast<double>(raw->train_x[2 * r + f]) * raw->train_x[2 * r + f];
    }
    const double mean = sum / static_cast<double>(rows);
    const double sd = std::sqrt(squares / static_cast<double>(rows) - mean * mean);
    EXPECT_NEAR(scaled->mean[f], mean, 1e-5);
    EXPECT_NEAR(scaled->scale[f], sd, 1e-5);
    for (std::size_t r = 0; r < raw->val_y.size(); ++r) {
      EXPECT_NEAR(scaled->val_x[2 * r + f], (raw->val_x[2 * r + f] - mean) / sd, 1e-5);
    }
  }
}

TEST(ScalerTest, LeavesAConstantFeatureAtZero) {
  Table table = Numbered(50, 2);
  for (std::size_t r = 0; r < 50; ++r) table.x[2 * r + 1] = 0.1F;  // not exact in binary
  spec::DatasetSpec spec{.name = "n"};
  const auto data = Prepare(table, spec);
  ASSERT_TRUE(data.ok());
  EXPECT_EQ(data->scale[1], 1);
  EXPECT_THAT(data->train_x[1], FloatNear(0, 1e-7F));
}

}  // namespace
}  // namespace bitsweep::data
