// SPDX-License-Identifier: Apache-2.0
#include "core/graph/report.h"

#include <map>
#include <set>
#include <unordered_map>
#include <utility>

#include "fmt/format.h"
#include "fmt/ranges.h"

namespace bitsweep::graph {
namespace {

std::string_view PythonBool(bool value) { return value ? "True" : "False"; }

// 1 is 1.0.
std::string PythonFloat(double value) {
  std::string text = fmt::format("{}", value);
  if (text.find_first_of(".e") == std::string::npos) text += ".0";
  return text;
}

// "Integer" or "integer" behind the type of a quantized node; "" otherwise.
std::string QuantizedTitle(const Node& node) {
  return node.quantization ? std::string(FormatTitle(node.quantization->format)) : "";
}
std::string QuantizedSuffix(const Node& node) {
  if (!node.quantization) return "";
  return "_" + (node.quantization->format == "fixed" ? "integer" : node.quantization->format);
}

// The framework's class of a module.
std::string_view ClassName(const Op& op) {
  struct Visitor {
    std::string_view operator()(const NoOp&) const { return ""; }
    std::string_view operator()(const Linear&) const { return "Linear"; }
    std::string_view operator()(const Conv1d&) const { return "Conv1d"; }
    std::string_view operator()(const BatchNorm1d&) const { return "BatchNorm1d"; }
    std::string_view operator()(const Relu&) const { return "ReLU"; }
    std::string_view operator()(const Sigmoid&) const { return "Sigmoid"; }
    std::string_view operator()(const Add&) const { return "Add"; }
    std::string_view operator()(const View&) const { return "View"; }
    std::string_view operator()(const Flatten&) const { return "Flatten"; }
    std::string_view operator()(const Dropout&) const { return "Dropout"; }
  };
  return std::visit(Visitor{}, op);
}

// What stands between the parentheses of a module.
std::string ModuleArguments(const Op& op) {
  struct Visitor {
    std::string operator()(const Linear& o) const {
      return fmt::format("in_features={}, out_features={}, bias={}", o.in_features, o.out_features,
                         PythonBool(o.bias));
    }
    std::string operator()(const Conv1d& o) const {
      return fmt::format("{}, {}, kernel_size=({},), stride=({},){}{}", o.in_channels,
                         o.out_channels, o.kernel_size, o.stride,
                         o.padding != 0 ? fmt::format(", padding=({},)", o.padding) : "",
                         o.bias ? "" : ", bias=False");
    }
    std::string operator()(const BatchNorm1d& o) const {
      return fmt::format("{}, eps={}, momentum={}, affine=True, track_running_stats=True",
                         o.num_features, PythonFloat(o.eps), PythonFloat(o.momentum));
    }
    std::string operator()(const Relu& o) const { return o.inplace ? "inplace=True" : ""; }
    std::string operator()(const Flatten& o) const {
      return fmt::format("start_dim={}, end_dim=-1", o.start_dim);
    }
    std::string operator()(const Dropout& o) const {
      return fmt::format("p={}, inplace=False", PythonFloat(o.p));
    }
    std::string operator()(const NoOp&) const { return ""; }
    std::string operator()(const Sigmoid&) const { return ""; }
    std::string operator()(const Add&) const { return ""; }
    std::string operator()(const View&) const { return ""; }
  };
  return std::visit(Visitor{}, op);
}

// A call's arguments that are no nodes: those by position, and those by name.
struct CallArguments {
  std::vector<std::int64_t> positional;
  std::string named;
};
CallArguments ArgumentsOf(const Node& node) {
  if (node.kind == NodeKind::kCallModule) return {};
  if (const auto* view = std::get_if<View>(&node.op)) return {view->shape, ""};
  if (const auto* flatten = std::get_if<Flatten>(&node.op)) return {{flatten->start_dim}, ""};
  if (node.kind == NodeKind::kCallMethod) return {};
  if (const auto* relu = std::get_if<Relu>(&node.op)) {
    return {{}, fmt::format("inplace: {}", PythonBool(relu->inplace))};
  }
  if (const auto* dropout = std::get_if<Dropout>(&node.op)) {
    return {{}, fmt::format("p: {}", PythonFloat(dropout->p))};
  }
  return {};
}

// What a call calls, by its full name.
std::string CallTarget(const Node& node) {
  if (node.kind == NodeKind::kCallModule) return node.target;
  if (node.kind == NodeKind::kCallMethod || node.quantization) return TypeText(node);
  if (std::holds_alternative<Relu>(node.op)) return "torch.nn.functional.relu";
  if (std::holds_alternative<Dropout>(node.op)) return "torch.nn.functional.dropout";
  if (std::holds_alternative<Add>(node.op)) return "operator.add";
  return fmt::format("torch.{}", OpName(node.op));
}

std::string CallLine(const Node& node, std::size_t users) {
  const CallArguments arguments = ArgumentsOf(node);
  std::string args;
  for (const std::string& input : node.inputs) {
    args += fmt::format("{}%{}", args.empty() ? "" : ", ", input);
  }
  for (const std::int64_t number : arguments.positional) args += fmt::format(", {}", number);
  // A tuple of one is written with a comma.
  if (node.inputs.size() + arguments.positional.size() == 1) args += ",";
  return fmt::format("\n    %{} : [num_users={}] = {}[target={}](args = ({}), kwargs = {{{}}})",
                     node.name, users, Name(node.kind), CallTarget(node), args, arguments.named);
}

}  // namespace

KindCounts CountKinds(const Graph& graph) {
  KindCounts counts;
  for (const Node& node : graph.nodes()) {
    switch (node.kind) {
      case NodeKind::kPlaceholder:
        ++counts.placeholder;
        break;
      case NodeKind::kGetAttr:
        ++counts.get_attr;
        break;
      case NodeKind::kCallFunction:
        ++counts.call_function;
        break;
      case NodeKind::kCallMethod:
        ++counts.call_method;
        break;
      case NodeKind::kCallModule:
        ++counts.call_module;
        break;
      case NodeKind::kOutput:
        ++counts.output;
        break;
    }
  }
  return counts;
}

std::string Listing(const Graph& graph) {
  // Nodes that use a value, each counted once.
  std::unordered_map<std::string_view, std::size_t> users;
  for (const Node& node : graph.nodes()) {
    const std::set<std::string_view> inputs(node.inputs.begin(), node.inputs.end());
    for (const std::string_view input : inputs) ++users[input];
  }
  std::string text = "graph():";
  for (const Node& node : graph.nodes()) {
    if (node.kind == NodeKind::kPlaceholder) {
      text += fmt::format("\n    %{} : [num_users={}] = placeholder[target={}]", node.name,
                          users[node.name], node.target);
    } else if (node.kind == NodeKind::kOutput) {
      text += fmt::format("\n    return {}", node.inputs.front());
    } else {
      text += CallLine(node, users[node.name]);
    }
  }
  return text;
}

std::string ModuleText(const Node& node) {
  return fmt::format("{}({})", TypeText(node), ModuleArguments(node.op));
}

std::string MaseType(const Node& node) {
  switch (node.kind) {
    case NodeKind::kPlaceholder:
    case NodeKind::kGetAttr:
    case NodeKind::kOutput:
      return std::string(Name(node.kind));
    case NodeKind::kCallFunction:
    case NodeKind::kCallMethod:
    case NodeKind::kCallModule:
      break;
  }
  if (std::holds_alternative<BatchNorm1d>(node.op)) return "module";
  if (std::holds_alternative<Add>(node.op)) return "builtin_func";
  if (std::holds_alternative<View>(node.op) || std::holds_alternative<Flatten>(node.op)) {
    return "implicit_func";
  }
  return "module_related_func";
}

std::string MaseOp(const Node& node) {
  return std::string(std::holds_alternative<NoOp>(node.op) ? Name(node.kind) : OpName(node.op));
}

std::string TypeText(const Node& node) {
  switch (node.kind) {
    case NodeKind::kCallModule:
      return std::string(ClassName(node.op)) + QuantizedTitle(node);
    case NodeKind::kCallFunction:
    case NodeKind::kCallMethod:
      return std::string(OpName(node.op)) + QuantizedSuffix(node);
    case NodeKind::kPlaceholder:
    case NodeKind::kGetAttr:
    case NodeKind::kOutput:
      break;
  }
  return node.target;
}

GraphReport Report(const Graph& graph) {
  GraphReport report{.listing = Listing(graph), .counts = CountKinds(graph), .modules = {}};
  for (const Node& node : graph.nodes()) {
    if (node.kind == NodeKind::kCallModule) report.modules.push_back(ModuleText(node));
  }
  return report;
}

GraphComparison Compare(const Graph& original, const Graph& now) {
  std::unordered_map<std::string_view, const Node*> nodes_now;
  for (const Node& node : now.nodes()) nodes_now.emplace(node.name, &node);
  GraphComparison comparison;
  std::map<std::pair<std::string, std::string>, TypeChanges> histogram;
  for (const Node& node : original.nodes()) {
    NodeComparison row{.original_name = node.name,
                       .new_name = "",
                       .fx_op = std::string(Name(node.kind)),
                       .mase_type = MaseType(node),
                       .mase_op = MaseOp(node),
                       .original_type = TypeText(node),
                       .quantized_type = "",
                       .changed = true};
    if (const auto found = nodes_now.find(node.name); found != nodes_now.end()) {
      row.new_name = node.name;
      row.quantized_type = TypeText(*found->second);
      row.changed = row.quantized_type != row.original_type ||
                    node.quantization != found->second->quantization;
    }
    TypeChanges& group = histogram[{row.original_type, row.mase_op}];
    group.original_type = row.original_type;
    group.op = row.mase_op;
    ++group.total;
    ++(row.changed ? group.changed : group.unchanged);
    comparison.nodes.push_back(std::move(row));
  }
  for (auto& [key, group] : histogram) comparison.histogram.push_back(std::move(group));
  return comparison;
}

}  // namespace bitsweep::graph
