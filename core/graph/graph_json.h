// SPDX-License-Identifier: Apache-2.0
// The graph IR as JSON (docs/graph_ir.md): what users write, what checkpoints carry.
#ifndef BITSWEEP_CORE_GRAPH_GRAPH_JSON_H_
#define BITSWEEP_CORE_GRAPH_GRAPH_JSON_H_

#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "core/graph/graph.h"

namespace bitsweep::graph {

// The newest version; 1 knows no quantization.
inline constexpr int kGraphJsonVersion = 2;

// Canonical: sorted keys, no spaces; version 2 where a node is quantized, version 1 otherwise. For
// example
// {"format":"bitsweep.graph","name":"g","nodes":[{"kind":"placeholder","name":"x","shape":[16]},
//  {"attributes":{"bias":true,"in_features":16,"out_features":5},"inputs":["x"],"kind":"call_module",
//   "name":"fc","op":"linear","target":"fc"},{"inputs":["fc"],"kind":"output","name":"output"}],"version":1}
std::string ToJson(const Graph& graph);

// Reads versions 1 and 2. Accepts whole-valued doubles where an integer is wanted
// (google.protobuf.Struct has no other numbers). InvalidArgument names the node and the key:
// unknown format, version, op, kind or key, wrong types, text over 16 MiB or nested deeper than 32,
// and everything that Graph::Create refuses.
absl::StatusOr<Graph> FromJson(std::string_view json);

}  // namespace bitsweep::graph

#endif  // BITSWEEP_CORE_GRAPH_GRAPH_JSON_H_
