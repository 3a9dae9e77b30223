// SPDX-License-Identifier: Apache-2.0
#include "core/spec/transform_spec.h"

namespace bitsweep::spec {

std::string_view Name(CountConvention convention) {
  switch (convention) {
    case CountConvention::kLabReport:
      return "LAB_REPORT";
    case CountConvention::kMacs:
      return "MACS";
    case CountConvention::kBopsUniq:
      return "BOPS_UNIQ";
    case CountConvention::kEbops:
      break;
  }
  return "EBOPS";
}

const std::vector<PassTraits>& Passes() {
  static const auto& passes = *new std::vector<PassTraits>{
      {.name = "report_graph",
       .description = "Lists the graph, counts its nodes by kind and lists its modules."},
      {.name = "report_node_meta",
       .description = "Describes each node: kinds, ops, tensors with shapes, types and precision."},
      {.name = "profile_statistics",
       .description = "Collects statistics of weights and of the inputs of nodes.",
       .needs_dataset = true},
      {.name = "quantize",
       .description = "Rounds the tensors of nodes to number formats of few bits at each use.",
       .rewrites = true},
      {.name = "compare_graphs",
       .description = "Compares the graph with the one that the transform began with."},
      {.name = "verify_quantization",
       .description = "Checks what quantization did to the tensors and outputs of nodes."},
      {.name = "count_ops",
       .description = "Counts operations, bit operations and the bits of the model."},
      {.name = "evaluate",
       .description = "Measures accuracy and loss on the validation rows, before and now.",
       .needs_dataset = true},
      {.name = "prune",
       .description = "Sets the smallest weights of linear and conv1d nodes to 0.",
       .rewrites = true},
  };
  return passes;
}

const PassTraits& TraitsOf(const PassSpec& pass) {
  static_assert(std::variant_size_v<PassSpec> == 9, "Passes() lists every alternative");
  return Passes()[pass.index()];
}

}  // namespace bitsweep::spec
