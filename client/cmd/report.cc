// SPDX-License-Identifier: Apache-2.0
#include <memory>
#include <vector>

#include "CLI/CLI.hpp"
#include "client/cmd/command.h"
#include "client/cmd/report_file.h"
#include "client/cmd/report_pages.h"
#include "client/output/error_report.h"
#include "client/report/html.h"
#include "core/base/errors.h"
#include "core/base/status_macros.h"

namespace bitsweep::client {
namespace {

struct ReportOptions {
  std::vector<std::string> names;
  std::vector<std::string> compared;
  std::string output;
  bool open = false;
};

absl::Status Report(Context& context, const ReportOptions& options) {
  const Connection connection = context.Connect();
  const bool is_comparison = !options.compared.empty();
  ASSIGN_OR_RETURN(const NamedPage made,
                   is_comparison
                       ? ComparisonPage(connection, options.compared[0], options.compared[1])
                       : ReportPage(connection, options.names));
  const std::string file = options.output.empty() ? made.id + ".html" : options.output;
  RETURN_IF_ERROR(WriteReport(context, report::RenderHtml(made.page), file));
  return options.open ? OpenInBrowser(file) : absl::OkStatus();
}

}  // namespace

void RegisterReport(CLI::App& app, Command& chosen) {
  CLI::App* command = app.add_subcommand(
      "report",
      "Write a page with tables and pictures of a sweep or transform, or of two compared");
  const auto options = std::make_shared<ReportOptions>();
  CLI::Option* name =
      command->add_option("NAME", options->names,
                          "sweeps/ID or transforms/ID, or the id alone; several transforms/ID that "
                          "differ in their model only are repeats");
  CLI::Option* compared =
      command->add_option("--compare", options->compared, "Two sweeps, or two models (models/ID)")
          ->expected(2)
          ->type_name("A B")
          ->excludes(name);
  command
      ->add_option("-o,--output", options->output, "File (default: ID.html); - for standard output")
      ->type_name("FILE");
  command->add_flag("--open", options->open, "Show it in the browser");
  command->callback([options, name, compared, &chosen] {
    if (name->count() + compared->count() == 0) {
      throw CLI::ValidationError("report", "expected NAME or --compare A B");
    }
    if (options->open && options->output == "-") {
      throw CLI::ValidationError("--open", "needs a file; -o - writes to standard output");
    }
    chosen = [options](Context& context) {
      const absl::Status status = Report(context, *options);
      if (status.ok()) return kExitOk;
      const int code = context.Fail(status);
      // Without the server's details it is ours: names that make no report, a file, the browser.
      const bool is_ours = !GetErrorDetails(status) &&
                           (absl::IsInvalidArgument(status) || absl::IsFailedPrecondition(status));
      return is_ours ? kExitUsage : code;
    };
  });
}

}  // namespace bitsweep::client
