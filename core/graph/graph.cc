// SPDX-License-Identifier: Apache-2.0
#include "core/graph/graph.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <unordered_map>

#include "core/base/status_macros.h"
#include "core/base/text.h"
#include "core/graph/quantization_check.h"
#include "core/graph/shape_inference.h"
#include "fmt/format.h"
#include "fmt/ranges.h"

namespace bitsweep::graph {
namespace {

constexpr std::size_t kMaxNameBytes = 200;

absl::Status Bad(const Node& node, const std::string& why) {
  return absl::InvalidArgumentError(
      fmt::format("node \"{}\": {}", ToValidUtf8(node.name, kMaxNameBytes), why));
}

bool IsIdentifier(std::string_view name) {
  if (name.empty() || name.size() > kMaxNameBytes) return false;
  for (const char c : name) {
    const bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
    if (!letter && !(c >= '0' && c <= '9')) return false;
  }
  return !(name[0] >= '0' && name[0] <= '9');
}

bool IsModulePath(std::string_view path) {
  if (path.empty() || path.size() > kMaxNameBytes || path.front() == '.' || path.back() == '.')
    return false;
  for (std::size_t i = 0; i < path.size(); ++i) {
    const char c = path[i];
    const bool ok = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' ||
                    (c >= '0' && c <= '9') || (c == '.' && path[i - 1] != '.');
    if (!ok) return false;
  }
  return true;
}

bool HasParameters(const Op& op) {
  return std::holds_alternative<Linear>(op) || std::holds_alternative<Conv1d>(op) ||
         std::holds_alternative<BatchNorm1d>(op);
}

// Whether a node of this kind may hold this op.
absl::Status CheckKind(const Node& node, bool is_first, bool is_last) {
  const bool no_op = std::holds_alternative<NoOp>(node.op);
  switch (node.kind) {
    case NodeKind::kPlaceholder:
      if (!is_first) return Bad(node, "a placeholder must be the first node, and the only one");
      if (!no_op) return Bad(node, "a placeholder has no op");
      return absl::OkStatus();
    case NodeKind::kOutput:
      if (!is_last) return Bad(node, "an output must be the last node, and the only one");
      if (!no_op) return Bad(node, "an output has no op");
      return absl::OkStatus();
    case NodeKind::kGetAttr:
      return Bad(node, "get_attr nodes are not supported: tensors belong to call_module nodes");
    case NodeKind::kCallFunction:
      if (no_op || HasParameters(node.op) || std::holds_alternative<View>(node.op)) {
        return Bad(node, fmt::format("call_function cannot be {}", OpName(node.op)));
      }
      return absl::OkStatus();
    case NodeKind::kCallMethod:
      if (!std::holds_alternative<View>(node.op) && !std::holds_alternative<Flatten>(node.op) &&
          !std::holds_alternative<Relu>(node.op) && !std::holds_alternative<Sigmoid>(node.op) &&
          !std::holds_alternative<Add>(node.op)) {
        return Bad(node, fmt::format("call_method cannot be {}", OpName(node.op)));
      }
      return absl::OkStatus();
    case NodeKind::kCallModule:
      if (no_op || std::holds_alternative<Add>(node.op) || std::holds_alternative<View>(node.op)) {
        return Bad(node, fmt::format("call_module cannot be {}", OpName(node.op)));
      }
      if (!IsModulePath(node.target)) {
        return Bad(node, fmt::format("target \"{}\": expected a module path",
                                     ToValidUtf8(node.target, kMaxNameBytes)));
      }
      return absl::OkStatus();
  }
  return Bad(node, "unknown kind");
}

// The tensors of a module, in the framework's order.
void AppendTensors(const Node& node, std::vector<TensorInfo>& tensors) {
  const auto parameter = [&](const char* leaf, Shape shape, std::int64_t fan_in, double constant) {
    tensors.push_back({.name = node.target + "." + leaf,
                       .role = TensorRole::kParameter,
                       .shape = std::move(shape),
                       .node = node.name,
                       .fan_in = fan_in,
                       .constant = constant});
  };
  const auto buffer = [&](const char* leaf, Shape shape, double constant) {
    tensors.push_back({.name = node.target + "." + leaf,
                       .role = TensorRole::kBuffer,
                       .shape = std::move(shape),
                       .node = node.name,
                       .constant = constant});
  };
  if (const auto* linear = std::get_if<Linear>(&node.op)) {
    parameter("weight", {linear->out_features, linear->in_features}, linear->in_features, 0);
    if (linear->bias) parameter("bias", {linear->out_features}, linear->in_features, 0);
  } else if (const auto* conv = std::get_if<Conv1d>(&node.op)) {
    const std::int64_t fan_in = conv->in_channels * conv->kernel_size;
    parameter("weight", {conv->out_channels, conv->in_channels, conv->kernel_size}, fan_in, 0);
    if (conv->bias) parameter("bias", {conv->out_channels}, fan_in, 0);
  } else if (const auto* norm = std::get_if<BatchNorm1d>(&node.op)) {
    parameter("weight", {norm->num_features}, 0, 1);
    parameter("bias", {norm->num_features}, 0, 0);
    buffer("running_mean", {norm->num_features}, 0);
    buffer("running_var", {norm->num_features}, 1);
    buffer("num_batches_tracked", {}, 0);
    tensors.back().is_int64 = true;
  }
}

}  // namespace

std::string_view Name(NodeKind kind) {
  switch (kind) {
    case NodeKind::kPlaceholder:
      return "placeholder";
    case NodeKind::kGetAttr:
      return "get_attr";
    case NodeKind::kCallFunction:
      return "call_function";
    case NodeKind::kCallMethod:
      return "call_method";
    case NodeKind::kCallModule:
      return "call_module";
    case NodeKind::kOutput:
      break;
  }
  return "output";
}

absl::StatusOr<Graph> Graph::Create(std::string name, std::vector<Node> nodes) {
  if (name.empty() || name.size() > kMaxNameBytes) {
    return absl::InvalidArgumentError("graph: expected a name of 1 to 200 bytes");
  }
  if (nodes.size() < 2 || nodes.size() > static_cast<std::size_t>(kMaxNodes)) {
    return absl::InvalidArgumentError(
        fmt::format("graph: {} nodes, expected 2 to {}", nodes.size(), kMaxNodes));
  }
  if (nodes.front().kind != NodeKind::kPlaceholder) {
    return Bad(nodes.front(), "the first node must be a placeholder");
  }
  if (nodes.back().kind != NodeKind::kOutput)
    return Bad(nodes.back(), "the last node must be an output");

  Graph graph;
  std::unordered_map<std::string, std::size_t> index;
  std::unordered_map<std::string, std::size_t> modules;
  std::int64_t elements = 0;
  for (std::size_t i = 0; i < nodes.size(); ++i) {
    const Node& node = nodes[i];
    if (!IsIdentifier(node.name))
      return Bad(node, "the name is not an identifier of 1 to 200 characters");
    RETURN_IF_ERROR(CheckKind(node, i == 0, i + 1 == nodes.size()));
    const std::size_t wanted = node.kind == NodeKind::kPlaceholder ? 0 : InputCount(node.op);
    if (node.inputs.size() != wanted) {
      return Bad(node, fmt::format("{} inputs, expected {}", node.inputs.size(), wanted));
    }
    std::vector<Shape> inputs;
    for (const std::string& input : node.inputs) {
      const auto found = index.find(input);
      if (found == index.end()) {
        return Bad(node, fmt::format("input \"{}\" is no earlier node",
                                     ToValidUtf8(input, kMaxNameBytes)));
      }
      inputs.push_back(graph.sample_shapes_[found->second]);
    }
    Shape shape;
    if (node.kind == NodeKind::kPlaceholder) {
      shape = node.sample_shape;
      if (shape.empty() || shape.size() > 8) return Bad(node, "shape: expected 1 to 8 sizes");
    } else {
      absl::StatusOr<Shape> inferred = InferShape(node.op, inputs);
      if (!inferred.ok()) return Bad(node, std::string(inferred.status().message()));
      shape = *std::move(inferred);
    }
    if (node.quantization) {
      const absl::Status fits = CheckQuantization(node, inputs.empty() ? Shape{} : inputs.front());
      if (!fits.ok()) return Bad(node, std::string(fits.message()));
    }
    elements += ElementCount(shape);
    const bool positive =
        std::all_of(shape.begin(), shape.end(), [](auto size) { return size > 0; });
    if (!positive || elements > kMaxElements) {
      return Bad(node,
                 fmt::format("shape {}: sizes must be positive and at most {} elements in all",
                             ShapeText(shape), kMaxElements));
    }
    if (!index.emplace(node.name, i).second) return Bad(node, "the name is used twice");
    graph.sample_shapes_.push_back(std::move(shape));
    if (node.kind == NodeKind::kCallModule) {
      const auto [first, is_new] = modules.emplace(node.target, i);
      if (is_new) {
        AppendTensors(node, graph.tensors_);
      } else if (nodes[first->second].op != node.op) {
        return Bad(node, fmt::format("module \"{}\" is another one in node \"{}\"", node.target,
                                     nodes[first->second].name));
      }
    }
  }
  graph.name_ = std::move(name);
  graph.nodes_ = std::move(nodes);
  double parameters = 0;
  for (const TensorInfo& tensor : graph.tensors_) {
    parameters += static_cast<double>(ElementCount(tensor.shape));
  }
  if (parameters > static_cast<double>(kMaxElements)) {
    return absl::InvalidArgumentError(fmt::format(
        "graph: {:.0f} parameters, at most {} are supported", parameters, kMaxElements));
  }
  return graph;
}

std::int64_t Graph::InputFeatures() const { return ElementCount(sample_shapes_.front()); }
std::int64_t Graph::OutputFeatures() const { return ElementCount(sample_shapes_.back()); }

std::int64_t Graph::ParameterCount() const {
  std::int64_t count = 0;
  for (const TensorInfo& tensor : tensors_) {
    if (tensor.role == TensorRole::kParameter) count += ElementCount(tensor.shape);
  }
  return count;
}

int Graph::Find(std::string_view node_name) const {
  for (std::size_t i = 0; i < nodes_.size(); ++i) {
    if (nodes_[i].name == node_name) return static_cast<int>(i);
  }
  return -1;
}

std::int64_t ElementCount(const Shape& shape) {
  double exact = 1;
  std::int64_t count = 1;
  for (const std::int64_t size : shape) {
    exact *= static_cast<double>(size);
    if (std::abs(exact) > 9e15) return std::numeric_limits<std::int64_t>::max() / 2;
    count *= size;
  }
  return count;
}

std::string ShapeText(const Shape& shape) { return fmt::format("[{}]", fmt::join(shape, ", ")); }

}  // namespace bitsweep::graph
