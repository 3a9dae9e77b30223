// SPDX-License-Identifier: Apache-2.0
#include "core/spec/plan.h"

#include <cmath>
#include <set>

#include "core/base/errors.h"
#include "core/spec/validate.h"
#include "tests/core/spec/lab1.h"
#include "tests/support/status_matchers.h"

namespace bitsweep::spec {
namespace {

using ::bitsweep::testing::IsOk;
using ::bitsweep::testing::StatusIs;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

Plan Expand(Search search, std::int64_t repeats = 1, std::int64_t seed = 1) {
  SweepSpec spec = Lab1();
  spec.search = std::move(search);
  spec.repeats = repeats;
  spec.seed = seed;
  EXPECT_THAT(Validate(spec), IsEmpty());
  return ExpandPlan(spec).value();
}

// One number of each configuration.
template <typename T>
std::vector<T> Column(const Plan& plan, T Hyperparameters::*field) {
  std::vector<T> column;
  for (const Configuration& c : plan.configurations) column.push_back(c.hyperparameters.*field);
  return column;
}

TEST(PlanTest, Lab1IsTheReportsTwelveModels) {
  ASSERT_OK_AND_ASSIGN(const Plan plan, ExpandPlan(Lab1()));
  EXPECT_EQ(plan.configurations.size(), 12u);
  EXPECT_EQ(plan.TrialCount(), 120);
  EXPECT_THAT(Column(plan, &Hyperparameters::max_epochs),
              ElementsAre(10, 50, 100, 10, 10, 10, 10, 10, 10, 10, 10, 10));
  EXPECT_THAT(Column(plan, &Hyperparameters::batch_size),
              ElementsAre(256, 256, 256, 16, 32, 64, 128, 512, 256, 256, 256, 256));
  EXPECT_THAT(Column(plan, &Hyperparameters::learning_rate),
              ElementsAre(1e-5, 1e-5, 1e-5, 1e-5, 1e-5, 1e-5, 1e-5, 1e-5, 1e-6, 1e-4, 1e-3, 1e-2));
  EXPECT_THAT(plan.varying, ElementsAre("max_epochs", "learning_rate", "batch_size"));
  EXPECT_THAT(plan.duplicates, IsEmpty());
}

TEST(PlanTest, NumbersConfigurationsFromZero) {
  const Plan plan = Expand(Grid{{.batch_size = {8, 16, 32}}}, 4);
  for (std::size_t i = 0; i < 3; ++i) {
    EXPECT_EQ(plan.configurations[i].number, static_cast<std::int64_t>(i));
  }
  EXPECT_EQ(plan.repeats, 4);
  EXPECT_EQ(plan.TrialCount(), 12);
}

TEST(PlanTest, ASingleIsTheBase) {
  const Plan plan = Expand(Single{});
  ASSERT_EQ(plan.configurations.size(), 1u);
  EXPECT_EQ(plan.configurations[0].hyperparameters, (Hyperparameters{10, 1e-5, 256}));
  EXPECT_THAT(plan.varying, IsEmpty());
}

TEST(PlanTest, WhatNobodySetsIsTheRecipes) {
  SweepSpec spec = Lab1();
  spec.base = {};
  spec.search = Single{};
  ASSERT_OK_AND_ASSIGN(const Plan plan, ExpandPlan(spec));
  EXPECT_EQ(plan.configurations[0].hyperparameters, Hyperparameters{});
}

TEST(GridTest, TheLastAxisVariesFastest) {
  const Plan plan = Expand(Grid{{.max_epochs = {1, 2}, .batch_size = {8, 16, 32}}});
  EXPECT_THAT(Column(plan, &Hyperparameters::max_epochs), ElementsAre(1, 1, 1, 2, 2, 2));
  EXPECT_THAT(Column(plan, &Hyperparameters::batch_size), ElementsAre(8, 16, 32, 8, 16, 32));
}

TEST(GridTest, AxesAreInTheOrderOfTheFields) {
  const Plan plan = Expand(Grid{{.max_epochs = {1, 2},
                                 .learning_rate = {0.1, 0.2},
                                 .batch_size = {8, 16},
                                 .optimizer = {Optimizer::kSgd, Optimizer::kAdamW},
                                 .weight_decay = {0, 0.5},
                                 .schedule = {Schedule::kConstant, Schedule::kCosine}}});
  ASSERT_EQ(plan.configurations.size(), 64u);
  for (std::size_t i = 0; i < 64; ++i) {  // the bits of i choose, the highest the first axis
    const Hyperparameters expected{
        (i & 32) != 0 ? 2 : 1,    (i & 16) != 0 ? 0.2 : 0.1,
        (i & 8) != 0 ? 16 : 8,    (i & 4) != 0 ? Optimizer::kAdamW : Optimizer::kSgd,
        (i & 2) != 0 ? 0.5 : 0.0, (i & 1) != 0 ? Schedule::kCosine : Schedule::kConstant};
    EXPECT_EQ(plan.configurations[i].hyperparameters, expected) << i;
  }
  EXPECT_THAT(plan.varying, ElementsAre("max_epochs", "learning_rate", "batch_size", "optimizer",
                                        "weight_decay", "schedule"));
}

TEST(OneAtATimeTest, StartsWithTheBaseAndVariesEachAxisAlone) {
  const Plan plan = Expand(OneAtATime{{.learning_rate = {0.5},
                                       .batch_size = {8},
                                       .optimizer = {Optimizer::kSgd},
                                       .weight_decay = {0.25},
                                       .schedule = {Schedule::kConstant}}});
  const Hyperparameters base{10, 1e-5, 256};
  std::vector<Hyperparameters> expected(6, base);
  expected[1].batch_size = 8;
  expected[2].learning_rate = 0.5;
  expected[3].optimizer = Optimizer::kSgd;
  expected[4].weight_decay = 0.25;
  expected[5].schedule = Schedule::kConstant;
  ASSERT_EQ(plan.configurations.size(), expected.size());
  for (std::size_t i = 0; i < expected.size(); ++i) {
    EXPECT_EQ(plan.configurations[i].hyperparameters, expected[i]) << i;
  }
}

TEST(OneAtATimeTest, MergesAValueThatIsTheBases) {
  const Plan plan = Expand(OneAtATime{{.batch_size = {128, 256, 512}}});
  EXPECT_THAT(Column(plan, &Hyperparameters::batch_size), ElementsAre(256, 128, 512));
  ASSERT_EQ(plan.duplicates.size(), 1u);
  EXPECT_EQ(plan.duplicates[0].point, 2);
  EXPECT_EQ(plan.duplicates[0].configuration, 0);
  EXPECT_THAT(plan.warnings, ElementsAre("1 point was merged: the same values as earlier ones"));
}

TEST(PointsTest, TakesTheRestFromTheBase) {
  const Plan plan = Expand(Points{{{.batch_size = 8}, {.max_epochs = 3, .learning_rate = 0.5}}});
  ASSERT_EQ(plan.configurations.size(), 2u);
  EXPECT_EQ(plan.configurations[0].hyperparameters, (Hyperparameters{10, 1e-5, 8}));
  EXPECT_EQ(plan.configurations[1].hyperparameters, (Hyperparameters{3, 0.5, 256}));
}

TEST(PointsTest, MergesEqualPoints) {
  const Plan plan =
      Expand(Points{{{.batch_size = 8}, {}, {.batch_size = 8}, {.batch_size = 256}}}, 3);
  EXPECT_EQ(plan.configurations.size(), 2u);
  EXPECT_EQ(plan.TrialCount(), 6);
  ASSERT_EQ(plan.duplicates.size(), 2u);
  EXPECT_EQ(plan.duplicates[0].point, 2);
  EXPECT_EQ(plan.duplicates[0].configuration, 0);
  EXPECT_EQ(plan.duplicates[1].point, 3);
  EXPECT_EQ(plan.duplicates[1].configuration, 1);
}

RandomSearch EveryAxis(std::int64_t count) {
  return {.count = count,
          .max_epochs = {.min = 1, .max = 1000, .scale = Scale::kLog},
          .learning_rate = {.min = 1e-5, .max = 1e-1, .scale = Scale::kLog},
          .batch_size = {.values = {16, 32, 64}},
          .optimizer = {Optimizer::kAdam, Optimizer::kSgd},
          .weight_decay = {.min = 0.0, .max = 0.5},
          .schedule = {Schedule::kCosine, Schedule::kConstant}};
}

TEST(RandomSearchTest, StaysInItsRanges) {
  const Plan plan = Expand(EveryAxis(2000));
  std::set<std::int64_t> batch_sizes;
  int low_rates = 0;
  for (const Configuration& c : plan.configurations) {
    const Hyperparameters& h = c.hyperparameters;
    EXPECT_TRUE(h.max_epochs >= 1 && h.max_epochs <= 1000) << h.max_epochs;
    EXPECT_TRUE(h.learning_rate >= 1e-5 && h.learning_rate <= 1e-1) << h.learning_rate;
    EXPECT_TRUE(h.weight_decay >= 0 && h.weight_decay <= 0.5) << h.weight_decay;
    batch_sizes.insert(h.batch_size);
    low_rates += h.learning_rate < 1e-3 ? 1 : 0;
  }
  EXPECT_THAT(batch_sizes, ElementsAre(16, 32, 64));
  EXPECT_NEAR(low_rates, 1000, 120);  // a log scale: half of the draws in half of the decades
}

TEST(RandomSearchTest, BothEndsOfAnIntegerRangeAreDrawn) {
  const Plan linear = Expand(RandomSearch{.count = 200, .max_epochs = {.min = 3, .max = 5}});
  const std::vector<std::int64_t> drawn = Column(linear, &Hyperparameters::max_epochs);
  EXPECT_EQ(std::set<std::int64_t>(drawn.begin(), drawn.end()), (std::set<std::int64_t>{3, 4, 5}));
  const Plan log =
      Expand(RandomSearch{.count = 200, .max_epochs = {.min = 3, .max = 5, .scale = Scale::kLog}});
  EXPECT_EQ(log.configurations.size(), 3u);
}

TEST(RandomSearchTest, RatesHaveSixSignificantDigits) {
  for (const double rate : Column(Expand(EveryAxis(200)), &Hyperparameters::learning_rate)) {
    const double exponent = std::floor(std::log10(rate));
    const double digits = rate / std::pow(10.0, exponent - 5);
    EXPECT_NEAR(digits, std::round(digits), 1e-6) << rate;
  }
}

TEST(RandomSearchTest, TheSameSeedGivesTheSamePlan) {
  const Plan first = Expand(EveryAxis(50), 1, 7);
  const Plan second = Expand(EveryAxis(50), 1, 7);
  const Plan other = Expand(EveryAxis(50), 1, 8);
  ASSERT_EQ(first.configurations.size(), second.configurations.size());
  for (std::size_t i = 0; i < first.configurations.size(); ++i) {
    EXPECT_EQ(first.configurations[i].hyperparameters, second.configurations[i].hyperparameters);
  }
  EXPECT_NE(Column(first, &Hyperparameters::learning_rate),
            Column(other, &Hyperparameters::learning_rate));
}

TEST(RandomSearchTest, ALongerSearchBeginsWithTheShorter) {
  const std::vector<double> few = Column(Expand(EveryAxis(20)), &Hyperparameters::learning_rate);
  std::vector<double> many = Column(Expand(EveryAxis(60)), &Hyperparameters::learning_rate);
  many.resize(few.size());
  EXPECT_EQ(few, many);
}

TEST(RandomSearchTest, AnotherAxisLeavesTheDrawsOfTheRest) {
  RandomSearch alone;
  alone.count = 30;
  alone.learning_rate = EveryAxis(0).learning_rate;
  EXPECT_EQ(Column(Expand(alone), &Hyperparameters::learning_rate),
            Column(Expand(EveryAxis(30)), &Hyperparameters::learning_rate));
}

TEST(RandomSearchTest, MergesEqualDraws) {
  const Plan plan = Expand(RandomSearch{.count = 50, .batch_size = {.values = {16, 32}}});
  EXPECT_EQ(plan.configurations.size(), 2u);
  EXPECT_EQ(plan.duplicates.size(), 48u);
}

TEST(PlanLimitTest, AcceptsAMillionTrialsAndNotOneMore) {
  SweepSpec spec = Lab1();
  Axes axes;
  for (int i = 1; i <= 100; ++i) axes.batch_size.push_back(i);
  spec.search = Grid{axes};
  spec.repeats = 10'000;
  ASSERT_OK_AND_ASSIGN(const Plan plan, ExpandPlan(spec));
  EXPECT_EQ(plan.TrialCount(), 1'000'000);
  axes.batch_size.push_back(101);
  spec.search = Grid{axes};
  const absl::StatusOr<Plan> refused = ExpandPlan(spec);
  EXPECT_THAT(refused, StatusIs(absl::StatusCode::kInvalidArgument,
                                HasSubstr("101 points x 10000 repeats; at most 1000000")));
  EXPECT_EQ(GetErrorDetails(refused.status())->reason, "PLAN_TOO_LARGE");
}

TEST(PlanLimitTest, RefusesWithoutMakingThePlan) {
  SweepSpec spec = Lab1();
  Axes axes;
  for (int i = 1; i <= 100'000; ++i) {
    axes.max_epochs.push_back(i);
    axes.batch_size.push_back(i);
    axes.learning_rate.push_back(i);
    axes.weight_decay.push_back(i);
  }
  spec.search = Grid{axes};
  EXPECT_THAT(ExpandPlan(spec), StatusIs(absl::StatusCode::kInvalidArgument));
  spec.search = RandomSearch{.count = std::int64_t{1} << 62, .optimizer = {Optimizer::kSgd}};
  EXPECT_THAT(ExpandPlan(spec), StatusIs(absl::StatusCode::kInvalidArgument));
}

TEST(PlanWarningTest, SaysWhatIsUnusual) {
  const Plan sgd = Expand(Points{{{.optimizer = Optimizer::kSgd, .weight_decay = 0.1}}});
  EXPECT_THAT(sgd.warnings, ElementsAre(HasSubstr("weight decay is fixed at 5e-4")));
  const Plan rising = Expand(Points{{{.learning_rate = 1e-7}}});
  EXPECT_THAT(rising.warnings, ElementsAre(HasSubstr("raises their learning rate to 1e-6")));
  EXPECT_THAT(Expand(Single{}).warnings, IsEmpty());
}

// The literals are the first 8 bytes, little-endian, without the top bit, of Python's
// hashlib.sha256 of the texts in the comments.
TEST(TrialSeedTest, IsTheDigestOfItsText) {
  // bitsweep.trial.v1|1|{"batch_size":256,"learning_rate":1e-05,"max_epochs":10,
  // "optimizer":"adam","schedule":"cosine","weight_decay":0}|0
  EXPECT_EQ(TrialSeed(1, {10, 1e-5, 256}, 0), 8183606157682864555u);
  // bitsweep.trial.v1|42|{"batch_size":16,"learning_rate":0.001,"max_epochs":100,
  // "optimizer":"sgd","schedule":"constant","weight_decay":0.5}|7
  EXPECT_EQ(TrialSeed(42, {100, 0.001, 16, Optimizer::kSgd, 0.5, Schedule::kConstant}, 7),
            4136820462661353848u);
}

TEST(TrialSeedTest, DiffersForEveryTrialOfASweep) {
  ASSERT_OK_AND_ASSIGN(const Plan plan, ExpandPlan(Lab1()));
  std::set<std::uint64_t> seeds;
  for (const Configuration& c : plan.configurations) {
    for (std::int64_t repeat = 0; repeat < plan.repeats; ++repeat) {
      seeds.insert(TrialSeed(1, c.hyperparameters, repeat));
    }
  }
  EXPECT_EQ(seeds.size(), 120u);
  EXPECT_LE(*seeds.rbegin(), 0x7fffffffffffffffu);
}

TEST(TrialSeedTest, DependsOnTheSweepsSeed) {
  EXPECT_NE(TrialSeed(1, {}, 0), TrialSeed(2, {}, 0));
  EXPECT_NE(TrialSeed(1, {}, 0), TrialSeed(1, {}, 1));
}

}  // namespace
}  // namespace bitsweep::spec
