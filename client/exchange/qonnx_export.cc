// SPDX-License-Identifier: Apache-2.0
#include "client/exchange/qonnx_export.h"

#include <optional>
#include <utility>
#include <variant>
#include <vector>

#include "client/exchange/onnx_nodes.h"
#include "client/exchange/qonnx_quantizers.h"
#include "fmt/format.h"

namespace bitsweep::exchange {
namespace {

std::vector<FieldViolation> UnsayableTensors(const graph::Graph& graph) {
  std::vector<FieldViolation> violations;
  for (const graph::Node& node : graph.nodes()) {
    if (!IsQuantized(node)) continue;
    const auto check = [&](const char* tensor, const std::optional<graph::NumberFormat>& format) {
      if (!format) return;
      const std::string why = WhyNoQuantizer(*format);
      if (why.empty()) return;
      violations.push_back({fmt::format("{}.{}", node.name, tensor),
                            fmt::format("{}: {}", graph::FormatText(*format), why)});
    };
    check("data_in", node.quantization->data_in);
    check("weight", node.quantization->weight);
    check("bias", node.quantization->bias);
  }
  return violations;
}

// Puts quantizers between the node and what it reads.
NodeInputs Quantized(const graph::Node& node, NodeInputs inputs, OnnxBuilder& builder) {
  if (!IsQuantized(node)) return inputs;
  const auto quantize = [&](const std::optional<graph::NumberFormat>& format,
                            const std::string& what, std::string& tensor) {
    if (!format || tensor.empty()) return;
    const std::string name = builder.UniqueName(node.name + "_" + what);
    AddQuantizer(*format, name, tensor, builder);
    tensor = name;
  };
  for (std::size_t i = 0; i < inputs.data.size(); ++i) {
    quantize(node.quantization->data_in, i == 0 ? "data_in" : fmt::format("data_in_{}", i),
             inputs.data[i]);
  }
  quantize(node.quantization->weight, "weight", inputs.weight);
  quantize(node.quantization->bias, "bias", inputs.bias);
  return inputs;
}

}  // namespace

absl::StatusOr<std::string> ToQonnx(const ExportInput& input) {
  const graph::Graph& graph = input.checkpoint.graph;
  if (auto violations = UnsayableTensors(graph); !violations.empty()) {
    return NotExportable(std::move(violations));
  }
  OnnxBuilder builder;
  onnx::OperatorSetIdProto& qonnx = *builder.model().add_opset_import();
  qonnx.set_domain(kQonnxDomain);
  qonnx.set_version(1);
  OnnxNodes nodes(graph, input.checkpoint.tensors, builder);
  nodes.WriteValues();
  nodes.WriteTensors();
  for (const graph::Node& node : graph.nodes()) {
    if (std::holds_alternative<graph::NoOp>(node.op)) continue;
    nodes.WriteNode(node, Quantized(node, nodes.InputsOf(node), builder));
  }
  nodes.WriteOutput();
  AddModelMetadata(input, graph, builder);
  return builder.Finish();
}

}  // namespace bitsweep::exchange
