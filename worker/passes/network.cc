// SPDX-License-Identifier: Apache-2.0
#include "worker/passes/network.h"

#include <unordered_map>

namespace bitsweep::passes {
namespace {

const graph::NumberFormat* Address(const std::optional<graph::NumberFormat>& format) {
  return format ? &*format : nullptr;
}

}  // namespace

std::vector<std::vector<NodeTensor>> TensorsOfNodes(const graph::Graph& graph) {
  std::unordered_map<std::string, std::vector<NodeTensor>> by_module;
  for (std::size_t i = 0; i < graph.tensors().size(); ++i) {
    const std::string& name = graph.tensors()[i].name;
    const std::size_t dot = name.rfind('.');
    by_module[name.substr(0, dot)].push_back({.leaf = name.substr(dot + 1), .index = i});
  }
  std::vector<std::vector<NodeTensor>> tensors;
  tensors.reserve(graph.nodes().size());
  for (const graph::Node& node : graph.nodes()) {
    const auto found = by_module.find(node.target);
    const bool has = node.kind == graph::NodeKind::kCallModule && found != by_module.end();
    tensors.push_back(has ? found->second : std::vector<NodeTensor>());
  }
  return tensors;
}

const graph::NumberFormat* FormatOf(const graph::Node& node, std::string_view tensor) {
  if (!node.quantization || node.quantization->bypass) return nullptr;
  if (tensor == "data_in") return Address(node.quantization->data_in);
  if (tensor == "weight") return Address(node.quantization->weight);
  if (tensor == "bias") return Address(node.quantization->bias);
  return nullptr;
}

bool IsQuantized(const graph::Node& node) {
  return FormatOf(node, "data_in") != nullptr || FormatOf(node, "weight") != nullptr ||
         FormatOf(node, "bias") != nullptr;
}

graph::Shape Batched(const graph::Shape& sample_shape, std::int64_t rows) {
  graph::Shape shape = {rows};
  shape.insert(shape.end(), sample_shape.begin(), sample_shape.end());
  return shape;
}

}  // namespace bitsweep::passes
