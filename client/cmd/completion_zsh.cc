// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include "absl/strings/str_join.h"
#include "absl/strings/str_replace.h"
#include "client/cmd/completion.h"
#include "fmt/format.h"

namespace bitsweep::client {
namespace {

using options::CommandInfo;
using options::OptionInfo;
using options::Takes;

// Text inside single quotes and a specification of _arguments.
std::string ZshText(const std::string& text) {
  return absl::StrReplaceAll(
      text, {{"'", "'\\''"}, {"\\", "\\\\"}, {"[", "\\["}, {"]", "\\]"}, {":", "\\:"}});
}

// ":FILE:_files": what a value is called and how it is completed.
std::string ZshValue(const OptionInfo& option) {
  const std::string name = option.value.empty() ? option.names.front() : option.value;
  switch (option.takes) {
    case Takes::kNothing:
      return "";
    case Takes::kText:
      return fmt::format(":{}: ", ZshText(name));
    case Takes::kChoice:
      return fmt::format(":{}:({})", ZshText(name), absl::StrJoin(option.choices, " "));
    case Takes::kFile:
      return fmt::format(":{}:_files", ZshText(name));
    case Takes::kFolder:
      return fmt::format(":{}:_files -/", ZshText(name));
  }
  return "";
}

void AddZshOptions(const CommandInfo& command, std::vector<std::string>& specs) {
  for (const OptionInfo& option : command.options) {
    for (const std::string& name : option.names) {
      const bool is_long = name.starts_with("--");
      const std::string others =
          option.repeats ? "*" : fmt::format("({})", absl::StrJoin(option.names, " "));
      const char* sign = option.takes == Takes::kNothing ? "" : is_long ? "=" : "+";
      specs.push_back(fmt::format("'{}{}{}[{}]{}'", others, name, sign, ZshText(option.about),
                                  ZshValue(option)));
    }
  }
}

std::string ZshName(std::string path) {
  std::replace(path.begin(), path.end(), '-', '_');
  return "_" + path;
}

// The functions of `command`, called after its path ("_bitsweep_sweep_submit"), and of its verbs.
std::string ZshFunctions(const CommandInfo& command, const std::string& path,
                         const CommandInfo& program) {
  std::vector<std::string> specs;
  AddZshOptions(command, specs);
  if (&command != &program) {
    CommandInfo others = program;
    std::erase_if(others.options,
                  [](const OptionInfo& option) { return option.names.back() == "--help"; });
    AddZshOptions(others, specs);
  }
  for (const OptionInfo& positional : command.positionals) {
    specs.push_back(fmt::format("'{}{}'", positional.repeats ? "*" : "", ZshValue(positional)));
  }
  std::string functions;
  std::string verbs;
  std::string cases;
  for (const CommandInfo& verb : command.verbs) {
    const std::string verb_path = path + "_" + verb.name;
    verbs += fmt::format("\n      '{}:{}'", verb.name, ZshText(verb.about));
    cases += fmt::format("        {}) {} ;;\n", verb.name, ZshName(verb_path));
    functions += ZshFunctions(verb, verb_path, program);
  }
  std::string body = "  local curcontext=$curcontext state line\n  typeset -A opt_args\n";
  if (!command.verbs.empty()) {
    specs.push_back("'1: :->verb'");
    specs.push_back("'*::: :->rest'");
  }
  body += "  _arguments -s -S -C \\\n    " + absl::StrJoin(specs, " \\\n    ");
  if (!command.verbs.empty()) {
    body += fmt::format(
        "\n  case $state in\n"
        "    verb)\n      local -a verbs\n      verbs=({}\n      )\n"
        "      _describe -t commands command verbs\n      ;;\n"
        "    rest)\n      words=($line[1] \"${{words[@]}}\")\n      ((CURRENT += 1))\n"
        "      curcontext=\"${{curcontext%:*:*}}:{}-$line[1]:\"\n"
        "      case $line[1] in\n{}      esac\n      ;;\n  esac",
        verbs, path, cases);
  }
  return fmt::format("{}{}() {{\n{}\n}}\n", functions, ZshName(path), body);
}

}  // namespace

std::string ZshCompletion(const CommandInfo& program) {
  return fmt::format(
      "#compdef bitsweep\n"
      "# Completion of bitsweep for zsh; made by `bitsweep completion zsh`.\n"
      "{}"
      "if [ \"$funcstack[1]\" = _bitsweep ]; then\n  _bitsweep \"$@\"\n"
      "else\n  compdef _bitsweep bitsweep\nfi\n",
      ZshFunctions(program, "bitsweep", program));
}

}  // namespace bitsweep::client
