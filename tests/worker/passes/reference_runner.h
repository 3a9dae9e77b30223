// SPDX-License-Identifier: Apache-2.0
// Graphs executed by plain loops, so that passes can be tested without a framework.
#ifndef BITSWEEP_TESTS_WORKER_PASSES_REFERENCE_RUNNER_H_
#define BITSWEEP_TESTS_WORKER_PASSES_REFERENCE_RUNNER_H_

#include <string_view>
#include <vector>

#include "worker/passes/graph_runner.h"
#include "worker/passes/network.h"

namespace bitsweep::testing {

// Sums in 64 bits, rounds each node's output to 32; quantizes inputs, weights and biases as the
// nodes say.
passes::GraphRunnerFactory ReferenceRunners();

// A network with values of the kind that training leaves: every tensor another, variances above 0.
passes::Network SampleNetwork(const graph::Graph& graph);
passes::Network SampleNetwork(std::string_view builtin);
// The tensor's values. REQUIRES: the network has it.
std::vector<float>& TensorOf(passes::Network& network, std::string_view name);
// The node. REQUIRES: the graph has it.
const graph::Node& NodeOf(const graph::Graph& graph, std::string_view name);
// The network with its linear and conv1d nodes quantized to integer (width, frac_width).
passes::Network WithIntegers(const passes::Network& network, std::int64_t width,
                             std::int64_t frac_width);
// The graph with changed nodes. REQUIRES: they fit.
graph::Graph Rebuild(const graph::Graph& graph, std::vector<graph::Node> nodes);

}  // namespace bitsweep::testing

#endif  // BITSWEEP_TESTS_WORKER_PASSES_REFERENCE_RUNNER_H_
