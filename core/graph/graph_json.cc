// SPDX-License-Identifier: Apache-2.0
#include "core/graph/graph_json.h"

#include <algorithm>
#include <stdexcept>
#include <utility>

#include "core/graph/json_depth.h"
#include "core/graph/json_object.h"
#include "core/graph/quantization_json.h"
#include "fmt/format.h"
#include "nlohmann/json.hpp"

namespace bitsweep::graph {
namespace {

using Json = nlohmann::json;
using json_object::Fail;

constexpr std::size_t kMaxBytes = 16 << 20;
constexpr int kMaxDepth = 32;

Json Attributes(const Op& op) {
  struct Visitor {
    Json operator()(const NoOp&) const { return Json::object(); }
    Json operator()(const Linear& o) const {
      return {{"in_features", o.in_features}, {"out_features", o.out_features}, {"bias", o.bias}};
    }
    Json operator()(const Conv1d& o) const {
      return {{"in_channels", o.in_channels}, {"out_channels", o.out_channels},
              {"kernel_size", o.kernel_size}, {"stride", o.stride},
              {"padding", o.padding},         {"bias", o.bias}};
    }
    Json operator()(const BatchNorm1d& o) const {
      return {{"num_features", o.num_features}, {"eps", o.eps}, {"momentum", o.momentum}};
    }
    Json operator()(const Relu& o) const { return {{"inplace", o.inplace}}; }
    Json operator()(const Sigmoid&) const { return Json::object(); }
    Json operator()(const Add&) const { return Json::object(); }
    Json operator()(const View& o) const { return {{"shape", o.shape}}; }
    Json operator()(const Flatten& o) const { return {{"start_dim", o.start_dim}}; }
    Json operator()(const Dropout& o) const { return {{"p", o.p}}; }
  };
  return std::visit(Visitor{}, op);
}

Op ReadOp(const std::string& name, const Json* attributes, const std::string& where) {
  static const Json kNone = Json::object();
  JsonObject a(attributes == nullptr ? kNone : *attributes, where + " attributes");
  Op op;
  if (name == "linear") {
    op = Linear{a.Integer("in_features"), a.Integer("out_features"), a.Flag("bias", true)};
  } else if (name == "conv1d") {
    op = Conv1d{a.Integer("in_channels"), a.Integer("out_channels"), a.Integer("kernel_size"),
                a.Integer("stride", 1),   a.Integer("padding", 0),   a.Flag("bias", true)};
  } else if (name == "batch_norm1d") {
    op = BatchNorm1d{a.Integer("num_features"), a.Number("eps", 1e-5), a.Number("momentum", 0.1)};
  } else if (name == "relu") {
    op = Relu{a.Flag("inplace", false)};
  } else if (name == "sigmoid") {
    op = Sigmoid{};
  } else if (name == "add") {
    op = Add{};
  } else if (name == "view") {
    op = View{a.Integers("shape")};
  } else if (name == "flatten") {
    op = Flatten{a.Integer("start_dim", 1)};
  } else if (name == "dropout") {
    op = Dropout{a.Number("p", 0.5)};
  } else {
    Fail(where, fmt::format("unknown op {}: expected linear, conv1d, batch_norm1d, relu, sigmoid, "
                            "add, view, flatten or dropout",
                            Quoted(name)));
  }
  a.Done();
  return op;
}

NodeKind ReadKind(const std::string& name, const std::string& where) {
  for (const NodeKind kind : {NodeKind::kPlaceholder, NodeKind::kGetAttr, NodeKind::kCallFunction,
                              NodeKind::kCallMethod, NodeKind::kCallModule, NodeKind::kOutput}) {
    if (Name(kind) == name) return kind;
  }
  Fail(where, "unknown kind " + Quoted(name));
}

Node ReadNode(const Json& json, std::size_t position, std::int64_t version) {
  std::string where = fmt::format("node {}", position);
  if (json.is_object() && json.contains("name") && json["name"].is_string()) {
    where = "node " + Quoted(json["name"].get_ref<const std::string&>());
  }
  JsonObject o(json, where);
  Node node;
  node.name = o.Text("name");
  node.kind = ReadKind(o.Text("kind"), where);
  if (node.kind == NodeKind::kPlaceholder) {
    node.target = node.name;
    node.sample_shape = o.Integers("shape");
    o.Done();
    return node;
  }
  const Json& inputs = o.Get("inputs");
  if (!inputs.is_array() || inputs.size() > 16)
    Fail(where, "\"inputs\" must be a list of node names");
  for (const Json& input : inputs) {
    if (!input.is_string()) Fail(where, "\"inputs\" must be a list of node names");
    node.inputs.push_back(input.get<std::string>());
  }
  if (node.kind == NodeKind::kOutput) {
    node.target = "output";
  } else {
    const std::string op = o.Text("op");
    node.op = ReadOp(op, o.Find("attributes"), where);
    node.target = o.Find("target") != nullptr ? o.Text("target") : op;
    if (version >= 2) {
      if (const Json* quantization = o.Find("quantization")) {
        node.quantization = ReadQuantization(*quantization, where + " quantization");
      }
    }
  }
  o.Done();
  return node;
}

}  // namespace

std::string ToJson(const Graph& graph) {
  Json nodes = Json::array();
  for (const Node& node : graph.nodes()) {
    Json json = {{"name", node.name}, {"kind", std::string(Name(node.kind))}};
    if (node.kind == NodeKind::kPlaceholder) {
      json["shape"] = node.sample_shape;
    } else {
      json["inputs"] = node.inputs;
      if (node.kind != NodeKind::kOutput) {
        json["op"] = std::string(OpName(node.op));
        json["target"] = node.target;
        Json attributes = Attributes(node.op);
        if (!attributes.empty()) json["attributes"] = std::move(attributes);
        if (node.quantization) json["quantization"] = QuantizationToJson(*node.quantization);
      }
    }
    nodes.push_back(std::move(json));
  }
  // Graphs that version 1 can say are written as they always were: equal graphs have equal text.
  const bool quantized =
      std::any_of(graph.nodes().begin(), graph.nodes().end(),
                  [](const Node& node) { return node.quantization.has_value(); });
  const Json json = {{"format", "bitsweep.graph"},
                     {"version", quantized ? kGraphJsonVersion : 1},
                     {"name", graph.name()},
                     {"nodes", std::move(nodes)}};
  return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

absl::StatusOr<Graph> FromJson(std::string_view text) {
  if (text.size() > kMaxBytes) {
    return absl::InvalidArgumentError(
        fmt::format("graph: {} bytes of JSON, at most {} are accepted", text.size(), kMaxBytes));
  }
  if (IsNestedDeeperThan(kMaxDepth, text)) {
    return absl::InvalidArgumentError(fmt::format("graph: nested deeper than {}", kMaxDepth));
  }
  const Json json = Json::parse(text, nullptr, /*allow_exceptions=*/false);
  if (json.is_discarded()) return absl::InvalidArgumentError("graph: not JSON");
  try {
    JsonObject o(json, "graph");
    if (o.Text("format") != "bitsweep.graph")
      Fail("graph", "\"format\" must be \"bitsweep.graph\"");
    const std::int64_t version = o.Integer("version");
    if (version < 1 || version > kGraphJsonVersion) {
      Fail("graph",
           fmt::format("version {}: this program reads 1 to {}", version, kGraphJsonVersion));
    }
    std::string name = o.Text("name");
    const Json& list = o.Get("nodes");
    if (!list.is_array() || list.size() > static_cast<std::size_t>(Graph::kMaxNodes)) {
      Fail("graph", fmt::format("\"nodes\" must be a list of at most {} nodes", Graph::kMaxNodes));
    }
    std::vector<Node> nodes;
    for (std::size_t i = 0; i < list.size(); ++i) nodes.push_back(ReadNode(list[i], i, version));
    o.Done();
    return Graph::Create(std::move(name), std::move(nodes));
  } catch (const std::invalid_argument& error) {
    return absl::InvalidArgumentError(error.what());
  }
}

}  // namespace bitsweep::graph
