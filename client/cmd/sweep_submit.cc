// SPDX-License-Identifier: Apache-2.0
#include <memory>

#include "CLI/CLI.hpp"
#include "client/api/sweep_file.h"
#include "client/cmd/command.h"
#include "client/output/error_report.h"
#include "core/base/ids.h"
#include "fmt/format.h"

namespace bitsweep::client {
namespace {

struct SweepSubmitOptions {
  std::string file;
  std::string request_id;
  bool validate_only = false;
  bool watch = false;
};

void DescribeSweep(const Context& context, const v1::SubmitSweepResponse& response,
                   bool validate_only) {
  const v1::Sweep& sweep = response.sweep();
  const std::string title = sweep.name().empty() ? "valid" : sweep.name();
  *context.out << fmt::format(
      "{}: {} x {} = {}{}\n", title, Plural(sweep.configuration_count(), "configuration"),
      Plural(sweep.repeats(), "repeat"), Plural(sweep.trial_count(), "trial"),
      validate_only             ? ", nothing stored"
      : response.deduplicated() ? ", submitted before with this request id"
                                : "");
  for (const v1::MergedDuplicate& merged : response.merged_duplicates()) {
    *context.out << fmt::format("  point {} of the search is configuration {} again: merged\n",
                                merged.point(), merged.configuration());
  }
  for (const std::string& warning : response.warnings()) {
    *context.err << "  warning: " << warning << "\n";
  }
}

int SubmitSweep(Context& context, const SweepSubmitOptions& options) {
  absl::StatusOr<v1::SubmitSweepRequest> request = ReadSweepFile(options.file);
  if (!request.ok()) {
    context.Fail(request.status());
    return kExitUsage;
  }
  if (!options.request_id.empty()) request->set_request_id(options.request_id);
  // So that trying again after a lost answer cannot store it twice.
  if (request->request_id().empty()) request->set_request_id(GenerateResourceId("cli"));
  if (options.validate_only) request->set_validate_only(true);

  const Connection connection = context.Connect();
  v1::SubmitSweepResponse response;
  const absl::Status status = connection.Call(
      connection.sweeps(), &v1::SweepService::Stub::SubmitSweep, *request, &response);
  if (!status.ok()) return context.Fail(status);
  const std::string name = response.sweep().name();
  if (context.json) {
    context.PrintJson(response);
  } else {
    DescribeSweep(context, response, request->validate_only());
  }
  if (request->validate_only()) return kExitOk;
  if (!options.watch) {
    if (!context.json && context.out_is_terminal) {
      *context.out << fmt::format("follow it with: bitsweep sweep watch {}\n", LastPart(name));
    }
    return kExitOk;
  }
  const int code = WatchSweep(context, name);
  if (!context.json) {
    const absl::Status printed = PrintResults(context, name, "", "table");
    if (!printed.ok()) return context.Fail(printed);
  }
  return code;
}

}  // namespace

void RegisterSweepSubmit(CLI::App& sweep, Command& chosen) {
  CLI::App* command = sweep.add_subcommand("submit", "Store a sweep and queue its trials");
  const auto options = std::make_shared<SweepSubmitOptions>();
  command->add_option("FILE", options->file, "Sweep file, TOML or JSON; - for standard input")
      ->required();
  command->add_flag("--watch", options->watch, "Follow it, then show its results");
  command->add_option("--request-id", options->request_id,
                      "The same id with the same sweep is stored once");
  command->add_flag("--validate-only", options->validate_only,
                    "Only say what would be run; stores nothing");
  command->callback(
      [options, &chosen] { chosen = [options](Context& c) { return SubmitSweep(c, *options); }; });
}

}  // namespace bitsweep::client
