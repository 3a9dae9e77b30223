// SPDX-License-Identifier: Apache-2.0
#include "core/base/errors.h"

#include <algorithm>
#include <cctype>

#include "absl/strings/cord.h"
#include "fmt/format.h"
#include "nlohmann/json.hpp"

namespace bitsweep {
namespace {

constexpr char kPayload[] = "bitsweep/error-details";

}  // namespace

absl::Status ErrorWithDetails(absl::StatusCode code, const std::string& message,
                              const ErrorDetails& details) {
  nlohmann::json json = {{"reason", details.reason},
                         {"metadata", details.metadata},
                         {"resource_type", details.resource_type},
                         {"resource_name", details.resource_name},
                         {"violations", nlohmann::json::array()}};
  for (const FieldViolation& violation : details.violations) {
    json["violations"].push_back({violation.field, violation.description});
  }
  if (details.retry_after) json["retry_after_ms"] = absl::ToInt64Milliseconds(*details.retry_after);
  absl::Status status(code, message);
  status.SetPayload(
      kPayload, absl::Cord(json.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace)));
  return status;
}

std::optional<ErrorDetails> GetErrorDetails(const absl::Status& status) {
  const absl::optional<absl::Cord> payload = status.GetPayload(kPayload);
  if (!payload) return std::nullopt;
  const nlohmann::json json = nlohmann::json::parse(std::string(*payload));
  ErrorDetails details;
  details.reason = json["reason"];
  details.metadata = json["metadata"].get<std::map<std::string, std::string>>();
  details.resource_type = json["resource_type"];
  details.resource_name = json["resource_name"];
  for (const nlohmann::json& violation : json["violations"]) {
    details.violations.push_back({violation[0], violation[1]});
  }
  if (json.contains("retry_after_ms")) {
    details.retry_after = absl::Milliseconds(json["retry_after_ms"].get<std::int64_t>());
  }
  return details;
}

absl::Status InvalidSpecError(std::vector<FieldViolation> violations, std::string reason) {
  std::string message;
  for (const FieldViolation& violation : violations) {
    message += fmt::format("{}{}: {}", message.empty() ? "" : "; ", violation.field,
                           violation.description);
  }
  return ErrorWithDetails(absl::StatusCode::kInvalidArgument, message,
                          {.reason = std::move(reason), .violations = std::move(violations)});
}

absl::Status NotFoundError(std::string thing, std::string name) {
  std::string reason = thing;
  std::transform(reason.begin(), reason.end(), reason.begin(), [](unsigned char c) {
    return c == ' ' ? '_' : static_cast<char>(std::toupper(c));
  });
  reason += "_NOT_FOUND";
  return ErrorWithDetails(absl::StatusCode::kNotFound, fmt::format("no such {}: {}", thing, name),
                          {.reason = std::move(reason),
                           .metadata = {{"name", name}},
                           .resource_type = thing,
                           .resource_name = name});
}

absl::Status InvalidStateError(std::string name, std::string state, std::string wanted) {
  return ErrorWithDetails(
      absl::StatusCode::kFailedPrecondition, fmt::format("{} is {}; {}", name, state, wanted),
      {.reason = "INVALID_STATE", .metadata = {{"name", name}, {"state", state}}});
}

absl::Status LeaseLostError(std::string job_name, std::int64_t attempt, std::string why) {
  return ErrorWithDetails(absl::StatusCode::kAborted,
                          fmt::format("{}: attempt {} {}", job_name, attempt, why),
                          {.reason = "LEASE_LOST",
                           .metadata = {{"job", job_name}, {"attempt", std::to_string(attempt)}}});
}

}  // namespace bitsweep
