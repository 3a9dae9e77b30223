// SPDX-License-Identifier: Apache-2.0
#include "core/spec/node_selection.h"

#include <optional>

#include "core/graph/quantization_check.h"
#include "core/spec/node_pattern.h"
#include "fmt/format.h"

namespace bitsweep::spec {
namespace {

using graph::Graph;

// Bytes of names times costs of patterns: some seconds at the very worst, milliseconds as a rule.
constexpr double kMaxMatchingCost = 3e7;

std::vector<std::vector<std::size_t>> MatchPatterns(const QuantizeSpec& spec, const Graph& graph,
                                                    const std::vector<std::size_t>& candidates,
                                                    const std::string& field,
                                                    std::vector<FieldViolation>& violations) {
  std::vector<std::optional<NodePattern>> patterns(spec.rules.size());
  double cost = 0;
  for (std::size_t i = 0; i < spec.rules.size(); ++i) {
    absl::StatusOr<NodePattern> pattern = NodePattern::Compile(spec.rules[i].key);
    if (pattern.ok()) {
      cost += static_cast<double>(pattern->cost());
      patterns[i] = *std::move(pattern);
    } else {
      violations.push_back(
          {fmt::format("{}.rules[{}].key", field, i), std::string(pattern.status().message())});
    }
  }
  double bytes = 0;
  for (const std::size_t node : candidates) {
    bytes += static_cast<double>(graph.nodes()[node].name.size());
  }
  std::vector<std::vector<std::size_t>> matches(spec.rules.size());
  if (cost * bytes > kMaxMatchingCost) {
    violations.push_back(
        {field + ".rules", "the expressions are too long for a graph of this size"});
    return matches;
  }
  for (std::size_t i = 0; i < patterns.size(); ++i) {
    if (!patterns[i]) continue;
    for (const std::size_t node : candidates) {
      if (patterns[i]->Matches(graph.nodes()[node].name)) matches[i].push_back(node);
    }
  }
  return matches;
}

}  // namespace

NodeSelection SelectNodes(const QuantizeSpec& spec, const Graph& graph, const std::string& field) {
  NodeSelection selection;
  std::vector<std::size_t> candidates;
  for (std::size_t i = 0; i < graph.nodes().size(); ++i) {
    if (graph::IsQuantizable(graph.nodes()[i].op)) candidates.push_back(i);
  }
  if (spec.by == "regex_name") {
    selection.nodes_of_rule = MatchPatterns(spec, graph, candidates, field, selection.violations);
  } else {
    for (const QuantizationRule& rule : spec.rules) {
      std::vector<std::size_t>& nodes = selection.nodes_of_rule.emplace_back();
      if (spec.by == "name") {
        if (const int node = graph.Find(rule.key); node >= 0) nodes.push_back(node);
        continue;
      }
      for (const std::size_t node : candidates) {
        if (graph::OpName(graph.nodes()[node].op) == rule.key) nodes.push_back(node);
      }
    }
  }
  const FormatConfig* fallback = spec.default_config ? &*spec.default_config : nullptr;
  std::vector<SelectedNode> by_position(graph.nodes().size());
  for (std::size_t i = 0; i < by_position.size(); ++i) by_position[i] = {i, fallback, -1};
  for (std::size_t rule = selection.nodes_of_rule.size(); rule-- > 0;) {
    for (const std::size_t node : selection.nodes_of_rule[rule]) {
      by_position[node] = {node, &spec.rules[rule].config, static_cast<int>(rule)};
    }
  }
  for (const std::size_t node : candidates) selection.nodes.push_back(by_position[node]);
  return selection;
}

}  // namespace bitsweep::spec
