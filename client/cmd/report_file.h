// SPDX-License-Identifier: Apache-2.0
#ifndef BITSWEEP_CLIENT_CMD_REPORT_FILE_H_
#define BITSWEEP_CLIENT_CMD_REPORT_FILE_H_

#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "client/cmd/command.h"

namespace bitsweep::client {

// Writes a page into `file`, whole or not at all, and says so on `context.out` (as JSON with
// --json): "-" writes the page there, and says nothing.
absl::Status WriteReport(Context& context, std::string_view html, const std::string& file);

// Shows the file with xdg-open. FailedPrecondition when that is missing or fails; the message names
// the file, which stays. REQUIRES: the file is there.
absl::Status OpenInBrowser(const std::string& file);

}  // namespace bitsweep::client

#endif  // BITSWEEP_CLIENT_CMD_REPORT_FILE_H_
