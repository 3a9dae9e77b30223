// SPDX-License-Identifier: Apache-2.0
#ifndef BITSWEEP_SERVER_RPC_TRANSFORM_PLAN_H_
#define BITSWEEP_SERVER_RPC_TRANSFORM_PLAN_H_

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "bitsweep/v1/transform_service.pb.h"
#include "server/store/store.h"
#include "server/store/transform_records.h"

namespace bitsweep::rpc {

// What a submit asks to store, and what is unusual about it.
struct TransformPlan {
  store::NewTransform transform;
  std::vector<std::string> warnings;
};

// Reads a request and checks all of it, the passes against the graph of a stored model too.
// InvalidArgument: INVALID_SPEC with every problem, PLAN_TOO_LARGE; NotFound / MODEL_NOT_FOUND.
// Writes nothing.
absl::StatusOr<TransformPlan> PlanTransform(const v1::SubmitTransformRequest& request,
                                            store::Store& store);

// What would be stored, for validate_only.
store::TransformRecord Preview(const store::NewTransform& transform);

}  // namespace bitsweep::rpc

#endif  // BITSWEEP_SERVER_RPC_TRANSFORM_PLAN_H_
