// SPDX-License-Identifier: Apache-2.0
#include "client/report/sweep_results.h"

#include <algorithm>

#include "client/report/fields.h"
#include "fmt/format.h"

namespace bitsweep::report {

void SweepResults::Add(const v1::Trial& trial) {
  const std::int64_t configuration = NumberOf(trial.configuration());
  if (trial.state() == v1::Trial::STATE_SUCCEEDED) {
    const v1::TrialResult& r = trial.result();
    outcomes.push_back({NumberOf(trial.name()), configuration, trial.repeat(), r.val_acc(),
                        r.seconds(), r.rows_per_second()});
    engines.insert(r.engine_version().starts_with(r.engine())
                       ? r.engine_version()
                       : fmt::format("{} {}", r.engine(), r.engine_version()));
    workers.insert(IdOf(trial.worker()));
    train_rows = r.train_rows();
    validation_rows = r.validation_rows();
    trial_seconds += r.seconds();
    epochs_trained += static_cast<double>(r.epochs());
    graph_name = r.graph_name();
    parameter_count = r.parameter_count();
    return;
  }
  const bool has_ended = trial.state() == v1::Trial::STATE_FAILED ||
                         trial.state() == v1::Trial::STATE_DEAD ||
                         trial.state() == v1::Trial::STATE_CANCELLED;
  if (!has_ended) return;
  const std::string state = LowerEnum(v1::Trial::State_Name(trial.state()), "STATE_");
  const std::string reason =
      trial.failure_reason() == v1::FAILURE_REASON_UNSPECIFIED
          ? ""
          : LowerEnum(v1::FailureReason_Name(trial.failure_reason()), "FAILURE_REASON_");
  ++failure_counts[reason.empty() ? state : fmt::format("{}, {}", state, reason)];
  if (failures.size() < kMaxFailures) {
    failures.push_back({NumberOf(trial.name()), configuration, trial.repeat(), trial.attempt(),
                        state, reason, trial.failure_message()});
  }
}

Sample SweepResults::AccuracyOf(std::int64_t configuration) const {
  const v1::MetricSummary& s = configurations[static_cast<std::size_t>(configuration)].val_acc();
  return {s.n(), s.mean(), s.has_sd() ? std::optional<double>(s.sd()) : std::nullopt};
}

std::optional<std::int64_t> SweepResults::Base() const {
  const v1::Hyperparameters base = ResolvedBase(sweep);
  for (std::size_t i = 0; i < configurations.size(); ++i) {
    if (AreEqual(configurations[i].hyperparameters(), base)) return static_cast<std::int64_t>(i);
  }
  return std::nullopt;
}

std::vector<std::int64_t> SweepResults::BestFirst() const {
  std::vector<std::int64_t> numbers;
  for (std::size_t i = 0; i < configurations.size(); ++i) {
    if (configurations[i].val_acc().n() > 0) numbers.push_back(static_cast<std::int64_t>(i));
  }
  std::stable_sort(numbers.begin(), numbers.end(), [this](std::int64_t a, std::int64_t b) {
    return AccuracyOf(a).mean > AccuracyOf(b).mean;
  });
  return numbers;
}

std::vector<std::string> SweepResults::Varying() const {
  return {sweep.varying().begin(), sweep.varying().end()};
}

std::string SweepResults::LabelOf(std::int64_t configuration) const {
  const auto& h = configurations[static_cast<std::size_t>(configuration)].hyperparameters();
  std::vector<std::string> fields = Varying();
  if (sweep.has_one_at_a_time()) {
    const v1::Hyperparameters base = ResolvedBase(sweep);
    std::erase_if(fields, [&](const std::string& field) {
      return ValueOf(h, field) == ValueOf(base, field);
    });
    if (fields.empty()) return fmt::format("{}: base", configuration);
  }
  return fmt::format("{}: {}", configuration, ShortLabel(h, fields));
}

void CurveBuilder::Add(const v1::Trial& trial) {
  if (trial.state() != v1::Trial::STATE_SUCCEEDED) return;
  for (const v1::EpochPoint& point : trial.epochs()) {
    Epoch& epoch = epochs_[point.epoch()];
    epoch.val_acc.push_back(point.val_acc());
    epoch.learning_rate = point.learning_rate();
  }
}

Curve CurveBuilder::Finish(std::size_t max_points) const {
  Curve curve{.configuration = configuration_};
  const std::size_t step = (epochs_.size() + max_points - 1) / std::max<std::size_t>(1, max_points);
  std::size_t left = epochs_.size();
  for (const auto& [number, epoch] : epochs_) {
    --left;
    if (step > 1 && left % step != 0) continue;
    curve.points.push_back({number, SampleOf(epoch.val_acc), epoch.learning_rate});
  }
  return curve;
}

}  // namespace bitsweep::report
