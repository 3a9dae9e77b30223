// SPDX-License-Identifier: Apache-2.0
// Elementwise pruning: some weights of linear and conv1d nodes become 0; shapes stay. By magnitude:
// Han et al. 2015, "Learning both Weights and Connections". The rule at the threshold is the lab
// report's tool's (docs/passes.md).
#ifndef BITSWEEP_WORKER_PASSES_PRUNE_H_
#define BITSWEEP_WORKER_PASSES_PRUNE_H_

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "core/spec/transform_spec.h"
#include "worker/passes/network.h"

namespace bitsweep::passes {

// 1: the element stays, 0: it becomes 0.
using Mask = std::vector<std::uint8_t>;
// Tensors that are pruned: position in graph.tensors() and elements.
struct Prunable {
  std::uint32_t ordinal = 0;
  std::span<const float> values;
};

// l1-norm: t = the sparsity-quantile of |w| over all tensors (worker/passes/quantile.h); w stays if
// |w| > t, so that sparsity 0 still removes the smallest. REQUIRES: not empty, 0 <= sparsity <= 1.
double L1Threshold(const std::vector<Prunable>& tensors, double sparsity);
Mask L1Mask(std::span<const float> values, double threshold);

// random: each element draws a 64-bit number from its tensor's stream (RandomStream::kPrune, the
// tensor's ordinal); the round(sparsity n) elements with the smallest of all n are removed.
std::vector<Mask> RandomMasks(const std::vector<Prunable>& tensors, double sparsity,
                              std::uint64_t seed);

struct PrunedTensor {
  std::string node;
  std::string tensor;  // "weight"
  std::int64_t elements = 0;
  std::int64_t zeros = 0;           // elements that are 0 now
  std::optional<double> threshold;  // of l1-norm
};
struct PruneReport {
  std::vector<PrunedTensor> tensors;  // in the graph's order
  double sparsity = 0;                // zeros / elements over all of them; 0 without any
};

// scope local: a threshold (or a draw) for each tensor; global: one for all. InvalidArgument: an
// unknown scope, granularity or method, a sparsity outside 0 to 1, a weight that is NaN; the
// network is then as before.
absl::StatusOr<PruneReport> Prune(const spec::PrunePass& pass, std::uint64_t seed,
                                  Network& network);

}  // namespace bitsweep::passes

#endif  // BITSWEEP_WORKER_PASSES_PRUNE_H_
