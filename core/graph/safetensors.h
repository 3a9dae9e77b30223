// SPDX-License-Identifier: Apache-2.0
// Tensors in the safetensors format (https://github.com/huggingface/safetensors, "Format"): how a
// PyTorch state_dict is saved without code.
//
// Bytes: u64 header bytes, header (a JSON object: for each tensor its dtype, shape and data_offsets
// from the header's end; optionally "__metadata__", texts), then raw little-endian data without
// gaps.
#ifndef BITSWEEP_CORE_GRAPH_SAFETENSORS_H_
#define BITSWEEP_CORE_GRAPH_SAFETENSORS_H_

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "core/graph/checkpoint.h"
#include "core/graph/graph.h"
#include "core/graph/tensor_match.h"

namespace bitsweep::graph {

// The metadata's key under which ToSafetensors writes the graph, as canonical JSON.
inline constexpr const char* kSafetensorsGraph = "bitsweep.graph";

struct SafetensorsHeader {
  StoredTensors tensors;
  std::map<std::string, std::string> metadata;  // without what is no text
};

// What a file says of its tensors. InvalidArgument with every problem: a bad header (over 32 MiB,
// no JSON, a name twice), offsets that leave the file, overlap or leave gaps. Never reads outside
// `bytes`, allocates no more than they justify. Pure.
absl::StatusOr<SafetensorsHeader> ReadSafetensorsHeader(std::string_view bytes);

// The file's tensors in the order of graph.tensors(), by the graph's names; a prefix that ends in a
// dot ("model.") and that all names have is left away where that fits better. F32, F64, F16 and
// BF16 become float32; num_batches_tracked is I64 or I32, or 0 where it is missing. A graph in the
// metadata is not looked at.
//
// InvalidArgument as ReadSafetensorsHeader, and for tensors that are missing, unknown, or of a
// wrong shape or dtype, and a finite F64 that is beyond float32. Bounds as there. Pure.
absl::StatusOr<std::vector<TensorValue>> TensorsFromSafetensors(const Graph& graph,
                                                                std::string_view bytes);

// The file of a model, as safetensors.torch reads it: the graph's names, F32, and I64 for
// num_batches_tracked. Equal checkpoints give equal bytes; the checkpoint's metadata is not
// written. REQUIRES: tensors match the graph's, as for SerializeCheckpoint.
std::string ToSafetensors(const Checkpoint& checkpoint);

}  // namespace bitsweep::graph

#endif  // BITSWEEP_CORE_GRAPH_SAFETENSORS_H_
