// SPDX-License-Identifier: Apache-2.0
#ifndef BITSWEEP_CORE_GRAPH_SHAPE_INFERENCE_H_
#define BITSWEEP_CORE_GRAPH_SHAPE_INFERENCE_H_

#include <vector>

#include "absl/status/statusor.h"
#include "core/graph/op.h"

namespace bitsweep::graph {

// The shape of one sample after `op`, from the shapes of its inputs; valid for any batch size.
// Pure. InvalidArgument names the size that does not fit and what was expected; attributes are
// checked as well. REQUIRES: as many inputs as InputCount(op).
absl::StatusOr<Shape> InferShape(const Op& op, const std::vector<Shape>& inputs);

}  // namespace bitsweep::graph

#endif  // BITSWEEP_CORE_GRAPH_SHAPE_INFERENCE_H_
