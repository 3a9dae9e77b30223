// SPDX-License-Identifier: Apache-2.0
// Checkpoints of stored models.
#ifndef BITSWEEP_SERVER_RPC_MODEL_FILES_H_
#define BITSWEEP_SERVER_RPC_MODEL_FILES_H_

#include <cstdint>
#include <optional>

#include "absl/status/statusor.h"
#include "core/graph/checkpoint.h"
#include "server/store/artifact_store.h"

namespace bitsweep::rpc {

// Checkpoints larger than this are not opened to see what is in them.
inline constexpr std::int64_t kMaxOpened = 64 << 20;

// The checkpoint of a model; nothing when it is larger than kMaxOpened. DataLoss when the artifact
// is none.
absl::StatusOr<std::optional<graph::Checkpoint>> ReadCheckpoint(store::ArtifactStore& store,
                                                                const store::ModelRecord& model);

}  // namespace bitsweep::rpc

#endif  // BITSWEEP_SERVER_RPC_MODEL_FILES_H_
