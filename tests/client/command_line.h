// SPDX-License-Identifier: Apache-2.0
#ifndef BITSWEEP_TESTS_CLIENT_COMMAND_LINE_H_
#define BITSWEEP_TESTS_CLIENT_COMMAND_LINE_H_

#include <map>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

#include "CLI/CLI.hpp"
#include "client/cmd/command.h"
#include "core/options/layered_options.h"

namespace bitsweep::client {

struct Ran {
  int code = -1;
  std::string out;
  std::string err;
};

// `bitsweep ARGUMENTS` in this process, with an environment of its own. Errors of use go to the
// real standard error.
struct CommandLine {
  std::map<std::string, std::string> environment;
  bool is_terminal = false;
  std::ostream* instead_of_out = nullptr;  // Ran.out is then empty

  Ran Run(const std::vector<std::string>& arguments) const {
    CLI::App app("bitsweep");
    Context context;
    std::ostringstream out;
    std::ostringstream err;
    context.out = instead_of_out != nullptr ? instead_of_out : &out;
    context.err = &err;
    context.out_is_terminal = is_terminal;
    context.err_is_terminal = is_terminal;
    Command chosen;
    RegisterAll(app, context, chosen);
    options::LayeredOptions layered(app, "bitsweep");
    std::vector<const char*> argv = {"bitsweep"};
    for (const std::string& argument : arguments) argv.push_back(argument.c_str());
    const auto lookup = [this](const char* name) -> const char* {
      const auto entry = environment.find(name);
      return entry == environment.end() ? nullptr : entry->second.c_str();
    };
    if (const auto code = layered.Parse(static_cast<int>(argv.size()), argv.data(), lookup)) {
      return {*code, out.str(), err.str()};
    }
    context.timeout_given = app.get_option("--timeout")->count() > 0;
    const int code = RunCommand(chosen, context);
    return {code, out.str(), err.str()};
  }
};

}  // namespace bitsweep::client

#endif  // BITSWEEP_TESTS_CLIENT_COMMAND_LINE_H_
