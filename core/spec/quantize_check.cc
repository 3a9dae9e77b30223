// SPDX-License-Identifier: Apache-2.0
#include "core/spec/quantize_check.h"

#include <algorithm>
#include <map>
#include <unordered_map>
#include <utility>

#include "absl/algorithm/container.h"
#include "core/base/text.h"
#include "core/spec/node_selection.h"
#include "core/spec/tensor_format.h"
#include "fmt/format.h"
#include "fmt/ranges.h"

namespace bitsweep::spec {
namespace {

using graph::Graph;
using graph::Node;

constexpr std::size_t kMaxListed = 20;

// "a, b, c and 12 more".
std::string Listed(const std::vector<std::string_view>& names) {
  if (names.size() <= kMaxListed) return fmt::format("{}", fmt::join(names, ", "));
  return fmt::format("{} and {} more", fmt::join(names.begin(), names.begin() + kMaxListed, ", "),
                     names.size() - kMaxListed);
}

std::vector<std::string_view> FormatNames() {
  std::vector<std::string_view> names;
  for (const FormatRule& rule : FormatRules()) names.push_back(rule.name);
  return names;
}

// Every op of the graphs, as rules by type name them.
const std::vector<std::string_view>& KnownOps() {
  static const auto& ops = *new std::vector<std::string_view>{
      "linear", "conv1d", "relu", "add", "batch_norm1d", "sigmoid", "view", "flatten", "dropout"};
  return ops;
}

// Whether a configuration's nodes have a weight; unknown where no graph says what they are.
enum class Weights { kUnknown, kAll, kSome, kNone };

class QuantizeChecker {
 public:
  QuantizeChecker(const QuantizeSpec& spec, const Graph* graph, bool sizes_are_known,
                  const std::string& field)
      : spec_(spec), graph_(graph), sizes_are_known_(sizes_are_known), field_(field) {}

  std::vector<FieldViolation> Run() {
    if (spec_.by != "type" && spec_.by != "name" && spec_.by != "regex_name") {
      Add(".by", spec_.by.empty()
                     ? std::string("missing: expected type, name or regex_name")
                     : fmt::format("{}: expected type, name or regex_name", Quoted(spec_.by)));
      graph_ = nullptr;  // what keys name is not known
    }
    if (spec_.rules.size() > kMaxRules) {
      Add(".rules", fmt::format("{} rules: expected at most {}", spec_.rules.size(), kMaxRules));
      return std::move(violations_);
    }
    if (spec_.rules.empty() && !spec_.default_config) {
      Add("", "nothing to quantize: expected rules or a default");
    }
    if (graph_ != nullptr) selection_ = SelectNodes(spec_, *graph_, field_);
    if (spec_.default_config) {
      CheckConfig(".default_config", *spec_.default_config, WeightsOfDefault());
    } else if (graph_ != nullptr) {
      CheckDefaultIsNotNeeded();
    }
    std::map<std::string_view, std::size_t> first;
    for (std::size_t i = 0; i < spec_.rules.size(); ++i) {
      const std::string path = fmt::format(".rules[{}]", i);
      const auto [same, is_new] = first.emplace(spec_.rules[i].key, i);
      if (!is_new) Add(path + ".key", fmt::format("the same key as of rules[{}]", same->second));
      CheckKey(path + ".key", i);
      CheckConfig(path + ".config", spec_.rules[i].config, WeightsOfRule(i));
    }
    for (FieldViolation& violation : selection_.violations) {
      violations_.push_back(std::move(violation));
    }
    // What is wrong by itself would be said again for each node.
    if (violations_.empty() && graph_ != nullptr && sizes_are_known_) CheckTensors();
    return std::move(violations_);
  }

 private:
  void Add(const std::string& path, std::string description) {
    violations_.push_back({field_ + path, std::move(description)});
  }

  std::vector<std::string_view> QuantizableNodes() const {
    std::vector<std::string_view> names;
    for (const SelectedNode& node : selection_.nodes) {
      names.push_back(graph_->nodes()[node.node].name);
    }
    return names;
  }

  void CheckDefaultIsNotNeeded() {
    std::vector<std::string_view> missing;
    for (const SelectedNode& node : selection_.nodes) {
      if (node.config == nullptr) missing.push_back(graph_->nodes()[node.node].name);
    }
    if (!missing.empty()) {
      Add(".default_config",
          fmt::format("missing: no rule names {}; to leave them alone, name it NA",
                      Listed(missing)));
    }
  }

  void CheckKey(const std::string& path, std::size_t rule) {
    const std::string& key = spec_.rules[rule].key;
    if (key.empty()) return Add(path, "empty");
    const bool leaves_alone = spec_.rules[rule].config.name == kNotQuantized;
    if (spec_.by == "type" && !absl::c_linear_search(QuantizableOps(), key)) {
      if (!absl::c_linear_search(KnownOps(), key)) {
        Add(path, fmt::format("no op {}: expected one of {}", Quoted(key),
                              fmt::join(QuantizableOps(), ", ")));
      } else if (!leaves_alone) {
        Add(path, fmt::format("{} cannot be quantized: expected one of {}", key,
                              fmt::join(QuantizableOps(), ", ")));
      }
      return;
    }
    if (graph_ == nullptr || spec_.by == "type") return;
    const std::vector<std::size_t>& nodes = selection_.nodes_of_rule[rule];
    if (spec_.by == "name") {
      if (nodes.empty()) {
        Add(path,
            fmt::format("no node {}: expected one of {}", Quoted(key), Listed(QuantizableNodes())));
      } else if (const Node& node = graph_->nodes()[nodes[0]];
                 !graph::IsQuantizable(node.op) && !leaves_alone) {
        Add(path,
            fmt::format("node {} is {}, which cannot be quantized: expected one of {}", node.name,
                        std::holds_alternative<graph::NoOp>(node.op) ? graph::Name(node.kind)
                                                                     : graph::OpName(node.op),
                        Listed(QuantizableNodes())));
      }
    } else if (nodes.empty() && selection_.violations.empty()) {
      Add(path, fmt::format("{} matches no node that can be quantized, which are {}", Quoted(key),
                            Listed(QuantizableNodes())));
    }
  }

