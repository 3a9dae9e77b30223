// SPDX-License-Identifier: Apache-2.0
#include "core/base/ids.h"

#include <openssl/rand.h>

#include <algorithm>
#include <charconv>
#include <cstdlib>
#include <string>

#include "core/base/errors.h"
#include "core/base/sha256.h"
#include "core/base/status_macros.h"
#include "fmt/format.h"

namespace bitsweep {
namespace {

absl::Status BadName(std::string_view name, std::string_view pattern) {
  return ErrorWithDetails(absl::StatusCode::kInvalidArgument,
                          fmt::format("name \"{}\": expected {}", name, pattern),
                          {.reason = "INVALID_NAME", .metadata = {{"name", std::string(name)}}});
}

absl::StatusOr<std::string> ParseId(std::string_view name, std::string_view collection,
                                    std::string_view pattern) {
  if (!name.starts_with(collection)) return BadName(name, pattern);
  const std::string_view id = name.substr(collection.size());
  if (!IsValidResourceId(id)) return BadName(name, pattern);
  return std::string(id);
}

struct NumberedName {
  std::string id;
  std::int64_t number = 0;
};
absl::StatusOr<NumberedName> ParseNumbered(std::string_view name, std::string_view collection,
                                           std::string_view infix, std::string_view pattern) {
  const std::size_t at = name.find(infix);
  if (at == std::string_view::npos) return BadName(name, pattern);
  ASSIGN_OR_RETURN(std::string id, ParseId(name.substr(0, at), collection, pattern));
  const std::string_view digits = name.substr(at + infix.size());
  std::int64_t number = -1;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), number);
  // One thing has one name: neither "-0" nor "007" is one.
  if (error != std::errc() || end != digits.data() + digits.size() || number < 0 ||
      digits != std::to_string(number)) {
    return BadName(name, pattern);
  }
  return NumberedName{std::move(id), number};
}

}  // namespace

bool IsValidResourceId(std::string_view id) {
  if (id.size() < 4 || id.size() > 63 || id[0] < 'a' || id[0] > 'z') return false;
  return std::all_of(id.begin(), id.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-';
  });
}

std::string GenerateResourceId(std::string_view prefix) {
  static constexpr std::string_view kAlphabet = "abcdefghijklmnopqrstuvwxyz234567";
  unsigned char bytes[12];
  // Without randomness names would collide silently: there is nothing sensible to go on with.
  if (RAND_bytes(bytes, sizeof bytes) != 1) std::abort();
  std::string id = fmt::format("{}-", prefix);
  for (const unsigned char byte : bytes) id += kAlphabet[byte % kAlphabet.size()];
  return id;
}

std::string SweepName(std::string_view sweep_id) { return fmt::format("sweeps/{}", sweep_id); }
std::string TrialNameText(std::string_view sweep_id, std::int64_t number) {
  return fmt::format("sweeps/{}/trials/{}", sweep_id, number);
}
std::string ConfigurationName(std::string_view sweep_id, std::int64_t number) {
  return fmt::format("sweeps/{}/configurations/{}", sweep_id, number);
}
std::string TransformName(std::string_view transform_id) {
  return fmt::format("transforms/{}", transform_id);
}
std::string TransformJobNameText(std::string_view transform_id, std::int64_t number) {
  return fmt::format("transforms/{}/jobs/{}", transform_id, number);
}
std::string ModelName(std::string_view model_id) { return fmt::format("models/{}", model_id); }
std::string ArtifactName(std::string_view sha256) { return fmt::format("artifacts/{}", sha256); }
std::string WorkerName(std::string_view worker_id) { return fmt::format("workers/{}", worker_id); }
std::string TokenName(std::string_view token_id) { return fmt::format("tokens/{}", token_id); }

absl::StatusOr<std::string> ParseSweepName(std::string_view name) {
  return ParseId(name, "sweeps/", "sweeps/{sweep}, the id as [a-z][a-z0-9-]{3,62}");
}

absl::StatusOr<TrialName> ParseTrialName(std::string_view name) {
  ASSIGN_OR_RETURN(NumberedName parsed,
                   ParseNumbered(name, "sweeps/", "/trials/", "sweeps/{sweep}/trials/{number}"));
  return TrialName{std::move(parsed.id), parsed.number};
}

absl::StatusOr<std::string> ParseTransformName(std::string_view name) {
  return ParseId(name, "transforms/", "transforms/{transform}, the id as [a-z][a-z0-9-]{3,62}");
}

absl::StatusOr<TransformJobName> ParseTransformJobName(std::string_view name) {
  ASSIGN_OR_RETURN(NumberedName parsed, ParseNumbered(name, "transforms/", "/jobs/",
                                                      "transforms/{transform}/jobs/{number}"));
  return TransformJobName{std::move(parsed.id), parsed.number};
}

absl::StatusOr<std::string> ParseModelName(std::string_view name) {
  return ParseId(name, "models/", "models/{model}, the id as [a-z][a-z0-9-]{3,62}");
}

absl::StatusOr<std::string> ParseArtifactName(std::string_view name) {
  static constexpr std::string_view kCollection = "artifacts/";
  if (!name.starts_with(kCollection) || !IsSha256Hex(name.substr(kCollection.size()))) {
    return BadName(name, "artifacts/{sha256}, 64 lower-case hex characters");
  }
  return std::string(name.substr(kCollection.size()));
}

absl::StatusOr<std::string> ParseWorkerName(std::string_view name) {
  return ParseId(name, "workers/", "workers/{worker}, the id as [a-z][a-z0-9-]{3,62}");
}

absl::StatusOr<std::string> ParseTokenName(std::string_view name) {
  return ParseId(name, "tokens/", "tokens/{token}, the id as [a-z][a-z0-9-]{3,62}");
}

}  // namespace bitsweep
