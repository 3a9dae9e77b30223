// SPDX-License-Identifier: Apache-2.0
// Which configuration each node of a graph gets. Used inside this room.
#ifndef BITSWEEP_CORE_SPEC_NODE_SELECTION_H_
#define BITSWEEP_CORE_SPEC_NODE_SELECTION_H_

#include <cstddef>
#include <string>
#include <vector>

#include "core/base/errors.h"
#include "core/graph/graph.h"
#include "core/spec/quantize_spec.h"

namespace bitsweep::spec {

inline constexpr std::size_t kMaxRules = 1000;

// A node that can be quantized and what the spec says about it.
struct SelectedNode {
  std::size_t node = 0;                  // position in graph.nodes()
  const FormatConfig* config = nullptr;  // null: no rule names it and there is no default
  int rule = -1;                         // the rule's position; -1: the default
};

struct NodeSelection {
  std::vector<SelectedNode> nodes;  // every node that can be quantized, in the graph's order
  // For each rule the nodes that its key names, whether or not an earlier rule has them.
  std::vector<std::vector<std::size_t>> nodes_of_rule;
  std::vector<FieldViolation> violations;  // keys that are no regular expressions
};

// The first rule that names a node counts, then the default. By name a rule may also name a node
// that cannot be quantized: it is then in nodes_of_rule alone. Points into `spec`. Pure.
NodeSelection SelectNodes(const QuantizeSpec& spec, const graph::Graph& graph,
                          const std::string& field);

}  // namespace bitsweep::spec

#endif  // BITSWEEP_CORE_SPEC_NODE_SELECTION_H_
