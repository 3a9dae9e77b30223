// SPDX-License-Identifier: Apache-2.0
// Sweeps: submit, change, delete, list.
#include <map>

#include "core/base/errors.h"
#include "core/base/status_macros.h"
#include "core/spec/spec_json.h"
#include "fmt/format.h"
#include "fmt/ranges.h"
#include "server/store/sqlite/filter_sql.h"
#include "server/store/sqlite/rows.h"
#include "server/store/sqlite/sqlite_store.h"
#include "server/store/sqlite/transitions.h"

namespace bitsweep::store {
namespace {

std::string ModelText(const spec::ModelSpec& model) {
  if (!model.builtin.empty()) return model.builtin;
  return model.stored.empty() ? "graph" : model.stored;
}

void InsertPlan(Connection& db, SubmissionId sweep, const NewSweep& submitted,
                std::int64_t first_job, absl::Time now) {
  Statement configuration = db.Prepare(
      "INSERT INTO configurations (sweep, number, max_epochs, learning_rate, batch_size, "
      "optimizer, "
      "weight_decay, schedule) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)");
  Statement job = db.Prepare(
      "INSERT INTO jobs (id, kind, submission, number, queued_since) VALUES (?1, 'TRIAL', ?2, ?3, "
      "?4)");
  Statement trial = db.Prepare(
      "INSERT INTO trials (job, sweep, number, configuration, repeat, seed) VALUES (?1, ?2, ?3, "
      "?4, ?5, ?6)");
  const spec::Plan& plan = submitted.plan;
  std::int64_t number = 0;
  for (const spec::Configuration& c : plan.configurations) {
    const spec::Hyperparameters& h = c.hyperparameters;
    configuration.With(sweep.value, c.number, h.max_epochs, h.learning_rate, h.batch_size,
                       spec::Name(h.optimizer), h.weight_decay, spec::Name(h.schedule));
    configuration.Step();
    configuration.Reset();
    for (std::int64_t repeat = 0; repeat < plan.repeats; ++repeat, ++number) {
      job.With(first_job + number, sweep.value, number, ToMicros(now)).Step();
      job.Reset();
      const auto seed = static_cast<std::int64_t>(spec::TrialSeed(submitted.spec.seed, h, repeat));
      trial.With(first_job + number, sweep.value, number, c.number, repeat, seed).Step();
      trial.Reset();
    }
  }
}

// Rows of a new sweep; the id is free and nothing else refers to it yet.
SubmissionId InsertSweep(Connection& db, const NewSweep& submitted, absl::Time now) {
  const spec::SweepSpec& spec = submitted.spec;
  const spec::Plan& plan = submitted.plan;
  const std::int64_t first_job = NextJob(db);
  const SubmissionId sweep = InsertSubmission(db, SubmissionKind::kSweep, plan.TrialCount());
  std::optional<std::string> request_id;
  if (!submitted.request_id.empty()) request_id = submitted.request_id;
  std::optional<std::string> artifact;
  if (!submitted.model_artifact.empty()) artifact = submitted.model_artifact;
  db.Run(
      "INSERT INTO sweeps (sweep_id, display_name, model, dataset, spec, spec_digest, request_id, "
      "model_artifact, keep_models, repeats, seed, priority, max_parallel, stop_after_failures, "
      "configuration_count, trial_count, varying, first_job, state, create_time, id) "
      "VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18, "
      "'QUEUED', ?19, ?20)",
      submitted.sweep_id, spec.display_name, ModelText(spec.model), spec.dataset.name,
      spec::ToCanonicalJson(spec), submitted.spec_digest, request_id, artifact,
      spec::Name(spec.keep_models), plan.repeats, spec.seed, spec.priority,
      spec.max_parallel_trials, spec.failure_policy.stop_after_failures,
      static_cast<std::int64_t>(plan.configurations.size()), plan.TrialCount(),
      fmt::format("{}", fmt::join(plan.varying, ",")), first_job, ToMicros(now), sweep.value);
  InsertPlan(db, sweep, submitted, first_job, now);
  SubmissionEvent(db, sweep, "user", "SUBMITTED", now);
  RefreshSubmission(db, sweep, now);
  return sweep;
}

absl::Status IdInUse(const std::string& sweep_id) {
  return ErrorWithDetails(
      absl::StatusCode::kAlreadyExists,
      fmt::format("a sweep {} exists already", SweepName(sweep_id)),
      {.reason = "ID_IN_USE", .resource_type = "sweep", .resource_name = SweepName(sweep_id)});
}

}  // namespace

absl::StatusOr<SubmitOutcome> SqliteStore::Submit(const NewSweep& submitted, absl::Time now) {
  SubmitOutcome outcome;
  const absl::Status space = CheckSpace(options_.min_free_bytes);
  RETURN_IF_ERROR(writer_.Run(WriteOp::kSubmit, [&](Connection& db) -> absl::Status {
    RefreshTouched(db);
    if (!submitted.request_id.empty()) {
      Statement earlier = db.Query("SELECT id, spec_digest FROM sweeps WHERE request_id = ?1",
                                   submitted.request_id);
      if (earlier.Step()) {
        if (earlier.Text(1) != submitted.spec_digest) {
          return ErrorWithDetails(
              absl::StatusCode::kAlreadyExists,
              fmt::format("request_id \"{}\" was used for another sweep", submitted.request_id),
              {.reason = "REQUEST_ID_REUSED", .metadata = {{"request_id", submitted.request_id}}});
        }
        ASSIGN_OR_RETURN(outcome.sweep, LoadSweep(db, SubmissionId{earlier.Int(0)}));
        outcome.deduplicated = true;
        return absl::OkStatus();
      }
    }
    RETURN_IF_ERROR(space);
    {
      Statement taken = db.Query("SELECT 1 FROM sweeps WHERE sweep_id = ?1", submitted.sweep_id);
      if (taken.Step()) return IdInUse(submitted.sweep_id);
    }
    if (!submitted.model_artifact.empty()) {
      Statement artifact =
          db.Query("SELECT 1 FROM artifacts WHERE sha256 = ?1", submitted.model_artifact);
      if (!artifact.Step())
        return NotFoundError("artifact", ArtifactName(submitted.model_artifact));
    }
    ASSIGN_OR_RETURN(outcome.sweep, LoadSweep(db, InsertSweep(db, submitted, now)));
    return absl::OkStatus();
  }));
  return outcome;
}

absl::StatusOr<SweepRecord> SqliteStore::GetSweep(const std::string& sweep_id) {
  SweepRecord sweep;
  RETURN_IF_ERROR(readers_.Read([&](Connection& db) -> absl::Status {
    ASSIGN_OR_RETURN(sweep, LoadSweep(db, sweep_id));
    return absl::OkStatus();
  }));
  return sweep;
}

absl::StatusOr<Page<SweepRecord>> SqliteStore::ListSweeps(const PageQuery& query) {
  static const auto& fields =
      *new FieldTable{{"state", {"s.state", FieldType::kText}},
                      {"display_name", {"s.display_name", FieldType::kText}},
                      {"sweep_id", {"s.sweep_id", FieldType::kText}},
                      {"model", {"s.model", FieldType::kText}},
                      {"dataset", {"s.dataset", FieldType::kText}}};
  ASSIGN_OR_RETURN(const WhereClause where, ToSql(query.conditions, fields));
  Page<SweepRecord> page;
  RETURN_IF_ERROR(readers_.Read([&](Connection& db) -> absl::Status {
    const std::string sql =
        fmt::format("SELECT {} FROM sweeps s WHERE s.id < ?1 {} ORDER BY s.id DESC LIMIT ?2",
                    kSweepColumns, where.sql);
    Statement row = db.Query(sql, query.after ? query.after->id : INT64_MAX, query.limit + 1);
    where.BindTo(row, 3);
    while (row.Step()) {
      if (static_cast<std::int64_t>(page.items.size()) == query.limit) {
        page.next = Cursor{std::nullopt, page.items.back().row.value};
        break;
      }
      ASSIGN_OR_RETURN(SweepRecord sweep, ReadSweep(db, row));
      page.items.push_back(std::move(sweep));
    }
    return absl::OkStatus();
  }));
  return page;
}

absl::StatusOr<SweepRecord> SqliteStore::PauseSweep(const std::string& sweep_id, absl::Time now) {
  SweepRecord sweep;
  RETURN_IF_ERROR(writer_.Run(WriteOp::kPause, [&](Connection& db) -> absl::Status {
    RefreshTouched(db);
    ASSIGN_OR_RETURN(sweep, LoadSweep(db, sweep_id));
    if (sweep.flags.paused) return absl::OkStatus();
    if (sweep.counts.Terminal() == sweep.counts.Planned()) {
      return InvalidStateError(SweepName(sweep_id), std::string(spec::Name(sweep.state)),
                               "only a sweep that has not ended can be paused");
    }
    db.Run("UPDATE sweeps SET paused = 1 WHERE id = ?1", sweep.row.value);
    SubmissionEvent(db, sweep.row, "user", "PAUSED", now);
    RefreshSubmission(db, sweep.row, now);
    ASSIGN_OR_RETURN(sweep, LoadSweep(db, sweep.row));
    return absl::OkStatus();
  }));
  return sweep;
}

absl::StatusOr<SweepRecord> SqliteStore::ResumeSweep(const std::string& sweep_id, absl::Time now) {
  SweepRecord sweep;
  RETURN_IF_ERROR(writer_.Run(WriteOp::kPause, [&](Connection& db) -> absl::Status {
    RefreshTouched(db);
    ASSIGN_OR_RETURN(sweep, LoadSweep(db, sweep_id));
    if (!sweep.flags.paused) {
      if (sweep.counts.Terminal() < sweep.counts.Planned()) return absl::OkStatus();
      return InvalidStateError(SweepName(sweep_id), std::string(spec::Name(sweep.state)),
                               "only a sweep that has not ended can be resumed");
    }
    db.Run("UPDATE sweeps SET paused = 0 WHERE id = ?1", sweep.row.value);
    SubmissionEvent(db, sweep.row, "user", "RESUMED", now);
    RefreshSubmission(db, sweep.row, now);
    ASSIGN_OR_RETURN(sweep, LoadSweep(db, sweep.row));
    return absl::OkStatus();
  }));
  return sweep;
}

absl::StatusOr<ChangeOutcome> SqliteStore::CancelSweep(const std::string& sweep_id,
                                                       absl::Time now) {
  ChangeOutcome outcome;
  RETURN_IF_ERROR(writer_.Run(WriteOp::kCancel, [&](Connection& db) -> absl::Status {
    RefreshTouched(db);
    ASSIGN_OR_RETURN(outcome.sweep, LoadSweep(db, sweep_id));
    const SubmissionId row = outcome.sweep.row;
    if (outcome.sweep.counts.Terminal() == outcome.sweep.counts.Planned()) {
      if (outcome.sweep.state == spec::SweepState::kCancelled) return absl::OkStatus();
      return InvalidStateError(SweepName(sweep_id), std::string(spec::Name(outcome.sweep.state)),
                               "only a sweep that has not ended can be cancelled");
    }
    SubmissionEvent(db, row, "user", "CANCELLED", now);
    outcome.changed_trials = CancelAll(db, row, "user", "CANCELLED", now, outcome.revoked);
    db.Run("UPDATE sweeps SET cancelled = 1, paused = 0 WHERE id = ?1", row.value);
    RefreshSubmission(db, row, now);
    ASSIGN_OR_RETURN(outcome.sweep, LoadSweep(db, row));
    return absl::OkStatus();
  }));
  return outcome;
}

absl::StatusOr<ChangeOutcome> SqliteStore::RetrySweep(const std::string& sweep_id,
                                                      const std::vector<spec::JobState>& states,
                                                      absl::Time now) {
  ChangeOutcome outcome;
  RETURN_IF_ERROR(writer_.Run(WriteOp::kRetry, [&](Connection& db) -> absl::Status {
    RefreshTouched(db);
    ASSIGN_OR_RETURN(outcome.sweep, LoadSweep(db, sweep_id));
    const SubmissionId row = outcome.sweep.row;
    std::int64_t found = 0;
    for (const spec::JobState state : states) {
      if (spec::Next(state, spec::JobEvent::kRetry) != spec::JobState::kQueued) {
        return InvalidStateError(SweepName(sweep_id), std::string(spec::Name(state)),
                                 "only FAILED, DEAD and CANCELLED trials can be retried");
      }
      found += outcome.sweep.counts.Of(state);
    }
    if (found == 0) return absl::OkStatus();
    SubmissionEvent(db, row, "user", "RETRIED", now);
    for (const spec::JobState state : states) {
      db.Run(
          "INSERT INTO events (submission, number, from_state, to_state, attempt, actor, cause, "
          "time) SELECT submission, number, state, 'QUEUED', attempt, 'user', 'RETRIED', ?3 "
          "FROM jobs WHERE submission = ?1 AND state = ?2 ORDER BY id",
          row.value, spec::Name(state), ToMicros(now));
      db.Run(
          "UPDATE trials SET end_time = NULL, failure_reason = NULL, failure_message = NULL, "
          "epochs_done = 0 "
          "WHERE sweep = ?1 AND state = ?2",
          row.value, spec::Name(state));
      outcome.changed_trials += db.Run(
          "UPDATE jobs SET state = 'QUEUED', failures = 0, worker_deaths = 0, not_before = 0, "
          "queued_since = ?3 "
          "WHERE submission = ?1 AND state = ?2",
          row.value, spec::Name(state), ToMicros(now));
    }
    db.Run("UPDATE sweeps SET cancelled = 0, stopped_by_policy = 0 WHERE id = ?1", row.value);
    RefreshSubmission(db, row, now);
    ASSIGN_OR_RETURN(outcome.sweep, LoadSweep(db, row));
    return absl::OkStatus();
  }));
  return outcome;
}

absl::Status SqliteStore::DeleteSweep(const std::string& sweep_id, absl::Time) {
  std::int64_t deleted = 0;
  RETURN_IF_ERROR(writer_.Run(WriteOp::kDelete, [&](Connection& db) -> absl::Status {
    RefreshTouched(db);
    ASSIGN_OR_RETURN(const SweepRecord sweep, LoadSweep(db, sweep_id));
    if (sweep.counts.Terminal() < sweep.counts.Planned()) {
      return InvalidStateError(SweepName(sweep_id), std::string(spec::Name(sweep.state)),
                               "only a sweep that has ended can be deleted: cancel it first");
    }
    db.Run("DELETE FROM sweeps WHERE id = ?1", sweep.row.value);
    deleted = sweep.row.value;
    return absl::OkStatus();
  }));
  ForgetInputs(SubmissionId{deleted});
  return absl::OkStatus();
}

}  // namespace bitsweep::store
