// SPDX-License-Identifier: Apache-2.0
// Operations and bit operations of a network for a batch of B rows.
//
// d, w, b: bits of a node's inputs, weight and bias: its number formats', else those of `Widths`.
// macs(linear) = in out, macs(conv1d) = C_in C_out k L_out, a row.
//
//   LAB_REPORT  the lab report's own formulas, also where they are unusual (docs/passes.md):
//               flops(linear) = B in out; flops(batch_norm1d over [B, n]) = n B + (2n + n - 1) B +
//               (B - 1) + 2 + 4 n B; flops(relu) = B elements; bitops(linear) = B out (in d w +
//               (in - 1) d w + b), without b where there is no bias. Covers these three ops.
//   MACS        flops = B macs; bitops = B macs d w
//   BOPS_UNIQ   flops = B macs; bitops = B macs (d w + d + w + log2 n), n = in, or C_in k. Baskin
//   et
//               al., "UNIQ: Uniform noise injection for non-uniform quantization", 2018.
//   EBOPS       as MACS, but multiplications by weights that are 0 once they are quantized do not
//               count. Sun et al., "Gradient-based automatic mixed precision quantization for
//               neural networks on-chip" (HGQ), 2024.
//
// The last three cover linear and conv1d; relu and add have no multiplication and count nothing.
// view, flatten and dropout (in evaluation) cost nothing by any. Every other node is listed as
// unsupported: its operations are in no sum.
#ifndef BITSWEEP_WORKER_PASSES_COUNT_OPS_H_
#define BITSWEEP_WORKER_PASSES_COUNT_OPS_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "core/spec/transform_spec.h"
#include "worker/passes/network.h"

namespace bitsweep::passes {

// Bits of tensors that have no number format.
struct Widths {
  std::int64_t data = 32;
  std::int64_t weight = 32;
  std::int64_t bias = 32;
};
// As the pass says: unset weight is data, unset bias is weight.
Widths WidthsOfPass(const spec::CountOpsPass& pass);

struct NodeOps {
  std::string node;
  std::string op;  // "linear"
  double flops = 0;
  double bitops = 0;
};
struct OpCount {
  spec::CountConvention convention = spec::CountConvention::kLabReport;
  double flops = 0;
  double bitops = 0;
  std::vector<NodeOps> nodes;            // those that count something, in the graph's order
  std::vector<std::string> unsupported;  // names of nodes
};

// Pure. `nonzero_weights`: see NonzeroWeights; only EBOPS needs it.
OpCount CountOps(spec::CountConvention convention, const graph::Graph& graph,
                 std::int64_t batch_size, const Widths& widths,
                 const std::vector<std::int64_t>& nonzero_weights);

// For each node of the graph the weights that are not 0 once they are quantized; 0 for nodes
// without any. `seed` feeds stochastic formats. Errors of quant::Quantize, with the node's name.
absl::StatusOr<std::vector<std::int64_t>> NonzeroWeights(const Network& network,
                                                         std::uint64_t seed);

struct OpCountReport {
  std::int64_t batch_size = 1;
  std::vector<OpCount> counts;
  std::int64_t size_bits = 0;  // worker/passes/model_size.h

  // The count that stands for the network: of those with the fewest unsupported nodes the first.
  // REQUIRES: counts is not empty.
  const OpCount& Headline() const;
};

// Errors of NonzeroWeights.
absl::StatusOr<OpCountReport> CountOps(const spec::CountOpsPass& pass, const Network& network,
                                       std::uint64_t seed);

}  // namespace bitsweep::passes

#endif  // BITSWEEP_WORKER_PASSES_COUNT_OPS_H_
