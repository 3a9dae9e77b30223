// SPDX-License-Identifier: Apache-2.0
// Errors that carry what the API promises: a reason, values, and every field problem at once.
#ifndef BITSWEEP_CORE_BASE_ERRORS_H_
#define BITSWEEP_CORE_BASE_ERRORS_H_

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/time/time.h"

namespace bitsweep {

// One problem of one field, in the request's own field names ("sweep.base.batch_size").
struct FieldViolation {
  std::string field;
  std::string description;  // names the value and what was expected
  bool operator==(const FieldViolation&) const = default;
};

// The details of an error as data. Travels inside an absl::Status as a payload; server/rpc turns it
// into google.rpc.ErrorInfo / BadRequest / RetryInfo / ResourceInfo / PreconditionFailure.
struct ErrorDetails {
  std::string reason;  // UPPER_SNAKE, for example SWEEP_NOT_FOUND; docs/api.md lists all
  std::map<std::string, std::string> metadata;
  std::vector<FieldViolation> violations;
  std::optional<absl::Duration> retry_after;
  std::string resource_type;  // for NOT_FOUND and ALREADY_EXISTS
  std::string resource_name;
};

// A status with details. The message stands alone: it names the thing, the value and the
// expectation.
absl::Status ErrorWithDetails(absl::StatusCode code, const std::string& message,
                              const ErrorDetails& details);
// The details of `status`, or nothing when it has none.
std::optional<ErrorDetails> GetErrorDetails(const absl::Status& status);

// INVALID_ARGUMENT / `reason` with all violations; the message lists each. REQUIRES: not empty.
absl::Status InvalidSpecError(std::vector<FieldViolation> violations,
                              std::string reason = "INVALID_SPEC");
// NOT_FOUND / <THING>_NOT_FOUND, for example NotFoundError("sweep", "sweeps/lab-9").
absl::Status NotFoundError(std::string thing, std::string name);
// FAILED_PRECONDITION / INVALID_STATE.
absl::Status InvalidStateError(std::string name, std::string state, std::string wanted);
// ABORTED / LEASE_LOST.
absl::Status LeaseLostError(std::string job_name, std::int64_t attempt, std::string why);

}  // namespace bitsweep

#endif  // BITSWEEP_CORE_BASE_ERRORS_H_
