// SPDX-License-Identifier: Apache-2.0
#ifndef BITSWEEP_SERVER_SCHEDULER_OBSERVER_H_
#define BITSWEEP_SERVER_SCHEDULER_OBSERVER_H_

#include <cstdint>
#include <string_view>

#include "absl/time/time.h"
#include "core/spec/job_state.h"
#include "core/spec/trial.h"
#include "server/store/transform_records.h"

namespace bitsweep::scheduler {

// Hears of what the scheduler does, for metrics. Thread-safe; calls return at once. Does nothing by
// itself.
class SchedulerObserver {
 public:
  virtual ~SchedulerObserver() = default;
  virtual void OnSubmitted(store::SubmissionKind /*kind*/, std::int64_t /*jobs*/) {}
  // A job was handed out: how long it had waited, and how long the handing out took.
  virtual void OnLeased(store::SubmissionKind /*kind*/, absl::Duration /*queue_wait*/,
                        absl::Duration /*taken*/) {}
  // Jobs reached a terminal state.
  virtual void OnFinished(store::SubmissionKind /*kind*/, spec::JobState /*state*/,
                          std::int64_t /*jobs*/) {}
  virtual void OnSucceeded(const spec::TrialResult& /*result*/) {}
  virtual void OnTransformSucceeded(const store::TransformOutcome& /*result*/) {}
  // Storing a result, a commit shared with others, took so long.
  virtual void OnCommitted(absl::Duration /*taken*/) {}
  // An attempt ended: SUCCEEDED, FAILED, LEASE_EXPIRED, RELEASED, CANCELLED.
  virtual void OnAttemptEnded(store::SubmissionKind /*kind*/, std::string_view /*outcome*/) {}
  virtual void OnRetry(spec::FailureReason /*reason*/) {}
  virtual void OnDead(spec::FailureReason /*reason*/) {}
  // A job is DEAD because it killed its worker as often as it may. OnDead was called as well.
  virtual void OnPoison() {}
  // A write by a worker whose lease is lost was refused.
  virtual void OnFenced() {}
  // It came with an attempt whose lease had expired: the worker was alive. Once an attempt, with
  // OnFenced.
  virtual void OnFalseExpiry() {}
  virtual void OnEpochs(std::int64_t /*epochs*/, std::int64_t /*train_rows*/) {}
};

}  // namespace bitsweep::scheduler

#endif  // BITSWEEP_SERVER_SCHEDULER_OBSERVER_H_
