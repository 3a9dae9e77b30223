// SPDX-License-Identifier: Apache-2.0
#ifndef BITSWEEP_WORKER_NN_INITIALIZE_H_
#define BITSWEEP_WORKER_NN_INITIALIZE_H_

#include <cstdint>
#include <vector>

#include "core/graph/checkpoint.h"
#include "core/graph/graph.h"

namespace bitsweep::nn {

// The values a network starts from, in the order of graph.tensors(), float32. A parameter with
// fan_in n is drawn U(-1/sqrt(n), 1/sqrt(n)): element i is (2 u_i - 1) / sqrt(n), u_i the i-th
// NextFloat of (seed, kInit, ordinal of the parameter). All others have their constant. PyTorch's
// defaults: docs/training.md. Pure.
std::vector<graph::TensorValue> InitialTensors(const graph::Graph& graph, std::uint64_t seed);

}  // namespace bitsweep::nn

#endif  // BITSWEEP_WORKER_NN_INITIALIZE_H_
