// SPDX-License-Identifier: Apache-2.0
#include "client/exchange/onnx_network.h"

#include <algorithm>
#include <utility>
#include <variant>

#include "core/base/status_macros.h"
#include "core/base/text.h"
#include "core/graph/quantization_check.h"
#include "core/graph/shape_inference.h"
#include "fmt/format.h"
#include "fmt/ranges.h"

namespace bitsweep::exchange {
namespace {

constexpr std::size_t kMaxName = 150;  // leaves room for what makes it unique

bool IsNamePart(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
}

bool IsModulePathText(std::string_view path) {
  if (path.empty() || path.size() > kMaxName || path.front() == '.' || path.back() == '.') {
    return false;
  }
  return std::all_of(path.begin(), path.end(), [](char c) { return IsNamePart(c) || c == '.'; }) &&
         path.find("..") == std::string_view::npos;
}

// "block.conv1" of a tensor "block.conv1.weight", or of a node "/block/conv1/Conv"; empty for
// neither.
std::string WantedPath(const std::string& onnx_name, const std::vector<ModuleTensor>& tensors) {
  for (const ModuleTensor& tensor : tensors) {
    const std::string suffix = "." + tensor.leaf;
    const std::string& name = tensor.value.name;
    if (!name.ends_with(suffix)) continue;
    const std::string path = name.substr(0, name.size() - suffix.size());
    if (IsModulePathText(path)) return path;
  }
  const std::size_t last = onnx_name.rfind('/');
  if (last == std::string::npos) return ToIdentifier(onnx_name);
  std::string path = onnx_name.substr(0, last);
  std::replace(path.begin(), path.end(), '/', '.');
  path.erase(0, path.find_first_not_of('.'));
  return IsModulePathText(path) ? path : ToIdentifier(path);
}

graph::NodeKind KindOfOp(const graph::Op& op, bool has_tensors) {
  if (has_tensors) return graph::NodeKind::kCallModule;
  if (std::holds_alternative<graph::View>(op)) return graph::NodeKind::kCallMethod;
  return graph::NodeKind::kCallFunction;
}

bool MovesElementsOnly(const graph::Op& op) {
  return std::holds_alternative<graph::View>(op) || std::holds_alternative<graph::Flatten>(op);
}

// The rounding of the node's inputs; nullopt without.
absl::StatusOr<std::optional<graph::NumberFormat>> InputFormat(
    const graph::Op& op, const std::vector<OnnxValue>& inputs) {
  const auto first = std::find_if(inputs.begin(), inputs.end(),
                                  [](const OnnxValue& value) { return value.format.has_value(); });
  if (first == inputs.end() || MovesElementsOnly(op)) return std::nullopt;
  if (!graph::IsQuantizable(op)) {
    return absl::InvalidArgumentError(fmt::format(
        "it reads what {} has rounded: only linear, conv1d, relu and add round their inputs",
        first->quantizer));
  }
  for (const OnnxValue& input : inputs) {
    if (input.format != first->format) {
      return absl::InvalidArgumentError(
          fmt::format("{} rounds one of its inputs, and not every input alike", first->quantizer));
    }
  }
  return first->format;
}

}  // namespace

std::string ToIdentifier(std::string_view text) {
  std::string name(text.substr(0, kMaxName));
  std::replace_if(
      name.begin(), name.end(), [](char c) { return !IsNamePart(c); }, '_');
  if (name.find_first_not_of('_') == std::string::npos) return "";
  if (name[0] >= '0' && name[0] <= '9') name = "_" + name;
  return name;
}

std::string OnnxNetwork::UniqueNodeName(const std::string& wanted) {
  std::string name = wanted;
  while (!names_.insert(name).second) name = fmt::format("{}_{}", wanted, ++repeats_[wanted]);
  return name;
}

void OnnxNetwork::SetInput(const std::string& onnx_name, graph::Shape sample_shape) {
  std::string name = ToIdentifier(onnx_name);
  name = UniqueNodeName(name.empty() ? "x" : name);
  places_[name] = {.step = steps_.size(), .shape = sample_shape};
  steps_.push_back({.node = {.name = name,
                             .kind = graph::NodeKind::kPlaceholder,
                             .target = name,
                             .op = graph::NoOp{},
                             .sample_shape = std::move(sample_shape)}});
}

absl::StatusOr<OnnxValue> OnnxNetwork::Add(const std::string& onnx_name, graph::Op op,
                                           const std::vector<OnnxValue>& inputs,
                                           std::vector<ModuleTensor> tensors) {
  std::vector<graph::Shape> shapes;
  graph::Node node{.kind = KindOfOp(op, !tensors.empty())};
  for (const OnnxValue& input : inputs) {
    shapes.push_back(ShapeOf(input));
    node.inputs.push_back(input.node);
  }
  ASSIGN_OR_RETURN(graph::Shape shape, graph::InferShape(op, shapes));
  ASSIGN_OR_RETURN(const auto data_format, InputFormat(op, inputs));
  graph::NodeQuantization quantization{.data_in = data_format};
  for (const ModuleTensor& tensor : tensors) {
    if (!tensor.value.format) continue;
    if (!graph::HasWeight(op)) {
      return absl::InvalidArgumentError(
          fmt::format("its {} is rounded by {}: only linear and conv1d round their tensors",
                      tensor.leaf, tensor.value.quantizer));
    }
    (tensor.leaf == "weight" ? quantization.weight : quantization.bias) = tensor.value.format;
  }
  node.op = std::move(op);
  for (const auto* format : {&quantization.data_in, &quantization.weight, &quantization.bias}) {
    if (*format) quantization.format = graph::FormatName(**format);
  }
  if (!quantization.format.empty()) {
    node.quantization = std::move(quantization);
    RETURN_IF_ERROR(graph::CheckQuantization(node, shapes.front()));
  }

  node.target =
      tensors.empty() ? std::string(graph::OpName(node.op)) : WantedPath(onnx_name, tensors);
  if (node.target.empty()) node.target = graph::OpName(node.op);
  const bool is_named = !onnx_name.empty() && ToIdentifier(onnx_name) == onnx_name;
  node.name = UniqueNodeName(is_named ? onnx_name : ToIdentifier(node.target));
  OnnxValue result{.node = node.name};
  if (MovesElementsOnly(node.op)) {
    result.format = inputs.front().format;
    result.quantizer = inputs.front().quantizer;
  }
  places_[node.name] = {.step = steps_.size(), .shape = std::move(shape)};
  steps_.push_back({.node = std::move(node), .tensors = std::move(tensors)});
  return result;
}

absl::StatusOr<OnnxValue> OnnxNetwork::AddBias(const OnnxValue& product, const OnnxValue& bias) {
  Step& step = steps_[places_.at(product.node).step];
  graph::Node node = step.node;
  auto& linear = std::get<graph::Linear>(node.op);
  const std::int64_t size = linear.out_features;
  const graph::Shape& shape = bias.constant->shape;
  if (shape != graph::Shape{size} && shape != graph::Shape{1, size}) {
    return absl::InvalidArgumentError(fmt::format("it adds a constant of shape {}, expected [{}]",
                                                  graph::ShapeText(shape), size));
  }
  linear.bias = true;
  if (bias.format) {
    if (!node.quantization) {
      node.quantization = {.format = std::string(graph::FormatName(*bias.format))};
    }
    node.quantization->bias = bias.format;
    RETURN_IF_ERROR(graph::CheckQuantization(node, {linear.in_features}));
  }
  step.node = std::move(node);
  step.tensors.push_back({.leaf = "bias", .value = bias});
  return OnnxValue{.node = product.node};
}

std::map<std::string, const ModuleTensor*> OnnxNetwork::PlaceModules() {
  std::map<std::string, const ModuleTensor*> by_name;
  std::map<std::string, std::pair<const graph::Op*, std::string>> known;  // by what they read
  std::set<std::string> paths;
  std::map<std::string, int> repeated;
  for (Step& step : steps_) {
    if (step.tensors.empty()) continue;
    std::vector<std::string> names;
    for (const ModuleTensor& tensor : step.tensors) {
      names.push_back(tensor.value.name + (tensor.value.is_transposed ? " transposed" : ""));
    }
    const std::string key = fmt::format("{}", fmt::join(names, "\n"));
    const auto found = known.find(key);
    if (found != known.end() && *found->second.first == step.node.op) {
      step.node.target = found->second.second;
      continue;
    }
    const std::string wanted = step.node.target;
    while (!paths.insert(step.node.target).second) {
      step.node.target = fmt::format("{}_{}", wanted, ++repeated[wanted]);
    }
    known.emplace(key, std::pair(&step.node.op, step.node.target));
    for (const ModuleTensor& tensor : step.tensors) {
      by_name[step.node.target + "." + tensor.leaf] = &tensor;
    }
  }
  return by_name;
}

absl::StatusOr<graph::Checkpoint> OnnxNetwork::Finish(const std::string& graph_name,
                                                      const std::string& output_name,
                                                      const OnnxValue& output) {
  const std::map<std::string, const ModuleTensor*> by_name = PlaceModules();
  std::vector<graph::Node> nodes;
  for (const Step& step : steps_) nodes.push_back(step.node);
  const std::string wanted = ToIdentifier(output_name);
  const std::string name = UniqueNodeName(
      wanted.empty() || wanted != output_name || names_.contains(wanted) ? "output" : wanted);
  nodes.push_back({.name = name,
                   .kind = graph::NodeKind::kOutput,
                   .target = "output",
                   .op = graph::NoOp{},
                   .inputs = {output.node}});
  const std::string title = ToValidUtf8(graph_name, 200);
  ASSIGN_OR_RETURN(graph::Graph graph,
                   graph::Graph::Create(title.empty() ? "onnx" : title, std::move(nodes)));
  graph::Checkpoint checkpoint{.graph = std::move(graph), .tensors = {}, .metadata = {}};
  for (const graph::TensorInfo& info : checkpoint.graph.tensors()) {
    graph::TensorValue value{.name = info.name};
    if (info.is_int64) {
      value.i64 = {0};
    } else {
      value.f32 = by_name.at(info.name)->value.constant->floats;
    }
    checkpoint.tensors.push_back(std::move(value));
  }
  return checkpoint;
}

}  // namespace bitsweep::exchange
