// SPDX-License-Identifier: Apache-2.0
// sweep pause, resume, cancel, retry and delete.
#include <memory>
#include <vector>

#include "CLI/CLI.hpp"
#include "client/cmd/command.h"
#include "client/output/error_report.h"
#include "fmt/format.h"

namespace bitsweep::client {
namespace {

struct SweepRetryOptions {
  std::string sweep;
  std::vector<std::string> states;
};

using SweepStub = v1::SweepService::Stub;

// Sends the request for `sweep` and prints `describe`'s line.
template <typename Request, typename Response, typename Describe>
int Change(Context& context, const std::string& sweep,
           grpc::Status (SweepStub::*method)(grpc::ClientContext*, const Request&, Response*),
           Request request, Describe describe) {
  request.set_name(FullName("sweeps", sweep));
  const Connection connection = context.Connect();
  Response response;
  const absl::Status status = connection.Call(connection.sweeps(), method, request, &response);
  if (!status.ok()) return context.Fail(status);
  if (context.json) {
    context.PrintJson(response);
  } else {
    *context.out << describe(request.name(), response) << "\n";
  }
  return kExitOk;
}

std::string StateLine(const std::string& name, const v1::Sweep& sweep) {
  return fmt::format("{} is {}", name, ShortEnum(v1::Sweep::State_Name(sweep.state()), "STATE_"));
}

int Retry(Context& context, const SweepRetryOptions& options) {
  v1::RetrySweepRequest request;
  for (const std::string& state : options.states) {
    v1::Trial::State value = v1::Trial::STATE_UNSPECIFIED;
    if (state == "failed") value = v1::Trial::STATE_FAILED;
    if (state == "dead") value = v1::Trial::STATE_DEAD;
    if (state == "cancelled") value = v1::Trial::STATE_CANCELLED;
    request.add_states(value);
  }
  return Change(context, options.sweep, &SweepStub::RetrySweep, request,
                [](const std::string& name, const v1::RetrySweepResponse& r) {
                  return fmt::format("{}: {} queued again", name,
                                     Plural(r.retried_trials(), "trial"));
                });
}

}  // namespace

void RegisterSweepChanges(CLI::App& sweep, Command& chosen) {
  const auto options = std::make_shared<SweepRetryOptions>();
  const auto add = [&](const char* verb, const char* help, Command command) {
    CLI::App* sub = sweep.add_subcommand(verb, help);
    sub->add_option("SWEEP", options->sweep, "Id of the sweep")->required();
    sub->callback([&chosen, command = std::move(command)] { chosen = command; });
    return sub;
  };
  add("pause", "Hand out no further trial; those under way finish", [options](Context& c) {
    return Change(c, options->sweep, &SweepStub::PauseSweep, v1::PauseSweepRequest(),
                  [](const std::string& name, const v1::PauseSweepResponse& r) {
                    return StateLine(name, r.sweep());
                  });
  });
  add("resume", "End a pause", [options](Context& c) {
    return Change(c, options->sweep, &SweepStub::ResumeSweep, v1::ResumeSweepRequest(),
                  [](const std::string& name, const v1::ResumeSweepResponse& r) {
                    return StateLine(name, r.sweep());
                  });
  });
  add("cancel", "Cancel every trial that has not ended", [options](Context& c) {
    return Change(c, options->sweep, &SweepStub::CancelSweep, v1::CancelSweepRequest(),
                  [](const std::string& name, const v1::CancelSweepResponse& r) {
                    return fmt::format("{}: {} cancelled", name,
                                       Plural(r.cancelled_trials(), "trial"));
                  });
  });
  CLI::App* retry = add("retry", "Queue failed, dead and cancelled trials again, with their seeds",
                        [options](Context& c) { return Retry(c, *options); });
  retry->add_option("--state", options->states, "Only trials that are failed, dead or cancelled")
      ->check(CLI::IsMember({"failed", "dead", "cancelled"}));
  add("delete", "Remove a sweep that has ended, with its trials and models", [options](Context& c) {
    return Change(c, options->sweep, &SweepStub::DeleteSweep, v1::DeleteSweepRequest(),
                  [](const std::string& name, const v1::DeleteSweepResponse&) {
                    return fmt::format("{} is deleted", name);
                  });
  });
}

}  // namespace bitsweep::client
