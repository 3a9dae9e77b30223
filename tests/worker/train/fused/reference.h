// SPDX-License-Identifier: Apache-2.0
// A network computed the slow way: scalars in float64, straight from the graph.
#ifndef BITSWEEP_TESTS_WORKER_TRAIN_FUSED_REFERENCE_H_
#define BITSWEEP_TESTS_WORKER_TRAIN_FUSED_REFERENCE_H_

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "core/graph/checkpoint.h"
#include "core/graph/graph.h"

namespace bitsweep::train::fused {

// Tensors of a graph in float64, in its order; counters are left empty.
using Doubles = std::vector<std::vector<double>>;
Doubles ToDoubles(const std::vector<graph::TensorValue>& tensors);

// Mean cross-entropy of a batch. x: [rows, features], row-major. Training mode: norms take the
// batch's statistics, dropout draws its masks from (seed, node) as docs/training.md says, from the
// beginning. Evaluation mode: running statistics, no dropout.
enum class ReferenceMode { kTrain, kEvaluate };
double ReferenceLoss(const graph::Graph& graph, const Doubles& tensors, std::span<const float> x,
                     std::span<const std::int32_t> y, ReferenceMode mode, std::uint64_t seed);

// d ReferenceLoss / d element, by central differences: [tensor][element], parameters only.
Doubles ReferenceGradients(const graph::Graph& graph, const Doubles& tensors,
                           std::span<const float> x, std::span<const std::int32_t> y,
                           std::uint64_t seed);

}  // namespace bitsweep::train::fused

#endif  // BITSWEEP_TESTS_WORKER_TRAIN_FUSED_REFERENCE_H_
