// SPDX-License-Identifier: Apache-2.0
#ifndef BITSWEEP_CLIENT_API_SPEC_TEXT_H_
#define BITSWEEP_CLIENT_API_SPEC_TEXT_H_

#include <string>

#include "absl/status/statusor.h"
#include "nlohmann/json_fwd.hpp"

namespace bitsweep::client {

// A specification as JSON, members in the order in which the file has them.
using SpecJson = nlohmann::ordered_json;

// What a person wrote, and where it stands: "lab1.toml", "standard input".
struct SpecText {
  std::string text;
  std::string name;
};

// Reads `path`, or standard input for "-".
absl::StatusOr<SpecText> ReadSpecText(const std::string& path);

// JSON when the name ends in .json or the text begins with a brace, else TOML. Numbers that JSON
// lacks become text, as protobuf writes them ("NaN"). Pure. InvalidArgument names the line of a
// syntax error.
absl::StatusOr<SpecJson> ParseSpecText(const std::string& text, const std::string& name);

// The path of `name` below `path`: "sweep.base".
std::string PathBelow(const std::string& path, const std::string& name);

}  // namespace bitsweep::client

#endif  // BITSWEEP_CLIENT_API_SPEC_TEXT_H_
