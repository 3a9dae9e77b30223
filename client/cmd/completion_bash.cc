// SPDX-License-Identifier: Apache-2.0
#include "absl/strings/str_join.h"
#include "client/cmd/completion.h"
#include "fmt/format.h"

namespace bitsweep::client {
namespace {

using options::CommandInfo;
using options::OptionInfo;
using options::Takes;

// The part that is the same for every command line. Bash splits words at '=' and ':' too, so that
// `--format=csv` and `host:50051` come as three.
constexpr char kBashFunction[] = R"(
_bitsweep() {
  local current=${COMP_WORDS[COMP_CWORD]} path='' arguments=0 option='' word what i
  for ((i = 1; i < COMP_CWORD; i++)); do
    word=${COMP_WORDS[i]}
    if [[ $word == '=' ]]; then
      continue
    elif [[ $word == ':' ]]; then
      ((++i))
    elif [[ -n $option ]]; then
      option=''
    elif [[ $word == -* ]]; then
      [[ -z $(_bitsweep_value "$path" "$word") ]] || option=$word
    elif [[ -n $(_bitsweep_words "$path/$word") ]]; then
      path=$path/$word arguments=0
    else
      ((arguments++))
    fi
  done
  COMPREPLY=()
  [[ $current != ':' && ${COMP_WORDS[COMP_CWORD - 1]} != ':' ]] || return 0
  [[ $current != '=' ]] || current=''
  if [[ -n $option ]]; then
    what=$(_bitsweep_value "$path" "$option")
  elif [[ $current == -* ]]; then
    what=$(_bitsweep_words "$path")
  else
    what=$(_bitsweep_argument "$path" "$arguments")
  fi
  case $what in
    text) ;;
    file)
      compopt -o filenames 2>/dev/null
      mapfile -t COMPREPLY < <(compgen -f -- "$current")
      ;;
    folder)
      compopt -o filenames 2>/dev/null
      mapfile -t COMPREPLY < <(compgen -d -- "$current")
      ;;
    *) mapfile -t COMPREPLY < <(compgen -W "$what" -- "$current") ;;
  esac
}
complete -F _bitsweep bitsweep
)";

std::string BashValue(const OptionInfo& option) {
  switch (option.takes) {
    case Takes::kNothing:
      return "";
    case Takes::kText:
      return "text";
    case Takes::kChoice:
      return absl::StrJoin(option.choices, " ");
    case Takes::kFile:
      return "file";
    case Takes::kFolder:
      return "folder";
  }
  return "";
}

struct BashTables {
  std::string words;      // case lines: path -> its options
  std::string values;     // path and option -> what its value is
  std::string arguments;  // path and number -> what the argument is: verbs, or as a value
};

// The lines of `command`, which `path` leads to ("/sweep/submit"); options of the program too.
void AddBashLines(const CommandInfo& command, const std::string& path, const CommandInfo& program,
                  BashTables& tables) {
  std::vector<std::string> words;
  const auto add_options = [&](const CommandInfo& owner, const std::string& prefix) {
    for (const OptionInfo& option : owner.options) {
      if (!prefix.empty() && option.names.back() == "--help") continue;
      words.insert(words.end(), option.names.begin(), option.names.end());
      if (option.takes == Takes::kNothing || &owner != &command) continue;
      std::vector<std::string> patterns;
      for (const std::string& name : option.names) {
        patterns.push_back(fmt::format("'{}'*' {}'", path, name));
      }
      // In front: what a verb says goes before what the program says.
      tables.values =
          fmt::format("    {}) echo '{}' ;;\n", absl::StrJoin(patterns, " | "), BashValue(option)) +
          tables.values;
    }
  };
  add_options(command, "");
  if (&command != &program) add_options(program, path);
  tables.words += fmt::format("    '{}') echo '{}' ;;\n", path, absl::StrJoin(words, " "));
  std::vector<std::string> verbs;
  for (const CommandInfo& verb : command.verbs) {
    verbs.push_back(verb.name);
    AddBashLines(verb, path + "/" + verb.name, program, tables);
  }
  if (!verbs.empty()) {
    tables.arguments += fmt::format("    '{} 0') echo '{}' ;;\n", path, absl::StrJoin(verbs, " "));
  }
  for (std::size_t i = 0; i < command.positionals.size(); ++i) {
    const OptionInfo& positional = command.positionals[i];
    tables.arguments +=
        fmt::format("    '{} '{}) echo '{}' ;;\n", path,
                    positional.repeats ? "*" : std::to_string(i), BashValue(positional));
  }
}

}  // namespace

std::string BashCompletion(const CommandInfo& program) {
  BashTables tables;
  AddBashLines(program, "", program, tables);
  return fmt::format(
      "# Completion of bitsweep for bash; made by `bitsweep completion bash`.\n"
      "_bitsweep_words() {{  # of a path of verbs: its options\n"
      "  case $1 in\n{}  esac\n}}\n"
      "_bitsweep_value() {{  # of a path and an option: nothing, text, file, folder or words\n"
      "  case \"$1 $2\" in\n{}  esac\n}}\n"
      "_bitsweep_argument() {{  # of a path and a number: the same of its arguments\n"
      "  case \"$1 $2\" in\n{}    *) echo text ;;\n  esac\n}}{}",
      tables.words, tables.values, tables.arguments, kBashFunction);
}

}  // namespace bitsweep::client
