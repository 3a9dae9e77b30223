// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <memory>

#include "CLI/CLI.hpp"
#include "absl/time/clock.h"
#include "client/api/sweep_data.h"
#include "client/cmd/command.h"
#include "client/cmd/report_file.h"
#include "client/cmd/report_transform.h"
#include "client/output/error_report.h"
#include "client/report/html.h"
#include "client/report/sweep_page.h"
#include "core/base/status_macros.h"
#include "core/base/version.h"
#include "fmt/format.h"

namespace bitsweep::client {
namespace {

constexpr std::size_t kMostEpochs = 300;  // of one curve

struct ReportOptions {
  std::vector<std::string> names;
  std::string output;
  bool open = false;
};

std::string MadeText() {
  return fmt::format("{} by bitsweep {}.",
                     absl::FormatTime("%Y-%m-%d %H:%M:%S UTC", absl::Now(), absl::UTCTimeZone()),
                     Version());
}

absl::StatusOr<report::SweepResults> FetchResults(const Connection& connection,
                                                  const std::string& name) {
  report::SweepResults results;
  ASSIGN_OR_RETURN(results.sweep, GetSweep(connection, name));
  ASSIGN_OR_RETURN(results.configurations, ListConfigurations(connection, name));
  RETURN_IF_ERROR(ForEachTrial(connection, name, v1::TRIAL_VIEW_BASIC, [&](const v1::Trial& trial) {
    results.Add(trial);
    return absl::OkStatus();
  }));
  return results;
}

// Epochs only of what is drawn: those of all trials may be many.
absl::StatusOr<std::vector<report::Curve>> FetchCurves(const Connection& connection,
                                                       const report::SweepResults& results) {
  std::vector<report::Curve> curves;
  for (const std::int64_t number : report::ConfigurationsToDraw(results)) {
    report::CurveBuilder builder(number);
    RETURN_IF_ERROR(ForEachTrialThat(connection, results.sweep.name(),
                                     fmt::format("configuration = {}", number), v1::TRIAL_VIEW_FULL,
                                     [&](const v1::Trial& trial) {
                                       builder.Add(trial);
                                       return absl::OkStatus();
                                     }));
    curves.push_back(builder.Finish(kMostEpochs));
  }
  return curves;
}

absl::StatusOr<report::Page> SweepPage(const Connection& connection, const std::string& name) {
  ASSIGN_OR_RETURN(const report::SweepResults results, FetchResults(connection, name));
  ASSIGN_OR_RETURN(const std::vector<report::Curve> curves, FetchCurves(connection, results));
  return report::BuildSweepPage(results, curves, MadeText());
}

bool IsTransform(const std::string& name) { return name.starts_with("transforms/"); }

// An id alone is a sweep's, or a transform's where there is no such sweep.
absl::StatusOr<report::Page> FetchPage(const Connection& connection,
                                       const std::vector<std::string>& names) {
  const bool is_all_transforms = std::all_of(names.begin(), names.end(), IsTransform);
  if (is_all_transforms) return FetchTransformPage(connection, names, MadeText());
  if (names.size() > 1) {
    return absl::InvalidArgumentError(
        "a report of several is one of transforms: expected transforms/ID for each");
  }
  absl::StatusOr<report::Page> page = SweepPage(connection, FullName("sweeps", names[0]));
  const bool is_id = names[0].find('/') == std::string::npos;
  if (!absl::IsNotFound(page.status()) || !is_id) return page;
  absl::StatusOr<report::Page> other =
      FetchTransformPage(connection, {FullName("transforms", names[0])}, MadeText());
  return absl::IsNotFound(other.status()) ? page : other;
}

absl::Status Report(Context& context, const ReportOptions& options) {
  ASSIGN_OR_RETURN(const report::Page page, FetchPage(context.Connect(), options.names));
  const std::string file =
      options.output.empty() ? LastPart(options.names[0]) + ".html" : options.output;
  const std::string html = report::RenderHtml(page);
  RETURN_IF_ERROR(WriteReport(context, html, file));
  return options.open ? OpenInBrowser(file) : absl::OkStatus();
}

}  // namespace

void RegisterReport(CLI::App& app, Command& chosen) {
  CLI::App* command =
      app.add_subcommand("report", "Write a page with tables and pictures of a sweep or transform");
  const auto options = std::make_shared<ReportOptions>();
  command
      ->add_option("NAME", options->names,
                   "sweeps/ID or transforms/ID, or the id alone; several transforms/ID that differ "
                   "in their model only are repeats")
      ->required();
  command
      ->add_option("-o,--output", options->output, "File (default: ID.html); - for standard output")
      ->type_name("FILE");
  command->add_flag("--open", options->open, "Show it in the browser");
  command->callback([options, &chosen] {
    chosen = [options](Context& context) {
      const absl::Status status = Report(context, *options);
      return status.ok() ? kExitOk : context.Fail(status);
    };
  });
}

}  // namespace bitsweep::client
