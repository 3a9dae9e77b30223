// SPDX-License-Identifier: Apache-2.0
#include <utility>

#include "core/spec/node_selection.h"
#include "core/spec/quantize_check.h"
#include "core/spec/tensor_format.h"

namespace bitsweep::spec {
namespace {

using graph::NumberFormat;

// A bias that the weight's format is put on. Its blocks must fit: where those of the weight do not
// divide it, it is one.
NumberFormat AsBias(NumberFormat format, std::int64_t size) {
  if (auto* f = std::get_if<graph::MxintFormat>(&format); f != nullptr && size % f->block_size != 0)
    f->block_size = size;
  if (auto* f = std::get_if<graph::MxfpFormat>(&format); f != nullptr && size % f->block_size != 0)
    f->block_size = size;
  return format;
}

std::int64_t BiasSize(const graph::Op& op) {
  if (const auto* linear = std::get_if<graph::Linear>(&op)) return linear->out_features;
  return std::get<graph::Conv1d>(op).out_channels;
}

NumberFormat Unsigned(NumberFormat format) {
  if (auto* integer = std::get_if<graph::IntegerFormat>(&format)) integer->is_signed = false;
  return format;
}

// binary and ternary change the weights alone, but for binary convolutions, whose input and bias
// are as the input's entries say, and for add.
graph::NodeQuantization FewValued(const graph::Node& node, const FormatConfig& config) {
  graph::NodeQuantization q{.format = config.name, .bypass = config.bypass};
  const NumberFormat data_in =
      MakeFormat(config, config.data_in.value_or(TensorFormatSpec{}), false);
  if (std::holds_alternative<graph::Add>(node.op)) q.data_in = data_in;
  if (!graph::HasWeight(node.op)) return q;
  if (config.name == "binary" && std::holds_alternative<graph::Conv1d>(node.op)) {
    q.data_in = data_in;
    q.weight = data_in;
    if (graph::HasBias(node.op)) q.bias = data_in;
  } else {
    q.weight = MakeFormat(config, config.weight.value_or(TensorFormatSpec{}), false);
  }
  return q;
}

}  // namespace

graph::NodeQuantization QuantizationOf(const graph::Node& node, const FormatConfig& config) {
  if (config.name == "binary" || config.name == "ternary") return FewValued(node, config);
  graph::NodeQuantization q{.format = config.name, .bypass = config.bypass};
  if (config.data_in) {
    q.data_in = MakeFormat(config, *config.data_in, /*skip_first_dim=*/true);
    if (std::holds_alternative<graph::Relu>(node.op)) q.data_in = Unsigned(*q.data_in);
  }
  if (!graph::HasWeight(node.op)) return q;
  if (config.weight) {
    q.weight = MakeFormat(config, *config.weight, std::holds_alternative<graph::Conv1d>(node.op));
  }
  if (!graph::HasBias(node.op)) return q;
  if (config.bias) {
    q.bias = MakeFormat(config, *config.bias, false);
  } else if (config.weight) {
    q.bias = AsBias(MakeFormat(config, *config.weight, false), BiasSize(node.op));
  }
  return q;
}

std::vector<FieldViolation> ValidateQuantize(const QuantizeSpec& spec, const graph::Graph* graph,
                                             const std::string& field) {
  return CheckQuantize(spec, graph, /*sizes_are_known=*/true, field);
}

absl::StatusOr<graph::Graph> Quantize(const graph::Graph& graph, const QuantizeSpec& spec) {
  std::vector<FieldViolation> violations = ValidateQuantize(spec, &graph, "quantization");
  if (!violations.empty()) return InvalidSpecError(std::move(violations));
  std::vector<graph::Node> nodes = graph.nodes();
  for (const SelectedNode& selected : SelectNodes(spec, graph, "quantization").nodes) {
    if (selected.config->name == kNotQuantized) continue;
    graph::Node& node = nodes[selected.node];
    node.quantization = QuantizationOf(node, *selected.config);
  }
  return graph::Graph::Create(graph.name(), std::move(nodes));
}

}  // namespace bitsweep::spec
