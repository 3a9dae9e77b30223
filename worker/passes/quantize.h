// SPDX-License-Identifier: Apache-2.0
#ifndef BITSWEEP_WORKER_PASSES_QUANTIZE_H_
#define BITSWEEP_WORKER_PASSES_QUANTIZE_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "core/spec/quantize_spec.h"
#include "worker/passes/network.h"

namespace bitsweep::passes {

struct QuantizedNode {
  std::string node;
  std::string op;
  std::string format;                 // as the user named it
  std::string data_in, weight, bias;  // "integer (8, 4)"; empty: full precision
};

struct QuantizeReport {
  std::vector<QuantizedNode> nodes;  // in the graph's order, bypassed ones included
  double average_bitwidth = 32;
  double memory_density = 1;
};

// Quantizes the nodes that the spec selects (core/spec/quantize_spec.h); tensors stay float32 and
// are rounded whenever they are used. Errors of spec::Quantize; the network is then as before.
absl::StatusOr<QuantizeReport> QuantizeNetwork(const spec::QuantizeSpec& spec, Network& network);

// A linear layer with a weight of `weight_bits` bits an element.
struct LinearWidth {
  std::int64_t in_features = 0;
  std::int64_t out_features = 0;
  std::int64_t weight_bits = 32;
};
// sum(in out weight_bits) / sum(in out); 32 without layers. Source: docs/passes.md.
double AverageBitwidth(const std::vector<LinearWidth>& layers);
// The linear nodes whose weight is quantized.
std::vector<LinearWidth> QuantizedLinears(const graph::Graph& graph);
// compare_to / average_bitwidth.
double MemoryDensity(double average_bitwidth, double compare_to = 32);

}  // namespace bitsweep::passes

#endif  // BITSWEEP_WORKER_PASSES_QUANTIZE_H_
