// SPDX-License-Identifier: Apache-2.0
#ifndef BITSWEEP_CORE_SPEC_RETRY_POLICY_H_
#define BITSWEEP_CORE_SPEC_RETRY_POLICY_H_

#include <cstdint>

#include "absl/time/time.h"
#include "core/spec/job_state.h"
#include "core/spec/trial.h"

namespace bitsweep::spec {

struct RetryLimits {
  std::int64_t max_failures = 3;       // attempts that ended in an error, worker deaths included
  std::int64_t max_worker_deaths = 2;  // attempts during which the worker was lost
  absl::Duration backoff_base = absl::Milliseconds(500);
  absl::Duration backoff_max = absl::Seconds(60);
};

// What a job has been through, this failure included.
struct FailureHistory {
  std::int64_t failures = 0;
  std::int64_t worker_deaths = 0;
};

struct RetryDecision {
  JobEvent event = JobEvent::kFail;  // kRequeue, kFail or kDie
  absl::Duration backoff;            // with kRequeue: wait this long
};

// Whether another attempt could end otherwise: true for EXCEPTION, OUT_OF_MEMORY, TIMEOUT,
// WORKER_LOST and ARTIFACT_FAILED; false for what the same inputs would repeat.
bool IsRetryable(FailureReason reason);

// What follows a failed attempt. Pure. Not retryable: kFail. Limits reached: kDie. Else kRequeue
// after min(backoff_max, backoff_base * 2^(failures - 1)) * (0.5 + jitter / 2), with jitter in [0,
// 1).
RetryDecision DecideRetry(FailureReason reason, FailureHistory history, const RetryLimits& limits,
                          double jitter);

}  // namespace bitsweep::spec

#endif  // BITSWEEP_CORE_SPEC_RETRY_POLICY_H_
