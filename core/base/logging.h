// SPDX-License-Identifier: Apache-2.0
// Set-up of spdlog, once a program. Rooms log with spdlog's own calls, one line an event, fields as
// key=value ("sweep=lab-1 trial=17 attempt=2 worker=w1").
#ifndef BITSWEEP_CORE_BASE_LOGGING_H_
#define BITSWEEP_CORE_BASE_LOGGING_H_

#include <string>

#include "absl/status/status.h"

namespace bitsweep {

enum class LogFormat { kText, kJson };

struct LogOptions {
  std::string level = "info";  // trace, debug, info, warning, error, off
  LogFormat format = LogFormat::kText;
};

// Sends all logs to standard error, UTC stamps. InvalidArgument for an unknown level.
// Call before the first thread starts.
absl::Status SetUpLogging(const LogOptions& options);

}  // namespace bitsweep

#endif  // BITSWEEP_CORE_BASE_LOGGING_H_
