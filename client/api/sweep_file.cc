// SPDX-License-Identifier: Apache-2.0
#include "client/api/sweep_file.h"

#include "client/api/spec_checker.h"
#include "client/api/spec_text.h"
#include "core/base/status_macros.h"
#include "nlohmann/json.hpp"

namespace bitsweep::client {

absl::StatusOr<v1::SubmitSweepRequest> ParseSweepFile(const std::string& text,
                                                      const std::string& name) {
  ASSIGN_OR_RETURN(SpecJson json, ParseSpecText(text, name));
  SpecChecker checker;
  v1::SubmitSweepRequest request;
  checker.Message(json, *request.GetDescriptor(), "");
  RETURN_IF_ERROR(checker.ToStatus(name, "a sweep"));
  RETURN_IF_ERROR(FillMessage(json, name, request));
  return request;
}

absl::StatusOr<v1::SubmitSweepRequest> ReadSweepFile(const std::string& path) {
  ASSIGN_OR_RETURN(const SpecText file, ReadSpecText(path));
  return ParseSweepFile(file.text, file.name);
}

}  // namespace bitsweep::client
