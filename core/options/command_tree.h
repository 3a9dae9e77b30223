// SPDX-License-Identifier: Apache-2.0
// The options of a program as plain values, for what is written from them: manual pages and
// completion scripts.
#ifndef BITSWEEP_CORE_OPTIONS_COMMAND_TREE_H_
#define BITSWEEP_CORE_OPTIONS_COMMAND_TREE_H_

#include <string>
#include <vector>

namespace CLI {
class App;
}  // namespace CLI

namespace bitsweep::options {

enum class Takes { kNothing, kText, kChoice, kFile, kFolder };

// An option, or a positional argument.
struct OptionInfo {
  std::vector<std::string> names;  // "-o", "--output"; of a positional "FILE"
  std::string about;
  Takes takes = Takes::kNothing;
  std::string value;                 // what stands for the value in a synopsis: "FILE", "DURATION"
  std::vector<std::string> choices;  // of kChoice
  std::string initial;               // the default; empty where there is none, or `about` says it
  bool required = false;
  bool repeats = false;
};

// A program, or one of its verbs.
struct CommandInfo {
  std::string name;
  std::string about;
  std::vector<OptionInfo> options;  // --help first; those hidden from --help are left out
  std::vector<OptionInfo> positionals;
  std::vector<CommandInfo> verbs;
};

// In the order in which they were added.
CommandInfo Describe(const CLI::App& app);

}  // namespace bitsweep::options

#endif  // BITSWEEP_CORE_OPTIONS_COMMAND_TREE_H_
