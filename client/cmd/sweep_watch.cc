// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <memory>
#include <optional>

#include "CLI/CLI.hpp"
#include "absl/time/clock.h"
#include "client/api/sweep_data.h"
#include "client/cmd/command.h"
#include "client/cmd/watch_stream.h"
#include "client/output/error_report.h"
#include "client/output/progress.h"
#include "core/base/errors.h"
#include "fmt/format.h"
#include "proto/convert/trial.h"

namespace bitsweep::client {
namespace {

// How often the best result is asked for, and for plans of how many trials at most: the server
// reads all of them.
constexpr absl::Duration kBestPeriod = absl::Seconds(1);
constexpr std::int64_t kMostTrialsForBest = 10'000;

// The highest val_acc of the epochs that were streamed and of the results. The stream leaves epochs
// out, so results are asked for.
class BestAccuracy {
 public:
  explicit BestAccuracy(const Connection& connection) : connection_(connection) {}

  std::optional<double> After(const v1::WatchSweepResponse& response) {
    for (const v1::TrialProgress& trial : response.progress()) Note(trial.point().val_acc());
    const v1::Sweep& sweep = response.sweep();
    const absl::Time now = absl::Now();
    if (sweep.counts().succeeded() == known_ || sweep.trial_count() > kMostTrialsForBest ||
        (now < next_ && !sweep.has_end_time())) {
      return best_;
    }
    v1::ListTrialsRequest request;
    request.set_parent(sweep.name());
    request.set_order_by("val_acc desc");
    request.set_page_size(1);
    v1::ListTrialsResponse top;
    const absl::Status status =
        connection_.Call(connection_.sweeps(), &v1::SweepService::Stub::ListTrials, request, &top);
    next_ = now + kBestPeriod;
    if (!status.ok()) return best_;  // the stream will tell
    known_ = sweep.counts().succeeded();
    for (const v1::Trial& trial : top.trials()) {
      if (trial.has_result()) Note(trial.result().val_acc());
    }
    return best_;
  }

 private:
  void Note(double val_acc) { best_ = std::max(best_.value_or(0), val_acc); }

  const Connection& connection_;
  std::optional<double> best_;
  std::int64_t known_ = 0;  // results that were there when last asked
  absl::Time next_ = absl::InfinitePast();
};

Progress ProgressOfSweep(const v1::WatchSweepResponse& response, std::optional<double> best) {
  const v1::Sweep& sweep = response.sweep();
  const v1::TrialCounts& counts = sweep.counts();
  Progress progress;
  progress.without_result = counts.failed() + counts.dead() + counts.cancelled();
  progress.ended = counts.succeeded() + progress.without_result;
  progress.planned = sweep.trial_count();
  progress.running = counts.running();
  progress.state = ShortEnum(v1::Sweep::State_Name(sweep.state()), "STATE_");
  progress.rows_per_second = response.rows_per_second();
  if (response.has_eta()) progress.eta = convert::FromProto(response.eta());
  progress.best_val_acc = best;
  return progress;
}

int ExitCodeOfState(v1::Sweep::State state) {
  return state == v1::Sweep::STATE_SUCCEEDED ? kExitOk : kExitNoSuccess;
}

}  // namespace

int WatchSweep(Context& context, const std::string& name) {
  const InterruptNotice notice("sweep", name);
  const Connection connection = context.Connect();
  ProgressDisplay display(*context.err, context.err_is_terminal, context.width);
  // A name that is wrong, or a server that was never there, is told at once; one that goes away
  // later is waited for.
  const absl::Status known = GetSweep(connection, name).status();
  if (!known.ok()) return context.Fail(known);
  v1::WatchSweepRequest request;
  request.set_name(name);
  BestAccuracy best(connection);
  std::optional<v1::Sweep::State> state;
  const absl::Status status = FollowStream<v1::WatchSweepResponse>(
      context, display,
      [&](grpc::ClientContext* call) { return connection.sweeps().WatchSweep(call, request); },
      [&](const v1::WatchSweepResponse& response) {
        state = response.sweep().state();
        request.set_start_revision(response.revision());
        display.Show(ProgressOfSweep(response, best.After(response)));
        if (context.json) context.PrintJsonLine(response);
      });
  display.Finish();
  if (!status.ok()) return context.Fail(status);
  return state ? ExitCodeOfState(*state) : kExitInternal;
}

void RegisterSweepWatch(CLI::App& sweep, Command& chosen) {
  CLI::App* command = sweep.add_subcommand("watch", "Follow a sweep until it has ended");
  const auto name = std::make_shared<std::string>();
  command->add_option("SWEEP", *name, "Id of the sweep")->required();
  command->callback([name, &chosen] {
    chosen = [name](Context& c) { return WatchSweep(c, FullName("sweeps", *name)); };
  });
}

}  // namespace bitsweep::client
