// SPDX-License-Identifier: Apache-2.0
#ifndef BITSWEEP_WORKER_APP_WORKER_METRICS_H_
#define BITSWEEP_WORKER_APP_WORKER_METRICS_H_

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "worker/agent/agent.h"

namespace bitsweep::worker {

// Every metric of a worker: names, help and labels are in worker_metrics.cc and nowhere else.
// Thread-safe.
class WorkerMetrics final : public AgentObserver {
 public:
  // `engines`: as Executor::Engines gives them.
  WorkerMetrics(std::int64_t slots, const std::vector<std::string>& engines);
  ~WorkerMetrics() override;

  void OnConnected(bool connected) override;
  void OnBusySlots(std::int64_t busy) override;
  void OnHeld(std::int64_t held) override;
  void OnSetUp(absl::Duration taken) override;
  void OnSteps(std::int64_t steps, double seconds) override;
  void OnEpoch(std::int64_t train_rows) override;
  void OnReported(absl::Duration taken) override;
  void OnTrialEnded(std::string_view outcome, absl::Duration taken) override;
  void OnCallFailed(std::string_view method) override;

  // In Prometheus' text format.
  std::string Text() const;
  // Serves until destroyed, returns the port: Text at http://`address`/metrics, and at /healthz 200
  // while the server answers, 503 while not.
  absl::StatusOr<int> Serve(const std::string& address);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace bitsweep::worker

#endif  // BITSWEEP_WORKER_APP_WORKER_METRICS_H_
