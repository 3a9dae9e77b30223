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
#include "server/rpc/transform_convert.h"
#include "server/scheduler/job_name.h"

namespace bitsweep::rpc {

absl::Status ServerDraining() {
  return ErrorWithDetails(absl::StatusCode::kUnavailable, "the server is stopping",
                          {.reason = "SERVER_DRAINING", .retry_after = absl::Seconds(1)});
}

namespace {

constexpr absl::Duration kPace = absl::Milliseconds(200);
constexpr absl::Duration kKeepAlive = absl::Seconds(10);  // a response at least this often
constexpr std::int64_t kMaxGap = 5000;
constexpr std::int64_t kMaxTransitions = 500;  // in one response

// What is watched: how to read it, and how a response shows it.
struct SweepView {
  using Record = store::SweepRecord;
  using Response = v1::WatchSweepResponse;
  static constexpr char kNoun[] = "sweep";

  static absl::StatusOr<Record> Read(store::Store& store, const std::string& name) {
    ASSIGN_OR_RETURN(const std::string id, ParseSweepName(name));
    return store.GetSweep(id);
  }
  static absl::Status Show(scheduler::Scheduler& scheduler, const std::string& name,
                           const Record& sweep, std::uint64_t& points_sent, Response& response) {
    for (const scheduler::LivePoint& live : scheduler.hub().PointsAfter(name, points_sent)) {
      v1::TrialProgress* progress = response.add_progress();
      progress->set_trial(scheduler::JobNameText(name, live.trial));
      progress->set_attempt(live.attempt);
      *progress->mutable_point() = convert::ToProto(live.point);
      progress->set_rows_per_second(live.rows_per_second);
      points_sent = std::max(points_sent, live.version);
    }
    response.set_rows_per_second(scheduler.hub().RowsPerSecond(name));
    *response.mutable_sweep() = ToProto(sweep);
    if (const std::optional<absl::Duration> eta = scheduler.Eta(sweep)) {
      *response.mutable_eta() = convert::ToProto(*eta);
      *response.mutable_sweep()->mutable_eta() = response.eta();
    }
    return absl::OkStatus();
  }
};

struct TransformView {
  using Record = store::TransformRecord;
  using Response = v1::WatchTransformResponse;
  static constexpr char kNoun[] = "transform";

  static absl::StatusOr<Record> Read(store::Store& store, const std::string& name) {
    ASSIGN_OR_RETURN(const std::string id, ParseTransformName(name));
    return store.GetTransform(id);
  }
  static absl::Status Show(scheduler::Scheduler& scheduler, const std::string&,
                           const Record& transform, std::uint64_t&, Response& response) {
    ASSIGN_OR_RETURN(*response.mutable_transform(), ToProto(transform));
    if (const std::optional<absl::Duration> eta = scheduler.Eta(transform)) {
      *response.mutable_transform()->mutable_eta() = convert::ToProto(*eta);
    }
    return absl::OkStatus();
  }
};

// Adds the changes after `revision` (at most kMaxTransitions) and moves it on.
template <typename Record, typename Response>
absl::Status AddTransitions(store::Store& store, const std::string& name, const Record& record,
                            std::int64_t& revision, Response& response) {
  if (record.revision - revision > kMaxGap) {  // revisions are everybody's: count this one's
    ASSIGN_OR_RETURN(const std::int64_t missed,
                     store.CountEventsAfter(record.row, revision, kMaxGap + 1));
    if (missed > kMaxGap) {
      response.set_transitions_skipped(true);
      revision = record.revision;
      return absl::OkStatus();
    }
  }
  ASSIGN_OR_RETURN(const std::vector<store::EventRecord> events,
                   store.EventsAfter(record.row, revision, kMaxTransitions));
  for (const store::EventRecord& event : events) {
    if (event.trial >= 0) *response.add_transitions() = ToProto(name, event);
    revision = std::max(revision, event.revision);
  }
  return absl::OkStatus();
}

template <typename View, typename Request>
absl::Status Follow(const Request& request, scheduler::Scheduler& scheduler, store::Store& store,
                    Clock& clock, const Watcher<typename View::Response>& watcher) {
  const std::string& name = request.name();
  scheduler::WatchHub& hub = scheduler.hub();
  std::uint64_t version = hub.Version(name);
  std::uint64_t points_sent = 0;
  ASSIGN_OR_RETURN(typename View::Record record, View::Read(store, name));
  if (request.start_revision() < 0 || request.start_revision() > record.revision) {
    return InvalidSpecError(
        {{"start_revision", fmt::format("{}: expected 0 to {}, the {}'s revision",
                                        request.start_revision(), record.revision, View::kNoun)}});
  }
  std::int64_t revision =
      request.start_revision() == 0 ? record.revision : request.start_revision();

  while (true) {
    typename View::Response response;
    RETURN_IF_ERROR(AddTransitions(store, name, record, revision, response));
    if (response.transitions_skipped()) watcher.on_gap();
    RETURN_IF_ERROR(View::Show(scheduler, name, record, points_sent, response));
    response.set_revision(revision);
    if (!watcher.write(response)) return absl::CancelledError("the watcher has gone");
    const bool all_sent = revision >= record.revision;
    const bool has_ended = record.counts.Terminal() == record.counts.Planned();
    if (has_ended && all_sent) return absl::OkStatus();

    if (all_sent) {
      const absl::Time next = clock.Now() + kPace;
      version = hub.WaitForChange(name, version, next + kKeepAlive, watcher.is_cancelled);
      // Changes that come together go out together.
      absl::Mutex mu;
      bool never = false;
      absl::MutexLock lock(&mu);
      clock.AwaitUntil(mu, absl::Condition(&never), next);
    }
    if (hub.closed()) return ServerDraining();
    if (watcher.is_cancelled()) return absl::CancelledError("the watcher has gone");
    version = hub.Version(name);
    ASSIGN_OR_RETURN(record, View::Read(store, name));
  }
}

}  // namespace

absl::Status FollowSweep(const v1::WatchSweepRequest& request, scheduler::Scheduler& scheduler,
                         store::Store& store, Clock& clock,
                         const Watcher<v1::WatchSweepResponse>& watcher) {
  return Follow<SweepView>(request, scheduler, store, clock, watcher);
}

absl::Status FollowTransform(const v1::WatchTransformRequest& request,
                             scheduler::Scheduler& scheduler, store::Store& store, Clock& clock,
                             const Watcher<v1::WatchTransformResponse>& watcher) {
  return Follow<TransformView>(request, scheduler, store, clock, watcher);
}

}  // namespace bitsweep::rpc
