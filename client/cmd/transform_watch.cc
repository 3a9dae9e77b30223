// SPDX-License-Identifier: Apache-2.0
#include <memory>
#include <optional>

#include "CLI/CLI.hpp"
#include "client/api/sweep_data.h"
#include "client/cmd/command.h"
#include "client/cmd/watch_stream.h"
#include "client/output/error_report.h"
#include "client/output/progress.h"
#include "proto/convert/trial.h"

namespace bitsweep::client {
namespace {

Progress ProgressOfTransform(const v1::Transform& transform) {
  const v1::TrialCounts& counts = transform.counts();
  Progress progress;
  progress.ended = Ended(counts);
  progress.without_result = progress.ended - counts.succeeded();
  progress.planned = transform.job_count();
  progress.running = counts.running();
  progress.state = ShortEnum(v1::Sweep::State_Name(transform.state()), "STATE_");
  if (transform.has_eta()) progress.eta = convert::FromProto(transform.eta());
  return progress;
}

}  // namespace

int WatchTransform(Context& context, const std::string& name) {
  const InterruptNotice notice("transform", name);
  const Connection connection = context.Connect();
  ProgressDisplay display(*context.err, context.err_is_terminal, context.width);
  // A name that is wrong, or a server that was never there, is told at once; one that goes away
  // later is waited for.
  const absl::Status known = GetTransform(connection, name).status();
  if (!known.ok()) return context.Fail(known);
  v1::WatchTransformRequest request;
  request.set_name(name);
  std::optional<v1::Sweep::State> state;
  const absl::Status status = FollowStream<v1::WatchTransformResponse>(
      context, display,
      [&](grpc::ClientContext* call) {
        return connection.transforms().WatchTransform(call, request);
      },
      [&](const v1::WatchTransformResponse& response) {
        state = response.transform().state();
        request.set_start_revision(response.revision());
        display.Show(ProgressOfTransform(response.transform()));
        if (context.json) context.PrintJsonLine(response);
      });
  display.Finish();
  if (!status.ok()) return context.Fail(status);
  if (!state) return kExitInternal;
  return *state == v1::Sweep::STATE_SUCCEEDED ? kExitOk : kExitNoSuccess;
}

void RegisterTransformWatch(CLI::App& transform, Command& chosen) {
  CLI::App* command = transform.add_subcommand("watch", "Follow a transform until it has ended");
  const auto name = std::make_shared<std::string>();
  command->add_option("TRANSFORM", *name, "Id of the transform")->required();
  command->callback([name, &chosen] {
    chosen = [name](Context& c) { return WatchTransform(c, FullName("transforms", *name)); };
  });
}

}  // namespace bitsweep::client
