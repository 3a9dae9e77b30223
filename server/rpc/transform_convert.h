// SPDX-License-Identifier: Apache-2.0
// Transforms and their jobs: stored values to wire messages. Pure.
#ifndef BITSWEEP_SERVER_RPC_TRANSFORM_CONVERT_H_
#define BITSWEEP_SERVER_RPC_TRANSFORM_CONVERT_H_

#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "bitsweep/v1/transform.pb.h"
#include "bitsweep/v1/worker_service.pb.h"
#include "core/spec/transform_spec.h"
#include "server/store/queue_store.h"
#include "server/store/transform_records.h"

namespace bitsweep::rpc {

// What the store keeps of a specification, and what its digest is taken of: the JSON form of
// v1.Transform with sorted keys and no spaces. Equal specifications have equal text.
std::string ToStoredJson(const spec::TransformSpec& spec);
// DataLoss when the text is none.
absl::StatusOr<v1::Transform> FromStoredJson(const std::string& json);

// DataLoss when the store's text of specification, values or results cannot be read.
absl::StatusOr<v1::Transform> ToProto(const store::TransformRecord& record);
absl::StatusOr<v1::TransformJob> ToProto(const store::TransformJobRecord& record);

// What the text of a specification says. DataLoss as above; InvalidArgument lists what it holds
// that this version does not take.
absl::StatusOr<spec::TransformSpec> SpecFromStoredJson(const std::string& json);

// A job complete: the specification with the job's values of the axes put in.
absl::StatusOr<v1::TransformWork> WorkOf(const store::TransformJobSpec& job);

}  // namespace bitsweep::rpc

#endif  // BITSWEEP_SERVER_RPC_TRANSFORM_CONVERT_H_
