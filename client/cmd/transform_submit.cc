// SPDX-License-Identifier: Apache-2.0
#include <memory>
#include <vector>

#include "CLI/CLI.hpp"
#include "client/api/transform_file.h"
#include "client/cmd/command.h"
#include "client/output/error_report.h"
#include "core/base/ids.h"
#include "fmt/format.h"

namespace bitsweep::client {
namespace {

struct TransformSubmitOptions {
  std::string file;
  TransformOverrides overrides;
  std::string request_id;
  bool validate_only = false;
  bool watch = false;
};

void DescribeTransform(const Context& context, const v1::SubmitTransformResponse& response,
                       bool validate_only) {
  const v1::Transform& transform = response.transform();
  *context.out << fmt::format(
      "{}: {}, {}{}\n", transform.name().empty() ? "valid" : transform.name(),
      Plural(transform.job_count(), "job"),
      transform.passes_size() == 1 ? "1 pass" : fmt::format("{} passes", transform.passes_size()),
      validate_only             ? ", nothing stored"
      : response.deduplicated() ? ", submitted before with this request id"
                                : "");
  for (const std::string& warning : response.warnings()) {
    *context.err << "  warning: " << warning << "\n";
  }
}

int SubmitTransform(Context& context, const TransformSubmitOptions& options) {
  std::vector<std::string> warnings;
  absl::StatusOr<v1::SubmitTransformRequest> file =
      ReadTransformFile(options.file, options.overrides, &warnings);
  if (!file.ok()) {
    context.Fail(file.status());
    return kExitUsage;
  }
  for (const std::string& warning : warnings) *context.err << "  warning: " << warning << "\n";
  v1::SubmitTransformRequest& request = *file;
  if (!options.request_id.empty()) request.set_request_id(options.request_id);
  // So that trying again after a lost answer cannot store it twice.
  if (request.request_id().empty()) request.set_request_id(GenerateResourceId("cli"));
  if (options.validate_only) request.set_validate_only(true);

  const Connection connection = context.Connect();
  v1::SubmitTransformResponse response;
  const absl::Status status = connection.Call(
      connection.transforms(), &v1::TransformService::Stub::SubmitTransform, request, &response);
  if (!status.ok()) return context.Fail(status);
  const std::string name = response.transform().name();
  if (context.json) {
    context.PrintJson(response);
  } else {
    DescribeTransform(context, response, request.validate_only());
  }
  if (request.validate_only()) return kExitOk;
  if (!options.watch) {
    if (!context.json && context.out_is_terminal) {
      *context.out << fmt::format("follow it with: bitsweep transform watch {}\n", LastPart(name));
    }
    return kExitOk;
  }
  const int code = WatchTransform(context, name);
  if (!context.json) {
    const absl::Status printed = PrintTransformResults(context, name, "", "table");
    if (!printed.ok()) return context.Fail(printed);
  }
  return code;
}

}  // namespace

void RegisterTransformSubmit(CLI::App& transform, Command& chosen) {
  CLI::App* command = transform.add_subcommand("submit", "Store a transform and queue its jobs");
  const auto options = std::make_shared<TransformSubmitOptions>();
  command
      ->add_option("FILE", options->file,
                   "Transform file, TOML or JSON (docs/transform_files.md); - for standard input")
      ->required();
  command->add_option("--model", options->overrides.model,
                      "A builtin or models/ID, in place of the file's");
  command->add_option("--dataset", options->overrides.dataset,
                      "Name of a data set, in place of the file's");
  command->add_flag("--watch", options->watch, "Follow it, then show its results");
  command->add_option("--request-id", options->request_id,
                      "The same id with the same transform is stored once");
  command->add_flag("--validate-only", options->validate_only,
                    "Only say what would be run; stores nothing");
  command->callback([options, &chosen] {
    chosen = [options](Context& c) { return SubmitTransform(c, *options); };
  });
}

}  // namespace bitsweep::client
