// SPDX-License-Identifier: Apache-2.0
#include "client/exchange/onnx_nodes.h"

#include <type_traits>
#include <utility>
#include <variant>

#include "core/graph/graph_json.h"
#include "fmt/format.h"
#include "nlohmann/json.hpp"

namespace bitsweep::exchange {
namespace {

bool IsPlaceholder(const graph::Node& node) { return node.kind == graph::NodeKind::kPlaceholder; }

// The module's tensors in the order of ONNX's BatchNormalization.
std::vector<std::string> BatchNormInputs(const std::string& x, const std::string& module) {
  return {x, module + ".weight", module + ".bias", module + ".running_mean",
          module + ".running_var"};
}

}  // namespace

OnnxNodes::OnnxNodes(const graph::Graph& graph, const std::vector<graph::TensorValue>& tensors,
                     OnnxBuilder& builder)
    : graph_(graph), tensors_(tensors), builder_(builder) {
  const graph::Node& output = graph.nodes().back();
  for (const graph::Node& node : graph.nodes()) {
    builder.UniqueName(node.name);
    const bool is_last = !IsPlaceholder(node) && node.name == output.inputs.front();
    outputs_.push_back(is_last ? output.name : node.name);
  }
  for (const graph::TensorInfo& tensor : graph.tensors()) builder.UniqueName(tensor.name);
  builder.model().mutable_graph()->set_name(graph.name());
}

const std::string& OnnxNodes::TensorOf(const std::string& node) const {
  return outputs_[static_cast<std::size_t>(graph_.Find(node))];
}

NodeInputs OnnxNodes::InputsOf(const graph::Node& node) const {
  NodeInputs inputs;
  for (const std::string& input : node.inputs) inputs.data.push_back(TensorOf(input));
  const auto* linear = std::get_if<graph::Linear>(&node.op);
  const auto* conv = std::get_if<graph::Conv1d>(&node.op);
  if (linear != nullptr || conv != nullptr) {
    inputs.weight = node.target + ".weight";
    if (linear != nullptr ? linear->bias : conv->bias) inputs.bias = node.target + ".bias";
  }
  return inputs;
}

void OnnxNodes::WriteValues() {
  builder_.SetInput(graph_.placeholder().name, graph_.input_shape());
  for (std::size_t n = 1; n + 1 < graph_.nodes().size(); ++n) {
    if (outputs_[n] == graph_.nodes().back().name) continue;
    builder_.AddShape(outputs_[n], graph_.sample_shapes()[n]);
  }
  builder_.SetOutput(graph_.nodes().back().name, graph_.sample_shapes().back());
}

void OnnxNodes::WriteTensors() {
  for (std::size_t t = 0; t < tensors_.size(); ++t) {
    const graph::TensorInfo& info = graph_.tensors()[t];
    if (!info.is_int64) builder_.AddFloats(info.name, info.shape, tensors_[t].f32);
  }
}

void OnnxNodes::WriteNode(const graph::Node& node, const NodeInputs& inputs) {
  const std::string& output = TensorOf(node.name);
  const std::string& x = inputs.data.front();
  const auto add = [&](std::string_view op,
                       const std::vector<std::string>& reads) -> onnx::NodeProto& {
    return builder_.Add(op, node.name, reads, output);
  };
  const auto with_parameters = [&] {
    std::vector<std::string> reads{x, inputs.weight};
    if (!inputs.bias.empty()) reads.push_back(inputs.bias);
    return reads;
  };
  const auto reshape = [&](const std::vector<std::int64_t>& shape) {
    const std::string name = builder_.UniqueName(node.name + ".shape");
    builder_.AddIntegers(name, shape);
    add("Reshape", {x, name});
  };
  std::visit(
      [&](const auto& op) {
        using Op = std::decay_t<decltype(op)>;
        if constexpr (std::is_same_v<Op, graph::Linear>) {
          SetAttribute(add("Gemm", with_parameters()), "transB", std::int64_t{1});
        } else if constexpr (std::is_same_v<Op, graph::Conv1d>) {
          onnx::NodeProto& conv = add("Conv", with_parameters());
          SetAttribute(conv, "dilations", std::vector<std::int64_t>{1});
          SetAttribute(conv, "group", std::int64_t{1});
          SetAttribute(conv, "kernel_shape", std::vector{op.kernel_size});
          SetAttribute(conv, "pads", std::vector{op.padding, op.padding});
          SetAttribute(conv, "strides", std::vector{op.stride});
        } else if constexpr (std::is_same_v<Op, graph::BatchNorm1d>) {
          onnx::NodeProto& norm = add("BatchNormalization", BatchNormInputs(x, node.target));
          SetAttribute(norm, "epsilon", static_cast<float>(op.eps));
          SetAttribute(norm, "momentum", static_cast<float>(1 - op.momentum));
        } else if constexpr (std::is_same_v<Op, graph::Relu>) {
          add("Relu", {x});
        } else if constexpr (std::is_same_v<Op, graph::Sigmoid>) {
          add("Sigmoid", {x});
        } else if constexpr (std::is_same_v<Op, graph::Add>) {
          add("Add", inputs.data);
        } else if constexpr (std::is_same_v<Op, graph::View>) {
          reshape(op.shape);
        } else if constexpr (std::is_same_v<Op, graph::Flatten>) {
          if (op.start_dim == 1) {
            SetAttribute(add("Flatten", {x}), "axis", std::int64_t{1});
          } else {  // ONNX's Flatten gives two dimensions, always; 0 is "as it was"
            std::vector<std::int64_t> shape(static_cast<std::size_t>(op.start_dim), 0);
            shape.push_back(-1);
            reshape(shape);
          }
        } else if constexpr (std::is_same_v<Op, graph::Dropout>) {
          const std::string ratio = builder_.UniqueName(node.name + ".ratio");
          builder_.AddScalar(ratio, static_cast<float>(op.p));
          add("Dropout", {x, ratio});
        }
      },
      node.op);
}

void OnnxNodes::WriteOutput() {
  const graph::Node& output = graph_.nodes().back();
  if (output.inputs.front() != graph_.placeholder().name) return;
  builder_.Add("Identity", output.name, {graph_.placeholder().name}, output.name);
}

void AddModelMetadata(const ExportInput& input, const graph::Graph& graph, OnnxBuilder& builder) {
  builder.AddMetadata("bitsweep.graph", graph::ToJson(graph));
  nlohmann::json counts = nlohmann::json::object();
  for (const graph::TensorValue& tensor : input.checkpoint.tensors) {
    if (!tensor.i64.empty()) counts[tensor.name] = tensor.i64.front();
  }
  builder.AddMetadata("bitsweep.integers", counts.dump());
  builder.AddMetadata("bitsweep.model", input.model);
  builder.AddMetadata("bitsweep.metadata", nlohmann::json(input.checkpoint.metadata).dump());
}

bool IsQuantized(const graph::Node& node) {
  const auto& q = node.quantization;
  return q && !q->bypass && (q->data_in || q->weight || q->bias);
}

absl::Status NotExportable(std::vector<FieldViolation> violations) {
  return InvalidSpecError(std::move(violations), "NOT_EXPORTABLE");
}

}  // namespace bitsweep::exchange
