// SPDX-License-Identifier: Apache-2.0
#ifndef BITSWEEP_CLIENT_OUTPUT_ERROR_REPORT_H_
#define BITSWEEP_CLIENT_OUTPUT_ERROR_REPORT_H_

#include <string>

#include "absl/status/status.h"

namespace bitsweep::client {

// Exit codes of `bitsweep` (docs/cli.md).
inline constexpr int kExitOk = 0;
inline constexpr int kExitNoSuccess = 1;    // it ended without success; a check found problems
inline constexpr int kExitUsage = 2;        // wrong arguments, or a file of another kind
inline constexpr int kExitRefused = 3;      // the server said no
inline constexpr int kExitUnreachable = 4;  // no answer in time
inline constexpr int kExitInternal = 5;     // a defect, here or there

// The exit code of a call that failed.
int ExitCodeOf(const absl::Status& status);

// For standard error: reason and message, then a line for each field, then what can be done. Ends
// with a line break. Pure.
std::string ReportError(const absl::Status& status, const std::string& server);

}  // namespace bitsweep::client

#endif  // BITSWEEP_CLIENT_OUTPUT_ERROR_REPORT_H_
