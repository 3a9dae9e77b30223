// SPDX-License-Identifier: Apache-2.0
// What workers write: progress, results, failures.
#include <cmath>

#include "core/base/errors.h"
#include "core/base/random.h"
#include "core/base/sha256.h"
#include "core/base/status_macros.h"
#include "fmt/format.h"
#include "server/store/sqlite/completion.h"
#include "server/store/sqlite/rows.h"
#include "server/store/sqlite/sqlite_store.h"
#include "server/store/sqlite/transitions.h"

namespace bitsweep::store {
namespace {

bool IsFinite(const spec::EpochPoint& p) {
  return std::isfinite(p.learning_rate) && std::isfinite(p.train_loss) &&
         std::isfinite(p.train_loss_last_step) && std::isfinite(p.train_acc_last_step) &&
         std::isfinite(p.val_acc) && std::isfinite(p.val_loss) &&
         std::isfinite(p.val_loss_batch_mean) && std::isfinite(p.seconds);
}

absl::Status CheckEpochs(const std::vector<spec::EpochPoint>& points) {
  for (const spec::EpochPoint& p : points) {
    if (p.epoch < 0 || !IsFinite(p)) {
      return Incomplete(
          fmt::format("epoch {}: expected a number from 0 and finite metrics", p.epoch));
    }
  }
  return absl::OkStatus();
}

void PutEpochs(Connection& db, const LeaseRef& ref, const std::vector<spec::EpochPoint>& points) {
  for (const spec::EpochPoint& p : points) {
    db.Run(
        "INSERT OR REPLACE INTO epochs (job, epoch, attempt, learning_rate, train_loss, "
        "train_loss_last_step, "
        "train_acc_last_step, val_acc, val_loss, val_loss_batch_mean, seconds) "
        "VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)",
        ref.job.value, p.epoch, ref.attempt, p.learning_rate, p.train_loss, p.train_loss_last_step,
        p.train_acc_last_step, p.val_acc, p.val_loss, p.val_loss_batch_mean, p.seconds);
  }
}

// What the end of a trial is checked against.
struct Planned {
  std::string sweep_id;
  std::string keep_models;
  std::string data_digest;  // empty: not known yet
  std::int64_t epochs = 0;
};

absl::StatusOr<Planned> LoadPlanned(Connection& db, const JobRow& job) {
  Statement row = db.Query(
      "SELECT s.sweep_id, s.keep_models, s.data_digest, c.max_epochs FROM trials t CROSS JOIN "
      "configurations c ON c.sweep = t.sweep AND c.number = t.configuration CROSS JOIN sweeps s ON "
      "s.id = t.sweep WHERE t.job = ?1",
      job.job.value);
  if (!row.Step()) return absl::DataLossError(fmt::format("job {} has no trial", job.job.value));
  return Planned{row.Text(0), row.Text(1), row.Text(2), row.Int(3)};
}

// Stores the model of a finished trial as the sweep's keep_models says.
absl::Status KeepModel(Connection& db, const JobRow& job, const Planned& planned,
                       const spec::TrialResult& result, absl::Time now) {
  if (planned.keep_models == "none" || result.artifact.empty()) return absl::OkStatus();
  if (planned.keep_models == "best") {
    Statement best =
        db.Query("SELECT val_acc, trial, id FROM models WHERE sweep = ?1", job.submission.value);
    if (best.Step()) {
      const bool better = result.val_acc > best.Real(0) ||
                          (result.val_acc == best.Real(0) && job.number < best.Int(1));
      if (!better) return absl::OkStatus();
      db.Run("DELETE FROM models WHERE id = ?1", best.Int(2));
    }
  }
  db.Run(
      "INSERT INTO models (model_id, sweep, trial, graph_name, parameter_count, artifact, "
      "size_bytes, val_acc, create_time) SELECT ?1, ?2, ?3, ?4, ?5, sha256, size_bytes, ?7, ?8 "
      "FROM artifacts WHERE sha256 = ?6",
      NewModelId(db, planned.sweep_id, job.number), job.submission.value, job.number,
      result.graph_name, result.parameter_count, result.artifact, result.val_acc, ToMicros(now));
  return absl::OkStatus();
}

absl::Status CheckResult(Connection& db, const JobRow& job, std::int64_t wanted,
                         const spec::TrialResult& r) {
  for (const double value :
       {r.val_acc, r.val_loss, r.val_loss_batch_mean, r.train_acc_last_step, r.train_loss_last_step,
        r.best_val_acc, r.seconds, r.rows_per_second}) {
    if (!std::isfinite(value)) return Incomplete("a metric of the result is not a finite number");
  }
  if (r.engine.empty() || r.data_digest.empty() || r.steps < 1) {
    return Incomplete("the result must name its engine, its data digest and at least one step");
  }
  Statement row =
      db.Query("SELECT count(*), max(epoch) FROM epochs WHERE job = ?1 AND attempt = ?2",
               job.job.value, job.attempt);
  row.Step();
  if (r.epochs != wanted || row.Int(0) != wanted || row.Int(1) != wanted - 1) {
    return Incomplete(fmt::format("{} epochs in the result, {} reported, {} planned", r.epochs,
                                  row.Int(0), wanted));
  }
  return CheckArtifact(db, r.artifact);
}

}  // namespace

absl::StatusOr<ProgressOutcome> SqliteStore::ProgressOne(Connection& db,
                                                         const ProgressReport& report,
                                                         absl::Time now) {
  std::optional<JobRow> job = LoadJob(db, report.ref.job);
  if (!job || !IsHeldBy(*job, report.ref)) {
    const bool cancelled =
        job && job->attempt == report.ref.attempt && job->state == spec::JobState::kCancelled;
    return ProgressOutcome{cancelled ? ProgressVerdict::kCancelled : ProgressVerdict::kLost, ""};
  }
  if (job->kind == SubmissionKind::kTransform && !report.points.empty()) {
    return ProgressOutcome{ProgressVerdict::kInvalid, "a transform's job has no epochs"};
  }
  if (const absl::Status status = CheckEpochs(report.points); !status.ok()) {
    return ProgressOutcome{ProgressVerdict::kInvalid, std::string(status.message())};
  }
  if (std::string why = CheckDigest(db, *job, report.data_digest); !why.empty()) {
    return ProgressOutcome{ProgressVerdict::kDataMismatch, std::move(why)};
  }
  if (report.started && job->state == spec::JobState::kLeased) {
    RETURN_IF_ERROR(Start(db, *job, now));
    RefreshBeforeCommit(job->submission, now, Touch::kStarted);
  }
  PutEpochs(db, report.ref, report.points);
  if (!report.points.empty()) {
    db.Run("UPDATE trials SET epochs_done = max(epochs_done, ?2) WHERE job = ?1",
           report.ref.job.value, report.points.back().epoch + 1);
  }
  return ProgressOutcome{};
}

absl::StatusOr<std::vector<ProgressOutcome>> SqliteStore::Progress(
    const std::vector<ProgressReport>& reports, absl::Time now) {
  std::vector<ProgressOutcome> outcomes;
  RETURN_IF_ERROR(writer_.Run(WriteOp::kReport, [&](Connection& db) -> absl::Status {
    outcomes.clear();
    for (const ProgressReport& report : reports) {
      ASSIGN_OR_RETURN(ProgressOutcome outcome, ProgressOne(db, report, now));
      outcomes.push_back(std::move(outcome));
    }
    return absl::OkStatus();
  }));
  return outcomes;
}

absl::StatusOr<CompleteOutcome> SqliteStore::CompleteOne(
    Connection& db, const LeaseRef& ref, const std::vector<spec::EpochPoint>& points,
    const spec::TrialResult& r, absl::Time now) {
  std::optional<JobRow> job = LoadJob(db, ref.job);
  if (!job || !IsHeldBy(*job, ref)) {
    if (OutcomeOf(db, ref) == "SUCCEEDED") return CompleteOutcome{.repeated = true};
    return LeaseLost(db, ref, job);
  }
  if (job->kind != SubmissionKind::kSweep) {
    return Incomplete("a trial's result for a transform's job");
  }
  RETURN_IF_ERROR(CheckEpochs(points));
  ASSIGN_OR_RETURN(const Planned planned, LoadPlanned(db, *job));
  const bool starts_now = job->state == spec::JobState::kLeased;
  if (starts_now) ForgetEarlierEpochs(db, *job);
  PutEpochs(db, ref, points);
  RETURN_IF_ERROR(CheckResult(db, *job, planned.epochs, r));
  if (std::string why = CheckDigest(db, *job, planned.data_digest, r.data_digest); !why.empty()) {
    return Incomplete(why);
  }
  std::optional<std::string> artifact;
  if (!r.artifact.empty()) artifact = r.artifact;
  db.Run(
      "UPDATE trials SET state = 'SUCCEEDED', end_time = ?2, failure_reason = NULL, "
      "failure_message = NULL, "
      "val_acc = ?3, val_loss = ?4, val_loss_batch_mean = ?5, train_acc_last_step = ?6, "
      "train_loss_last_step = ?7, best_epoch = ?8, best_val_acc = ?9, epochs = ?10, epochs_done = "
      "?10, "
      "steps = ?11, train_rows = ?12, validation_rows = ?13, seconds = ?14, rows_per_second = ?15, "
      "engine = ?16, engine_version = ?17, data_digest = ?18, artifact = ?19, artifact_bytes = "
      "?20, "
      "graph_name = ?21, parameter_count = ?22, validation = ?23, start_time = iif(?24, ?2, "
      "start_time) WHERE job "
      "= ?1",
      ref.job.value, ToMicros(now), r.val_acc, r.val_loss, r.val_loss_batch_mean,
      r.train_acc_last_step, r.train_loss_last_step, r.best_epoch, r.best_val_acc, r.epochs,
      r.steps, r.train_rows, r.validation_rows, r.seconds, r.rows_per_second, r.engine,
      r.engine_version, r.data_digest, artifact, r.artifact_bytes, r.graph_name, r.parameter_count,
      spec::Name(r.validation), starts_now);
  RETURN_IF_ERROR(Succeed(db, *job, now));
  RETURN_IF_ERROR(KeepModel(db, *job, planned, r, now));
  RefreshBeforeCommit(job->submission, now, Touch::kStarted);
  return CompleteOutcome{.submission_ended = HasEnded(db, job->submission)};
}

absl::StatusOr<CompleteOutcome> SqliteStore::Complete(const LeaseRef& ref,
                                                      const std::vector<spec::EpochPoint>& points,
                                                      const spec::TrialResult& result,
                                                      absl::Time now) {
  CompleteOutcome outcome;
  RETURN_IF_ERROR(writer_.Run(WriteOp::kComplete, [&](Connection& db) -> absl::Status {
    ASSIGN_OR_RETURN(outcome, CompleteOne(db, ref, points, result, now));
    return absl::OkStatus();
  }));
  return outcome;
}

absl::StatusOr<FailOutcome> SqliteStore::FailOne(Connection& db, const LeaseRef& ref,
                                                 const spec::JobFailure& failure,
                                                 const spec::RetryLimits& limits,
                                                 std::string_view outcome, absl::Time now) {
  std::optional<JobRow> job = LoadJob(db, ref.job);
  if (!job || !IsHeldBy(*job, ref)) {
    if (job && OutcomeOf(db, ref) == outcome) {
      return FailOutcome{.state = job->state, .repeated = true};
    }
    return LeaseLost(db, ref, job);
  }
  const bool worker_died = failure.reason == spec::FailureReason::kWorkerLost;
  const spec::FailureHistory history{.failures = job->failures + 1,
                                     .worker_deaths = job->worker_deaths + (worker_died ? 1 : 0)};
  const auto seed =
      static_cast<std::uint64_t>(ref.job.value) * 1000003 + static_cast<std::uint64_t>(ref.attempt);
  const double jitter = Random(seed, RandomStream::kShuffle).NextDouble();
  const spec::RetryDecision decision = spec::DecideRetry(failure.reason, history, limits, jitter);
  FailOutcome result{.worker_deaths = history.worker_deaths};
  std::int64_t not_before = 0;
  if (decision.event == spec::JobEvent::kRequeue) {
    result.ready_time = now + decision.backoff;
    not_before = ToMicros(*result.ready_time);
  }
  const std::string cause(spec::Name(failure.reason));
  db.Run("UPDATE jobs SET failures = ?2, worker_deaths = ?3 WHERE id = ?1", ref.job.value,
         history.failures, history.worker_deaths);
  db.Run(fmt::format("UPDATE {} SET failure_reason = ?2, failure_message = ?3 WHERE job = ?1",
                     job->kind == SubmissionKind::kSweep ? "trials" : "transform_jobs"),
         ref.job.value, cause, failure.message);
  RETURN_IF_ERROR(
      Move(db, *job,
           {decision.event, worker_died ? "scheduler" : job->worker_id, cause, not_before}, now));
  EndAttempt(db, ref, outcome, failure, now);
  db.Run("UPDATE workers SET failed = failed + 1 WHERE worker_id = ?1", job->worker_id);
  result.state = job->state;
  if (spec::IsTerminal(job->state)) {
    std::int64_t stop_after = 0;
    {
      Statement row = db.Query(
          fmt::format("SELECT stop_after_failures FROM {} WHERE id = ?1", TableOf(job->kind)),
          job->submission.value);
      if (row.Step()) stop_after = row.Int(0);
    }
    const spec::JobCounts counts = LoadCounts(db, job->submission);
    if (stop_after > 0 && counts.failed + counts.dead >= stop_after &&
        counts.Terminal() < counts.Planned()) {
      result.cancelled_trials =
          CancelAll(db, job->submission, "policy", "FAILURE_POLICY", now, result.revoked);
      db.Run(fmt::format("UPDATE {} SET stopped_by_policy = 1 WHERE id = ?1", TableOf(job->kind)),
             job->submission.value);
    }
  }
  RefreshBeforeCommit(job->submission, now);
  result.submission_ended = HasEnded(db, job->submission);
  return result;
}

absl::StatusOr<FailOutcome> SqliteStore::Fail(const LeaseRef& ref, const spec::JobFailure& failure,
                                              const spec::RetryLimits& limits, absl::Time now) {
  FailOutcome outcome;
  RETURN_IF_ERROR(writer_.Run(WriteOp::kFail, [&](Connection& db) -> absl::Status {
    ASSIGN_OR_RETURN(outcome, FailOne(db, ref, failure, limits, "FAILED", now));
    return absl::OkStatus();
  }));
  return outcome;
}

absl::StatusOr<std::vector<std::optional<FailOutcome>>> SqliteStore::Expire(
    const std::vector<LeaseRef>& refs, const spec::RetryLimits& limits, absl::Time now) {
  std::vector<std::optional<FailOutcome>> outcomes;
  RETURN_IF_ERROR(writer_.Run(WriteOp::kExpire, [&](Connection& db) -> absl::Status {
    outcomes.clear();
    for (const LeaseRef& ref : refs) {
      std::optional<JobRow> job = LoadJob(db, ref.job);
      if (!job || !IsHeldBy(*job, ref)) {
        outcomes.push_back(std::nullopt);
      } else if (job->state == spec::JobState::kLeased) {
        RETURN_IF_ERROR(
            Move(db, *job, {spec::JobEvent::kRequeue, "scheduler", "LEASE_EXPIRED"}, now));
        EndAttempt(db, ref, "LEASE_EXPIRED", std::nullopt, now);
        RefreshBeforeCommit(job->submission, now);
        outcomes.push_back(FailOutcome{.state = job->state});
      } else {
        const spec::JobFailure lost{
            spec::FailureReason::kWorkerLost,
            fmt::format("worker {} did not renew its lease", job->worker_id)};
        ASSIGN_OR_RETURN(FailOutcome outcome, FailOne(db, ref, lost, limits, "LEASE_EXPIRED", now));
        outcomes.push_back(std::move(outcome));
      }
    }
    return absl::OkStatus();
  }));
  return outcomes;
}

}  // namespace bitsweep::store
