// SPDX-License-Identifier: Apache-2.0
// completion bash, zsh and fish.
#include "client/cmd/completion.h"

#include <memory>

#include "CLI/CLI.hpp"
#include "client/cmd/command.h"
#include "client/output/error_report.h"

namespace bitsweep::client {

void RegisterCompletion(CLI::App& app, Context& given, Command& chosen) {
  CLI::App* command =
      app.add_subcommand("completion", "Print a script that completes this command in a shell");
  const auto shell = std::make_shared<std::string>();
  command->add_option("SHELL", *shell, "bash, zsh or fish")
      ->required()
      ->check(CLI::IsMember({"bash", "zsh", "fish"}));
  command->callback([&app, &given, &chosen, shell] {
    given.needs_server = false;
    chosen = [&app, shell](Context& context) {
      const options::CommandInfo program = options::Describe(app);
      *context.out << (*shell == "bash"  ? BashCompletion(program)
                       : *shell == "zsh" ? ZshCompletion(program)
                                         : FishCompletion(program))
                   << std::flush;
      return kExitOk;
    };
  });
}

}  // namespace bitsweep::client
