// SPDX-License-Identifier: Apache-2.0
#include "worker/passes/statistics.h"

#include <cmath>
#include <limits>
#include <map>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/support/status_matchers.h"
#include "worker/passes/quantile.h"

namespace bitsweep::passes {
namespace {

using ::bitsweep::testing::IsOk;
using ::bitsweep::testing::StatusIs;
using ::testing::DoubleEq;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::IsNan;
using Values = std::vector<float>;

constexpr float kNan = std::numeric_limits<float>::quiet_NaN();

spec::StatisticSpec Spec(const std::string& name, const std::string& dims = "") {
  spec::StatisticSpec spec;
  spec.name = name;
  spec.dims = dims;
  return spec;
}

std::unique_ptr<Statistic> Make(const spec::StatisticSpec& spec) {
  return MakeStatistic(spec).value();
}

// Each list is one update of shape [1, size].
std::unique_ptr<Statistic> Fed(const spec::StatisticSpec& spec,
                               const std::vector<Values>& updates) {
  std::unique_ptr<Statistic> statistic = Make(spec);
  for (const Values& update : updates) {
    EXPECT_THAT(statistic->Update({1, static_cast<std::int64_t>(update.size())}, update), IsOk());
  }
  return statistic;
}

std::map<std::string, std::vector<double>> ValuesOf(const Statistic& statistic) {
  std::map<std::string, std::vector<double>> values;
  for (const StatisticValue& value : statistic.Result()) values[value.key] = value.values;
  return values;
}

TEST(QuantileTest, InterpolatesBetweenNeighboursInRank) {
  Values values = {4, 1, 3, 2};
  EXPECT_EQ(Quantile(values, 0.5), 2.5);
  EXPECT_EQ(Quantile(values, 0), 1);
  EXPECT_EQ(Quantile(values, 1), 4);
  EXPECT_DOUBLE_EQ(Quantile(values, 0.1), 1.3);
}

TEST(QuantileTest, IsNanWhereAValueIs) {
  Values values = {4, kNan, 3};
  EXPECT_THAT(Quantile(values, 0.5), IsNan());
}

TEST(StatisticsTest, OfNothingDefineOnlyTheCount) {
  for (const char* name : {"variance_precise", "variance_online", "range_min_max", "range_quantile",
                           "range_n_sigma", "abs_mean", "record"}) {
    SCOPED_TRACE(name);
    for (const auto& [key, values] : ValuesOf(*Make(Spec(name)))) {
      if (key == "count" || key == "size_in_bytes") {
        EXPECT_THAT(values, ElementsAre(0));
      } else {
        EXPECT_THAT(values, IsEmpty()) << key;
      }
    }
  }
}

TEST(StatisticsTest, OneValueHasNoVariance) {
  for (const char* name : {"variance_precise", "variance_online"}) {
    const auto values = ValuesOf(*Fed(Spec(name), {{3}}));
    EXPECT_THAT(values.at("mean"), IsEmpty());
    EXPECT_THAT(values.at("variance"), IsEmpty());
    EXPECT_THAT(values.at("count"), ElementsAre(1));
  }
}

TEST(StatisticsTest, OneValueIsItsOwnMinimumAndMaximumWithoutARange) {
  const auto values = ValuesOf(*Fed(Spec("range_min_max"), {{3}}));
  EXPECT_THAT(values.at("min"), ElementsAre(3));
  EXPECT_THAT(values.at("max"), ElementsAre(3));
  EXPECT_THAT(values.at("range"), IsEmpty());
}

TEST(StatisticsTest, OneValueIsItsOwnQuantileButNotPerElement) {
  EXPECT_THAT(ValuesOf(*Fed(Spec("range_quantile"), {{3}})).at("max"), ElementsAre(3));
  EXPECT_THAT(ValuesOf(*Fed(Spec("range_quantile", "element"), {{3}})).at("max"), IsEmpty());
}

TEST(StatisticsTest, OneValueHasNoAbsoluteMeanAndNoSigmas) {
  EXPECT_THAT(ValuesOf(*Fed(Spec("abs_mean"), {{-3}})).at("abs_mean"), IsEmpty());
  EXPECT_THAT(ValuesOf(*Fed(Spec("range_n_sigma"), {{3}})).at("min"), IsEmpty());
}

TEST(StatisticsTest, AbsoluteMeanIgnoresSigns) {
  EXPECT_THAT(ValuesOf(*Fed(Spec("abs_mean"), {{-3, 1}, {-2, 2}})).at("abs_mean"), ElementsAre(2));
}

TEST(StatisticsTest, NanMakesEveryResultOfItsCellNan) {
  const std::vector<Values> updates = {{1, kNan}, {2, 5}, {4, 6}};
  for (const char* name :
       {"variance_precise", "range_min_max", "range_quantile", "range_n_sigma", "abs_mean"}) {
    SCOPED_TRACE(name);
    for (const auto& [key, values] : ValuesOf(*Fed(Spec(name, "element"), updates))) {
      if (key == "count") continue;
      ASSERT_EQ(values.size(), 2U) << key;
      EXPECT_FALSE(std::isnan(values[0])) << key;
      EXPECT_TRUE(std::isnan(values[1])) << key;
    }
  }
}

// The tool divides n_b s_b of each update by the total count; with one element s_b is 0 / 0.
TEST(StatisticsTest, OnlineVarianceOfOneElementUpdatesIsNanAsTheToolsIs) {
  const auto values = ValuesOf(*Fed(Spec("variance_online"), {{1}, {2}, {4}}));
  EXPECT_THAT(values.at("mean"), ElementsAre(DoubleEq(7.0 / 3)));
  EXPECT_THAT(values.at("variance"), ElementsAre(IsNan()));
  EXPECT_THAT(values.at("population_variance"), ElementsAre(DoubleEq(14.0 / 9)));
  EXPECT_THAT(values.at("unbiased_variance"), ElementsAre(DoubleEq(7.0 / 3)));
}

TEST(StatisticsTest, OnlineVariancePerElementIsThePopulations) {
  const auto values = ValuesOf(*Fed(Spec("variance_online", "element"), {{1}, {2}, {4}}));
  EXPECT_THAT(values.at("variance"), ElementsAre(DoubleEq(14.0 / 9)));
}

TEST(StatisticsTest, SigmasTakeTheVarianceOfTheMode) {
  spec::StatisticSpec spec = Spec("range_n_sigma");
  spec.num_sigma = 2;
  EXPECT_THAT(ValuesOf(*Fed(spec, {{-1, 1}})).at("max"), ElementsAre(DoubleEq(2 * std::sqrt(2))));
  spec.var_mode = "online";
  EXPECT_THAT(ValuesOf(*Fed(spec, {{-1, 1}})).at("max"), ElementsAre(DoubleEq(2)));
}

TEST(StatisticsTest, VarianceKeepsItsDigitsFarFromZero) {
  const float base = 4194304;  // 2^22: squares have no digits left for a difference of 1
  const auto values = ValuesOf(*Fed(Spec("variance_precise"), {{base}, {base + 1}, {base + 2}}));
  EXPECT_THAT(values.at("variance"), ElementsAre(DoubleEq(1)));
}

TEST(StatisticsTest, ReducedDimensionsLeaveTheOthers) {
  spec::StatisticSpec spec = Spec("range_min_max");
  spec.reduce_dims = {0};
  std::unique_ptr<Statistic> rows = Make(spec);
  ASSERT_THAT(rows->Update({2, 3}, Values{1, 2, 3, 4, 5, 6}), IsOk());
  EXPECT_THAT(ValuesOf(*rows).at("max"), ElementsAre(4, 5, 6));
  EXPECT_EQ(rows->Result()[1].shape, (graph::Shape{3}));
  EXPECT_THAT(ValuesOf(*rows).at("count"), ElementsAre(2));
  spec.reduce_dims = {-1};
  std::unique_ptr<Statistic> columns = Make(spec);
  ASSERT_THAT(columns->Update({2, 3}, Values{1, 2, 3, 4, 5, 6}), IsOk());
  EXPECT_THAT(ValuesOf(*columns).at("min"), ElementsAre(1, 4));
}

TEST(StatisticsTest, RecordJoinsInTheFirstDimension) {
  const std::unique_ptr<Statistic> record = Fed(Spec("record"), {{1, 2}, {3, 4}, {5, 6}});
  const std::vector<StatisticValue> result = record->Result();
  EXPECT_EQ(result[0].shape, (graph::Shape{3, 2}));
  EXPECT_THAT(result[0].values, ElementsAre(1, 2, 3, 4, 5, 6));
  EXPECT_THAT(ValuesOf(*record).at("size_in_bytes"), ElementsAre(24));
}

TEST(StatisticsTest, MergingPartsEqualsFeedingAll) {
  const std::vector<Values> first = {{1, -7}, {2.5F, 0}};
  const std::vector<Values> second = {{-4, 3}, {8, 1}, {0.25F, 2}};
  std::vector<Values> all = first;
  all.insert(all.end(), second.begin(), second.end());
  for (const char* name : {"variance_precise", "variance_online", "range_min_max", "range_quantile",
                           "range_n_sigma", "abs_mean"}) {
    for (const char* dims : {"all", "element"}) {
      SCOPED_TRACE(std::string(name) + " " + dims);
      const std::unique_ptr<Statistic> merged = Fed(Spec(name, dims), first);
      ASSERT_THAT(merged->Merge(*Fed(Spec(name, dims), second)), IsOk());
      const auto expected = ValuesOf(*Fed(Spec(name, dims), all));
      for (const auto& [key, values] : ValuesOf(*merged)) {
        EXPECT_THAT(values, ::testing::Pointwise(::testing::DoubleNear(1e-12), expected.at(key)))
            << key;
      }
    }
  }
}

TEST(StatisticsTest, DifferentOnesAreNotMerged) {
  const std::unique_ptr<Statistic> range = Fed(Spec("range_min_max"), {{1, 2}});
  EXPECT_THAT(range->Merge(*Fed(Spec("abs_mean"), {{1, 2}})),
              StatusIs(absl::StatusCode::kInvalidArgument));
  const std::unique_ptr<Statistic> pairs = Fed(Spec("abs_mean", "element"), {{1, 2}});
  EXPECT_THAT(pairs->Merge(*Fed(Spec("abs_mean", "element"), {{1, 2, 3}})),
              StatusIs(absl::StatusCode::kInvalidArgument));
}

TEST(StatisticsTest, AShapeThatChangesIsRefused) {
  const std::unique_ptr<Statistic> statistic = Fed(Spec("range_min_max", "element"), {{1, 2}});
  EXPECT_THAT(statistic->Update({1, 3}, Values{1, 2, 3}),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("[1, 3] after")));
}

TEST(StatisticsTest, ADimensionThatIsNotThereIsRefused) {
  spec::StatisticSpec spec = Spec("range_min_max");
  spec.reduce_dims = {2};
  EXPECT_THAT(Make(spec)->Update({1, 3}, Values{1, 2, 3}),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("reduce_dims has 2")));
}

