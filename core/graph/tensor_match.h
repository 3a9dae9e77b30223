// SPDX-License-Identifier: Apache-2.0
// What the files of tensors have in common (safetensors, npz): which of a file's tensors is which
// of a graph, and what their bytes mean.
#ifndef BITSWEEP_CORE_GRAPH_TENSOR_MATCH_H_
#define BITSWEEP_CORE_GRAPH_TENSOR_MATCH_H_

#include <cstddef>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "core/graph/checkpoint.h"
#include "core/graph/graph.h"

namespace bitsweep::graph {

enum class ElementType { kF16, kBf16, kF32, kF64, kI32, kI64, kOther };
// Bytes of one element; 0 of kOther.
std::size_t BytesOfElement(ElementType type);

// What a file says of one of its tensors.
struct StoredTensor {
  std::string dtype;  // in the file's words: "F32", "<f4"
  ElementType type = ElementType::kOther;
  Shape shape;
};
using StoredTensors = std::map<std::string, StoredTensor>;  // by name

// How a format's messages call the types that a graph's tensors may come from.
struct TypeWords {
  std::string_view floats;    // "F32, F64, F16 or BF16"
  std::string_view integers;  // "I64 or I32"
};

// The prefix that ends in a dot ("model.") and that all names have, where more of them are the
// graph's without it; the shortest of equals, usually "".
std::string PrefixOf(const Graph& graph, const StoredTensors& stored);

// For each of graph.tensors() its name in the file, after PrefixOf; empty for a num_batches_tracked
// that the file lacks. `problems` gets every tensor that is missing, unknown, or of a wrong shape
// or type. Pure.
std::vector<std::string> MatchTensors(const Graph& graph, const StoredTensors& stored,
                                      const TypeWords& words, std::vector<std::string>& problems);

// The tensor's values, from little-endian bytes in row-major order: floats become float32,
// integers int64. F32 and I64 keep every bit. `problems` gets a finite number that is beyond
// float32. REQUIRES: whole elements of a type that MatchTensors accepts.
TensorValue ReadTensor(const TensorInfo& tensor, ElementType type, std::string_view bytes,
                       std::vector<std::string>& problems);
// Of a num_batches_tracked that a file lacks: 0.
TensorValue NoBatches(const TensorInfo& tensor);

// InvalidArgument "FORMAT: problem; problem; ...": the first 50, and how many more there are.
// REQUIRES: not empty.
absl::Status AllProblems(std::string_view format, const std::vector<std::string>& problems);
// Whether AllProblems would not show another one.
bool IsFull(const std::vector<std::string>& problems);

}  // namespace bitsweep::graph

#endif  // BITSWEEP_CORE_GRAPH_TENSOR_MATCH_H_