  Weights WeightsOf(const std::vector<std::size_t>& nodes) const {
    std::size_t with = 0;
    for (const std::size_t node : nodes) {
      const graph::Op& op = graph_->nodes()[node].op;
      if (!graph::IsQuantizable(op)) return Weights::kUnknown;
      with += graph::HasWeight(op) ? 1 : 0;
    }
    if (nodes.empty()) return Weights::kUnknown;
    if (with == nodes.size()) return Weights::kAll;
    return with > 0 ? Weights::kSome : Weights::kNone;
  }
  Weights WeightsOfRule(std::size_t rule) const {
    const std::string& key = spec_.rules[rule].key;
    if (spec_.by == "type") {
      if (key == "linear" || key == "conv1d") return Weights::kAll;
      return absl::c_linear_search(QuantizableOps(), key) ? Weights::kNone : Weights::kUnknown;
    }
    return graph_ == nullptr ? Weights::kUnknown : WeightsOf(selection_.nodes_of_rule[rule]);
  }
  // A default may say more than this graph's nodes need.
  Weights WeightsOfDefault() const {
    std::vector<std::size_t> nodes;
    for (const SelectedNode& node : selection_.nodes) {
      if (node.rule < 0) nodes.push_back(node.node);
    }
    const Weights weights = WeightsOf(nodes);
    return weights == Weights::kNone ? Weights::kUnknown : weights;
  }

  void CheckConfig(const std::string& path, const FormatConfig& config, Weights weights) {
    if (config.name == kNotQuantized) {
      if (config.data_in || config.weight || config.bias || config.bypass ||
          config.semantics != graph::Semantics::kCompatible) {
        Add(path, "NA leaves nodes alone: nothing else can be set");
      }
      return;
    }
    const FormatRule* rule = FindFormat(config.name);
    if (rule == nullptr) {
      return Add(path + ".name",
                 fmt::format("{} {}: expected one of {}, or NA",
                             config.name.empty() ? "no number format" : "unknown number format",
                             Quoted(config.name), fmt::join(FormatNames(), ", ")));
    }
    if (config.semantics == graph::Semantics::kExact && !config.name.starts_with("minifloat_") &&
        config.name != "block_minifloat") {
      Add(path + ".semantics",
          fmt::format("{} has one meaning only: EXACT is for minifloat_ieee, minifloat_denorm and "
                      "block_minifloat",
                      config.name));
    }
    const bool needs_tensors = !config.bypass && !rule->required.empty();
    if (needs_tensors && !config.data_in) Add(path + ".data_in", "missing");
    if (needs_tensors && !config.weight && (weights == Weights::kAll || weights == Weights::kSome))
      Add(path + ".weight", "missing: linear and conv1d need it");
    if (weights == Weights::kNone) {
      if (config.weight) Add(path + ".weight", "these nodes have no weight");
      if (config.bias) Add(path + ".bias", "these nodes have no bias");
    }
    CheckTensor(path + ".data_in", config, config.data_in);
    CheckTensor(path + ".weight", config, config.weight);
    CheckTensor(path + ".bias", config, config.bias);
  }

  void CheckTensor(const std::string& path, const FormatConfig& config,
                   const std::optional<TensorFormatSpec>& tensor) {
    if (!tensor) return;
    for (const graph::FormatProblem& problem : CheckEntries(config, *tensor)) {
      Add(fmt::format("{}.{}", path, problem.entry), problem.why);
    }
  }

  // Every tensor of every node against its format.
  void CheckTensors() {
    std::unordered_map<std::string_view, std::size_t> positions;
    for (std::size_t i = 0; i < graph_->nodes().size(); ++i) {
      positions.emplace(graph_->nodes()[i].name, i);
    }
    for (const SelectedNode& selected : selection_.nodes) {
      if (selected.config == nullptr || selected.config->name == kNotQuantized) continue;
      if (violations_.size() >= kMaxListed) return;
      Node node = graph_->nodes()[selected.node];
      node.quantization = QuantizationOf(node, *selected.config);
      const graph::Shape& input = graph_->sample_shapes()[positions.at(node.inputs.front())];
      const absl::Status fits = graph::CheckQuantization(node, input);
      if (fits.ok()) continue;
      Add(selected.rule < 0 ? ".default_config" : fmt::format(".rules[{}].config", selected.rule),
          fmt::format("node {}: {}", node.name, std::string(fits.message())));
    }
  }

  const QuantizeSpec& spec_;
  const Graph* graph_;
  const bool sizes_are_known_;
  const std::string& field_;
  NodeSelection selection_;
  std::vector<FieldViolation> violations_;
};

}  // namespace

std::vector<FieldViolation> CheckQuantize(const QuantizeSpec& spec, const Graph* graph,
                                          bool sizes_are_known, const std::string& field) {
  return QuantizeChecker(spec, graph, sizes_are_known, field).Run();
}

}  // namespace bitsweep::spec
