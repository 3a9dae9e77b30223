// SPDX-License-Identifier: Apache-2.0
#include "server/store/sqlite/transitions.h"

#include "fmt/format.h"
#include "server/store/sqlite/rows.h"

namespace bitsweep::store {
namespace {

std::optional<SubmissionKind> KindOf(Connection& db, SubmissionId submission) {
  Statement row = db.Query("SELECT kind FROM submissions WHERE id = ?1", submission.value);
  if (!row.Step()) return std::nullopt;
  return row.Text(0) == "SWEEP" ? SubmissionKind::kSweep : SubmissionKind::kTransform;
}

}  // namespace

std::string_view TableOf(SubmissionKind kind) {
  return kind == SubmissionKind::kSweep ? "sweeps" : "transforms";
}

std::string NameOf(Connection& db, SubmissionId submission) {
  Statement row = db.Query("SELECT name FROM queue_sources WHERE id = ?1", submission.value);
  return row.Step() ? row.Text(0) : "";
}

std::int64_t NextJob(Connection& db) {
  Statement last = db.Query("SELECT seq FROM sqlite_sequence WHERE name = 'jobs'");
  return last.Step() ? last.Int(0) + 1 : 1;
}

SubmissionId InsertSubmission(Connection& db, SubmissionKind kind, std::int64_t jobs) {
  db.Run("INSERT INTO submissions (kind) VALUES (?1)",
         kind == SubmissionKind::kSweep ? "SWEEP" : "TRANSFORM");
  const SubmissionId submission{db.LastInsertId()};
  for (const spec::JobState state : spec::kAllJobStates) {
    db.Run("INSERT INTO counters (submission, state, jobs) VALUES (?1, ?2, ?3)", submission.value,
           spec::Name(state), state == spec::JobState::kQueued ? jobs : std::int64_t{0});
  }
  return submission;
}

std::optional<JobRow> LoadJob(Connection& db, JobId job) {
  Statement row = db.Query(
      "SELECT submission, state, attempt, failures, worker_deaths, worker, number, kind FROM jobs "
      "WHERE id = ?1",
      job.value);
  if (!row.Step()) return std::nullopt;
  return JobRow{
      .job = job,
      .kind = row.Text(7) == "TRIAL" ? SubmissionKind::kSweep : SubmissionKind::kTransform,
      .submission = SubmissionId{row.Int(0)},
      .number = row.Int(6),
      .state = spec::ParseJobState(row.Text(1)).value_or(spec::JobState::kQueued),
      .attempt = row.Int(2),
      .failures = row.Int(3),
      .worker_deaths = row.Int(4),
      .worker_id = row.Text(5)};
}

bool IsHeldBy(const JobRow& job, const LeaseRef& ref) {
  return job.attempt == ref.attempt &&
         (job.state == spec::JobState::kLeased || job.state == spec::JobState::kRunning);
}

absl::Status Move(Connection& db, JobRow& job, const Transition& transition, absl::Time now) {
  return Move(db, job, std::span(&transition, 1), now);
}

absl::Status Move(Connection& db, JobRow& job, std::span<const Transition> transitions,
                  absl::Time now) {
  std::optional<std::string> worker;
  for (const Transition& transition : transitions) {
    const std::optional<spec::JobState> to = spec::Next(job.state, transition.event);
    if (!to) {
      return absl::InternalError(fmt::format("job {}: {} is no transition from {}", job.job.value,
                                             spec::Name(transition.event), spec::Name(job.state)));
    }
    worker.reset();
    if (!job.worker_id.empty() && job.state != spec::JobState::kQueued) worker = job.worker_id;
    db.Run(
        "INSERT INTO events (submission, number, from_state, to_state, attempt, worker, actor, "
        "cause, time) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
        job.submission.value, job.number, spec::Name(job.state), spec::Name(*to), job.attempt,
        worker, transition.actor, transition.cause, ToMicros(now));
    job.state = *to;
  }
  const bool is_trial = job.kind == SubmissionKind::kSweep;
  if (job.state == spec::JobState::kQueued) {
    db.Run("UPDATE jobs SET state = 'QUEUED', not_before = ?2, queued_since = ?3 WHERE id = ?1",
           job.job.value, transitions.back().not_before, ToMicros(now));
    db.Run(is_trial ? "UPDATE trials SET end_time = NULL, epochs_done = 0 WHERE job = ?1"
                    : "UPDATE transform_jobs SET end_time = NULL WHERE job = ?1",
           job.job.value);
  } else {
    db.Run("UPDATE jobs SET state = ?2 WHERE id = ?1", job.job.value, spec::Name(job.state));
  }
  if (spec::IsTerminal(job.state) && job.state != spec::JobState::kSucceeded) {
    db.Run(is_trial ? "UPDATE trials SET end_time = ?2 WHERE job = ?1"
                    : "UPDATE transform_jobs SET end_time = ?2 WHERE job = ?1",
           job.job.value, ToMicros(now));
  }
  return absl::OkStatus();
}

void EndAttempt(Connection& db, const LeaseRef& ref, std::string_view outcome,
                const std::optional<spec::JobFailure>& failure, absl::Time now, bool starts_now) {
  std::optional<std::string> reason;
  std::optional<std::string> message;
  if (failure) {
    reason = std::string(spec::Name(failure->reason));
    message = failure->message;
  }
  db.Run(
      "UPDATE attempts SET end_time = ?3, outcome = ?4, failure_reason = ?5, failure_message = "
      "?6, start_time = iif(?7, ?3, start_time) WHERE job = ?1 AND number = ?2 AND outcome IS NULL",
      ref.job.value, ref.attempt, ToMicros(now), outcome, reason, message, starts_now);
}

std::int64_t CancelAll(Connection& db, SubmissionId submission, std::string_view actor,
                       std::string_view cause, absl::Time now, std::vector<LeaseRef>& revoked) {
  {
    Statement held = db.Query(
        "SELECT id, attempt FROM jobs WHERE submission = ?1 AND state IN ('LEASED', 'RUNNING') "
        "ORDER BY id",
        submission.value);
    while (held.Step()) revoked.push_back({JobId{held.Int(0)}, held.Int(1)});
  }
  const std::int64_t micros = ToMicros(now);
  db.Run(
      "INSERT INTO events (submission, number, from_state, to_state, attempt, worker, actor, "
      "cause, "
      "time) SELECT submission, number, state, 'CANCELLED', attempt, iif(state = 'QUEUED', NULL, "
      "worker), ?2, ?3, ?4 FROM jobs WHERE submission = ?1 AND state IN ('QUEUED', 'LEASED', "
      "'RUNNING') ORDER BY id",
      submission.value, actor, cause, micros);
  for (const LeaseRef& ref : revoked) EndAttempt(db, ref, "CANCELLED", std::nullopt, now);
  db.Run(
      "UPDATE trials SET end_time = ?2 WHERE sweep = ?1 AND state IN ('QUEUED', 'LEASED', "
      "'RUNNING')",
      submission.value, micros);
  db.Run(
      "UPDATE transform_jobs SET end_time = ?2 WHERE transform = ?1 AND state IN ('QUEUED', "
      "'LEASED', 'RUNNING')",
      submission.value, micros);
  return db.Run(
      "UPDATE jobs SET state = 'CANCELLED' WHERE submission = ?1 AND state IN ('QUEUED', 'LEASED', "
      "'RUNNING')",
      submission.value);
}

void SubmissionEvent(Connection& db, SubmissionId submission, std::string_view actor,
                     std::string_view cause, absl::Time now) {
  db.Run("INSERT INTO events (submission, actor, cause, time) VALUES (?1, ?2, ?3, ?4)",
         submission.value, actor, cause, ToMicros(now));
}

void RefreshSubmission(Connection& db, SubmissionId submission, absl::Time now, bool has_started) {
  const std::optional<SubmissionKind> kind = KindOf(db, submission);
  if (!kind) return;
  const std::string_view table = TableOf(*kind);
  const spec::JobCounts counts = LoadCounts(db, submission);
  spec::SweepFlags flags;
  {
    Statement row = db.Query(
        fmt::format("SELECT paused, cancelled, stopped_by_policy FROM {} WHERE id = ?1", table),
        submission.value);
    if (!row.Step()) return;
    flags = {.paused = row.Int(0) != 0,
             .cancelled = row.Int(1) != 0,
             .stopped_by_policy = row.Int(2) != 0};
  }
  const bool ended = counts.Terminal() == counts.Planned();
  const bool started = has_started || counts.running + counts.succeeded > 0;
  db.Run(
      fmt::format(
          "UPDATE {} SET state = ?2, start_time = iif(?3, coalesce(start_time, ?5), start_time), "
          "end_time = iif(?4, coalesce(end_time, ?5), NULL), revision = coalesce((SELECT max(id) "
          "FROM events WHERE submission = ?1), 0) WHERE id = ?1",
          table),
      submission.value, spec::Name(spec::DeriveSweepState(counts, flags)), started, ended,
      ToMicros(now));
}

bool HasEnded(Connection& db, SubmissionId submission) {
  Statement open = db.Query(
      "SELECT 1 FROM counters WHERE submission = ?1 AND state IN ('QUEUED', 'LEASED', 'RUNNING') "
      "AND jobs > 0",
      submission.value);
  return !open.Step();
}

}  // namespace bitsweep::store
