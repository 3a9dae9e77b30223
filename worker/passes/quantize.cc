// SPDX-License-Identifier: Apache-2.0
#include "worker/passes/quantize.h"

#include "core/base/status_macros.h"

namespace bitsweep::passes {
namespace {

std::string Text(const graph::Node& node, std::string_view tensor) {
  const graph::NumberFormat* format = FormatOf(node, tensor);
  return format == nullptr ? "" : graph::FormatText(*format);
}

}  // namespace

absl::StatusOr<QuantizeReport> QuantizeNetwork(const spec::QuantizeSpec& spec, Network& network) {
  ASSIGN_OR_RETURN(network.graph, spec::Quantize(network.graph, spec));
  QuantizeReport report;
  for (const graph::Node& node : network.graph.nodes()) {
    if (!node.quantization) continue;
    report.nodes.push_back({.node = node.name,
                            .op = std::string(graph::OpName(node.op)),
                            .format = node.quantization->format,
                            .data_in = Text(node, "data_in"),
                            .weight = Text(node, "weight"),
                            .bias = Text(node, "bias")});
  }
  report.average_bitwidth = AverageBitwidth(QuantizedLinears(network.graph));
  report.memory_density = MemoryDensity(report.average_bitwidth);
  return report;
}

double AverageBitwidth(const std::vector<LinearWidth>& layers) {
  double weights = 0;
  double bits = 0;
  for (const LinearWidth& layer : layers) {
    const double count =
        static_cast<double>(layer.in_features) * static_cast<double>(layer.out_features);
    weights += count;
    bits += count * static_cast<double>(layer.weight_bits);
  }
  return weights == 0 ? 32 : bits / weights;
}

std::vector<LinearWidth> QuantizedLinears(const graph::Graph& graph) {
  std::vector<LinearWidth> layers;
  for (const graph::Node& node : graph.nodes()) {
    const auto* linear = std::get_if<graph::Linear>(&node.op);
    const graph::NumberFormat* format = FormatOf(node, "weight");
    if (linear == nullptr || format == nullptr) continue;
    layers.push_back({.in_features = linear->in_features,
                      .out_features = linear->out_features,
                      .weight_bits = graph::ElementBits(*format)});
  }
  return layers;
}

double MemoryDensity(double average_bitwidth, double compare_to) {
  return compare_to / average_bitwidth;
}

}  // namespace bitsweep::passes
