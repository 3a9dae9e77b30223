// SPDX-License-Identifier: Apache-2.0
// Transforms: submit, change, complete.
#include "core/base/ids.h"
#include "core/base/status_macros.h"
#include "server/scheduler/scheduler.h"
#include "spdlog/spdlog.h"

namespace bitsweep::scheduler {

absl::StatusOr<store::SubmitTransformOutcome> Scheduler::SubmitTransform(
    const store::NewTransform& transform) {
  RETURN_IF_ERROR(CheckServing());
  ASSIGN_OR_RETURN(store::SubmitTransformOutcome outcome,
                   store_.SubmitTransform(transform, clock_.Now()));
  if (!outcome.deduplicated) {
    const std::string& id = outcome.transform.transform_id;
    observer_.OnSubmitted(store::SubmissionKind::kTransform, outcome.transform.job_count);
    spdlog::info("transform submitted transform={} jobs={}", id, outcome.transform.job_count);
    hub_.Changed(TransformName(id));
    WakeDispatcher();
  }
  return outcome;
}

absl::StatusOr<store::ChangeTransformOutcome> Scheduler::CancelTransform(
    const std::string& transform_id) {
  ASSIGN_OR_RETURN(store::ChangeTransformOutcome outcome,
                   store_.CancelTransform(transform_id, clock_.Now()));
  NoteRevoked(store::SubmissionKind::kTransform, outcome.revoked);
  spdlog::info("transform cancelled transform={} jobs={}", transform_id, outcome.changed_jobs);
  if (outcome.changed_jobs > 0) {
    observer_.OnFinished(store::SubmissionKind::kTransform, spec::JobState::kCancelled,
                         outcome.changed_jobs);
  }
  hub_.Forget(TransformName(transform_id));
  return outcome;
}

absl::Status Scheduler::DeleteTransform(const std::string& transform_id) {
  RETURN_IF_ERROR(store_.DeleteTransform(transform_id, clock_.Now()));
  hub_.Forget(TransformName(transform_id));
  return absl::OkStatus();
}

absl::Status Scheduler::CompleteTransformJob(const JobRef& ref,
                                             const store::TransformOutcome& result) {
  const absl::StatusOr<Lease> lease = Resolve(ref);
  const absl::Time start = clock_.Now();
  const absl::StatusOr<store::CompleteOutcome> outcome =
      lease.ok() ? store_.CompleteTransformJob(lease->ref, result, start) : lease.status();
  if (!outcome.ok()) {
    if (absl::IsAborted(outcome.status())) NoteFenced({ref.id, ref.attempt});
    return outcome.status();
  }
  if (outcome->repeated) return absl::OkStatus();  // it has been counted
  spdlog::info("transform job succeeded job={} attempt={} worker={} passes={} seconds={:.3f}",
               lease->job_name, ref.attempt, lease->worker_id, result.passes.size(),
               result.seconds);
  observer_.OnCommitted(clock_.Now() - start);
  NoteSuccess(*lease, *outcome);
  observer_.OnTransformSucceeded(result);
  return absl::OkStatus();
}

}  // namespace bitsweep::scheduler
