// SPDX-License-Identifier: Apache-2.0
// The checkpoint format (docs/checkpoint_format.md): a graph and its tensors, no code.
//
// Bytes: "BSCK", u32 version (1), u64 header bytes, header (canonical JSON: graph, metadata, and
// for each tensor name, dtype "f32" or "i64", shape, offset, bytes), zero padding to a multiple of
// 64, then raw little-endian tensors in header order, then 32 bytes SHA-256 of everything before
// it.
#ifndef BITSWEEP_CORE_GRAPH_CHECKPOINT_H_
#define BITSWEEP_CORE_GRAPH_CHECKPOINT_H_

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "core/graph/graph.h"

namespace bitsweep::graph {

// The values of one tensor of a graph; exactly one of the two vectors is used, by
// TensorInfo::is_int64.
struct TensorValue {
  std::string name;
  std::vector<float> f32;
  std::vector<std::int64_t> i64;
  bool operator==(const TensorValue&) const = default;
};

struct Checkpoint {
  Graph graph;
  std::vector<TensorValue> tensors;             // in the order of graph.tensors()
  std::map<std::string, std::string> metadata;  // "sweep", "trial", "epoch", "val_acc", ...
};

// REQUIRES: tensors match graph.tensors() in number, names and sizes.
std::string SerializeCheckpoint(const Checkpoint& checkpoint);

// InvalidArgument / DataLoss naming what is wrong: magic, version, sizes, digest, unknown or
// missing tensors, wrong shapes, trailing bytes. Never reads outside `bytes`, allocates no more
// than they justify.
absl::StatusOr<Checkpoint> ParseCheckpoint(std::string_view bytes);

}  // namespace bitsweep::graph

#endif  // BITSWEEP_CORE_GRAPH_CHECKPOINT_H_
