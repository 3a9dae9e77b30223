// SPDX-License-Identifier: Apache-2.0
#include "core/spec/hyperparameters.h"

#include <cmath>

#include "gtest/gtest.h"

namespace bitsweep::spec {
namespace {

TEST(HyperparametersTest, DefaultsAreTheRecipes) {
  const Hyperparameters h;
  EXPECT_EQ(h.max_epochs, 20);
  EXPECT_EQ(h.learning_rate, 1e-5);
  EXPECT_EQ(h.batch_size, 128);
  EXPECT_EQ(h.optimizer, Optimizer::kAdam);
  EXPECT_EQ(h.weight_decay, 0);
  EXPECT_EQ(h.schedule, Schedule::kCosine);
}

TEST(HyperparametersTest, ApplyTakesWhatIsSet) {
  const Hyperparameters base{.max_epochs = 10, .learning_rate = 0.5, .batch_size = 3};
  EXPECT_EQ(Apply(base, {}), base);
  const PartialHyperparameters over{.max_epochs = 7,
                                    .learning_rate = 0.25,
                                    .batch_size = 9,
                                    .optimizer = Optimizer::kSgd,
                                    .weight_decay = 0.1,
                                    .schedule = Schedule::kConstant};
  const Hyperparameters all{7, 0.25, 9, Optimizer::kSgd, 0.1, Schedule::kConstant};
  EXPECT_EQ(Apply(base, over), all);
  EXPECT_EQ(Apply(base, {.batch_size = 9}), (Hyperparameters{10, 0.5, 9}));
}

TEST(CanonicalTextTest, IsSortedJson) {
  EXPECT_EQ(CanonicalText({10, 1e-5, 256, Optimizer::kAdam, 0, Schedule::kCosine}),
            R"({"batch_size":256,"learning_rate":1e-05,"max_epochs":10,"optimizer":"adam",)"
            R"("schedule":"cosine","weight_decay":0})");
  EXPECT_EQ(CanonicalText({100, 0.001, 16, Optimizer::kSgd, 0.5, Schedule::kConstant}),
            R"({"batch_size":16,"learning_rate":0.001,"max_epochs":100,"optimizer":"sgd",)"
            R"("schedule":"constant","weight_decay":0.5})");
}

TEST(CanonicalTextTest, WritesNumbersSoThatTheyReadBack) {
  const double third = 1.0 / 3;
  EXPECT_NE(CanonicalText({.learning_rate = third}).find("0.3333333333333333,"), std::string::npos);
  EXPECT_NE(CanonicalText({.learning_rate = third}),
            CanonicalText({.learning_rate = std::nextafter(third, 1)}));
}

TEST(CanonicalTextTest, EqualValuesHaveEqualTexts) {
  EXPECT_EQ(CanonicalText({.weight_decay = -0.0}), CanonicalText({.weight_decay = 0.0}));
}

TEST(CanonicalTextTest, EveryFieldCounts) {
  const std::string base = CanonicalText({});
  EXPECT_NE(CanonicalText({.max_epochs = 21}), base);
  EXPECT_NE(CanonicalText({.learning_rate = 1e-4}), base);
  EXPECT_NE(CanonicalText({.batch_size = 129}), base);
  EXPECT_NE(CanonicalText({.optimizer = Optimizer::kAdamW}), base);
  EXPECT_NE(CanonicalText({.weight_decay = 1e-9}), base);
  EXPECT_NE(CanonicalText({.schedule = Schedule::kConstant}), base);
}

TEST(LearningRateTest, ConstantStaysWhereItStarts) {
  const Hyperparameters h{.max_epochs = 4, .learning_rate = 0.1, .schedule = Schedule::kConstant};
  for (const std::int64_t epoch : {0, 1, 3}) EXPECT_EQ(LearningRateAt(h, epoch), 0.1);
}

// Half-way the cosine is 0, at a third of the way 1/2.
TEST(LearningRateTest, CosineFallsToItsMinimum) {
  const Hyperparameters adam{.max_epochs = 6, .learning_rate = 0.1};
  EXPECT_DOUBLE_EQ(LearningRateAt(adam, 0), 0.1);
  EXPECT_NEAR(LearningRateAt(adam, 2), 1e-6 + 0.75 * (0.1 - 1e-6), 1e-15);
  EXPECT_NEAR(LearningRateAt(adam, 3), (0.1 + 1e-6) / 2, 1e-15);
  EXPECT_NEAR(LearningRateAt(adam, 6), 1e-6, 1e-15);
}

TEST(LearningRateTest, SgdFallsToZero) {
  const Hyperparameters sgd{.max_epochs = 6, .learning_rate = 0.1, .optimizer = Optimizer::kSgd};
  EXPECT_NEAR(LearningRateAt(sgd, 3), 0.05, 1e-15);
  EXPECT_NEAR(LearningRateAt(sgd, 6), 0, 1e-15);
}

TEST(LearningRateTest, AdamWHasAdamsMinimum) {
  const Hyperparameters adamw{
      .max_epochs = 6, .learning_rate = 0.1, .optimizer = Optimizer::kAdamW};
  EXPECT_NEAR(LearningRateAt(adamw, 6), 1e-6, 1e-15);
}

TEST(HyperparameterNamesTest, ParseBack) {
  for (const Optimizer o : {Optimizer::kAdam, Optimizer::kAdamW, Optimizer::kSgd}) {
    EXPECT_EQ(ParseOptimizer(Name(o)), o);
  }
  for (const Schedule s : {Schedule::kCosine, Schedule::kConstant}) {
    EXPECT_EQ(ParseSchedule(Name(s)), s);
  }
  EXPECT_EQ(ParseOptimizer("ADAM"), std::nullopt);
  EXPECT_EQ(ParseSchedule("step"), std::nullopt);
}

}  // namespace
}  // namespace bitsweep::spec
