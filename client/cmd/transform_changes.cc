// SPDX-License-Identifier: Apache-2.0
// transform cancel and delete.
#include <memory>

#include "CLI/CLI.hpp"
#include "client/cmd/command.h"
#include "client/output/error_report.h"
#include "fmt/format.h"

namespace bitsweep::client {
namespace {

using TransformStub = v1::TransformService::Stub;

int Cancel(Context& context, const std::string& name) {
  v1::CancelTransformRequest request;
  request.set_name(name);
  const Connection connection = context.Connect();
  v1::CancelTransformResponse response;
  const absl::Status status =
      connection.Call(connection.transforms(), &TransformStub::CancelTransform, request, &response);
  if (!status.ok()) return context.Fail(status);
  if (context.json) {
    context.PrintJson(response);
  } else {
    *context.out << fmt::format("{}: {} cancelled\n", name,
                                Plural(response.cancelled_jobs(), "job"));
  }
  return kExitOk;
}

int Delete(Context& context, const std::string& name) {
  v1::DeleteTransformRequest request;
  request.set_name(name);
  const Connection connection = context.Connect();
  v1::DeleteTransformResponse response;
  const absl::Status status =
      connection.Call(connection.transforms(), &TransformStub::DeleteTransform, request, &response);
  if (!status.ok()) return context.Fail(status);
  if (context.json) {
    context.PrintJson(response);
  } else {
    *context.out << fmt::format("{} is deleted\n", name);
  }
  return kExitOk;
}

}  // namespace

void RegisterTransformChanges(CLI::App& transform, Command& chosen) {
  const auto name = std::make_shared<std::string>();
  const auto add = [&](const char* verb, const char* help,
                       int (*change)(Context&, const std::string&)) {
    CLI::App* command = transform.add_subcommand(verb, help);
    command->add_option("TRANSFORM", *name, "Id of the transform")->required();
    command->callback([name, change, &chosen] {
      chosen = [name, change](Context& c) { return change(c, FullName("transforms", *name)); };
    });
  };
  add("cancel", "Cancel every job that has not ended", Cancel);
  add("delete", "Remove a transform that has ended, with its results and models", Delete);
}

}  // namespace bitsweep::client
