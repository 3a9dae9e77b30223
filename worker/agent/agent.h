// SPDX-License-Identifier: Apache-2.0
#ifndef BITSWEEP_WORKER_AGENT_AGENT_H_
#define BITSWEEP_WORKER_AGENT_AGENT_H_

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "core/base/clock.h"
#include "core/options/server_access.h"
#include "worker/executor/executor.h"

namespace grpc {
class Channel;
}  // namespace grpc

namespace bitsweep::worker {

struct AgentOptions {
  std::string server = "127.0.0.1:50051";
  std::shared_ptr<grpc::Channel> channel;  // to the server; without one it is plain
  std::string name;                        // worker id, [a-z][a-z0-9-]{3,62}
  std::string host;                        // for people
  std::int64_t slots = 1;                  // trials at the same time
  std::int64_t prefetch = 1;               // trials held ready beyond those, while trials are short
  absl::Duration grace = absl::Seconds(10);       // for running trials, after BeginDrain
  absl::Duration goodbye = absl::Seconds(3);      // after the grace, to bring results or jobs back
  absl::Duration lease_wait = absl::Seconds(20);  // of one long poll
};

// How a worker reaches the server: what proto/channel/channel.h says.
absl::StatusOr<std::shared_ptr<grpc::Channel>> OpenChannel(const std::string& address,
                                                           const options::ServerAccess& access);

// Hears of what the agent does, for metrics. Calls come from any of its threads: thread-safe,
// return at once. Does nothing by itself.
class AgentObserver {
 public:
  virtual ~AgentObserver() = default;
  virtual void OnConnected(bool /*connected*/) {}
  virtual void OnBusySlots(std::int64_t /*busy*/) {}
  virtual void OnHeld(std::int64_t /*held*/) {}
  // From an attempt's slot to the start of its arithmetic: checkpoint fetched, data loaded.
  virtual void OnSetUp(absl::Duration /*taken*/) {}
  // The training steps of an epoch, its evaluation not counted.
  virtual void OnSteps(std::int64_t /*steps*/, double /*seconds*/) {}
  virtual void OnEpoch(std::int64_t /*train_rows*/) {}
  // From the end of an attempt's arithmetic until its result was accepted.
  virtual void OnReported(absl::Duration /*taken*/) {}
  // succeeded, failed, cancelled, lost or released.
  virtual void OnTrialEnded(std::string_view /*outcome*/, absl::Duration /*taken*/) {}
  virtual void OnCallFailed(std::string_view /*method*/) {}
};

// Gets jobs from the server, lets the executor run them, and brings the results back: the worker
// without its arithmetic.
//
// Life-cycle: Run registers and works until BeginDrain (from any thread, also before Run) or a
// directive of the server ends it: queued jobs are given back at once, running ones may finish
// within the grace and are given back then; a transfer that does not end soon after is cut short.
// While the server is away it goes on training and tries again with growing pauses, for ever; a
// server that has forgotten it is registered with again. A thread that does not compute renews the
// leases. A job whose lease is lost is dropped. What it is given must outlive it. One Run an
// object.
class Agent {
 public:
  Agent(const AgentOptions& options, Executor& executor, Clock& clock, AgentObserver& observer);
  ~Agent();

  // OK after a drain. FailedPrecondition / WORKER_SUPERSEDED when another process took the name;
  // InvalidArgument when the server refuses name or slots; Unauthenticated or PermissionDenied when
  // it does not let this worker in. Once registered it waits for a token that does.
  absl::Status Run();
  void BeginDrain();

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace bitsweep::worker

#endif  // BITSWEEP_WORKER_AGENT_AGENT_H_
