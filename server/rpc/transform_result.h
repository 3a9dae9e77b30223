// SPDX-License-Identifier: Apache-2.0
#ifndef BITSWEEP_SERVER_RPC_TRANSFORM_RESULT_H_
#define BITSWEEP_SERVER_RPC_TRANSFORM_RESULT_H_

#include "absl/status/statusor.h"
#include "bitsweep/v1/transform.pb.h"
#include "core/spec/transform_spec.h"
#include "server/store/transform_records.h"

namespace bitsweep::rpc {

// A worker's result as the store keeps it: each pass's result as JSON text (field names as in the
// .proto file), its numbers also as rows. Statistics that are one number get a row with it, others
// a row without; a statistic taken of one tensor again, with other options, is "range_quantile#2".
// Of operations every node and the sum ("" as node) get a row. InvalidArgument lists every field
// that is wrong: the artifact's name, a pass without its result or out of its place, a node or
// tensor that comes twice, more than an answer can hold. Pure.
absl::StatusOr<store::TransformOutcome> FromProto(const v1::TransformResult& proto);

// Whether a result is what the plan asked for: its passes by name and in order, the data's digest
// when there is a data set and none otherwise, accuracy when the last graph was evaluated (its loss
// may be no finite number), FLOPs, BitOPs and size when it was counted. InvalidArgument /
// INCOMPLETE_RESULT says all that is missing. Pure.
absl::Status CheckAgainstPlan(const store::TransformOutcome& outcome,
                              const spec::TransformSpec& plan);

}  // namespace bitsweep::rpc

#endif  // BITSWEEP_SERVER_RPC_TRANSFORM_RESULT_H_
