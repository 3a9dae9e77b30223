// SPDX-License-Identifier: Apache-2.0
#include "core/options/command_tree.h"

#include "CLI/CLI.hpp"

namespace bitsweep::options {
namespace {

// "{table,tsv}" somewhere in the type's name, as CLI::IsMember writes it -> its words.
std::vector<std::string> ChoicesOf(const std::string& type) {
  std::vector<std::string> choices;
  const std::size_t open = type.find('{');
  const std::size_t close = type.find('}', open);
  if (open == std::string::npos || close == std::string::npos) return choices;
  std::size_t start = open + 1;
  while (start <= close) {
    const std::size_t end = std::min(type.find(',', start), close);
    choices.push_back(type.substr(start, end - start));
    start = end + 1;
  }
  return choices;
}

OptionInfo InfoOf(const CLI::Option& option) {
  OptionInfo info;
  info.about = option.get_description();
  info.required = option.get_required();
  info.repeats = option.get_items_expected_max() > 1;
  if (option.get_positional()) {
    info.names = {option.get_name(true)};
  } else {
    for (const std::string& name : option.get_snames()) info.names.push_back("-" + name);
    for (const std::string& name : option.get_lnames()) info.names.push_back("--" + name);
  }
  if (option.get_items_expected_max() == 0) return info;
  // A type, and after a colon what its checks say: "TEXT:DIR", "INT:INT in [1 - 4096]".
  const std::string type = option.get_type_name();
  info.value = type.substr(0, type.find(':'));
  info.choices = ChoicesOf(type);
  const auto says = [&](const std::string& word) {
    return info.value == word || type.ends_with(":" + word) || info.names.front() == word;
  };
  info.takes = Takes::kText;
  if (!info.choices.empty()) info.takes = Takes::kChoice;
  if (says("FILE")) info.takes = Takes::kFile;
  if (says("DIR")) info.takes = Takes::kFolder;
  if (info.takes == Takes::kFile || info.takes == Takes::kFolder)
    info.value = type.substr(type.rfind(':') + 1);
  if (option.get_positional()) info.value = info.names.front();
  if (info.about.find("default:") == std::string::npos) info.initial = option.get_default_str();
  return info;
}

}  // namespace

CommandInfo Describe(const CLI::App& app) {
  CommandInfo info;
  info.name = app.get_name();
  info.about = app.get_description();
  for (const CLI::Option* option : app.get_options()) {
    if (option->get_group().empty()) continue;  // hidden
    (option->get_positional() ? info.positionals : info.options).push_back(InfoOf(*option));
  }
  for (const CLI::App* verb : app.get_subcommands([](const CLI::App*) { return true; })) {
    if (!verb->get_group().empty()) info.verbs.push_back(Describe(*verb));
  }
  return info;
}

}  // namespace bitsweep::options
