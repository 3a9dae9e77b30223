// SPDX-License-Identifier: Apache-2.0
#include "server/rpc/submit_checks.h"

#include <cctype>

#include "core/base/ids.h"
#include "fmt/format.h"

namespace bitsweep::rpc {
namespace {

constexpr std::size_t kMaxRequestId = 64;
// It must fit, with what the server adds, into every answer that holds it.

}  // namespace

void CheckSubmit(const SubmitParts& parts, std::vector<FieldViolation>& violations) {
  if (parts.specification == nullptr) {
    violations.push_back({parts.noun, "required"});
  } else if (const std::size_t bytes = parts.specification->ByteSizeLong();
             bytes > kMaxSpecificationBytes) {
    violations.push_back(
        {parts.noun, fmt::format("{} bytes: expected at most {}", bytes, kMaxSpecificationBytes)});
  }
  if (!parts.id.empty() && !IsValidResourceId(parts.id)) {
    violations.push_back(
        {parts.noun + "_id", fmt::format("\"{}\": expected [a-z][a-z0-9-]{{3,62}}", parts.id)});
  }
  bool printable = true;
  for (const char c : parts.request_id) {
    printable = printable && std::isprint(static_cast<unsigned char>(c)) != 0;
  }
  if (!printable || parts.request_id.size() > kMaxRequestId) {
    violations.push_back(
        {"request_id", fmt::format("expected at most {} printable characters", kMaxRequestId)});
  }
}

absl::Status RequestIdReused(const std::string& request_id, const std::string& stored_name) {
  return ErrorWithDetails(
      absl::StatusCode::kAlreadyExists,
      fmt::format("request_id \"{}\" was used for {}", request_id, stored_name),
      {.reason = "REQUEST_ID_REUSED", .metadata = {{"request_id", request_id}}});
}

}  // namespace bitsweep::rpc
