// SPDX-License-Identifier: Apache-2.0
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <csignal>
#include <cstring>
#include <memory>
#include <optional>

#include "CLI/CLI.hpp"
#include "absl/time/clock.h"
#include "client/cmd/command.h"
#include "client/output/error_report.h"
#include "client/output/progress.h"
#include "core/base/errors.h"
#include "fmt/format.h"
#include "proto/convert/trial.h"

namespace bitsweep::client {
namespace {

constexpr absl::Duration kFirstPause = absl::Milliseconds(250);
constexpr absl::Duration kLongestPause = absl::Seconds(3);

// What Ctrl-C prints: a handler may only write bytes that are there already.
char interrupt_text[512];

extern "C" void OnInterrupt(int) {
  const auto written = write(STDERR_FILENO, interrupt_text, std::strlen(interrupt_text));
  _exit(written < 0 ? 1 : 130);
}

// While it lives, Ctrl-C says that the sweep goes on.
class InterruptNotice {
 public:
  explicit InterruptNotice(const std::string& name) {
    const std::string text = fmt::format(
        "\nThe sweep goes on. Follow it again with: bitsweep sweep watch {}\n", LastPart(name));
    std::strncpy(interrupt_text, text.c_str(), sizeof(interrupt_text) - 1);
    previous_ = std::signal(SIGINT, OnInterrupt);
  }
  ~InterruptNotice() { std::signal(SIGINT, previous_); }

 private:
  void (*previous_)(int);
};

Progress ProgressOf(const v1::WatchSweepResponse& response, std::optional<double>& best) {
  for (const v1::TrialProgress& trial : response.progress()) {
    best = std::max(best.value_or(0), trial.point().val_acc());
  }
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
  const InterruptNotice notice(name);
  const Connection connection = context.Connect();
  ProgressDisplay display(*context.err, context.err_is_terminal, context.width);
  v1::WatchSweepRequest request;
  request.set_name(name);
  std::optional<double> best;
  std::optional<v1::Sweep::State> state;
  absl::Duration pause = kFirstPause;
  const absl::Time deadline =
      context.timeout_given ? absl::Now() + context.timeout : absl::InfiniteFuture();
  while (true) {
    grpc::ClientContext call;
    if (deadline != absl::InfiniteFuture()) call.set_deadline(absl::ToChronoTime(deadline));
    const auto reader = connection.sweeps().WatchSweep(&call, request);
    v1::WatchSweepResponse response;
    while (reader->Read(&response)) {
      pause = kFirstPause;
      state = response.sweep().state();
      request.set_start_revision(response.revision());
      display.Show(ProgressOf(response, best));
      if (!context.json) continue;
      context.PrintJson(response);
    }
    const absl::Status status = FromGrpc(reader->Finish());
    if (status.ok()) break;
    if (!absl::IsUnavailable(status) || absl::Now() + pause >= deadline) {
      display.Finish();
      return context.Fail(status);
    }
    if (pause == kFirstPause) display.Say("the server does not answer; trying again");
    absl::SleepFor(pause);
    pause = std::min(pause * 2, kLongestPause);
  }
  display.Finish();
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
