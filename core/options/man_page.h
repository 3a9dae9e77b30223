// SPDX-License-Identifier: Apache-2.0
#ifndef BITSWEEP_CORE_OPTIONS_MAN_PAGE_H_
#define BITSWEEP_CORE_OPTIONS_MAN_PAGE_H_

#include <string>

#include "core/options/command_tree.h"

namespace bitsweep::options {

// The manual page of a program whose options are LayeredOptions, for section `section` ("1" or
// "8"), in man(7)'s language: NAME, SYNOPSIS, DESCRIPTION, COMMANDS, OPTIONS, CONFIGURATION and
// ENVIRONMENT. What no option knows (exit codes, files, examples) follows in docs/man. Without a
// date: the same program gives the same page. Pure.
std::string ManPage(const CommandInfo& program, const std::string& version,
                    const std::string& section);

}  // namespace bitsweep::options

#endif  // BITSWEEP_CORE_OPTIONS_MAN_PAGE_H_
