// SPDX-License-Identifier: Apache-2.0
// Options whose values are more than text or numbers.
#ifndef BITSWEEP_CORE_OPTIONS_VALUE_OPTIONS_H_
#define BITSWEEP_CORE_OPTIONS_VALUE_OPTIONS_H_

#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"

namespace CLI {
class App;
}  // namespace CLI

namespace bitsweep::options {

// An option such as `--grace 30s` (ms, s, m, h), at least `min`. `value` holds the default.
// `value` must outlive the parse.
void AddDuration(CLI::App& app, const std::string& name, absl::Duration& value, absl::Duration min,
                 const std::string& help);

// All of the file that `option` names. InvalidArgument that names both when it cannot be read or is
// empty.
absl::StatusOr<std::string> ReadOptionFile(const std::string& option, const std::string& file);

// Writes `text` to `file` by way of a temporary file beside it: a reader sees all of it or none.
absl::Status WriteWholeFile(const std::string& file, const std::string& text);

// True for an address that only this machine can reach: localhost, 127.x.x.x, [::1] and unix: with
// or without a port.
bool IsLoopback(const std::string& address);

}  // namespace bitsweep::options

#endif  // BITSWEEP_CORE_OPTIONS_VALUE_OPTIONS_H_
