// SPDX-License-Identifier: Apache-2.0
#include "core/options/layered_options.h"

#include <toml++/toml.h>

#include <algorithm>
#include <cctype>
#include <cstdlib>
#include <iostream>
#include <map>
#include <string_view>
#include <vector>

#include "CLI/CLI.hpp"
#include "core/base/version.h"
#include "core/options/command_tree.h"
#include "core/options/man_page.h"
#include "fmt/format.h"

namespace bitsweep::options {
namespace {

using Values = std::vector<std::string>;

bool IsMeta(const std::string& name) {
  return name == "help" || name == "version" || name == "config" || name == "man-page";
}

Values SplitAtCommas(const std::string& text) {
  Values parts;
  std::size_t start = 0;
  while (true) {
    const std::size_t comma = text.find(',', start);
    parts.push_back(text.substr(start, comma - start));
    if (comma == std::string::npos) return parts;
    start = comma + 1;
  }
}

// A scalar as the text a person would type; nothing for tables and dates.
std::optional<std::string> ScalarText(const toml::node& node) {
  if (const auto* text = node.as_string()) return text->get();
  if (const auto* number = node.as_integer()) return fmt::format("{}", number->get());
  if (const auto* number = node.as_floating_point()) return fmt::format("{}", number->get());
  if (const auto* flag = node.as_boolean()) return flag->get() ? "true" : "false";
  return std::nullopt;
}

// Sets an option that no flag has set.
void Apply(CLI::Option& option, const Values& values, const std::string& source) {
  try {
    for (const std::string& value : values) {
      if (option.get_items_expected_max() == 0) {  // a flag
        const bool on = value == "true" || value == "1" || value == "yes" || value == "on";
        const bool off = value == "false" || value == "0" || value == "no" || value == "off";
        if (!on && !off) throw CLI::ConversionError(value, "expected true or false");
        option.add_result(on ? "true" : "false");
      } else {
        option.add_result(value);
      }
    }
    option.run_callback();
  } catch (const CLI::ParseError& error) {
    throw CLI::ValidationError(source, error.what());
  }
}

// Keys with underscores replaced by dashes, as options are named.
std::map<std::string, Values> ReadFile(const std::string& file) {
  toml::table table;
  try {
    table = toml::parse_file(file);
  } catch (const toml::parse_error& error) {
    throw CLI::FileError(fmt::format("{}:{}: {}", file, error.source().begin.line,
                                     std::string(error.description())));
  }
  std::map<std::string, Values> values;
  for (const auto& [key, node] : table) {
    std::string name(key.str());
    std::replace(name.begin(), name.end(), '_', '-');
    Values& list = values[name];
    if (!list.empty()) throw CLI::ValidationError(file, fmt::format("{} is given twice", name));
    if (const toml::array* array = node.as_array()) {
      for (const toml::node& item : *array) {
        const std::optional<std::string> text = ScalarText(item);
        if (!text) throw CLI::ValidationError(file, fmt::format("{}: expected plain values", name));
        list.push_back(*text);
      }
    } else if (const std::optional<std::string> text = ScalarText(node)) {
      list.push_back(*text);
    } else {
      throw CLI::ValidationError(file, fmt::format("{}: expected a plain value or a list", name));
    }
  }
  return values;
}

}  // namespace

std::string EnvironmentName(const std::string& option) {
  std::string name = "BITSWEEP_";
  for (const char c : option) {
    name += c == '-' ? '_' : static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
  }
  return name;
}

LayeredOptions::LayeredOptions(CLI::App& app, std::string program) : app_(app) {
  app_.name(program);
  app_.set_version_flag("--version", fmt::format("{} {} ({})", program, Version(), Revision()));
  app_.add_option("--config", config_file_, "TOML file with any of these options")
      ->type_name("FILE");
  app_.add_option("--log-level", log_.level, "trace, debug, info, warning, error or off")
      ->capture_default_str();
  app_.add_option("--log-format", log_format_, "text or json")
      ->check(CLI::IsMember({"text", "json"}))
      ->capture_default_str();
  app_.add_option_function<std::string>("--man-page",
                                        [this](const std::string& section) {
                                          // As --version does: printed to standard output, and the
                                          // program ends.
                                          throw CLI::CallForVersion(
                                              ManPage(Describe(app_), Version(), section), 0);
                                        })
      ->check(CLI::IsMember({"1", "8"}))
      ->group("");
}

std::optional<int> LayeredOptions::Parse(int argc, const char* const* argv) {
  return Parse(argc, argv, [](const char* name) -> const char* { return std::getenv(name); });
}

std::optional<int> LayeredOptions::Parse(int argc, const char* const* argv,
                                         const EnvironmentLookup& environment) {
  try {
    app_.parse(argc, argv);
    const char* config_variable = environment("BITSWEEP_CONFIG");
    if (config_file_.empty() && config_variable != nullptr) config_file_ = config_variable;
    std::map<std::string, Values> file_values;
    if (!config_file_.empty()) file_values = ReadFile(config_file_);

    for (CLI::Option* option : app_.get_options()) {
      if (option->get_lnames().empty()) continue;
      const std::string& name = option->get_lnames().front();
      if (IsMeta(name)) continue;
      const auto in_file = file_values.find(name);
      const std::string variable = EnvironmentName(name);
      const char* in_environment = environment(variable.c_str());
      if (option->count() == 0 && in_environment != nullptr && *in_environment != '\0') {
        const bool is_list = option->get_items_expected_max() > 1;
        Apply(*option, is_list ? SplitAtCommas(in_environment) : Values{in_environment}, variable);
      } else if (option->count() == 0 && in_file != file_values.end()) {
        Apply(*option, in_file->second, fmt::format("{}: {}", config_file_, name));
      }
      if (in_file != file_values.end()) file_values.erase(in_file);
    }
    if (!file_values.empty()) {
      std::string unknown;
      for (const auto& [name, values] : file_values) {
        unknown += (unknown.empty() ? "" : ", ") + name;
      }
      throw CLI::ValidationError(
          config_file_, fmt::format("unknown keys: {}; --help lists the options", unknown));
    }
    log_.format = log_format_ == "json" ? LogFormat::kJson : LogFormat::kText;
    return std::nullopt;
  } catch (const CLI::Success& done) {  // --help and --version
    return app_.exit(done);
  } catch (const CLI::Error& error) {
    app_.exit(error, std::cerr, std::cerr);
    return 2;
  }
}

LogOptions LayeredOptions::log_options() const { return log_; }

}  // namespace bitsweep::options
