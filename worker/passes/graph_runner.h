// SPDX-License-Identifier: Apache-2.0
#ifndef BITSWEEP_WORKER_PASSES_GRAPH_RUNNER_H_
#define BITSWEEP_WORKER_PASSES_GRAPH_RUNNER_H_

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <vector>

#include "absl/status/statusor.h"
#include "core/graph/checkpoint.h"
#include "core/graph/graph.h"

namespace bitsweep::passes {

// One input tensor of one node, as the node gets it (before it quantizes it).
struct NodeInput {
  std::size_t node = 0;   // position in graph.nodes()
  std::size_t input = 0;  // position in the node's inputs
  graph::Shape shape;     // batch included
  std::span<const float> values;
};

// A graph with its tensors that computes, in evaluation mode, without side effects: the seam
// between the passes and what executes graphs.
//
// Owned by one thread. Errors are Internal with the framework's message.
class GraphRunner {
 public:
  virtual ~GraphRunner() = default;

  // x: [rows, input features], row-major. Returns [rows, output features].
  virtual absl::StatusOr<std::vector<float>> Forward(std::span<const float> x,
                                                     std::int64_t rows) = 0;
  // The same, calling `visit` for each input of each node that `wanted` names by position, in the
  // graph's order. The values are valid during the call only.
  virtual absl::Status VisitInputs(std::span<const float> x, std::int64_t rows,
                                   const std::vector<std::size_t>& wanted,
                                   const std::function<void(const NodeInput&)>& visit) = 0;
  // One node by itself: inputs as in its node, each [rows, ...]. Returns its output, flat.
  virtual absl::StatusOr<std::vector<float>> RunNode(std::size_t node,
                                                     const std::vector<std::vector<float>>& inputs,
                                                     std::int64_t rows) = 0;
};

// Makes a runner; graph and tensors are copied or must outlive it as the maker says. Thread-safe.
using GraphRunnerFactory = std::function<absl::StatusOr<std::unique_ptr<GraphRunner>>(
    const graph::Graph& graph, const std::vector<graph::TensorValue>& tensors)>;

}  // namespace bitsweep::passes

#endif  // BITSWEEP_WORKER_PASSES_GRAPH_RUNNER_H_
