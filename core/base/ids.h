// SPDX-License-Identifier: Apache-2.0
// Resource ids and names: what people type and what the API prints.
#ifndef BITSWEEP_CORE_BASE_IDS_H_
#define BITSWEEP_CORE_BASE_IDS_H_

#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"

namespace bitsweep {

// The row of a job (a trial, or a transform's) in the store: never reused, only grows.
struct JobId {
  std::int64_t value = 0;
  auto operator<=>(const JobId&) const = default;
};

// The row of what a user submitted (a sweep or a transform) in the store: never reused, only grows.
struct SubmissionId {
  std::int64_t value = 0;
  auto operator<=>(const SubmissionId&) const = default;
};

// True for [a-z][a-z0-9-]{3,62}, the form of every id that a client may choose.
bool IsValidResourceId(std::string_view id);

// A new id: `prefix`, a dash and 12 random characters of [a-z0-9]; random from the operating
// system.
std::string GenerateResourceId(std::string_view prefix);

// "sweeps/lab-1" <-> "lab-1", "sweeps/lab-1/trials/17" <-> {"lab-1", 17}, and so on. Parsers return
// InvalidArgument that names the text and the expected pattern. Trial and configuration numbers
// start at 0.
struct TrialName {
  std::string sweep_id;
  std::int64_t number = 0;
};
struct TransformJobName {
  std::string transform_id;
  std::int64_t number = 0;
};
std::string SweepName(std::string_view sweep_id);
std::string TrialNameText(std::string_view sweep_id, std::int64_t number);
std::string ConfigurationName(std::string_view sweep_id, std::int64_t number);
std::string ModelName(std::string_view model_id);
std::string ArtifactName(std::string_view sha256);
std::string WorkerName(std::string_view worker_id);
std::string TokenName(std::string_view token_id);
absl::StatusOr<std::string> ParseSweepName(std::string_view name);
absl::StatusOr<TrialName> ParseTrialName(std::string_view name);
std::string TransformName(std::string_view transform_id);
std::string TransformJobNameText(std::string_view transform_id, std::int64_t number);
absl::StatusOr<std::string> ParseTransformName(std::string_view name);
absl::StatusOr<TransformJobName> ParseTransformJobName(std::string_view name);
absl::StatusOr<std::string> ParseModelName(std::string_view name);
absl::StatusOr<std::string> ParseArtifactName(std::string_view name);
absl::StatusOr<std::string> ParseWorkerName(std::string_view name);
absl::StatusOr<std::string> ParseTokenName(std::string_view name);

}  // namespace bitsweep

#endif  // BITSWEEP_CORE_BASE_IDS_H_
