// SPDX-License-Identifier: Apache-2.0
#ifndef BITSWEEP_SERVER_METRICS_SERVER_METRICS_H_
#define BITSWEEP_SERVER_METRICS_SERVER_METRICS_H_

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "core/spec/job_state.h"
#include "core/spec/trial.h"

namespace bitsweep::metrics {

struct BuildInfo {
  std::string version;
  std::string revision;
  std::string sqlite;
  std::string grpc;
};

// What is read from time to time instead of counted.
struct Gauges {
  spec::JobCounts trials;  // and jobs of transforms
  std::int64_t leases = 0;
  std::int64_t workers_idle = 0;
  std::int64_t workers_busy = 0;
  std::int64_t workers_draining = 0;
  std::int64_t workers_lost = 0;
  std::int64_t slots = 0;  // of workers that are alive
  std::int64_t slots_busy = 0;
  absl::Duration heartbeat_age;  // of the worker, of those alive, that was silent for longest
  std::optional<absl::Time> oldest_queued;
  bool queue_paused = false;
  std::int64_t db_bytes = 0;
  std::int64_t wal_bytes = 0;
  std::int64_t free_bytes = 0;
};

// One method of the API, as the grpc_server_* metrics label it.
struct RpcMethod {
  std::string service;  // "bitsweep.v1.SweepService"
  std::string method;   // "SubmitSweep"
  std::string type;     // unary, client_stream, server_stream, bidi_stream
};

// Why a request was not admitted.
enum class Rejection { kStoreFull, kPlanTooLarge, kDraining };

// Every metric of the server: names, help and labels are in server_metrics.cc and nowhere else.
// Label values are bounded and start at 0. Thread-safe; calls return at once and never fail.
class ServerMetrics {
 public:
  explicit ServerMetrics(const BuildInfo& build);
  ~ServerMetrics();
  ServerMetrics(const ServerMetrics&) = delete;
  ServerMetrics& operator=(const ServerMetrics&) = delete;

  // Trials.
  void Submitted(std::int64_t trials);
  // REQUIRES: a terminal state.
  void Finished(spec::JobState state, std::int64_t trials, absl::Time now);
  void Succeeded(const spec::TrialResult& result);
  void EpochsTrained(std::int64_t epochs, std::int64_t train_rows);

  // Transforms.
  void TransformSubmitted(std::int64_t jobs);
  // REQUIRES: a terminal state.
  void TransformJobsFinished(spec::JobState state, std::int64_t jobs, absl::Time now);
  void TransformJobSucceeded(double seconds);
  // Of a name that is no pass's, nothing is kept.
  void PassRan(std::string_view pass, double seconds);

  // Attempts and leases, of trials and of transforms' jobs.
  void Leased(absl::Duration queue_wait);
  // SUCCEEDED, FAILED, LEASE_EXPIRED, RELEASED or CANCELLED.
  void AttemptEnded(std::string_view outcome);
  void Retried(spec::FailureReason reason);
  void Died(spec::FailureReason reason);
  void LeaseFenced();

  // Store and plan.
  void StoreCommitted(std::int64_t operations, absl::Duration taken);
  void PlanViolated(std::int64_t problems);
  void Set(const Gauges& gauges);
  void Rejected(Rejection reason);

  // Calls. `rpc` is what Declare returned.
  class Rpc;
  // Makes the series of a method, at 0. Nullptr is never returned; the object lives as long as
  // this.
  Rpc* Declare(const RpcMethod& method);
  void RpcStarted(Rpc* rpc);
  void RpcMessageReceived(Rpc* rpc);
  void RpcMessageSent(Rpc* rpc);
  // `code`: the number of a gRPC status code; one that is none counts as Unknown.
  void RpcHandled(Rpc* rpc, int code, absl::Duration taken);
  void WatchStreams(int change);

  // Everything, in Prometheus' text format.
  std::string Text() const;

  // Serves Text at http://`address`/metrics ("127.0.0.1:9464", port 0: any) until destroyed;
  // returns the port. InvalidArgument or Unavailable with the reason. REQUIRES: not serving yet.
  absl::StatusOr<int> Serve(const std::string& address);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace bitsweep::metrics

#endif  // BITSWEEP_SERVER_METRICS_SERVER_METRICS_H_
