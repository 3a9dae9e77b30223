// SPDX-License-Identifier: Apache-2.0
// The queue: sources, leases, back-offs.
#include <algorithm>

#include "core/base/errors.h"
#include "core/base/status_macros.h"
#include "core/spec/spec_json.h"
#include "fmt/format.h"
#include "server/store/sqlite/rows.h"
#include "server/store/sqlite/sqlite_store.h"
#include "server/store/sqlite/transitions.h"

namespace bitsweep::store {

absl::StatusOr<std::vector<QueueSource>> SqliteStore::Sources(absl::Time now) {
  std::vector<QueueSource> sources;
  RETURN_IF_ERROR(readers_.Read([&](Connection& db) {
    // abs(): a bare parameter beside a column with a partial index is compiled in, and the
    // statement compiled again for each new value.
    Statement row = db.Query(
        "SELECT s.id, s.name, s.priority, s.max_parallel, q.jobs - (SELECT count(*) FROM jobs b "
        "WHERE b.submission = s.id AND b.state = 'QUEUED' AND b.not_before > abs(?1)), "
        "l.jobs + r.jobs "
        "FROM queue_sources s "
        "JOIN counters q ON q.submission = s.id AND q.state = 'QUEUED' "
        "JOIN counters l ON l.submission = s.id AND l.state = 'LEASED' "
        "JOIN counters r ON r.submission = s.id AND r.state = 'RUNNING' "
        "WHERE s.end_time IS NULL AND s.paused = 0 AND q.jobs > 0 ORDER BY s.id",
        ToMicros(now));
    while (row.Step()) {
      if (row.Int(4) <= 0) continue;  // all in back-off
      sources.push_back({.submission = SubmissionId{row.Int(0)},
                         .name = row.Text(1),
                         .priority = row.Int(2),
                         .queued = row.Int(4),
                         .in_flight = row.Int(5),
                         .max_parallel = row.Int(3)});
    }
    return absl::OkStatus();
  }));
  return sources;
}

absl::StatusOr<std::shared_ptr<const SqliteStore::Inputs>> SqliteStore::InputsOf(
    Connection& db, SubmissionId submission) {
  {
    absl::MutexLock lock(&mu_);
    const auto found = inputs_.find(submission.value);
    if (found != inputs_.end()) return found->second;
  }
  auto inputs = std::make_shared<Inputs>();
  inputs->name = NameOf(db, submission);
  Statement sweep =
      db.Query("SELECT spec, model_artifact FROM sweeps WHERE id = ?1", submission.value);
  Statement transform =
      db.Query("SELECT spec, model_artifact FROM transforms WHERE id = ?1", submission.value);
  if (sweep.Step()) {
    ASSIGN_OR_RETURN(inputs->sweep, spec::SweepSpecFromJson(sweep.Text(0)));
    inputs->model_artifact = sweep.Text(1);
  } else if (transform.Step()) {
    inputs->transform = transform.Text(0);
    inputs->model_artifact = transform.Text(1);
  } else {
    return NotFoundError("submission", fmt::format("row {}", submission.value));
  }
  absl::MutexLock lock(&mu_);
  if (inputs_.size() > 1000) inputs_.clear();  // a cache: bounded, rebuilt when needed
  inputs_[submission.value] = inputs;
  return std::shared_ptr<const Inputs>(inputs);
}

void SqliteStore::RefreshBeforeCommit(SubmissionId submission, absl::Time now, Touch touch) {
  Touched& touched = touched_[submission.value];
  touched.latest = std::max(touched.latest, now);
  touched.has_started = touched.has_started || touch == Touch::kStarted;
}

void SqliteStore::RefreshTouched(Connection& db) {
  for (const auto& [submission, touched] : touched_) {
    RefreshSubmission(db, SubmissionId{submission}, touched.latest, touched.has_started);
  }
}

void SqliteStore::ForgetInputs(SubmissionId submission) {
  absl::MutexLock lock(&mu_);
  inputs_.erase(submission.value);
}

namespace {

// The next jobs in plan order, those that were in back-off after the others, with what each is made
// of: a trial's seed and configuration, or a transform's assignment.
constexpr char kNextTrials[] =
    "SELECT j.id, j.attempt, j.queued_since, j.number, t.seed, c.max_epochs, c.learning_rate, "
    "c.batch_size, c.optimizer, c.weight_decay, c.schedule FROM jobs j LEFT JOIN trials t ON t.job "
    "= j.id LEFT JOIN configurations c ON c.sweep = t.sweep AND c.number = t.configuration WHERE "
    "j.submission = ?1 AND j.state = 'QUEUED' AND j.not_before <= ?2 ORDER BY j.not_before, j.id "
    "LIMIT ?3";
constexpr char kNextTransformJobs[] =
    "SELECT j.id, j.attempt, j.queued_since, j.number, t.assignment FROM jobs j LEFT JOIN "
    "transform_jobs t ON t.job = j.id WHERE j.submission = ?1 AND j.state = 'QUEUED' AND "
    "j.not_before <= ?2 ORDER BY j.not_before, j.id LIMIT ?3";

spec::TrialSpec TrialOf(const Statement& row, const spec::SweepSpec& spec,
                        const std::string& model_artifact) {
  return {.model = spec.model,
          .model_artifact = model_artifact,
          .dataset = spec.dataset,
          .hyperparameters = ReadHyperparameters(row, 5),
          .seed = static_cast<std::uint64_t>(row.Int(4)),
          .engine = spec.engine,
          .keep_model = spec.keep_models != spec::KeepModels::kNone,
          .quantization = spec.quantization};
}

}  // namespace

absl::Status SqliteStore::LeaseOne(Connection& db, const Allocation& allocation, absl::Time now,
                                   std::vector<LeasedJob>& leased) {
  const std::int64_t submission = allocation.submission.value;
  // Between the policy's look and now it may have been deleted, or paused.
  const absl::StatusOr<std::shared_ptr<const Inputs>> found = InputsOf(db, allocation.submission);
  if (absl::IsNotFound(found.status())) return absl::OkStatus();
  RETURN_IF_ERROR(found.status());
  const Inputs* const inputs = found->get();
  std::string data_digest;
  {
    Statement open =
        db.Query(inputs->sweep ? "SELECT data_digest FROM sweeps WHERE id = ?1 AND paused = 0"
                               : "SELECT data_digest FROM transforms WHERE id = ?1 AND paused = 0",
                 submission);
    if (!open.Step()) return absl::OkStatus();
    data_digest = open.Text(0);
  }
  const std::size_t first = leased.size();
  {
    Statement row = db.Query(inputs->sweep ? kNextTrials : kNextTransformJobs, submission,
                             ToMicros(now), allocation.count);
    while (row.Step()) {
      if (row.IsNull(inputs->sweep ? 5 : 4)) {
        return absl::DataLossError(fmt::format("job {} has no row of its kind", row.Int(0)));
      }
      LeasedJob job{.ref = {JobId{row.Int(0)}, row.Int(1) + 1},
                    .worker_id = allocation.worker_id,
                    .submission = allocation.submission,
                    .submission_name = inputs->name,
                    .number = row.Int(3),
                    .queued_since = FromMicros(row.Int(2)),
                    .expected_data_digest = data_digest};
      if (inputs->sweep) {
        job.work = TrialOf(row, *inputs->sweep, inputs->model_artifact);
      } else {
        job.work = TransformJobSpec{.spec = inputs->transform,
                                    .assignment = row.Text(4),
                                    .model_artifact = inputs->model_artifact};
      }
      leased.push_back(std::move(job));
    }
  }
  if (leased.size() == first) return absl::OkStatus();
  std::sort(leased.begin() + static_cast<std::ptrdiff_t>(first), leased.end(),
            [](const LeasedJob& a, const LeasedJob& b) { return a.ref.job < b.ref.job; });
  for (std::size_t i = first; i < leased.size(); ++i) {
    const LeasedJob& job = leased[i];
    const std::int64_t id = job.ref.job.value;
    db.Run("UPDATE jobs SET state = 'LEASED', attempt = ?2, worker = ?3 WHERE id = ?1", id,
           job.ref.attempt, allocation.worker_id);
    db.Run("INSERT INTO attempts (job, number, worker, lease_time) VALUES (?1, ?2, ?3, ?4)", id,
           job.ref.attempt, allocation.worker_id, ToMicros(now));
    db.Run(
        "INSERT INTO events (submission, number, from_state, to_state, attempt, worker, actor, "
        "cause, time) VALUES (?1, ?2, 'QUEUED', 'LEASED', ?3, ?4, 'scheduler', '', ?5)",
        submission, job.number, job.ref.attempt, allocation.worker_id, ToMicros(now));
  }
  RefreshBeforeCommit(allocation.submission, now);
  return absl::OkStatus();
}

absl::StatusOr<std::vector<LeasedJob>> SqliteStore::Lease(
    const std::vector<Allocation>& allocations, absl::Time now) {
  std::vector<LeasedJob> leased;
  RETURN_IF_ERROR(writer_.Run(WriteOp::kLease, [&](Connection& db) -> absl::Status {
    leased.clear();
    for (const Allocation& allocation : allocations) {
      RETURN_IF_ERROR(LeaseOne(db, allocation, now, leased));
    }
    return absl::OkStatus();
  }));
  return leased;
}

absl::StatusOr<std::optional<absl::Time>> SqliteStore::NextReadyTime(absl::Time now) {
  std::optional<absl::Time> next;
  RETURN_IF_ERROR(readers_.Read([&](Connection& db) {
    Statement row = db.Query(
        "SELECT min(not_before) FROM jobs WHERE state = 'QUEUED' AND not_before > 0 AND not_before "
        "> abs(?1)",
        ToMicros(now));
    if (row.Step()) next = MaybeTime(row, 0);
    return absl::OkStatus();
  }));
  return next;
}

absl::Status SqliteStore::EndBackoffs() {
  return writer_.Run([](Connection& db) {
    db.Run("UPDATE jobs SET not_before = 0 WHERE state = 'QUEUED' AND not_before > 0");
    return absl::OkStatus();
  });
}

absl::StatusOr<std::vector<ActiveLease>> SqliteStore::ActiveLeases() {
  std::vector<ActiveLease> leases;
  RETURN_IF_ERROR(readers_.Read([&](Connection& db) {
    Statement row = db.Query(
        "SELECT j.id, j.attempt, j.worker, j.submission, s.name, j.number, j.state "
        "FROM queue_sources s CROSS JOIN jobs j ON j.submission = s.id "
        "WHERE s.end_time IS NULL AND j.state IN ('LEASED', 'RUNNING') ORDER BY j.id");
    while (row.Step()) {
      leases.push_back(
          {.ref = {JobId{row.Int(0)}, row.Int(1)},
           .worker_id = row.Text(2),
           .submission = SubmissionId{row.Int(3)},
           .submission_name = row.Text(4),
           .number = row.Int(5),
           .state = spec::ParseJobState(row.Text(6)).value_or(spec::JobState::kLeased)});
    }
    return absl::OkStatus();
  }));
  return leases;
}

absl::StatusOr<std::int64_t> SqliteStore::Release(const std::vector<LeaseRef>& refs,
                                                  const std::string& cause, absl::Time now) {
  std::int64_t released = 0;
  RETURN_IF_ERROR(writer_.Run(WriteOp::kRelease, [&](Connection& db) -> absl::Status {
    released = 0;
    for (const LeaseRef& ref : refs) {
      std::optional<JobRow> job = LoadJob(db, ref.job);
      if (!job || !IsHeldBy(*job, ref)) continue;
      RETURN_IF_ERROR(Move(db, *job, {spec::JobEvent::kRequeue, job->worker_id, cause}, now));
      EndAttempt(db, ref, "RELEASED", std::nullopt, now);
      RefreshBeforeCommit(job->submission, now);
      ++released;
    }
    return absl::OkStatus();
  }));
  return released;
}

absl::Status SqliteStore::SetQueuePaused(bool paused, absl::Time) {
  return writer_.Run(WriteOp::kPause, [&](Connection& db) {
    db.Run(
        "INSERT INTO settings (key, value) VALUES ('queue_paused', ?1) "
        "ON CONFLICT (key) DO UPDATE SET value = ?1",
        paused);
    return absl::OkStatus();
  });
}

absl::StatusOr<bool> SqliteStore::IsQueuePaused() {
  bool paused = false;
  RETURN_IF_ERROR(readers_.Read([&](Connection& db) {
    Statement row = db.Query("SELECT value FROM settings WHERE key = 'queue_paused'");
    paused = row.Step() && row.Int(0) != 0;
    return absl::OkStatus();
  }));
  return paused;
}

absl::StatusOr<JobId> SqliteStore::FindJob(const std::string& job_name) {
  const bool is_transform = job_name.starts_with("transforms/");
  std::string id;
  std::int64_t number = 0;
  if (is_transform) {
    ASSIGN_OR_RETURN(const TransformJobName name, ParseTransformJobName(job_name));
    id = name.transform_id;
    number = name.number;
  } else {
    ASSIGN_OR_RETURN(const TrialName name, ParseTrialName(job_name));
    id = name.sweep_id;
    number = name.number;
  }
  JobId job;
  RETURN_IF_ERROR(readers_.Read([&](Connection& db) -> absl::Status {
    Statement row = db.Query(
        is_transform ? "SELECT first_job + ?2 FROM transforms WHERE transform_id = ?1 AND ?2 "
                       "BETWEEN 0 AND job_count - 1"
                     : "SELECT first_job + ?2 FROM sweeps WHERE sweep_id = ?1 AND ?2 BETWEEN 0 AND "
                       "trial_count - 1",
        id, number);
    if (!row.Step()) return NotFoundError(is_transform ? "transform job" : "trial", job_name);
    job.value = row.Int(0);
    return absl::OkStatus();
  }));
  return job;
}

}  // namespace bitsweep::store
