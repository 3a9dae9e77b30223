// SPDX-License-Identifier: Apache-2.0
#include "core/graph/graph_json.h"

#include <cmath>
#include <set>

#include "core/base/text.h"
#include "core/graph/json_depth.h"
#include "fmt/format.h"
#include "nlohmann/json.hpp"

namespace bitsweep::graph {
namespace {

using Json = nlohmann::json;

constexpr std::size_t kMaxBytes = 16 << 20;
constexpr int kMaxDepth = 32;

// A user's text in a message: valid UTF-8, and short.
std::string Quoted(std::string_view text) { return fmt::format("\"{}\"", ToValidUtf8(text, 200)); }

[[noreturn]] void Fail(const std::string& where, const std::string& why) {
  throw std::invalid_argument(fmt::format("{}: {}", where, why));
}

// An object read strictly: what was not asked for is an error that names it.
class Object {
 public:
  Object(const Json& json, std::string where) : json_(json), where_(std::move(where)) {
    if (!json.is_object()) Fail(where_, "expected an object");
  }
  const std::string& where() const { return where_; }

  const Json* Find(const std::string& key) {
    seen_.insert(key);
    const auto found = json_.find(key);
    return found == json_.end() ? nullptr : &*found;
  }
  const Json& Get(const std::string& key) {
    const Json* value = Find(key);
    if (value == nullptr) Fail(where_, fmt::format("\"{}\" is missing", key));
    return *value;
  }
  std::string Text(const std::string& key) {
    const Json& value = Get(key);
    if (!value.is_string()) Fail(where_, fmt::format("\"{}\" must be a string", key));
    return value.get<std::string>();
  }
  std::int64_t Integer(const std::string& key,
                       std::optional<std::int64_t> fallback = std::nullopt) {
    const Json* value = Find(key);
    if (value == nullptr && fallback) return *fallback;
    return AsInteger(Get(key), key);
  }
  double Number(const std::string& key, double fallback) {
    const Json* value = Find(key);
    if (value == nullptr) return fallback;
    if (!value->is_number()) Fail(where_, fmt::format("\"{}\" must be a number", key));
    return value->get<double>();
  }
  bool Flag(const std::string& key, bool fallback) {
    const Json* value = Find(key);
    if (value == nullptr) return fallback;
    if (!value->is_boolean()) Fail(where_, fmt::format("\"{}\" must be true or false", key));
    return value->get<bool>();
  }
  std::vector<std::int64_t> Integers(const std::string& key) {
    const Json& value = Get(key);
    if (!value.is_array() || value.size() > 16) {
      Fail(where_, fmt::format("\"{}\" must be a list of at most 16 integers", key));
    }
    std::vector<std::int64_t> list;
    for (const Json& item : value) list.push_back(AsInteger(item, key));
    return list;
  }
  void Done() const {
    for (const auto& [key, value] : json_.items()) {
      if (!seen_.contains(key)) Fail(where_, "unknown key " + Quoted(key));
    }
  }

 private:
  std::int64_t AsInteger(const Json& value, const std::string& key) const {
    if (value.is_number_unsigned()) {
      const auto whole = value.get<std::uint64_t>();
      if (whole <= (std::uint64_t{1} << 53)) return static_cast<std::int64_t>(whole);
    } else if (value.is_number_integer()) {
      return value.get<std::int64_t>();
    } else if (value.is_number_float()) {
      const double number = value.get<double>();
      if (number == std::floor(number) && std::abs(number) <= 9007199254740992.0) {
        return static_cast<std::int64_t>(number);
      }
    }
    Fail(where_, fmt::format("\"{}\" must be an integer", key));
  }

  const Json& json_;
  const std::string where_;
  std::set<std::string> seen_;
};

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
  Object a(attributes == nullptr ? kNone : *attributes, where + " attributes");
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

Node ReadNode(const Json& json, std::size_t position) {
  std::string where = fmt::format("node {}", position);
  if (json.is_object() && json.contains("name") && json["name"].is_string()) {
    where = "node " + Quoted(json["name"].get_ref<const std::string&>());
  }
  Object o(json, where);
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
      }
    }
    nodes.push_back(std::move(json));
  }
  const Json json = {{"format", "bitsweep.graph"},
                     {"version", kGraphJsonVersion},
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
    Object o(json, "graph");
    if (o.Text("format") != "bitsweep.graph")
      Fail("graph", "\"format\" must be \"bitsweep.graph\"");
    if (const std::int64_t version = o.Integer("version"); version != kGraphJsonVersion) {
      Fail("graph", fmt::format("version {}: this program reads {}", version, kGraphJsonVersion));
    }
    std::string name = o.Text("name");
    const Json& list = o.Get("nodes");
    if (!list.is_array() || list.size() > static_cast<std::size_t>(Graph::kMaxNodes)) {
      Fail("graph", fmt::format("\"nodes\" must be a list of at most {} nodes", Graph::kMaxNodes));
    }
    std::vector<Node> nodes;
    for (std::size_t i = 0; i < list.size(); ++i) nodes.push_back(ReadNode(list[i], i));
    o.Done();
    return Graph::Create(std::move(name), std::move(nodes));
  } catch (const std::invalid_argument& error) {
    return absl::InvalidArgumentError(error.what());
  }
}

}  // namespace bitsweep::graph
