// SPDX-License-Identifier: Apache-2.0
#include "client/exchange/onnx_export.h"

#include <optional>
#include <utility>
#include <variant>
#include <vector>

#include "client/exchange/onnx_nodes.h"
#include "core/base/status_macros.h"
#include "fmt/format.h"

namespace bitsweep::exchange {
namespace {

absl::StatusOr<graph::Graph> WithoutQuantization(const graph::Graph& graph) {
  std::vector<graph::Node> nodes = graph.nodes();
  for (graph::Node& node : nodes) node.quantization.reset();
  return graph::Graph::Create(graph.name(), std::move(nodes));
}

// A violation for each tensor that is quantized.
std::vector<FieldViolation> QuantizedTensors(const graph::Graph& graph) {
  std::vector<FieldViolation> violations;
  for (const graph::Node& node : graph.nodes()) {
    if (!IsQuantized(node)) continue;
    const auto add = [&](const char* tensor, const std::optional<graph::NumberFormat>& format) {
      if (!format) return;
      violations.push_back(
          {node.name + "." + tensor,
           fmt::format("{}: no operator of ONNX; expected --format qonnx, or --drop-quantization "
                       "for the network without number formats",
                       graph::FormatText(*format))});
    };
    add("data_in", node.quantization->data_in);
    add("weight", node.quantization->weight);
    add("bias", node.quantization->bias);
  }
  return violations;
}

}  // namespace

absl::StatusOr<std::string> ToOnnx(const ExportInput& input) {
  graph::Graph graph = input.checkpoint.graph;
  if (input.drop_quantization) {
    ASSIGN_OR_RETURN(graph, WithoutQuantization(graph));
  } else if (auto violations = QuantizedTensors(graph); !violations.empty()) {
    return NotExportable(std::move(violations));
  }
  OnnxBuilder builder;
  OnnxNodes nodes(graph, input.checkpoint.tensors, builder);
  nodes.WriteValues();
  nodes.WriteTensors();
  for (const graph::Node& node : graph.nodes()) {
    if (!std::holds_alternative<graph::NoOp>(node.op)) {
      nodes.WriteNode(node, nodes.InputsOf(node));
    }
  }
  nodes.WriteOutput();
  AddModelMetadata(input, graph, builder);
  return builder.Finish();
}

}  // namespace bitsweep::exchange
