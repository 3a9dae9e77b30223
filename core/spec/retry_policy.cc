// SPDX-License-Identifier: Apache-2.0
#include "core/spec/retry_policy.h"

#include <algorithm>
#include <cmath>

namespace bitsweep::spec {

bool IsRetryable(FailureReason reason) {
  switch (reason) {
    case FailureReason::kException:
    case FailureReason::kOutOfMemory:
    case FailureReason::kTimeout:
    case FailureReason::kWorkerLost:
    case FailureReason::kArtifactFailed:
      return true;
    case FailureReason::kNanLoss:
    case FailureReason::kDatasetNotFound:
    case FailureReason::kInvalidDataset:
    case FailureReason::kDatasetMismatch:
    case FailureReason::kInvalidModel:
      return false;
  }
  return false;
}

RetryDecision DecideRetry(FailureReason reason, FailureHistory history, const RetryLimits& limits,
                          double jitter) {
  if (!IsRetryable(reason)) return {.event = JobEvent::kFail, .backoff = absl::ZeroDuration()};
  if (history.failures >= limits.max_failures ||
      history.worker_deaths >= limits.max_worker_deaths) {
    return {.event = JobEvent::kDie, .backoff = absl::ZeroDuration()};
  }
  const double doublings =
      static_cast<double>(std::clamp<std::int64_t>(history.failures - 1, 0, 60));
  const absl::Duration full =
      std::min(limits.backoff_max, limits.backoff_base * std::exp2(doublings));
  return {.event = JobEvent::kRequeue, .backoff = full * (0.5 + jitter / 2)};
}

}  // namespace bitsweep::spec
