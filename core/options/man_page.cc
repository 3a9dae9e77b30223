// SPDX-License-Identifier: Apache-2.0
#include "core/options/man_page.h"

#include <algorithm>
#include <cctype>

#include "core/options/layered_options.h"
#include "fmt/format.h"

namespace bitsweep::options {
namespace {

// Text that means itself: no escapes, no requests, hyphens that can be searched for and copied.
std::string Plain(const std::string& text) {
  std::string plain;
  for (const char c : text) {
    const bool starts_line = plain.empty() || plain.back() == '\n';
    if (starts_line && (c == '.' || c == '\'')) plain += "\\&";
    if (c == '\\') {
      plain += "\\e";
    } else if (c == '-') {
      plain += "\\-";
    } else {
      plain += c;
    }
  }
  return plain;
}

std::string Bold(const std::string& text) { return "\\fB" + Plain(text) + "\\fR"; }
std::string Italic(const std::string& text) { return "\\fI" + Plain(text) + "\\fR"; }

// "a word of it\n": a sentence, with the full stop that --help leaves out.
std::string Sentence(const std::string& text) {
  if (text.empty()) return "";
  return Plain(text) + (text.ends_with('.') ? "\n" : ".\n");
}

std::string ValueText(const OptionInfo& option) {
  if (option.takes != Takes::kChoice) return Italic(option.value);
  std::string text;
  for (const std::string& choice : option.choices) {
    text += (text.empty() ? "" : "|\\:") + Bold(choice);  // a line may end here
  }
  return text;
}

// As in a synopsis: "[--watch]", "FILE".
std::string Short(const OptionInfo& option, bool is_positional) {
  std::string text = is_positional ? ValueText(option) : Bold(option.names.back());
  if (!is_positional && option.takes != Takes::kNothing) text += "\\ " + ValueText(option);
  if (!option.required) text = "[" + text + "]";
  return text + (option.repeats ? "..." : "");
}

std::string Entry(const OptionInfo& option) {
  std::string names;
  for (const std::string& name : option.names) {
    names += (names.empty() ? "" : ", ") + (name.starts_with('-') ? Bold(name) : ValueText(option));
  }
  if (option.names.front().starts_with('-') && option.takes != Takes::kNothing) {
    names += " " + ValueText(option);
  }
  std::string text = fmt::format(".TP\n{}\n{}", names, Sentence(option.about));
  if (option.repeats && option.about.find("several times") == std::string::npos)
    text += "May be given several times.\n";
  if (!option.initial.empty()) text += fmt::format("Default: {}\n", Bold(option.initial));
  return text;
}

bool HasEnvironment(const OptionInfo& option) {
  const std::string& name = option.names.back();
  return name != "--help" && name != "--version";
}

// "--data-dir" -> "data-dir".
std::string Bare(const OptionInfo& option) { return option.names.back().substr(2); }

// The page's heading and what stands on one line of it.
std::string Head(const CommandInfo& program, const std::string& version,
                 const std::string& section) {
  std::string upper = program.name;
  std::transform(upper.begin(), upper.end(), upper.begin(),
                 [](unsigned char c) { return static_cast<char>(std::toupper(c)); });
  // "Bitsweep's server: queues sweeps, and more." -> "queues sweeps".
  const std::size_t colon = program.about.find(": ");
  std::string purpose = program.about.substr(colon == std::string::npos ? 0 : colon + 2);
  purpose = purpose.substr(0, purpose.find_first_of(",."));
  if (!purpose.empty()) purpose[0] = static_cast<char>(std::tolower(purpose[0]));
  return fmt::format(
      ".\\\" Made from the options of the program; do not edit.\n"
      ".TH {} {} \"\" \"{} {}\" \"Bitsweep\"\n"
      ".nh\n.ad l\n"
      ".SH NAME\n{} \\- {}\n",
      Plain(upper), section, Plain(program.name), version, Plain(program.name), Plain(purpose));
}

std::string Synopsis(const CommandInfo& program) {
  std::string text = ".SH SYNOPSIS\n";
  if (!program.verbs.empty()) {
    return text +
           fmt::format(".B {}\n[\\fIOPTIONS\\fR] \\fICOMMAND\\fR ...\n", Plain(program.name));
  }
  text += fmt::format(".B {}\n", Plain(program.name));
  for (const OptionInfo& option : program.options) text += Short(option, false) + "\n";
  return text;
}

// Every verb that does something, with all that it takes; `path` leads to it.
std::string Verbs(const CommandInfo& command, const std::string& path) {
  std::string text;
  for (const CommandInfo& verb : command.verbs) {
    const std::string name = path + " " + verb.name;
    if (!verb.verbs.empty()) {
      text += Verbs(verb, name);
      continue;
    }
    std::string line = Bold(name);
    for (const OptionInfo& positional : verb.positionals) line += " " + Short(positional, true);
    std::string entries;
    for (const OptionInfo& positional : verb.positionals) entries += Entry(positional);
    for (const OptionInfo& option : verb.options) {
      if (option.names.back() == "--help") continue;
      line += " " + Short(option, false);
      entries += Entry(option);
    }
    text += fmt::format(".SS {}\n{}{}", line, Sentence(verb.about), entries);
  }
  return text;
}

}  // namespace

std::string ManPage(const CommandInfo& program, const std::string& version,
                    const std::string& section) {
  std::string text = Head(program, version, section) + Synopsis(program);
  text += ".SH DESCRIPTION\n" + Sentence(program.about);
  if (!program.verbs.empty()) text += ".SH COMMANDS\n" + Verbs(program, program.name);
  text += ".SH OPTIONS\n";
  if (!program.verbs.empty()) text += "They stand anywhere after the name of the program.\n";
  for (const OptionInfo& option : program.options) text += Entry(option);
  text += fmt::format(
      ".SH CONFIGURATION\n"
      "A flag goes before the environment, the environment before the file that\n"
      ".B \\-\\-config\n"
      "names, the file before the default.\n"
      "The file is TOML; its keys are the names of the options without the dashes in front, a list "
      "is an array; a key that is no option is an error.\n"
      "For example\n.PP\n.RS\n.EX\n");
  for (const OptionInfo& option : program.options) {
    if (option.initial.empty()) continue;
    text += fmt::format("{} = \"{}\"\n", Plain(Bare(option)), Plain(option.initial));
    break;
  }
  text += ".EE\n.RE\n.SH ENVIRONMENT\n";
  for (const OptionInfo& option : program.options) {
    if (!HasEnvironment(option)) continue;
    text += fmt::format(".TP\n{}\nThe same as {}{}.\n", Bold(EnvironmentName(Bare(option))),
                        Bold(option.names.back()),
                        option.repeats ? ", values separated by commas" : "");
  }
  return text;
}

}  // namespace bitsweep::options
