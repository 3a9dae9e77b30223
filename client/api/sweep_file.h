// SPDX-License-Identifier: Apache-2.0
#ifndef BITSWEEP_CLIENT_API_SWEEP_FILE_H_
#define BITSWEEP_CLIENT_API_SWEEP_FILE_H_

#include <string>

#include "absl/status/statusor.h"
#include "bitsweep/v1/sweep_service.pb.h"

namespace bitsweep::client {

// A sweep file's text as the request it is: JSON when `name` ends in .json or the text begins with
// a brace, else TOML. The shape is SubmitSweepRequest's; names in snake_case or camelCase; enum
// values with or without their prefix, in any case ("adam", "OPTIMIZER_ADAM"). Pure.
// InvalidArgument names `name` and lists every unknown field and value with its path (as
// ErrorDetails too), or the line of a syntax error.
absl::StatusOr<v1::SubmitSweepRequest> ParseSweepFile(const std::string& text,
                                                      const std::string& name);

// Reads `path`, or standard input for "-", and parses it.
absl::StatusOr<v1::SubmitSweepRequest> ReadSweepFile(const std::string& path);

}  // namespace bitsweep::client

#endif  // BITSWEEP_CLIENT_API_SWEEP_FILE_H_
