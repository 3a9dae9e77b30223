// SPDX-License-Identifier: Apache-2.0
#include "worker/train/recipe.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <optional>

#include "core/base/random.h"
#include "fmt/format.h"

namespace bitsweep::train {
namespace {

using worker::TrialStopped;

// What the steps of an epoch add up to.
struct EpochSteps {
  double loss_sum = 0;  // of the batches' means
  std::int64_t steps = 0;
  StepReport last;
  std::int64_t last_rows = 0;
};

spec::JobFailure NotFinite(double loss, const char* what, std::int64_t epoch, std::int64_t step) {
  return {spec::FailureReason::kNanLoss,
          fmt::format("the {} became {} in epoch {}{}", what, loss, epoch,
                      step < 0 ? "" : fmt::format(", step {}", step))};
}

void AddValidation(const EvaluationSums& sums, spec::EpochPoint& point) {
  const double rows = static_cast<double>(sums.rows);
  point.val_acc = static_cast<double>(sums.correct) / rows;
  point.val_loss = sums.loss_sum / rows;
  point.val_loss_batch_mean =
      std::accumulate(sums.batch_mean_loss.begin(), sums.batch_mean_loss.end(), 0.0) /
      static_cast<double>(sums.batch_mean_loss.size());
}

}  // namespace

std::vector<std::uint32_t> RowOrder(std::uint64_t seed, std::int64_t epoch, std::int64_t rows) {
  std::vector<std::uint32_t> order(static_cast<std::size_t>(rows));
  std::iota(order.begin(), order.end(), 0U);
  Random random(seed, RandomStream::kShuffle, static_cast<std::uint32_t>(epoch));
  Shuffle(order, random);
  return order;
}

std::variant<spec::TrialResult, spec::JobFailure, TrialStopped> Train(
    EngineSession& session, const spec::Hyperparameters& h, const data::Dataset& dataset,
    std::uint64_t seed, Clock& clock, worker::TrialObserver& observer,
    const StepObserver& on_step) {
  const std::int64_t rows = dataset.train_rows();
  const std::size_t batch = static_cast<std::size_t>(h.batch_size);
  std::vector<StepReport> reports(static_cast<std::size_t>(session.StepsPerCall(h.batch_size)));
  const std::size_t call_rows = reports.size() * batch;
  const auto should_stop = [&observer] { return observer.ShouldStop(); };
  const absl::Time start = clock.Now();
  absl::Duration in_steps;
  spec::TrialResult result{.best_val_acc = -1,
                           .train_rows = rows,
                           .validation = dataset.validates_on_training_rows
                                             ? spec::Validation::kTrainingRows
                                             : spec::Validation::kHeldOut};

  for (std::int64_t epoch = 0; epoch < h.max_epochs; ++epoch) {
    const absl::Time epoch_start = clock.Now();
    const double learning_rate = spec::LearningRateAt(h, epoch);
    const std::vector<std::uint32_t> order = RowOrder(seed, epoch, rows);
    const std::span<const std::uint32_t> all(order);
    EpochSteps sums;
    for (std::size_t first = 0; first < all.size(); first += call_rows) {
      if (should_stop()) return TrialStopped{};
      const auto chosen = all.subspan(first, std::min(call_rows, all.size() - first));
      const std::span<StepReport> done(reports.data(), (chosen.size() + batch - 1) / batch);
      session.Steps(chosen, h.batch_size, learning_rate, done);
      for (const StepReport& report : done) {
        if (on_step) on_step(report);
        if (!std::isfinite(report.loss)) {
          return NotFinite(report.loss, "loss", epoch, sums.steps);
        }
        sums.loss_sum += report.loss;
        ++sums.steps;
      }
      sums.last = done.back();
      sums.last_rows = static_cast<std::int64_t>(chosen.size() - (done.size() - 1) * batch);
    }
    const absl::Duration in_epoch = clock.Now() - epoch_start;
    in_steps += in_epoch;

    const EvaluationSums validation = session.Evaluate(h.batch_size, should_stop);
    if (validation.rows < static_cast<std::int64_t>(dataset.validation_y().size())) {
      return TrialStopped{};
    }
    spec::EpochPoint point{.epoch = epoch, .learning_rate = learning_rate};
    point.train_loss = sums.loss_sum / static_cast<double>(sums.steps);
    point.train_loss_last_step = sums.last.loss;
    point.train_acc_last_step =
        static_cast<double>(sums.last.correct) / static_cast<double>(sums.last_rows);
    AddValidation(validation, point);
    if (!std::isfinite(point.val_loss)) {
      return NotFinite(point.val_loss, "validation loss", epoch, -1);
    }
    point.seconds = absl::ToDoubleSeconds(clock.Now() - epoch_start);
    observer.OnSteps(sums.steps, absl::ToDoubleSeconds(in_epoch));
    observer.OnEpoch(point);

    result.steps += sums.steps;
    result.validation_rows = validation.rows;
    if (point.val_acc > result.best_val_acc) {
      result.best_val_acc = point.val_acc;
      result.best_epoch = epoch;
    }
    result.val_acc = point.val_acc;
    result.val_loss = point.val_loss;
    result.val_loss_batch_mean = point.val_loss_batch_mean;
    result.train_acc_last_step = point.train_acc_last_step;
    result.train_loss_last_step = point.train_loss_last_step;
    result.epochs = epoch + 1;
  }
  result.seconds = absl::ToDoubleSeconds(clock.Now() - start);
  const double step_seconds = std::max(absl::ToDoubleSeconds(in_steps), 1e-9);
  result.rows_per_second = static_cast<double>(rows * result.epochs) / step_seconds;
  return result;
}

}  // namespace bitsweep::train
