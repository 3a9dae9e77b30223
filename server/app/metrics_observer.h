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
    metrics_.Submitted(KindOf(kind), jobs);
  }
  void OnLeased(store::SubmissionKind kind, absl::Duration queue_wait,
                absl::Duration taken) override {
    metrics_.Leased(KindOf(kind), queue_wait, taken);
  }
  void OnFinished(store::SubmissionKind kind, spec::JobState state, std::int64_t jobs) override {
    metrics_.Finished(KindOf(kind), state, jobs, clock_.Now());
  }
  void OnSucceeded(const spec::TrialResult& result) override { metrics_.TrialSucceeded(result); }
  void OnTransformSucceeded(const store::TransformOutcome& result) override {
    metrics_.TransformJobSucceeded(result.seconds);
    for (const store::PassResultRecord& pass : result.passes) {
      metrics_.PassRan(pass.pass, pass.seconds);
      for (const store::QuantizedTensorRow& tensor : pass.quantized_tensors) {
        metrics_.TensorQuantized(tensor.tensor, tensor.elements, tensor.saturated, tensor.sqnr_db);
      }
    }
  }
  void OnCommitted(absl::Duration taken) override { metrics_.ResultStored(taken); }
  void OnAttemptEnded(store::SubmissionKind kind, std::string_view outcome) override {
    metrics_.AttemptEnded(KindOf(kind), outcome);
  }
  void OnRetry(spec::FailureReason reason) override { metrics_.Retried(reason); }
  void OnDead(spec::FailureReason reason) override { metrics_.Died(reason); }
  void OnPoison() override { metrics_.PoisonFound(); }
  void OnFalseExpiry() override { metrics_.LeaseExpiredFalsely(); }
  void OnFenced() override { metrics_.LeaseFenced(); }
  void OnEpochs(std::int64_t epochs, std::int64_t train_rows) override {
    metrics_.EpochsTrained(epochs, train_rows);
  }

  void OnWrite(store::WriteOp op, absl::Duration taken, std::int64_t rows) override {
    metrics_.StoreWrote(Name(op), taken, rows);
  }
  void OnFsync(absl::Duration taken) override { metrics_.StoreSynced(taken); }
  void OnCommit(std::int64_t operations, absl::Duration taken) override {
    metrics_.StoreCommitted(operations, taken);
  }
  void OnCheckpoint(absl::Duration taken, bool is_held_up) override {
    metrics_.StoreCheckpointed(taken, is_held_up);
  }
  void OnBusy() override { metrics_.StoreBusy(); }

  static metrics::JobKind KindOf(store::SubmissionKind kind) {
    return kind == store::SubmissionKind::kSweep ? metrics::JobKind::kTrial
                                                 : metrics::JobKind::kTransform;
  }

 private:
  metrics::ServerMetrics& metrics_;
  Clock& clock_;
};

}  // namespace bitsweep::server

#endif  // BITSWEEP_SERVER_APP_METRICS_OBSERVER_H_
