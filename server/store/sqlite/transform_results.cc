// SPDX-License-Identifier: Apache-2.0
// The end of a transform's job: its results as JSON and as rows, its model.
#include <cmath>

#include "core/base/errors.h"
#include "core/base/status_macros.h"
#include "fmt/format.h"
#include "server/store/sqlite/completion.h"
#include "server/store/sqlite/rows.h"
#include "server/store/sqlite/sqlite_store.h"

namespace bitsweep::store {
namespace {

// NULL for what is not finite.
std::optional<double> Finite(double value) {
  return std::isfinite(value) ? std::make_optional(value) : std::nullopt;
}
std::optional<double> Finite(const std::optional<double>& value) {
  return value ? Finite(*value) : std::nullopt;
}

absl::Status CheckOutcome(Connection& db, const TransformOutcome& outcome) {
  if (outcome.passes.empty() || outcome.graph_name.empty() || !std::isfinite(outcome.seconds)) {
    return Incomplete("the result must have a pass, the graph's name and finite seconds");
  }
  for (const std::optional<double>& value :
       {outcome.metrics.accuracy, outcome.metrics.original_accuracy, outcome.metrics.loss,
        outcome.metrics.flops, outcome.metrics.bitops}) {
    if (value && !std::isfinite(*value)) {
      return Incomplete("a metric of the result is not a finite number");
    }
  }
  return CheckArtifact(db, outcome.artifact);
}

void PutPass(Connection& db, JobId job, std::int64_t position, const std::string& model,
             const PassResultRecord& pass) {
  db.Run(
      "INSERT INTO pass_results (job, position, pass, seconds, result) VALUES (?1, ?2, ?3, ?4, ?5)",
      job.value, position, pass.pass, pass.seconds, pass.result);
  for (const StatisticRow& row : pass.statistics) {
    db.Run(
        "INSERT INTO node_statistics (job, position, model, node, tensor, statistic, key, value) "
        "VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
        job.value, position, model, row.node, row.tensor, row.statistic, row.key,
        Finite(row.value));
  }
  for (const OpCountRow& row : pass.op_counts) {
    db.Run(
        "INSERT INTO op_counts (job, position, model, node, convention, flops, bitops) "
        "VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
        job.value, position, model, row.node, row.convention, row.flops, row.bitops);
  }
  for (const QuantizedTensorRow& row : pass.quantized_tensors) {
    db.Run(
        "INSERT INTO quantized_tensors (job, position, model, node, tensor, format, width, "
        "elements, distinct_values, step, saturated, flushed_to_zero, max_abs_error, "
        "mean_abs_error, sqnr_db) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, "
        "?14, ?15)",
        job.value, position, model, row.node, row.tensor, row.format, row.width, row.elements,
        row.distinct, Finite(row.step), row.saturated, row.flushed_to_zero,
        Finite(row.max_abs_error), Finite(row.mean_abs_error), Finite(row.sqnr_db));
  }
}

}  // namespace

absl::StatusOr<CompleteOutcome> SqliteStore::CompleteTransformOne(Connection& db,
                                                                  const LeaseRef& ref,
                                                                  const TransformOutcome& outcome,
                                                                  absl::Time now) {
  std::optional<JobRow> job = LoadJob(db, ref.job);
  if (!job || !IsHeldBy(*job, ref)) {
    if (OutcomeOf(db, ref) == "SUCCEEDED") return CompleteOutcome{.repeated = true};
    return LeaseLost(db, ref, job);
  }
  if (job->kind != SubmissionKind::kTransform) {
    return Incomplete("a transform's result for a trial");
  }
  if (std::string why = CheckDigest(db, *job, outcome.data_digest); !why.empty()) {
    return Incomplete(why);
  }
  RETURN_IF_ERROR(CheckOutcome(db, outcome));
  std::string transform_id;
  std::string model;
  std::optional<std::string> parent;
  {
    Statement row =
        db.Query("SELECT transform_id, model, parent_model FROM transforms WHERE id = ?1",
                 job->submission.value);
    if (!row.Step()) return LeaseLost(db, ref, std::nullopt);
    transform_id = row.Text(0);
    model = row.Text(1);
    if (!row.IsNull(2)) parent = row.Text(2);
  }
  std::optional<std::string> artifact;
  std::optional<std::int64_t> artifact_bytes;
  if (!outcome.artifact.empty()) {
    artifact = outcome.artifact;
    artifact_bytes = outcome.artifact_bytes;
  }
  const TransformMetrics& m = outcome.metrics;
  db.Run(
      "UPDATE transform_jobs SET state = 'SUCCEEDED', end_time = ?2, failure_reason = NULL, "
      "failure_message = NULL, accuracy = ?3, original_accuracy = ?4, loss = ?5, flops = ?6, "
      "bitops = ?7, size_bits = ?8, seconds = ?9, data_digest = ?10, artifact = ?11, "
      "artifact_bytes = ?12, graph_name = ?13, parameter_count = ?14, start_time = iif(?15, ?2, "
      "start_time) WHERE job = ?1",
      ref.job.value, ToMicros(now), m.accuracy, m.original_accuracy, m.loss, m.flops, m.bitops,
      m.size_bits, outcome.seconds, outcome.data_digest, artifact, artifact_bytes,
      outcome.graph_name, outcome.parameter_count, job->state == spec::JobState::kLeased);
  std::int64_t position = 0;
  for (const PassResultRecord& pass : outcome.passes) {
    PutPass(db, ref.job, position++, model, pass);
  }
  RETURN_IF_ERROR(Succeed(db, *job, now));
  if (artifact) {
    db.Run(
        "INSERT INTO models (model_id, transform, job_number, parent_model, graph_name, "
        "parameter_count, artifact, size_bytes, val_acc, create_time) SELECT ?1, ?2, ?3, ?4, ?5, "
        "?6, sha256, size_bytes, ?8, ?9 FROM artifacts WHERE sha256 = ?7",
        NewModelId(db, transform_id, job->number), job->submission.value, job->number, parent,
        outcome.graph_name, outcome.parameter_count, *artifact, m.accuracy, ToMicros(now));
  }
  RefreshBeforeCommit(job->submission, now, Touch::kStarted);
  return CompleteOutcome{.submission_ended = HasEnded(db, job->submission)};
}

absl::StatusOr<CompleteOutcome> SqliteStore::CompleteTransformJob(const LeaseRef& ref,
                                                                  const TransformOutcome& outcome,
                                                                  absl::Time now) {
  CompleteOutcome complete;
  RETURN_IF_ERROR(writer_.Run(WriteOp::kComplete, [&](Connection& db) -> absl::Status {
    ASSIGN_OR_RETURN(complete, CompleteTransformOne(db, ref, outcome, now));
    return absl::OkStatus();
  }));
  return complete;
}

}  // namespace bitsweep::store
