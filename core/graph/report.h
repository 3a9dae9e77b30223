// SPDX-License-Identifier: Apache-2.0
// What people read of a graph: its listing, its modules, and how two graphs differ. Pure functions.
#ifndef BITSWEEP_CORE_GRAPH_REPORT_H_
#define BITSWEEP_CORE_GRAPH_REPORT_H_

#include <cstdint>
#include <string>
#include <vector>

#include "core/graph/graph.h"

namespace bitsweep::graph {

// Nodes by kind, in the order in which they are printed.
struct KindCounts {
  std::int64_t placeholder = 0;
  std::int64_t get_attr = 0;
  std::int64_t call_function = 0;
  std::int64_t call_method = 0;
  std::int64_t call_module = 0;
  std::int64_t output = 0;
  bool operator==(const KindCounts&) const = default;
};
KindCounts CountKinds(const Graph& graph);

// The graph as torch.fx prints it, a line a node:
// "    %relu : [num_users=1] = call_function[target=torch.nn.functional.relu](args = (%conv1,), "
// "kwargs = {inplace: False})". Quantized functions go by TypeText. No newline at the end.
std::string Listing(const Graph& graph);

// A module as the framework prints it: "Linear(in_features=256, out_features=5, bias=True)";
// quantized: "LinearInteger(...)". REQUIRES: a call_module node.
std::string ModuleText(const Node& node);

// The report tool's classes of ops. "module" (batch_norm1d), "module_related_func" (linear, relu,
// conv1d, sigmoid, dropout), "builtin_func" (add), "implicit_func" (view, flatten), "placeholder",
// "output", "get_attr".
std::string MaseType(const Node& node);
// OpName, or the kind of nodes without an op.
std::string MaseOp(const Node& node);
// The class of a module ("Linear", quantized "LinearInteger"), the name of a function or method
// ("relu", quantized "relu_integer"), the target of others ("x", "output").
std::string TypeText(const Node& node);

struct GraphReport {
  std::string listing;
  KindCounts counts;
  std::vector<std::string> modules;  // ModuleText of every call_module node
};
GraphReport Report(const Graph& graph);

// One node before and now.
struct NodeComparison {
  std::string original_name;
  std::string new_name;  // empty: it is gone
  std::string fx_op;     // "call_module"
  std::string mase_type;
  std::string mase_op;
  std::string original_type;
  std::string quantized_type;  // now
  bool changed = false;        // its type, or how it is quantized
  bool operator==(const NodeComparison&) const = default;
};
struct TypeChanges {
  std::string original_type;
  std::string op;
  std::int64_t total = 0;
  std::int64_t changed = 0;
  std::int64_t unchanged = 0;
  bool operator==(const TypeChanges&) const = default;
};
struct GraphComparison {
  std::vector<NodeComparison> nodes;   // in the original's order
  std::vector<TypeChanges> histogram;  // sorted by type, uppercase before lowercase
};
// Nodes are the same by name.
GraphComparison Compare(const Graph& original, const Graph& now);

}  // namespace bitsweep::graph

#endif  // BITSWEEP_CORE_GRAPH_REPORT_H_
