// SPDX-License-Identifier: Apache-2.0
#include "client/output/error_report.h"

#include "client/output/progress.h"
#include "core/base/errors.h"
#include "fmt/format.h"

namespace bitsweep::client {

int ExitCodeOf(const absl::Status& status) {
  switch (status.code()) {
    case absl::StatusCode::kOk:
      return kExitOk;
    case absl::StatusCode::kUnavailable:
    case absl::StatusCode::kDeadlineExceeded:
      return kExitUnreachable;
    case absl::StatusCode::kUnknown:
    case absl::StatusCode::kInternal:
    case absl::StatusCode::kDataLoss:
    case absl::StatusCode::kUnimplemented:
      return kExitInternal;
    default:
      return kExitRefused;
  }
}

std::string ReportError(const absl::Status& status, const std::string& server) {
  const ErrorDetails details = GetErrorDetails(status).value_or(ErrorDetails{});
  const std::string reason =
      details.reason.empty() ? absl::StatusCodeToString(status.code()) : details.reason;
  std::string text = fmt::format("bitsweep: {}", reason);
  if (details.violations.empty()) {
    text += fmt::format(": {}\n", std::string(status.message()));
  } else {
    const std::size_t count = details.violations.size();
    text += fmt::format(" ({} problem{})\n", count, count == 1 ? "" : "s");
    for (const FieldViolation& violation : details.violations) {
      text += fmt::format("  {}: {}\n", violation.field, violation.description);
    }
  }
  if (details.retry_after) {
    text += fmt::format("  try again in {}\n", ShortDuration(*details.retry_after));
  }
  if (absl::IsUnavailable(status) && details.reason.empty()) {
    text += fmt::format(
        "  is bitsweep-server running at {}? (--server, BITSWEEP_SERVER; --tls-ca if it speaks "
        "TLS)\n",
        server);
  }
  if (details.reason == "TOKEN_MISSING") {
    text += "  give one with --token-file or BITSWEEP_TOKEN\n";
  }
  if (absl::IsDeadlineExceeded(status) && details.reason.empty()) {
    text += fmt::format("  {} did not answer in time (--timeout)\n", server);
  }
  return text;
}

}  // namespace bitsweep::client
