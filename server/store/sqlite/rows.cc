// SPDX-License-Identifier: Apache-2.0
#include "server/store/sqlite/rows.h"

#include "core/base/errors.h"
#include "core/base/ids.h"
#include "core/base/status_macros.h"
#include "core/spec/spec_json.h"
#include "fmt/format.h"

namespace bitsweep::store {

const char kSweepColumns[] =
    "s.id, s.sweep_id, s.spec, s.spec_digest, s.paused, s.cancelled, s.stopped_by_policy, s.state, "
    "s.configuration_count, s.trial_count, s.varying, s.create_time, s.start_time, s.end_time, "
    "s.data_digest, s.revision";

const char kHyperparameterColumns[] =
    "c.max_epochs, c.learning_rate, c.batch_size, c.optimizer, c.weight_decay, c.schedule";

const char kTrialColumns[] =
    "t.job, t.number, t.configuration, t.repeat, t.seed, t.state, j.attempt, j.worker, "
    "t.epochs_done, "
    "t.failure_reason, t.failure_message, m.model_id, t.start_time, t.end_time, "
    "c.max_epochs, c.learning_rate, c.batch_size, c.optimizer, c.weight_decay, c.schedule, "
    "t.val_acc, t.val_loss, t.val_loss_batch_mean, t.train_acc_last_step, t.train_loss_last_step, "
    "t.best_epoch, t.best_val_acc, t.epochs, t.steps, t.train_rows, t.validation_rows, t.seconds, "
    "t.rows_per_second, t.engine, t.engine_version, t.data_digest, t.artifact, t.artifact_bytes, "
    "t.graph_name, t.parameter_count, t.validation";
const char kTrialFrom[] =
    " FROM trials t JOIN jobs j ON j.id = t.job "
    "JOIN configurations c ON c.sweep = t.sweep AND c.number = t.configuration "
    "LEFT JOIN models m ON m.sweep = t.sweep AND m.trial = t.number ";

std::optional<absl::Time> MaybeTime(const Statement& row, int column) {
  if (row.IsNull(column)) return std::nullopt;
  return FromMicros(row.Int(column));
}

spec::JobCounts LoadCounts(Connection& db, SubmissionId submission) {
  spec::JobCounts counts;
  Statement row =
      db.Query("SELECT state, jobs FROM counters WHERE submission = ?1", submission.value);
  while (row.Step()) {
    if (const auto state = spec::ParseJobState(row.Text(0))) counts.Of(*state) = row.Int(1);
  }
  return counts;
}

absl::StatusOr<SweepRecord> ReadSweep(Connection& db, const Statement& row) {
  SweepRecord sweep;
  sweep.row.value = row.Int(0);
  sweep.sweep_id = row.Text(1);
  ASSIGN_OR_RETURN(sweep.spec, spec::SweepSpecFromJson(row.Text(2)));
  sweep.spec_digest = row.Text(3);
  sweep.flags = {.paused = row.Int(4) != 0,
                 .cancelled = row.Int(5) != 0,
                 .stopped_by_policy = row.Int(6) != 0};
  const std::optional<spec::SweepState> state = spec::ParseSweepState(row.Text(7));
  if (!state) {
    return absl::DataLossError(
        fmt::format("sweep {}: unknown state \"{}\"", sweep.sweep_id, row.Text(7)));
  }
  sweep.state = *state;
  sweep.configuration_count = row.Int(8);
  sweep.trial_count = row.Int(9);
  std::string varying = row.Text(10);
  for (std::size_t start = 0; start < varying.size();) {
    const std::size_t end = std::min(varying.find(',', start), varying.size());
    sweep.varying.push_back(varying.substr(start, end - start));
    start = end + 1;
  }
  sweep.create_time = FromMicros(row.Int(11));
  sweep.start_time = MaybeTime(row, 12);
  sweep.end_time = MaybeTime(row, 13);
  sweep.data_digest = row.Text(14);
  sweep.revision = row.Int(15);
  sweep.counts = LoadCounts(db, sweep.row);
  return sweep;
}

absl::StatusOr<SweepRecord> LoadSweep(Connection& db, const std::string& sweep_id) {
  static const std::string sql =
      fmt::format("SELECT {} FROM sweeps s WHERE s.sweep_id = ?1", kSweepColumns);
  Statement row = db.Query(sql, sweep_id);
  if (!row.Step()) return NotFoundError("sweep", SweepName(sweep_id));
  return ReadSweep(db, row);
}

absl::StatusOr<SweepRecord> LoadSweep(Connection& db, SubmissionId id) {
  static const std::string sql =
      fmt::format("SELECT {} FROM sweeps s WHERE s.id = ?1", kSweepColumns);
  Statement row = db.Query(sql, id.value);
  if (!row.Step()) return NotFoundError("sweep", fmt::format("row {}", id.value));
  return ReadSweep(db, row);
}

spec::Hyperparameters ReadHyperparameters(const Statement& row, int column) {
  // The CHECKs of the table leave no other names.
  return {.max_epochs = row.Int(column),
          .learning_rate = row.Real(column + 1),
          .batch_size = row.Int(column + 2),
          .optimizer = spec::ParseOptimizer(row.Text(column + 3)).value_or(spec::Optimizer::kAdam),
          .weight_decay = row.Real(column + 4),
          .schedule = spec::ParseSchedule(row.Text(column + 5)).value_or(spec::Schedule::kCosine)};
}

std::optional<spec::JobFailure> ReadFailure(const Statement& row, int column) {
  if (row.IsNull(column)) return std::nullopt;
  const auto reason = spec::ParseFailureReason(row.Text(column));
  return spec::JobFailure{reason.value_or(spec::FailureReason::kException), row.Text(column + 1)};
}

TrialRecord ReadTrial(const Statement& row, const std::string& sweep_id) {
  TrialRecord trial;
  trial.job.value = row.Int(0);
  trial.sweep_id = sweep_id;
  trial.number = row.Int(1);
  trial.configuration = row.Int(2);
  trial.repeat = row.Int(3);
  trial.seed = static_cast<std::uint64_t>(row.Int(4));
  trial.state = spec::ParseJobState(row.Text(5)).value_or(spec::JobState::kQueued);
  trial.attempt = row.Int(6);
  trial.worker_id = row.Text(7);
  trial.epochs_done = row.Int(8);
  trial.failure = ReadFailure(row, 9);
  trial.model_id = row.Text(11);
  trial.start_time = MaybeTime(row, 12);
  trial.end_time = MaybeTime(row, 13);
  trial.hyperparameters = ReadHyperparameters(row, 14);
  if (trial.state == spec::JobState::kSucceeded) {
    const auto validation =  // the CHECK of the table leaves no other name
        spec::ParseValidation(row.Text(40)).value_or(spec::Validation::kHeldOut);
    trial.result = spec::TrialResult{.val_acc = row.Real(20),
                                     .val_loss = row.Real(21),
                                     .val_loss_batch_mean = row.Real(22),
                                     .train_acc_last_step = row.Real(23),
                                     .train_loss_last_step = row.Real(24),
                                     .best_epoch = row.Int(25),
                                     .best_val_acc = row.Real(26),
                                     .epochs = row.Int(27),
                                     .steps = row.Int(28),
                                     .train_rows = row.Int(29),
                                     .validation_rows = row.Int(30),
                                     .seconds = row.Real(31),
                                     .rows_per_second = row.Real(32),
                                     .engine = row.Text(33),
                                     .engine_version = row.Text(34),
                                     .data_digest = row.Text(35),
                                     .artifact = row.Text(36),
                                     .artifact_bytes = row.Int(37),
                                     .graph_name = row.Text(38),
                                     .parameter_count = row.Int(39),
                                     .validation = validation};
  }
  return trial;
}

}  // namespace bitsweep::store
