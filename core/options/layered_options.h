// SPDX-License-Identifier: Apache-2.0
#ifndef BITSWEEP_CORE_OPTIONS_LAYERED_OPTIONS_H_
#define BITSWEEP_CORE_OPTIONS_LAYERED_OPTIONS_H_

#include <functional>
#include <optional>
#include <string>

#include "core/base/logging.h"

namespace CLI {
class App;
}  // namespace CLI

namespace bitsweep::options {

using EnvironmentLookup = std::function<const char*(const char* name)>;

// "data-dir" -> "BITSWEEP_DATA_DIR".
std::string EnvironmentName(const std::string& option);

// The options of a program, with one order of precedence: flag, then environment, then TOML file,
// then default.
//
// An option `--data-dir` of `app` is also BITSWEEP_DATA_DIR, and `data-dir` or `data_dir` in the
// file that
// --config (or BITSWEEP_CONFIG) names. Lists are TOML arrays, and separated by commas in the
// environment. A key of the file that is no option is an error; so is a value that the option
// refuses, with its source. Options of subcommands are flags only.
//
// Adds --config, --version, --log-level and --log-format, and hidden --man-page SECTION, which
// prints the manual page's sections that follow from the options (man_page.h). Not thread-safe.
//
// Example:
//   CLI::App app("Queues sweeps");
//   app.add_option("--listen", options.listen, "Address to serve gRPC on")->capture_default_str();
//   LayeredOptions layered(app, "bitsweep-server");
//   if (std::optional<int> code = layered.Parse(argc, argv)) return *code;
class LayeredOptions {
 public:
  LayeredOptions(CLI::App& app, std::string program);

  // Nothing: go on, all variables are set. Else the exit code: 0 after --help and --version, 2
  // after an error, which has been printed to standard error.
  std::optional<int> Parse(int argc, const char* const* argv);
  std::optional<int> Parse(int argc, const char* const* argv, const EnvironmentLookup& environment);

  // What --log-level and --log-format said. REQUIRES: Parse returned nothing.
  LogOptions log_options() const;

 private:
  CLI::App& app_;
  std::string config_file_;
  LogOptions log_;
  std::string log_format_ = "text";
};

}  // namespace bitsweep::options

#endif  // BITSWEEP_CORE_OPTIONS_LAYERED_OPTIONS_H_
