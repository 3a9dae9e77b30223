// SPDX-License-Identifier: Apache-2.0
#ifndef BITSWEEP_SERVER_RPC_MODEL_IMPORT_H_
#define BITSWEEP_SERVER_RPC_MODEL_IMPORT_H_

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "bitsweep/v1/model_service.pb.h"
#include "server/store/store.h"

namespace bitsweep::rpc {

// Checks what a user brought and makes it a model of the store: the uploaded artifact is a
// checkpoint, or holds the tensors of the request's graph as safetensors; of these a checkpoint is
// made and stored. InvalidArgument / INVALID_SPEC with every problem; NotFound /
// ARTIFACT_NOT_FOUND; AlreadyExists / ID_IN_USE.
absl::StatusOr<store::ModelRecord> ImportModel(const v1::ImportModelRequest& request,
                                               store::Store& store, absl::Time now);

}  // namespace bitsweep::rpc

#endif  // BITSWEEP_SERVER_RPC_MODEL_IMPORT_H_
