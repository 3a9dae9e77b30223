// SPDX-License-Identifier: Apache-2.0
// Short ways to write the nodes of a test's graph.
#ifndef BITSWEEP_TESTS_CORE_GRAPH_NODES_H_
#define BITSWEEP_TESTS_CORE_GRAPH_NODES_H_

#include <string>
#include <utility>
#include <vector>

#include "core/graph/graph.h"

namespace bitsweep::graph {

inline Node Input(Shape sample_shape) {
  return {.name = "x",
          .kind = NodeKind::kPlaceholder,
          .target = "x",
          .op = NoOp{},
          .sample_shape = std::move(sample_shape)};
}
inline Node Module(std::string name, Op op, std::string input) {
  return {.name = name,
          .kind = NodeKind::kCallModule,
          .target = name,
          .op = std::move(op),
          .inputs = {std::move(input)}};
}
inline Node Function(std::string name, Op op, std::vector<std::string> inputs) {
  return {.name = std::move(name),
          .kind = NodeKind::kCallFunction,
          .target = std::string(OpName(op)),
          .op = std::move(op),
          .inputs = std::move(inputs)};
}
inline Node Method(std::string name, Op op, std::vector<std::string> inputs) {
  Node node = Function(std::move(name), std::move(op), std::move(inputs));
  node.kind = NodeKind::kCallMethod;
  return node;
}
inline Node Output(std::string input) {
  return {.name = "output",
          .kind = NodeKind::kOutput,
          .target = "output",
          .op = NoOp{},
          .inputs = {std::move(input)}};
}

// A graph with every op and every kind of call: [2, 8] to 3 classes.
inline std::vector<Node> NodesOfEveryOp() {
  return {Input({2, 8}),
          Module("conv", Conv1d{2, 4, 3, 2, 1, false}, "x"),
          Module("norm", BatchNorm1d{4, 1e-3, 0.25}, "conv"),
          Function("relu", Relu{true}, {"norm"}),
          Method("sigmoid", Sigmoid{}, {"norm"}),
          Function("add", Add{}, {"relu", "sigmoid"}),
          Method("view", View{{-1, 2, 8}}, {"add"}),
          Module("flat", Flatten{1}, "view"),
          Module("drop", Dropout{0.25}, "flat"),
          Module("fc", Linear{16, 3, true}, "drop"),
          Output("fc")};
}

}  // namespace bitsweep::graph

#endif  // BITSWEEP_TESTS_CORE_GRAPH_NODES_H_
