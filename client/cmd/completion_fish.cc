// SPDX-License-Identifier: Apache-2.0
#include <set>

#include "absl/strings/str_join.h"
#include "absl/strings/str_replace.h"
#include "client/cmd/completion.h"
#include "fmt/format.h"

namespace bitsweep::client {
namespace {

using options::CommandInfo;
using options::OptionInfo;
using options::Takes;

constexpr char kFishFunctions[] = R"(
# __bitsweep_at VERBS: these verbs and nothing else have been typed; options do not count.
# __bitsweep_in VERBS: these verbs have been typed, and perhaps arguments.
function __bitsweep_typed
    set -l skip 0
    for word in (commandline -opc)[2..-1]
        if test $skip = 1
            set skip 0
        else if contains -- $word $__bitsweep_with_value
            set skip 1
        else if not string match -q -- '-*' $word
            echo $word
        end
    end
end
function __bitsweep_at
    set -l typed (__bitsweep_typed)
    test "$typed" = "$argv"
end
function __bitsweep_in
    set -l typed (__bitsweep_typed)
    string match -q -- "$argv *" "$typed "
end
complete -c bitsweep -f
)";

std::string FishText(const std::string& text) {
  return "'" + absl::StrReplaceAll(text, {{"\\", "\\\\"}, {"'", "\\'"}}) + "'";
}

// The flags of `complete` for a value: none, any text, words, files.
std::string FishValue(const OptionInfo& option) {
  switch (option.takes) {
    case Takes::kNothing:
      return "";
    case Takes::kText:
      return " -x";
    case Takes::kChoice:
      return fmt::format(" -x -a '{}'", absl::StrJoin(option.choices, " "));
    case Takes::kFile:
      return " -r -F";
    case Takes::kFolder:
      return " -x -a '(__fish_complete_directories)'";
  }
  return "";
}

// The lines of `command`, which `path` leads to ("sweep submit"). The names of options that take a
// value are added to `with_value`.
std::string FishLines(const CommandInfo& command, const std::string& path,
                      std::set<std::string>& with_value) {
  std::string lines;
  const std::string in =
      path.empty() ? "" : fmt::format(" -n {}", FishText("__bitsweep_in " + path));
  const std::string at = fmt::format(" -n {}", FishText("__bitsweep_at " + path));
  for (const OptionInfo& option : command.options) {
    if (!path.empty() && option.names.back() == "--help") continue;  // the program's is everywhere
    std::string names;
    for (const std::string& name : option.names) {
      names += name.starts_with("--") ? " -l " + name.substr(2) : " -s " + name.substr(1);
      if (option.takes != Takes::kNothing) with_value.insert(name);
    }
    lines += fmt::format("complete -c bitsweep{}{}{} -d {}\n", in, names, FishValue(option),
                         FishText(option.about));
  }
  for (const CommandInfo& verb : command.verbs) {
    lines +=
        fmt::format("complete -c bitsweep{} -a {} -d {}\n", at, verb.name, FishText(verb.about));
    lines += FishLines(verb, path.empty() ? verb.name : path + " " + verb.name, with_value);
  }
  if (!command.positionals.empty()) {
    const OptionInfo& first = command.positionals.front();
    if (first.takes == Takes::kFile) lines += fmt::format("complete -c bitsweep{} -F\n", at);
    if (first.takes == Takes::kChoice) {
      lines +=
          fmt::format("complete -c bitsweep{} -a '{}'\n", at, absl::StrJoin(first.choices, " "));
    }
  }
  return lines;
}

}  // namespace

std::string FishCompletion(const CommandInfo& program) {
  std::set<std::string> with_value;
  const std::string lines = FishLines(program, "", with_value);
  return fmt::format(
      "# Completion of bitsweep for fish; made by `bitsweep completion fish`.\n"
      "set -g __bitsweep_with_value {}{}{}",
      absl::StrJoin(with_value, " "), kFishFunctions, lines);
}

}  // namespace bitsweep::client
