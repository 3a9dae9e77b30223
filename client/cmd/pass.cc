// SPDX-License-Identifier: Apache-2.0
#include "CLI/CLI.hpp"
#include "absl/strings/str_join.h"
#include "client/cmd/command.h"
#include "client/output/error_report.h"
#include "core/base/status_macros.h"

namespace bitsweep::client {
namespace {

absl::Status ListPasses(Context& context) {
  const Connection connection = context.Connect();
  v1::ListPassesResponse all;
  RETURN_IF_ERROR(connection.Call(connection.transforms(), &v1::TransformService::Stub::ListPasses,
                                  v1::ListPassesRequest(), &all));
  if (context.json) {
    context.PrintJson(all);
    return absl::OkStatus();
  }
  const auto yes = [](bool flag) { return std::string(flag ? "yes" : "no"); };
  Table passes{.columns = {{"pass"}, {"rewrites"}, {"needs_dataset"}, {"description"}}};
  for (const v1::PassInfo& pass : all.passes()) {
    passes.rows.push_back(
        {pass.name(), yes(pass.rewrites()), yes(pass.needs_dataset()), pass.description()});
  }
  Table formats{.columns = {{"format"}, {"ops"}, {"entries"}}};
  for (const v1::FormatInfo& format : all.formats()) {
    formats.rows.push_back(
        {format.name(), absl::StrJoin(format.ops(), ", "), absl::StrJoin(format.entries(), ", ")});
  }
  RETURN_IF_ERROR(context.PrintTable(passes));
  *context.out << "\n";
  return context.PrintTable(formats);
}

}  // namespace

void RegisterPass(CLI::App& app, Command& chosen) {
  CLI::App* pass = app.add_subcommand("pass", "What a transform can do");
  CLI::App* list = pass->add_subcommand("list", "The passes, and the number formats of quantize");
  list->callback([&chosen] {
    chosen = [](Context& context) {
      const absl::Status status = ListPasses(context);
      return status.ok() ? kExitOk : context.Fail(status);
    };
  });
  RequireVerb(*pass);
}

}  // namespace bitsweep::client
