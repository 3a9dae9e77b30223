// SPDX-License-Identifier: Apache-2.0
#include "server/rpc/model_files.h"

#include <string>

#include "core/base/errors.h"
#include "core/base/ids.h"
#include "core/base/status_macros.h"
#include "fmt/format.h"

namespace bitsweep::rpc {

absl::StatusOr<std::optional<graph::Checkpoint>> ReadCheckpoint(store::ArtifactStore& store,
                                                                const store::ModelRecord& model) {
  if (model.size_bytes > kMaxOpened) return std::optional<graph::Checkpoint>();
  ASSIGN_OR_RETURN(const std::string bytes, store.Read(model.artifact, 0, model.size_bytes));
  absl::StatusOr<graph::Checkpoint> checkpoint = graph::ParseCheckpoint(bytes);
  if (!checkpoint.ok()) {
    return ErrorWithDetails(
        absl::StatusCode::kDataLoss,
        fmt::format("{} of {} is no checkpoint: {}", ArtifactName(model.artifact),
                    ModelName(model.model_id), std::string(checkpoint.status().message())),
        {.reason = "ARTIFACT_CORRUPT", .metadata = {{"sha256", model.artifact}}});
  }
  return std::optional<graph::Checkpoint>(*std::move(checkpoint));
}

}  // namespace bitsweep::rpc
