// SPDX-License-Identifier: Apache-2.0
#ifndef BITSWEEP_CLIENT_CMD_COMPLETION_H_
#define BITSWEEP_CLIENT_CMD_COMPLETION_H_

#include <string>

#include "core/options/command_tree.h"

namespace bitsweep::client {

// Scripts that teach a shell the command line of `program`: verbs, options, the words that a value
// can be, files. They need nothing but the shell. Options of the program stand after its verbs
// too. Pure.
std::string BashCompletion(const options::CommandInfo& program);
std::string ZshCompletion(const options::CommandInfo& program);
std::string FishCompletion(const options::CommandInfo& program);

}  // namespace bitsweep::client

#endif  // BITSWEEP_CLIENT_CMD_COMPLETION_H_
