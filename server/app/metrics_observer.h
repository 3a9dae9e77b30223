// SPDX-License-Identifier: Apache-2.0
#ifndef BITSWEEP_SERVER_APP_METRICS_OBSERVER_H_
#define BITSWEEP_SERVER_APP_METRICS_OBSERVER_H_

#include "core/base/clock.h"
#include "server/metrics/server_metrics.h"
#include "server/scheduler/observer.h"
#include "server/store/store.h"

namespace bitsweep::server {

// Tells the metrics what scheduler and store do. Thread-safe; what it is given must outlive it.
class MetricsObserver final : public scheduler::SchedulerObserver, public store::StoreObserver {
 public:
  MetricsObserver(metrics::ServerMetrics& metrics, Clock& clock)
      : metrics_(metrics), clock_(clock) {}

  void OnSubmitted(store::SubmissionKind kind, std::int64_t jobs) override {
    if (kind == store::SubmissionKind::kSweep) {
      metrics_.Submitted(jobs);
    } else {
      metrics_.TransformSubmitted(jobs);
    }
  }
  void OnLeased(absl::Duration queue_wait) override { metrics_.Leased(queue_wait); }
  void OnFinished(store::SubmissionKind kind, spec::JobState state, std::int64_t jobs) override {
    if (kind == store::SubmissionKind::kSweep) {
      metrics_.Finished(state, jobs, clock_.Now());
    } else {
      metrics_.TransformJobsFinished(state, jobs, clock_.Now());
    }
  }
  void OnSucceeded(const spec::TrialResult& result) override { metrics_.Succeeded(result); }
  void OnTransformSucceeded(const store::TransformOutcome& result) override {
    metrics_.TransformJobSucceeded(result.seconds);
    for (const store::PassResultRecord& pass : result.passes) {
      metrics_.PassRan(pass.pass, pass.seconds);
    }
  }
  void OnAttemptEnded(std::string_view outcome) override { metrics_.AttemptEnded(outcome); }
  void OnRetry(spec::FailureReason reason) override { metrics_.Retried(reason); }
  void OnDead(spec::FailureReason reason) override { metrics_.Died(reason); }
  void OnFenced() override { metrics_.LeaseFenced(); }
  void OnEpochs(std::int64_t epochs, std::int64_t train_rows) override {
    metrics_.EpochsTrained(epochs, train_rows);
  }
  void OnCommit(std::int64_t operations, absl::Duration taken) override {
    metrics_.StoreCommitted(operations, taken);
  }

 private:
  metrics::ServerMetrics& metrics_;
  Clock& clock_;
};

}  // namespace bitsweep::server

#endif  // BITSWEEP_SERVER_APP_METRICS_OBSERVER_H_
