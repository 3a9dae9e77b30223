// SPDX-License-Identifier: Apache-2.0
// sweep export.
#include <functional>
#include <memory>
#include <string>

#include "CLI/CLI.hpp"
#include "client/api/partial_file.h"
#include "client/api/sweep_data.h"
#include "client/cmd/command.h"
#include "client/output/error_report.h"
#include "client/results/results_text.h"
#include "core/base/status_macros.h"
#include "fmt/format.h"
#include "fmt/ranges.h"

namespace bitsweep::client {
namespace {

struct SweepExportOptions {
  std::string sweep;
  std::string format = "csv";
  std::string metric = "val_acc";
  std::string file;
};

using WriteText = std::function<absl::Status(const std::string&)>;

absl::Status WriteSweep(const Connection& connection, const v1::Sweep& sweep,
                        results::ResultsText& text, const WriteText& write) {
  RETURN_IF_ERROR(write(text.Begin(sweep)));
  if (text.needs().configurations) {
    RETURN_IF_ERROR(ForEachConfiguration(
        connection, sweep.name(),
        [&](const v1::Configuration& one) { return write(text.Configuration(one)); }));
  }
  const v1::TrialView view =
      text.needs().epochs_and_attempts ? v1::TRIAL_VIEW_FULL : v1::TRIAL_VIEW_BASIC;
  RETURN_IF_ERROR(ForEachTrial(connection, sweep.name(), view,
                               [&](const v1::Trial& one) { return write(text.Trial(one)); }));
  return write(text.End());
}

absl::Status ExportSweep(Context& context, const SweepExportOptions& options) {
  ASSIGN_OR_RETURN(const std::unique_ptr<results::ResultsText> text,
                   results::MakeResultsText(options.format, options.metric));
  const Connection connection = context.Connect();
  ASSIGN_OR_RETURN(const v1::Sweep sweep, GetSweep(connection, FullName("sweeps", options.sweep)));
  if (options.file.empty() || options.file == "-") {
    const auto written = [&] {
      return context.out->good() ? absl::OkStatus()
                                 : absl::NotFoundError("standard output cannot be written");
    };
    RETURN_IF_ERROR(WriteSweep(connection, sweep, *text, [&](const std::string& piece) {
      *context.out << piece;
      return written();
    }));
    context.out->flush();
    return written();
  }
  PartialFile file(options.file, PartialFile::Readers::kByUmask);
  RETURN_IF_ERROR(file.status());
  RETURN_IF_ERROR(WriteSweep(connection, sweep, *text,
                             [&](const std::string& piece) { return file.Append(piece); }));
  RETURN_IF_ERROR(file.Keep());
  if (context.json) {
    context.PrintJson(sweep);
  } else {
    *context.out << fmt::format("{}: {}\n", options.file, Plural(sweep.trial_count(), "trial"));
  }
  return absl::OkStatus();
}

}  // namespace

void RegisterSweepExport(CLI::App& sweep, Command& chosen) {
  CLI::App* command =
      sweep.add_subcommand("export", "Every trial with all its values, for other programs");
  const auto options = std::make_shared<SweepExportOptions>();
  command->add_option("SWEEP", options->sweep, "Id of the sweep")->required();
  command
      ->add_option(
          "--format", options->format,
          fmt::format("{} (a journal file of Optuna)", fmt::join(results::FormatNames(), ", ")))
      ->check(CLI::IsMember(results::FormatNames()))
      ->capture_default_str();
  command
      ->add_option(
          "--metric", options->metric,
          fmt::format("Objective of the Optuna study: {}", fmt::join(results::MetricNames(), ", ")))
      ->check(CLI::IsMember(results::MetricNames()))
      ->capture_default_str();
  command
      ->add_option("-o,--output", options->file,
                   "File to write, whole or not at all; - or none for standard output")
      ->type_name("FILE");
  command->callback([options, &chosen] {
    chosen = [options](Context& c) {
      const absl::Status status = ExportSweep(c, *options);
      return status.ok() ? kExitOk : c.Fail(status);
    };
  });
}

}  // namespace bitsweep::client
