// SPDX-License-Identifier: Apache-2.0
#include "core/spec/retry_policy.h"

#include "gtest/gtest.h"

namespace bitsweep::spec {
namespace {

RetryDecision AfterErrors(std::int64_t failures, double jitter = 1) {
  return DecideRetry(FailureReason::kException, {.failures = failures}, {.max_failures = 100},
                     jitter);
}

TEST(RetryPolicyTest, RetriesWhatAnotherAttemptCouldChange) {
  EXPECT_TRUE(IsRetryable(FailureReason::kException));
  EXPECT_TRUE(IsRetryable(FailureReason::kOutOfMemory));
  EXPECT_TRUE(IsRetryable(FailureReason::kTimeout));
  EXPECT_TRUE(IsRetryable(FailureReason::kWorkerLost));
  EXPECT_TRUE(IsRetryable(FailureReason::kArtifactFailed));
}

TEST(RetryPolicyTest, DoesNotRetryWhatTheSameInputsWouldRepeat) {
  for (const FailureReason reason :
       {FailureReason::kNanLoss, FailureReason::kDatasetNotFound, FailureReason::kInvalidDataset,
        FailureReason::kDatasetMismatch, FailureReason::kInvalidModel}) {
    EXPECT_FALSE(IsRetryable(reason)) << Name(reason);
    EXPECT_EQ(DecideRetry(reason, {.failures = 1}, {}, 0.5).event, JobEvent::kFail);
    EXPECT_EQ(DecideRetry(reason, {.failures = 3}, {}, 0.5).event, JobEvent::kFail);
  }
}

TEST(RetryPolicyTest, TheThirdFailureIsTheLast) {
  for (const FailureReason reason : kAllFailureReasons) {
    if (!IsRetryable(reason)) continue;
    EXPECT_EQ(DecideRetry(reason, {.failures = 1}, {}, 0.5).event, JobEvent::kRequeue);
    EXPECT_EQ(DecideRetry(reason, {.failures = 2}, {}, 0.5).event, JobEvent::kRequeue);
    EXPECT_EQ(DecideRetry(reason, {.failures = 3}, {}, 0.5).event, JobEvent::kDie);
    EXPECT_EQ(DecideRetry(reason, {.failures = 4}, {}, 0.5).event, JobEvent::kDie);
  }
}

TEST(RetryPolicyTest, TheSecondWorkerDeathIsTheLast) {
  const FailureReason lost = FailureReason::kWorkerLost;
  EXPECT_EQ(DecideRetry(lost, {.failures = 1, .worker_deaths = 1}, {}, 0.5).event,
            JobEvent::kRequeue);
  EXPECT_EQ(DecideRetry(lost, {.failures = 2, .worker_deaths = 2}, {}, 0.5).event, JobEvent::kDie);
}

TEST(RetryPolicyTest, BackoffDoublesWithEachFailure) {
  EXPECT_EQ(AfterErrors(1).event, JobEvent::kRequeue);
  EXPECT_EQ(AfterErrors(1).backoff, absl::Milliseconds(500));
  EXPECT_EQ(AfterErrors(2).backoff, absl::Seconds(1));
  EXPECT_EQ(AfterErrors(3).backoff, absl::Seconds(2));
  EXPECT_EQ(AfterErrors(7).backoff, absl::Seconds(32));
}

TEST(RetryPolicyTest, BackoffStopsAtItsMaximum) {
  EXPECT_EQ(AfterErrors(8).backoff, absl::Seconds(60));
  EXPECT_EQ(AfterErrors(99).backoff, absl::Seconds(60));
}

TEST(RetryPolicyTest, JitterTakesUpToHalfAway) {
  EXPECT_EQ(AfterErrors(2, 0.0).backoff, absl::Milliseconds(500));
  EXPECT_EQ(AfterErrors(2, 0.5).backoff, absl::Milliseconds(750));
  EXPECT_EQ(AfterErrors(99, 0.0).backoff, absl::Seconds(30));
}

TEST(RetryPolicyTest, LimitsAreTheCallers) {
  const RetryLimits limits{.max_failures = 1};
  EXPECT_EQ(DecideRetry(FailureReason::kTimeout, {.failures = 1}, limits, 0).event, JobEvent::kDie);
  const RetryLimits patient{.max_failures = 9, .max_worker_deaths = 5};
  EXPECT_EQ(DecideRetry(FailureReason::kWorkerLost, {.failures = 4, .worker_deaths = 4}, patient, 0)
                .event,
            JobEvent::kRequeue);
}

TEST(FailureReasonTest, NamesParseBack) {
  for (const FailureReason reason : kAllFailureReasons) {
    EXPECT_EQ(ParseFailureReason(Name(reason)), reason);
  }
  EXPECT_EQ(Name(FailureReason::kNanLoss), "NAN_LOSS");
  EXPECT_EQ(ParseFailureReason("OOPS"), std::nullopt);
}

}  // namespace
}  // namespace bitsweep::spec
