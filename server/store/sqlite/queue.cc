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
    Statement row = db.Query(
        "SELECT s.id, s.sweep_id, s.priority, s.max_parallel, q.jobs - (SELECT count(*) FROM jobs "
        "b WHERE b.sweep = s.id AND b.state = 'QUEUED' AND b.not_before > ?1), l.jobs + r.jobs "
        "FROM sweeps s "
        "JOIN counters q ON q.sweep = s.id AND q.state = 'QUEUED' "
        "JOIN counters l ON l.sweep = s.id AND l.state = 'LEASED' "
        "JOIN counters r ON r.sweep = s.id AND r.state = 'RUNNING' "
        "WHERE s.end_time IS NULL AND s.paused = 0 AND q.jobs > 0 ORDER BY s.id",
        ToMicros(now));
    while (row.Step()) {
      if (row.Int(4) <= 0) continue;  // all in back-off
      sources.push_back({.sweep = SweepRowId{row.Int(0)},
                         .sweep_id = row.Text(1),
                         .priority = row.Int(2),
                         .queued = row.Int(4),
                         .in_flight = row.Int(5),
                         .max_parallel = row.Int(3)});
    }
    return absl::OkStatus();
  }));
  return sources;
}

absl::StatusOr<std::shared_ptr<const SqliteStore::SweepInputs>> SqliteStore::InputsOf(
    Connection& db, SweepRowId sweep) {
  {
    absl::MutexLock lock(&mu_);
    const auto found = inputs_.find(sweep.value);
    if (found != inputs_.end()) return found->second;
  }
  auto inputs = std::make_shared<SweepInputs>();
  {
    Statement row =
        db.Query("SELECT sweep_id, spec, model_artifact FROM sweeps WHERE id = ?1", sweep.value);
    if (!row.Step()) return NotFoundError("sweep", fmt::format("row {}", sweep.value));
    inputs->sweep_id = row.Text(0);
    ASSIGN_OR_RETURN(inputs->spec, spec::SweepSpecFromJson(row.Text(1)));
    inputs->model_artifact = row.Text(2);
  }
  absl::MutexLock lock(&mu_);
  if (inputs_.size() > 1000) inputs_.clear();  // a cache: bounded, rebuilt when needed
  inputs_[sweep.value] = inputs;
  return std::shared_ptr<const SweepInputs>(inputs);
}

absl::Status SqliteStore::LeaseOne(Connection& db, const Allocation& allocation, absl::Time now,
                                   std::vector<LeasedTrial>& leased) {
  const std::int64_t sweep = allocation.sweep.value;
  struct Row {
    std::int64_t job, attempt, queued_since;
  };
  std::vector<Row> rows;
  {
    Statement row = db.Query(
        "UPDATE jobs SET state = 'LEASED', attempt = attempt + 1, worker = ?3 WHERE id IN ("
        "SELECT id FROM jobs WHERE sweep = ?1 AND state = 'QUEUED' AND not_before <= ?2 "
        "ORDER BY not_before, id LIMIT ?4) RETURNING id, attempt, queued_since",
        sweep, ToMicros(now), allocation.worker_id, allocation.count);
    while (row.Step()) rows.push_back({row.Int(0), row.Int(1), row.Int(2)});
  }
  if (rows.empty()) return absl::OkStatus();
  std::sort(rows.begin(), rows.end(), [](const Row& a, const Row& b) { return a.job < b.job; });
  ASSIGN_OR_RETURN(const std::shared_ptr<const SweepInputs> inputs, InputsOf(db, allocation.sweep));
  std::string data_digest;
  {
    Statement row = db.Query("SELECT data_digest FROM sweeps WHERE id = ?1", sweep);
    if (row.Step()) data_digest = row.Text(0);
  }
  for (const Row& row : rows) {
    Statement trial = db.Query(
        "SELECT t.number, t.seed, c.max_epochs, c.learning_rate, c.batch_size, c.optimizer, "
        "c.weight_decay, "
        "c.schedule FROM trials t JOIN configurations c ON c.sweep = t.sweep AND c.number = "
        "t.configuration "
        "WHERE t.job = ?1",
        row.job);
    if (!trial.Step()) return absl::DataLossError(fmt::format("job {} has no trial", row.job));
    const spec::SweepSpec& spec = inputs->spec;
    leased.push_back({.ref = {JobId{row.job}, row.attempt},
                      .worker_id = allocation.worker_id,
                      .sweep = allocation.sweep,
                      .sweep_id = inputs->sweep_id,
                      .number = trial.Int(0),
                      .queued_since = FromMicros(row.queued_since),
                      .spec = {.model = spec.model,
                               .model_artifact = inputs->model_artifact,
                               .dataset = spec.dataset,
                               .hyperparameters = ReadHyperparameters(trial, 2),
                               .seed = static_cast<std::uint64_t>(trial.Int(1)),
                               .engine = spec.engine,
                               .keep_model = spec.keep_models != spec::KeepModels::kNone},
                      .expected_data_digest = data_digest});
    db.Run("INSERT INTO attempts (job, number, worker, lease_time) VALUES (?1, ?2, ?3, ?4)",
           row.job, row.attempt, allocation.worker_id, ToMicros(now));
    db.Run(
        "INSERT INTO events (sweep, trial, from_state, to_state, attempt, worker, actor, cause, "
        "time) "
        "VALUES (?1, ?2, 'QUEUED', 'LEASED', ?3, ?4, 'scheduler', '', ?5)",
        sweep, leased.back().number, row.attempt, allocation.worker_id, ToMicros(now));
  }
  RefreshSweep(db, allocation.sweep, now);
  return absl::OkStatus();
}

