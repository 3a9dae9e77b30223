// SPDX-License-Identifier: Apache-2.0
// Tensors in the safetensors format (https://github.com/huggingface/safetensors, "Format"): how a
// PyTorch state_dict is saved without code.
//
// Bytes: u64 header bytes, header (a JSON object: for each tensor its dtype, shape and data_offsets
// from the header's end; optionally "__metadata__"), then raw little-endian data without gaps.
#ifndef BITSWEEP_CORE_GRAPH_SAFETENSORS_H_
#define BITSWEEP_CORE_GRAPH_SAFETENSORS_H_

#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "core/graph/checkpoint.h"
#include "core/graph/graph.h"

namespace bitsweep::graph {

// The file's tensors in the order of graph.tensors(), by the graph's names; a prefix that ends in a
// dot ("model.") and that all names have is left away where that fits better. F32, F64, F16 and
// BF16 become float32; num_batches_tracked is I64, or 0 where it is missing.
//
// InvalidArgument with every problem: a bad header (over 1 MiB, no JSON, a name twice), offsets
// that leave the file, overlap or leave gaps, tensors that are missing, unknown, or of a wrong
// shape or dtype, a finite F64 that is beyond float32. Never reads outside `bytes`, allocates no
// more than they justify. Pure.
absl::StatusOr<std::vector<TensorValue>> TensorsFromSafetensors(const Graph& graph,
                                                                std::string_view bytes);

}  // namespace bitsweep::graph

#endif  // BITSWEEP_CORE_GRAPH_SAFETENSORS_H_
