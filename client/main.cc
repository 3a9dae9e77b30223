// SPDX-License-Identifier: Apache-2.0
#include <sys/ioctl.h>
#include <unistd.h>

#include <csignal>
#include <exception>
#include <iostream>

#include "CLI/CLI.hpp"
#include "client/cmd/command.h"
#include "client/output/error_report.h"
#include "core/options/layered_options.h"

namespace {

constexpr char kAbout[] =
    "Submits sweeps and transforms of small neural networks to a Bitsweep server, follows them and "
    "reads their results.";
constexpr char kCommandFooter[] =
    "Every command has --server, --timeout, --json and --config: bitsweep --help.";
constexpr char kFooter[] =
    "Examples:\n"
    "  bitsweep sweep submit lab1.toml --watch\n"
    "  bitsweep sweep results lab-1 --sort val_acc\n"
    "  bitsweep sweep trials lab-1 --filter 'state = FAILED'\n"
    "  bitsweep transform submit lab2.toml --watch\n"
    "  bitsweep transform show lab-2\n"
    "Exit codes: 0 done, 1 it did not succeed, 2 wrong use, 3 refused, 4 no answer, 5 a "
    "defect.";

int TerminalWidth() {
  winsize size{};
  return ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0 ? size.ws_col : 80;
}

}  // namespace

int main(int argc, char** argv) {
  std::signal(SIGPIPE, SIG_DFL);
  CLI::App app(kAbout);
  app.footer(kCommandFooter);  // its subcommands take it over
  bitsweep::client::Context context;
  context.out = &std::cout;
  context.err = &std::cerr;
  context.out_is_terminal = isatty(STDOUT_FILENO) == 1;
  context.err_is_terminal = isatty(STDERR_FILENO) == 1;
  context.width = TerminalWidth();
  bitsweep::client::Command chosen;
  bitsweep::client::RegisterAll(app, context, chosen);
  app.footer(kFooter);
  bitsweep::options::LayeredOptions layered(app, "bitsweep");
  // Every program takes these two; this one logs nothing.
  app.get_option("--log-level")->group("");
  app.get_option("--log-format")->group("");
  if (const std::optional<int> code = layered.Parse(argc, argv)) return *code;
  context.timeout_given = app.get_option("--timeout")->count() > 0;
  try {
    return bitsweep::client::RunCommand(chosen, context);
  } catch (const std::exception& error) {
    std::cerr << "bitsweep: INTERNAL: " << error.what() << "\n";
    return bitsweep::client::kExitInternal;
  }
}
