// SPDX-License-Identifier: Apache-2.0
// Transforms: submit, cancel, delete, list.
#include "core/base/errors.h"
#include "core/base/status_macros.h"
#include "fmt/format.h"
#include "server/store/sqlite/filter_sql.h"
#include "server/store/sqlite/rows.h"
#include "server/store/sqlite/sqlite_store.h"
#include "server/store/sqlite/transform_rows.h"
#include "server/store/sqlite/transitions.h"

namespace bitsweep::store {
namespace {

std::optional<std::string> MaybeText(const std::string& text) {
  return text.empty() ? std::nullopt : std::make_optional(text);
}

SubmissionId InsertTransform(Connection& db, const NewTransform& submitted, absl::Time now) {
  const std::int64_t first_job = NextJob(db);
  const auto jobs = static_cast<std::int64_t>(submitted.assignments.size());
  const SubmissionId id = InsertSubmission(db, SubmissionKind::kTransform, jobs);
  db.Run(
      "INSERT INTO transforms (id, transform_id, display_name, model, dataset, spec, spec_digest, "
      "request_id, model_artifact, parent_model, seed, priority, max_parallel, job_count, "
      "first_job, state, create_time) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, "
      "?13, ?14, ?15, 'QUEUED', ?16)",
      id.value, submitted.transform_id, submitted.display_name, submitted.model, submitted.dataset,
      submitted.spec, submitted.spec_digest, MaybeText(submitted.request_id),
      MaybeText(submitted.model_artifact), MaybeText(submitted.parent_model), submitted.seed,
      submitted.priority, submitted.max_parallel, jobs, first_job, ToMicros(now));
  Statement job = db.Prepare(
      "INSERT INTO jobs (id, kind, submission, number, queued_since) VALUES (?1, 'TRANSFORM', ?2, "
      "?3, ?4)");
  Statement row = db.Prepare(
      "INSERT INTO transform_jobs (job, transform, number, assignment) VALUES (?1, ?2, ?3, ?4)");
  for (std::int64_t number = 0; number < jobs; ++number) {
    job.With(first_job + number, id.value, number, ToMicros(now)).Step();
    job.Reset();
    row.With(first_job + number, id.value, number,
             submitted.assignments[static_cast<std::size_t>(number)])
        .Step();
    row.Reset();
  }
  SubmissionEvent(db, id, "user", "SUBMITTED", now);
  RefreshSubmission(db, id, now);
  return id;
}

}  // namespace

absl::StatusOr<SubmitTransformOutcome> SqliteStore::SubmitTransform(const NewTransform& submitted,
                                                                    absl::Time now) {
  SubmitTransformOutcome outcome;
  const absl::Status space = CheckSpace(options_.min_free_bytes);
  RETURN_IF_ERROR(writer_.Run(WriteOp::kSubmit, [&](Connection& db) -> absl::Status {
    RefreshTouched(db);
    if (!submitted.request_id.empty()) {
      Statement earlier = db.Query("SELECT id, spec_digest FROM transforms WHERE request_id = ?1",
                                   submitted.request_id);
      if (earlier.Step()) {
        if (earlier.Text(1) != submitted.spec_digest) {
          return ErrorWithDetails(
              absl::StatusCode::kAlreadyExists,
              fmt::format("request_id \"{}\" was used for another transform", submitted.request_id),
              {.reason = "REQUEST_ID_REUSED", .metadata = {{"request_id", submitted.request_id}}});
        }
        ASSIGN_OR_RETURN(outcome.transform, LoadTransform(db, SubmissionId{earlier.Int(0)}));
        outcome.deduplicated = true;
        return absl::OkStatus();
      }
    }
    RETURN_IF_ERROR(space);
    {
      Statement taken =
          db.Query("SELECT 1 FROM transforms WHERE transform_id = ?1", submitted.transform_id);
      if (taken.Step()) {
        const std::string name = TransformName(submitted.transform_id);
        return ErrorWithDetails(
            absl::StatusCode::kAlreadyExists, fmt::format("a transform {} exists already", name),
            {.reason = "ID_IN_USE", .resource_type = "transform", .resource_name = name});
      }
    }
    if (!submitted.model_artifact.empty()) {
      Statement artifact =
          db.Query("SELECT 1 FROM artifacts WHERE sha256 = ?1", submitted.model_artifact);
      if (!artifact.Step()) {
        return NotFoundError("artifact", ArtifactName(submitted.model_artifact));
      }
    }
    ASSIGN_OR_RETURN(outcome.transform, LoadTransform(db, InsertTransform(db, submitted, now)));
    return absl::OkStatus();
  }));
  return outcome;
}

absl::StatusOr<TransformRecord> SqliteStore::GetTransform(const std::string& transform_id) {
  TransformRecord transform;
  RETURN_IF_ERROR(readers_.Read([&](Connection& db) -> absl::Status {
    ASSIGN_OR_RETURN(transform, LoadTransform(db, transform_id));
    return absl::OkStatus();
  }));
  return transform;
}

absl::StatusOr<Page<TransformRecord>> SqliteStore::ListTransforms(const PageQuery& query) {
  static const auto& fields =
      *new FieldTable{{"state", {"t.state", FieldType::kText}},
                      {"display_name", {"t.display_name", FieldType::kText}},
                      {"transform_id", {"t.transform_id", FieldType::kText}},
                      {"model", {"t.model", FieldType::kText}},
                      {"dataset", {"t.dataset", FieldType::kText}}};
  ASSIGN_OR_RETURN(const WhereClause where, ToSql(query.conditions, fields));
  Page<TransformRecord> page;
  RETURN_IF_ERROR(readers_.Read([&](Connection& db) -> absl::Status {
    const std::string sql =
        fmt::format("SELECT {} FROM transforms t WHERE t.id < ?1 {} ORDER BY t.id DESC LIMIT ?2",
                    kTransformColumns, where.sql);
    Statement row = db.Query(sql, query.after ? query.after->id : INT64_MAX, query.limit + 1);
    where.BindTo(row, 3);
    while (row.Step()) {
      if (static_cast<std::int64_t>(page.items.size()) == query.limit) {
        page.next = Cursor{std::nullopt, page.items.back().row.value};
        break;
      }
      ASSIGN_OR_RETURN(TransformRecord transform, ReadTransform(db, row));
      page.items.push_back(std::move(transform));
    }
    return absl::OkStatus();
  }));
  return page;
}

absl::StatusOr<ChangeTransformOutcome> SqliteStore::CancelTransform(const std::string& transform_id,
                                                                    absl::Time now) {
  ChangeTransformOutcome outcome;
  RETURN_IF_ERROR(writer_.Run(WriteOp::kCancel, [&](Connection& db) -> absl::Status {
    RefreshTouched(db);
    ASSIGN_OR_RETURN(outcome.transform, LoadTransform(db, transform_id));
    const SubmissionId row = outcome.transform.row;
    if (outcome.transform.counts.Terminal() == outcome.transform.counts.Planned()) {
      if (outcome.transform.state == spec::SweepState::kCancelled) return absl::OkStatus();
      return InvalidStateError(TransformName(transform_id),
                               std::string(spec::Name(outcome.transform.state)),
                               "only a transform that has not ended can be cancelled");
    }
    SubmissionEvent(db, row, "user", "CANCELLED", now);
    outcome.changed_jobs = CancelAll(db, row, "user", "CANCELLED", now, outcome.revoked);
    db.Run("UPDATE transforms SET cancelled = 1, paused = 0 WHERE id = ?1", row.value);
    RefreshSubmission(db, row, now);
    ASSIGN_OR_RETURN(outcome.transform, LoadTransform(db, row));
    return absl::OkStatus();
  }));
  return outcome;
}

absl::Status SqliteStore::DeleteTransform(const std::string& transform_id, absl::Time) {
  SubmissionId deleted;
  RETURN_IF_ERROR(writer_.Run(WriteOp::kDelete, [&](Connection& db) -> absl::Status {
    RefreshTouched(db);
    ASSIGN_OR_RETURN(const TransformRecord transform, LoadTransform(db, transform_id));
    if (transform.counts.Terminal() < transform.counts.Planned()) {
      return InvalidStateError(TransformName(transform_id),
                               std::string(spec::Name(transform.state)),
                               "only a transform that has ended can be deleted: cancel it first");
    }
    db.Run("DELETE FROM submissions WHERE id = ?1", transform.row.value);
    deleted = transform.row;
    return absl::OkStatus();
  }));
  ForgetInputs(deleted);
  return absl::OkStatus();
}

}  // namespace bitsweep::store
