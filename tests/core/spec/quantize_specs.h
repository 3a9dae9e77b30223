// SPDX-License-Identifier: Apache-2.0
// Short ways to write quantizations.
#ifndef BITSWEEP_TESTS_CORE_SPEC_QUANTIZE_SPECS_H_
#define BITSWEEP_TESTS_CORE_SPEC_QUANTIZE_SPECS_H_

#include <string>
#include <utility>
#include <vector>

#include "core/graph/zoo.h"
#include "core/spec/quantize_spec.h"

namespace bitsweep::spec {

inline TensorFormatSpec Bits(std::int64_t width, std::int64_t frac_width) {
  return {.width = width, .frac_width = frac_width};
}
// integer (8, 4) of input and weight.
inline FormatConfig Integer84() {
  return {.name = "integer", .data_in = Bits(8, 4), .weight = Bits(8, 4)};
}
inline FormatConfig LeaveAlone() { return {.name = "NA"}; }

inline QuantizeSpec By(std::string by, std::vector<QuantizationRule> rules) {
  return {.by = std::move(by), .default_config = LeaveAlone(), .rules = std::move(rules)};
}
// linear and conv1d as the lab report has them.
inline QuantizeSpec LabReport() {
  return By("type", {{"linear", Integer84()}, {"conv1d", Integer84()}});
}

inline graph::Graph Builtin(std::string_view name) { return graph::BuildModel(name, {}).value(); }

// The nodes that are quantized.
inline std::vector<std::string> QuantizedNodes(const graph::Graph& graph) {
  std::vector<std::string> names;
  for (const graph::Node& node : graph.nodes()) {
    if (node.quantization) names.push_back(node.name);
  }
  return names;
}

}  // namespace bitsweep::spec

#endif  // BITSWEEP_TESTS_CORE_SPEC_QUANTIZE_SPECS_H_