absl::StatusOr<std::vector<LeasedTrial>> SqliteStore::Lease(
    const std::vector<Allocation>& allocations, absl::Time now) {
  std::vector<LeasedTrial> leased;
  RETURN_IF_ERROR(writer_.Run([&](Connection& db) -> absl::Status {
    leased.clear();
    for (const Allocation& allocation : allocations) {
      // Between the policy's look and now the sweep may have been paused.
      Statement open =
          db.Query("SELECT 1 FROM sweeps WHERE id = ?1 AND paused = 0", allocation.sweep.value);
      if (open.Step()) RETURN_IF_ERROR(LeaseOne(db, allocation, now, leased));
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
        "> ?1",
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
        "SELECT j.id, j.attempt, j.worker, j.sweep, s.sweep_id, t.number, j.state FROM sweeps s "
        "CROSS JOIN jobs j ON j.sweep = s.id JOIN trials t ON t.job = j.id "
        "WHERE s.end_time IS NULL AND j.state IN ('LEASED', 'RUNNING') ORDER BY j.id");
    while (row.Step()) {
      leases.push_back(
          {.ref = {JobId{row.Int(0)}, row.Int(1)},
           .worker_id = row.Text(2),
           .sweep = SweepRowId{row.Int(3)},
           .sweep_id = row.Text(4),
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
  RETURN_IF_ERROR(writer_.Run([&](Connection& db) -> absl::Status {
    released = 0;
    for (const LeaseRef& ref : refs) {
      std::optional<JobRow> job = LoadJob(db, ref.job);
      if (!job || !IsHeldBy(*job, ref)) continue;
      RETURN_IF_ERROR(Move(db, *job, {spec::JobEvent::kRequeue, job->worker_id, cause}, now));
      EndAttempt(db, ref, "RELEASED", std::nullopt, now);
      RefreshSweep(db, job->sweep, now);
      ++released;
    }
    return absl::OkStatus();
  }));
  return released;
}

absl::Status SqliteStore::SetQueuePaused(bool paused, absl::Time) {
  return writer_.Run([&](Connection& db) {
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

absl::StatusOr<JobId> SqliteStore::FindTrialJob(const std::string& sweep_id, std::int64_t number) {
  JobId job;
  RETURN_IF_ERROR(readers_.Read([&](Connection& db) -> absl::Status {
    Statement row = db.Query(
        "SELECT first_job + ?2 FROM sweeps WHERE sweep_id = ?1 AND ?2 BETWEEN 0 AND trial_count - "
        "1",
        sweep_id, number);
    if (!row.Step()) return NotFoundError("trial", TrialNameText(sweep_id, number));
    job.value = row.Int(0);
    return absl::OkStatus();
  }));
  return job;
}

}  // namespace bitsweep::store
