// SPDX-License-Identifier: Apache-2.0
#include "worker/train/recipe.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <variant>
#include <vector>

#include "core/base/simulated_clock.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/worker/train/recording_observer.h"
#include "tests/worker/train/small_training.h"

namespace bitsweep::train {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

constexpr std::uint64_t kSeed = 12;

// One training of the linear model on Corners, and what was seen of it.
struct Training {
  Training(data::Dataset data, spec::Hyperparameters h)
      : dataset(std::move(data)), hyperparameters(h) {}

  auto Run() {
    return Train(session, hyperparameters, dataset, kSeed, clock, observer,
                 [this](const StepReport&) { clock.Advance(per_step); });
  }

  const data::Dataset dataset;
  const spec::Hyperparameters hyperparameters;
  const graph::Graph graph = LinearModel(4, 3);
  RecordingSession session{graph, hyperparameters, dataset, kSeed};
  RecordingObserver observer;
  SimulatedClock clock;
  absl::Duration per_step = absl::Seconds(1);
};

spec::Hyperparameters Recipe(std::int64_t epochs, std::int64_t batch_size, double rate = 0.05) {
  return {.max_epochs = epochs, .learning_rate = rate, .batch_size = batch_size};
}

TEST(RowOrderTest, IsAnotherPermutationForEachEpochAndSeed) {
  std::vector<std::uint32_t> sorted = RowOrder(1, 0, 1000);
  std::sort(sorted.begin(), sorted.end());
  std::vector<std::uint32_t> all(1000);
  std::iota(all.begin(), all.end(), 0U);
  EXPECT_EQ(sorted, all);
  EXPECT_NE(RowOrder(1, 0, 1000), all);
  EXPECT_EQ(RowOrder(1, 0, 1000), RowOrder(1, 0, 1000));
  EXPECT_NE(RowOrder(1, 0, 1000), RowOrder(1, 1, 1000));
  EXPECT_NE(RowOrder(1, 0, 1000), RowOrder(2, 0, 1000));
}

TEST(RecipeTest, TrainsOnEveryRowOnceAnEpochInItsOrder) {
  Training t(Corners(10, 5), Recipe(2, 4));
  ASSERT_TRUE(std::holds_alternative<spec::TrialResult>(t.Run()));
  std::vector<std::size_t> sizes;
  std::vector<std::uint32_t> rows;
  for (const auto& batch : t.session.batches) {
    sizes.push_back(batch.size());
    rows.insert(rows.end(), batch.begin(), batch.end());
  }
  EXPECT_EQ(sizes, std::vector<std::size_t>({4, 4, 2, 4, 4, 2}));  // the short one is not dropped
  std::vector<std::uint32_t> expected = RowOrder(kSeed, 0, 10);
  const std::vector<std::uint32_t> second = RowOrder(kSeed, 1, 10);
  expected.insert(expected.end(), second.begin(), second.end());
  EXPECT_EQ(rows, expected);
}

TEST(RecipeTest, ABatchLargerThanTheSetIsOneStepOfAllRows) {
  Training t(Corners(10, 5), Recipe(3, 1000));
  const auto result = std::get<spec::TrialResult>(t.Run());
  EXPECT_EQ(result.steps, 3);
  EXPECT_THAT(t.session.batches, ::testing::Each(SizeIs(10)));
}

TEST(RecipeTest, CountsStepsRowsAndEpochs) {
  Training t(Corners(10, 7), Recipe(3, 4));
  const auto result = std::get<spec::TrialResult>(t.Run());
  EXPECT_EQ(result.epochs, 3);
  EXPECT_EQ(result.steps, 9);
  EXPECT_EQ(result.train_rows, 10);
  EXPECT_EQ(result.validation_rows, 7);
}

TEST(RecipeTest, TheRateOfRowsIsTakenOverTheTimeInSteps) {
  Training t(Corners(12, 7), Recipe(3, 4));  // 9 steps of 1 s for 36 rows
  const auto result = std::get<spec::TrialResult>(t.Run());
  EXPECT_DOUBLE_EQ(result.seconds, 9);
  EXPECT_DOUBLE_EQ(result.rows_per_second, 4);
  EXPECT_THAT(t.observer.steps, ::testing::ElementsAre(3, 3, 3));
  EXPECT_DOUBLE_EQ(t.observer.step_seconds, 9);
  for (const spec::EpochPoint& point : t.observer.points) EXPECT_DOUBLE_EQ(point.seconds, 3);
}

TEST(RecipeTest, AnEpochsTrainingMetricsAreThoseOfItsSteps) {
  Training t(Corners(10, 5), Recipe(2, 4));
  t.Run();
  ASSERT_THAT(t.observer.points, SizeIs(2));
  for (std::size_t epoch = 0; epoch < 2; ++epoch) {
    const std::vector<StepReport>& steps = t.session.reports;
    const spec::EpochPoint& point = t.observer.points[epoch];
    const StepReport& last = steps[3 * epoch + 2];
    EXPECT_DOUBLE_EQ(point.train_loss,
                     (steps[3 * epoch].loss + steps[3 * epoch + 1].loss + last.loss) / 3);
    EXPECT_DOUBLE_EQ(point.train_loss_last_step, last.loss);
    EXPECT_DOUBLE_EQ(point.train_acc_last_step, static_cast<double>(last.correct) / 2);
  }
}

// The same in 64 bits, from the weights at the end: 7 rows in batches of 4 and 3.
TEST(RecipeTest, ValidationMetricsAreOverAllRowsByRowAndByBatch) {
  Training t(Corners(30, 7), Recipe(1, 4));
  const auto result = std::get<spec::TrialResult>(t.Run());
  const std::vector<graph::TensorValue> tensors = t.session.Tensors();
  std::vector<double> losses;
  int correct = 0;
  for (std::size_t r = 0; r < 7; ++r) {
    double logits[3];
    for (std::size_t c = 0; c < 3; ++c) {
      logits[c] = tensors[1].f32[c];
      for (std::size_t f = 0; f < 4; ++f) {
        logits[c] += static_cast<double>(tensors[0].f32[4 * c + f]) * t.dataset.val_x[4 * r + f];
      }
    }
    const auto label = static_cast<std::size_t>(t.dataset.val_y[r]);
    const double sum = std::exp(logits[0]) + std::exp(logits[1]) + std::exp(logits[2]);
    losses.push_back(std::log(sum) - logits[label]);
    correct += std::max_element(logits, logits + 3) - logits == static_cast<std::int64_t>(label);
  }
  const double first = losses[0] + losses[1] + losses[2] + losses[3];
  const double second = losses[4] + losses[5] + losses[6];
  EXPECT_DOUBLE_EQ(result.val_acc, correct / 7.0);
  EXPECT_NEAR(result.val_loss, (first + second) / 7, 1e-6);
  EXPECT_NEAR(result.val_loss_batch_mean, (first / 4 + second / 3) / 2, 1e-6);
  EXPECT_GT(std::abs(result.val_loss - result.val_loss_batch_mean), 1e-4);
}

TEST(RecipeTest, TheResultIsTheLastEpochsAndTheBestIsNamed) {
  Training t(Corners(40, 50), Recipe(12, 8, 0.3));
  const auto result = std::get<spec::TrialResult>(t.Run());
  const std::vector<spec::EpochPoint>& points = t.observer.points;
  ASSERT_THAT(points, SizeIs(12));
  EXPECT_EQ(result.val_acc, points.back().val_acc);
  EXPECT_EQ(result.val_loss, points.back().val_loss);
  EXPECT_EQ(result.val_loss_batch_mean, points.back().val_loss_batch_mean);
  EXPECT_EQ(result.train_acc_last_step, points.back().train_acc_last_step);
  EXPECT_EQ(result.train_loss_last_step, points.back().train_loss_last_step);
  const auto best =
      std::max_element(points.begin(), points.end(),
                       [](const auto& a, const auto& b) { return a.val_acc < b.val_acc; });
  EXPECT_EQ(result.best_epoch, best->epoch);
  EXPECT_EQ(result.best_val_acc, best->val_acc);
  EXPECT_GT(points.back().val_acc, 1.0 / 3);
}

TEST(RecipeTest, TheEarliestOfEqualEpochsIsTheBest) {
  spec::Hyperparameters h = Recipe(4, 4, 1e-30);  // nothing moves
  h.schedule = spec::Schedule::kConstant;
  Training t(Corners(12, 9), h);
  const auto result = std::get<spec::TrialResult>(t.Run());
  EXPECT_EQ(t.observer.points.front().val_acc, t.observer.points.back().val_acc);
  EXPECT_EQ(result.best_epoch, 0);
  EXPECT_EQ(result.epochs, 4);
}

TEST(RecipeTest, TheScheduleMovesOnceAnEpoch) {
  Training t(Corners(10, 5), Recipe(2, 4, 0.5));
  t.Run();
  // Cosine from 0.5 to 1e-6 over two epochs: cos(0) = 1, cos(pi / 2) = 0.
  const double half = 1e-6 + (0.5 - 1e-6) / 2;
  const std::vector<double> expected = {0.5, 0.5, 0.5, half, half, half};
  EXPECT_THAT(t.session.learning_rates,
              ::testing::Pointwise(::testing::DoubleNear(1e-15), expected));
  EXPECT_DOUBLE_EQ(t.observer.points[1].learning_rate, half);
}

TEST(RecipeTest, ValidatesOnTheTrainingRowsWhenTheDataSaysSo) {
  data::Dataset dataset = Corners(12, 0);
  dataset.validates_on_training_rows = true;
  Training t(dataset, Recipe(2, 5));
  const auto on_training = std::get<spec::TrialResult>(t.Run());
  EXPECT_EQ(on_training.validation_rows, 12);
  EXPECT_EQ(on_training.validation, spec::Validation::kTrainingRows);

  dataset.validates_on_training_rows = false;  // the same rows as a held-out part
  dataset.val_x = dataset.train_x;
  dataset.val_y = dataset.train_y;
  Training same(dataset, Recipe(2, 5));
  const auto held_out = std::get<spec::TrialResult>(same.Run());
  EXPECT_EQ(held_out.validation, spec::Validation::kHeldOut);
  EXPECT_EQ(on_training.val_acc, held_out.val_acc);
  EXPECT_EQ(on_training.val_loss, held_out.val_loss);
}

TEST(RecipeTest, ALossThatIsNotFiniteEndsTheTrialAndNamesTheStep) {
  data::Dataset dataset = Corners(12, 3);
  const std::uint32_t row = RowOrder(kSeed, 0, 12)[9];  // of the third batch of four
  dataset.train_x[4 * row] = std::numeric_limits<float>::infinity();
  Training t(dataset, Recipe(5, 4));
  const auto failure = std::get<spec::JobFailure>(t.Run());
  EXPECT_EQ(failure.reason, spec::FailureReason::kNanLoss);
  EXPECT_THAT(failure.message, HasSubstr("in epoch 0, step 2"));
  EXPECT_THAT(t.observer.points, IsEmpty());
}

TEST(RecipeTest, AValidationLossThatIsNotFiniteEndsTheTrialToo) {
  data::Dataset dataset = Corners(12, 3);
  dataset.val_x[0] = std::numeric_limits<float>::infinity();
  Training t(dataset, Recipe(5, 4));
  const auto failure = std::get<spec::JobFailure>(t.Run());
  EXPECT_EQ(failure.reason, spec::FailureReason::kNanLoss);
  EXPECT_THAT(failure.message, HasSubstr("the validation loss became"));
  EXPECT_THAT(failure.message, HasSubstr("in epoch 0"));
}

TEST(RecipeTest, StopsBeforeTheNextBatchWhenAsked) {
  Training t(Corners(40, 5), Recipe(3, 4));
  t.observer.stop_at = 6;
  EXPECT_TRUE(std::holds_alternative<worker::TrialStopped>(t.Run()));
  EXPECT_THAT(t.session.batches, SizeIs(6));
  EXPECT_THAT(t.observer.points, IsEmpty());
}

TEST(RecipeTest, StopsInAnEvaluationWhenAsked) {
  Training t(Corners(12, 5), Recipe(3, 4));
  t.observer.stop_at = 3;  // after the epoch's three batches
  EXPECT_TRUE(std::holds_alternative<worker::TrialStopped>(t.Run()));
  EXPECT_THAT(t.session.batches, SizeIs(3));
  EXPECT_THAT(t.observer.points, IsEmpty());
}

}  // namespace
}  // namespace bitsweep::train
