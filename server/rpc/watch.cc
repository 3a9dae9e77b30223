// SPDX-License-Identifier: Apache-2.0
#include "server/rpc/watch.h"

#include <algorithm>
#include <string>
#include <vector>

#include "core/base/errors.h"
#include "core/base/ids.h"
#include "core/base/status_macros.h"
#include "fmt/format.h"
#include "proto/convert/trial.h"
#include "server/rpc/sweep_convert.h"

namespace bitsweep::rpc {
namespace {

constexpr absl::Duration kPace = absl::Milliseconds(200);
constexpr absl::Duration kKeepAlive = absl::Seconds(10);  // a response at least this often
constexpr std::int64_t kMaxGap = 5000;
constexpr std::int64_t kMaxTransitions = 500;  // in one response

bool HasEnded(const store::SweepRecord& sweep) {
  return sweep.counts.Terminal() == sweep.counts.Planned();
}

// Adds the changes after `revision` (at most kMaxTransitions) and moves it on.
absl::Status AddTransitions(store::Store& store, const store::SweepRecord& sweep,
                            std::int64_t& revision, v1::WatchSweepResponse& response) {
  if (sweep.revision - revision > kMaxGap) {  // revisions are those of all sweeps: count this one's
    ASSIGN_OR_RETURN(const std::int64_t missed,
                     store.CountEventsAfter(sweep.row, revision, kMaxGap + 1));
    if (missed > kMaxGap) {
      response.set_transitions_skipped(true);
      revision = sweep.revision;
      return absl::OkStatus();
    }
  }
  ASSIGN_OR_RETURN(const std::vector<store::EventRecord> events,
                   store.EventsAfter(sweep.row, revision, kMaxTransitions));
  for (const store::EventRecord& event : events) {
    if (event.trial >= 0) *response.add_transitions() = ToProto(sweep.sweep_id, event);
    revision = std::max(revision, event.revision);
  }
  return absl::OkStatus();
}

void AddProgress(scheduler::WatchHub& hub, const std::string& sweep_id, std::uint64_t& points_sent,
                 v1::WatchSweepResponse& response) {
  for (const scheduler::LivePoint& live : hub.PointsAfter(sweep_id, points_sent)) {
    v1::TrialProgress* progress = response.add_progress();
    progress->set_trial(TrialNameText(sweep_id, live.trial));
    progress->set_attempt(live.attempt);
    *progress->mutable_point() = convert::ToProto(live.point);
    progress->set_rows_per_second(live.rows_per_second);
    points_sent = std::max(points_sent, live.version);
  }
  response.set_rows_per_second(hub.RowsPerSecond(sweep_id));
}

absl::Status Draining() {
  return ErrorWithDetails(absl::StatusCode::kUnavailable, "the server is stopping",
                          {.reason = "SERVER_DRAINING", .retry_after = absl::Seconds(1)});
}

}  // namespace

absl::Status FollowSweep(const v1::WatchSweepRequest& request, scheduler::Scheduler& scheduler,
                         store::Store& store, Clock& clock, const Watcher& watcher) {
  ASSIGN_OR_RETURN(const std::string sweep_id, ParseSweepName(request.name()));
  scheduler::WatchHub& hub = scheduler.hub();
  std::uint64_t version = hub.Version(sweep_id);
  std::uint64_t points_sent = 0;
  ASSIGN_OR_RETURN(store::SweepRecord sweep, store.GetSweep(sweep_id));
  if (request.start_revision() < 0 || request.start_revision() > sweep.revision) {
    return InvalidSpecError(
        {{"start_revision", fmt::format("{}: expected 0 to {}, the sweep's revision",
                                        request.start_revision(), sweep.revision)}});
  }
  std::int64_t revision = request.start_revision() == 0 ? sweep.revision : request.start_revision();

  while (true) {
    v1::WatchSweepResponse response;
    RETURN_IF_ERROR(AddTransitions(store, sweep, revision, response));
    AddProgress(hub, sweep_id, points_sent, response);
    *response.mutable_sweep() = ToProto(sweep);
    if (const std::optional<absl::Duration> eta = scheduler.Eta(sweep)) {
      *response.mutable_eta() = convert::ToProto(*eta);
      *response.mutable_sweep()->mutable_eta() = response.eta();
    }
    response.set_revision(revision);
    if (!watcher.write(response)) return absl::CancelledError("the watcher has gone");
    const bool all_sent = revision >= sweep.revision;
    if (HasEnded(sweep) && all_sent) return absl::OkStatus();

    if (all_sent) {
      const absl::Time next = clock.Now() + kPace;
      version = hub.WaitForChange(sweep_id, version, next + kKeepAlive, watcher.is_cancelled);
      // Changes that come together go out together.
      absl::Mutex mu;
      bool never = false;
      absl::MutexLock lock(&mu);
      clock.AwaitUntil(mu, absl::Condition(&never), next);
    }
    if (hub.closed()) return Draining();
    if (watcher.is_cancelled()) return absl::CancelledError("the watcher has gone");
    version = hub.Version(sweep_id);
    ASSIGN_OR_RETURN(sweep, store.GetSweep(sweep_id));
  }
}

}  // namespace bitsweep::rpc