TEST(StatisticsTest, MoreThanIsKeptIsRefused) {
  const Values half(Statistic::kMaxRecord / 2 + 1, 1.0F);
  const std::unique_ptr<Statistic> record = Make(Spec("record"));
  const auto size = static_cast<std::int64_t>(half.size());
  ASSERT_THAT(record->Update({size}, half), IsOk());
  EXPECT_THAT(record->Update({size}, half),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("at most 262144")));
}

TEST(MakeStatisticTest, UnknownNameIsRefusedWithTheKnownOnes) {
  EXPECT_THAT(MakeStatistic(Spec("reduced_soft_range")),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       HasSubstr("\"reduced_soft_range\": expected one of variance_precise")));
}

TEST(MakeStatisticTest, OptionsOutOfRangeAreRefused) {
  EXPECT_THAT(MakeStatistic(Spec("abs_mean", "rows")),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("\"rows\"")));
  spec::StatisticSpec quantile = Spec("range_quantile");
  quantile.quantile = 1.5;
  EXPECT_THAT(MakeStatistic(quantile),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("quantile is 1.5")));
  spec::StatisticSpec mode = Spec("range_n_sigma");
  mode.var_mode = "both";
  EXPECT_THAT(MakeStatistic(mode),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("\"both\"")));
}

TEST(MakeStatisticTest, OptionsOfOtherStatisticsAreRefused) {
  spec::StatisticSpec spec = Spec("abs_mean");
  spec.quantile = 0.5;
  EXPECT_THAT(MakeStatistic(spec), StatusIs(absl::StatusCode::kInvalidArgument,
                                            HasSubstr("abs_mean: it does not take quantile")));
}

}  // namespace
}  // namespace bitsweep::passes
