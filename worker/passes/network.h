// SPDX-License-Identifier: Apache-2.0
#ifndef BITSWEEP_WORKER_PASSES_NETWORK_H_
#define BITSWEEP_WORKER_PASSES_NETWORK_H_

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "core/graph/checkpoint.h"
#include "core/graph/graph.h"

namespace bitsweep::passes {

// A network: what passes read and rewrite.
struct Network {
  graph::Graph graph;
  std::vector<graph::TensorValue> tensors;  // in the order of graph.tensors()
};

// A tensor of a node: "weight", "bias", "running_mean", ... and its position in graph.tensors().
struct NodeTensor {
  std::string leaf;
  std::size_t index = 0;
};

// For each node the tensors of the module that it calls, in the framework's order. Nodes that call
// one module share them.
std::vector<std::vector<NodeTensor>> TensorsOfNodes(const graph::Graph& graph);

// The format of a node's tensor ("data_in", "weight", "bias"); null where it stays float32: it is
// not quantized, or the node is bypassed.
const graph::NumberFormat* FormatOf(const graph::Node& node, std::string_view tensor);
// Whether some tensor of the node is quantized.
bool IsQuantized(const graph::Node& node);

// The shape with a batch dimension of `rows` in front.
graph::Shape Batched(const graph::Shape& sample_shape, std::int64_t rows);

}  // namespace bitsweep::passes

#endif  // BITSWEEP_WORKER_PASSES_NETWORK_H_
