// SPDX-License-Identifier: Apache-2.0
#ifndef BITSWEEP_SERVER_METRICS_SERVER_METRICS_H_
#define BITSWEEP_SERVER_METRICS_SERVER_METRICS_H_

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "core/base/process_usage.h"
#include "core/spec/job_state.h"
#include "core/spec/trial.h"

namespace bitsweep::metrics {

struct BuildInfo {
  std::string version;
  std::string revision;
  std::string sqlite;
  std::string grpc;
};

// What a job is: the label `kind`.
enum class JobKind { kTrial, kTransform };

// What is read from time to time instead of counted.
struct Gauges {
  spec::JobCounts trials;
  spec::JobCounts transform_jobs;
  std::int64_t leases_active = 0;
  std::int64_t leases_suspect = 0;
  std::int64_t workers_idle = 0;
  std::int64_t workers_busy = 0;
  std::int64_t workers_draining = 0;
  std::int64_t workers_lost = 0;
  std::int64_t slots = 0;  // of workers that are alive
  std::int64_t slots_busy = 0;
  absl::Duration heartbeat_age;  // of the worker, of those alive, that was silent for longest
  std::optional<absl::Time> oldest_queued;
  std::int64_t ready = 0;  // queued jobs that may be handed out
  std::optional<absl::Time> last_backup;
  bool queue_paused = false;
  std::int64_t db_bytes = 0;
  std::int64_t wal_bytes = 0;
  std::int64_t free_bytes = 0;
  ProcessUsage process;
};

// One method of the API, as the grpc_server_* metrics label it.
struct RpcMethod {
  std::string service;  // "bitsweep.v1.SweepService"
  std::string method;   // "SubmitSweep"
  std::string type;     // unary, client_stream, server_stream, bidi_stream
};

// Why a request was not admitted.
enum class Rejection { kStoreFull, kPlanTooLarge, kDraining };

// Every metric of the server: names, help and labels are in job_series.h and server_series.h and
// nowhere else.
// Label values are bounded and start at 0. Thread-safe; calls return at once and never fail.
class ServerMetrics {
 public:
  explicit ServerMetrics(const BuildInfo& build);
  ~ServerMetrics();
  ServerMetrics(const ServerMetrics&) = delete;
  ServerMetrics& operator=(const ServerMetrics&) = delete;

  // Jobs.
  void Submitted(JobKind kind, std::int64_t jobs);
  // REQUIRES: a terminal state.
  void Finished(JobKind kind, spec::JobState state, std::int64_t jobs, absl::Time now);
  void TrialSucceeded(const spec::TrialResult& result);
  void EpochsTrained(std::int64_t epochs, std::int64_t train_rows);
  void TransformJobSucceeded(double seconds);
  // Of a name that is no pass's, nothing is kept.
  void PassRan(std::string_view pass, double seconds);
  // "weight" or "bias"; of another, nothing is kept.
  void TensorQuantized(std::string_view role, std::int64_t elements, std::int64_t saturated,
                       double sqnr_db);

  // Attempts and leases.
  void Leased(JobKind kind, absl::Duration queue_wait, absl::Duration taken);
  void ResultStored(absl::Duration taken);
  // SUCCEEDED, FAILED, LEASE_EXPIRED, RELEASED or CANCELLED.
  void AttemptEnded(JobKind kind, std::string_view outcome);
  void Retried(spec::FailureReason reason);
  void Died(spec::FailureReason reason);
  void PoisonFound();
  void LeaseFenced();
  void LeaseExpiredFalsely();

  // Store and plan.
  // An `op` that is not published counts as "other".
  void StoreWrote(std::string_view op, absl::Duration taken, std::int64_t rows);
  void StoreSynced(absl::Duration taken);
  void StoreCommitted(std::int64_t operations, absl::Duration taken);
  void StoreCheckpointed(absl::Duration taken, bool is_held_up);
  void StoreBusy();
  void IntegrityChecked(bool ok);
  void PlanViolated(std::int64_t problems);
  void Set(const Gauges& gauges);
  // How many sweeps, or transforms, are in each state.
  void SetSubmissions(JobKind kind, const std::map<spec::SweepState, std::int64_t>& counts);
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
  void WatchFellBehind();

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
