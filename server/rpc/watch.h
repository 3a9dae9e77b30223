// SPDX-License-Identifier: Apache-2.0
#ifndef BITSWEEP_SERVER_RPC_WATCH_H_
#define BITSWEEP_SERVER_RPC_WATCH_H_

#include <functional>

#include "absl/status/status.h"
#include "bitsweep/v1/sweep_service.pb.h"
#include "bitsweep/v1/transform_service.pb.h"
#include "core/base/clock.h"
#include "server/scheduler/scheduler.h"
#include "server/store/store.h"

namespace bitsweep::rpc {

// Unavailable / SERVER_DRAINING.
absl::Status ServerDraining();

// The watcher's end of a stream.
template <typename Response>
struct Watcher {
  // Sends one response; waits while the watcher is slow. False when it has gone.
  std::function<bool(const Response&)> write;
  std::function<bool()> is_cancelled;
  // It was too far behind: transitions are left out.
  std::function<void()> on_gap = [] {};
};

// Sends the sweep as it is, then what changes (at most 5 responses a second), until it has ended
// and everything has been sent. Nothing is kept for a watcher: what it has not been sent yet is
// read from the rows, and a gap of more than 5000 changes is skipped and said to be.
// Unavailable / SERVER_DRAINING when the server stops: resume from the last revision. Cancelled
// when the watcher has gone.
absl::Status FollowSweep(const v1::WatchSweepRequest& request, scheduler::Scheduler& scheduler,
                         store::Store& store, Clock& clock,
                         const Watcher<v1::WatchSweepResponse>& watcher);
// The same of a transform.
absl::Status FollowTransform(const v1::WatchTransformRequest& request,
                             scheduler::Scheduler& scheduler, store::Store& store, Clock& clock,
                             const Watcher<v1::WatchTransformResponse>& watcher);

}  // namespace bitsweep::rpc

#endif  // BITSWEEP_SERVER_RPC_WATCH_H_
