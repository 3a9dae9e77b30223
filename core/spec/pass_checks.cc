// SPDX-License-Identifier: Apache-2.0
#include "core/spec/pass_checks.h"

#include <algorithm>
#include <cmath>
#include <set>
#include <string_view>
#include <utility>

#include "absl/algorithm/container.h"
#include "core/base/text.h"
#include "core/spec/quantize_check.h"
#include "core/spec/validate.h"
#include "fmt/format.h"
#include "fmt/ranges.h"

namespace bitsweep::spec {
namespace {

using Names = std::vector<std::string_view>;

constexpr std::size_t kMaxTargets = 10'000;
constexpr std::size_t kMaxInput = 1 << 20;
constexpr std::int64_t kMaxSamples = 100'000'000;
constexpr std::int64_t kMaxShown = 4096;

class PassChecker {
 public:
  PassChecker(const PassInputs& inputs, const std::string& field)
      : inputs_(inputs), field_(field) {}
  std::vector<FieldViolation> Take() { return std::move(violations_); }

  void operator()(const ReportGraphPass&) {}
  void operator()(const CompareGraphsPass&) {}

  void operator()(const ReportNodeMetaPass& pass) {
    const std::string at = ".report_node_meta";
    for (std::size_t i = 0; i < pass.which.size(); ++i) {
      OneOf(fmt::format("{}.which[{}]", at, i), pass.which[i], {"all", "common", "software"});
    }
    NoRepeats(at + ".which", pass.which);
    InRange(at + ".batch_size", pass.batch_size, 1, kMaxBatchSize);
  }

  void operator()(const QuantizePass& pass) {
    for (FieldViolation& violation :
         CheckQuantize(pass.quantization, inputs_.graph, inputs_.sizes_are_known,
                       field_ + ".quantize.quantization")) {
      violations_.push_back(std::move(violation));
    }
  }

  void operator()(const VerifyQuantizationPass& pass) {
    const std::string at = ".verify_quantization";
    InRange(at + ".show", pass.show, 1, kMaxShown);
    if (pass.input.size() > kMaxInput) {
      Add(at + ".input",
          fmt::format("{} numbers: expected at most {}", pass.input.size(), kMaxInput));
    }
    CheckFits(pass.input.size(), at + ".input");
    const auto bad = std::find_if_not(pass.input.begin(), pass.input.end(),
                                      [](double x) { return std::isfinite(x); });
    if (bad != pass.input.end()) {
      Add(fmt::format("{}.input[{}]", at, bad - pass.input.begin()),
          fmt::format("{}: expected a finite number", *bad));
    }
  }

  void operator()(const CountOpsPass& pass) {
    const std::string at = ".count_ops";
    InRange(at + ".batch_size", pass.batch_size, 1, kMaxBatchSize);
    std::vector<std::string> names;
    for (const CountConvention convention : pass.conventions) {
      names.emplace_back(Name(convention));
    }
    NoRepeats(at + ".conventions", names);
    if (pass.data_width) InRange(at + ".data_width", *pass.data_width, 1, 64);
    if (pass.weight_width) InRange(at + ".weight_width", *pass.weight_width, 1, 64);
    if (pass.bias_width) InRange(at + ".bias_width", *pass.bias_width, 1, 64);
  }

  void operator()(const EvaluatePass& pass) {
    InRange(".evaluate.batch_size", pass.batch_size, 1, kMaxBatchSize);
    if (!inputs_.has_dataset) Add(".evaluate", "needs a data set: transform.dataset is not set");
  }

  void operator()(const PrunePass& pass) {
    const std::string at = ".prune.weight";
    if (!pass.scope.empty()) OneOf(at + ".scope", pass.scope, {"local", "global"});
    if (!pass.granularity.empty()) OneOf(at + ".granularity", pass.granularity, {"elementwise"});
    if (!pass.method.empty()) OneOf(at + ".method", pass.method, {"l1-norm", "random"});
    if (!(pass.sparsity >= 0 && pass.sparsity <= 1)) {
      Add(at + ".sparsity", fmt::format("{}: expected a number from 0 to 1", pass.sparsity));
    }
  }

  void operator()(const ProfileStatisticsPass& pass) {
    const std::string at = ".profile_statistics";
    const bool by_type = pass.by == "type";
    OneOf(at + ".by", pass.by, {"type", "name"});
    if (by_type || pass.by == "name") {
      CheckTargets(at + ".target_weight_nodes", pass.target_weight_nodes, by_type, true);
      CheckTargets(at + ".target_activation_nodes", pass.target_activation_nodes, by_type, false);
    }
    CheckStatistics(at + ".weight_statistics", pass.weight_statistics);
    CheckStatistics(at + ".activation_statistics", pass.activation_statistics);
    GoTogether(at, "weight", pass.target_weight_nodes, pass.weight_statistics);
    GoTogether(at, "activation", pass.target_activation_nodes, pass.activation_statistics);
    if (pass.target_weight_nodes.empty() && pass.target_activation_nodes.empty() &&
        pass.weight_statistics.empty() && pass.activation_statistics.empty()) {
      Add(at, "nothing to collect: expected target nodes and statistics");
    }
    InRange(at + ".num_samples", pass.num_samples, 1, kMaxSamples);
    if (!pass.target_activation_nodes.empty() && !inputs_.has_dataset) {
      Add(at + ".target_activation_nodes", "need a data set: transform.dataset is not set");
    }
  }

 private:
  // A given input must be one of some quantized node.
  void CheckFits(std::size_t values, const std::string& field) {
    if (values == 0 || inputs_.graph == nullptr || !inputs_.sizes_are_known) return;
    const graph::Graph& graph = *inputs_.graph;
    std::string sizes;
    for (const graph::Node& node : graph.nodes()) {
      if (!node.quantization) continue;
      for (const std::string& from : node.inputs) {
        const auto size = static_cast<std::size_t>(
            graph::ElementCount(graph.sample_shapes()[static_cast<std::size_t>(graph.Find(from))]));
        if (size == values) return;
        if (sizes.size() < 200)
          sizes += fmt::format("{}{} has {}", sizes.empty() ? "" : ", ", node.name, size);
      }
    }
    if (sizes.empty()) return;  // nothing is quantized: nothing is shown
    Add(field, fmt::format("{} numbers: expected as many as an input of a quantized node: {}",
                           values, sizes));
  }

  void Add(const std::string& path, std::string description) {
    violations_.push_back({field_ + path, std::move(description)});
  }
  void InRange(const std::string& path, std::int64_t value, std::int64_t low, std::int64_t high) {
    if (value < low || value > high) {
      Add(path, fmt::format("{}: expected {} to {}", value, low, high));
    }
  }
  void OneOf(const std::string& path, const std::string& value, const Names& names) {
    if (!absl::c_linear_search(names, value)) {
      Add(path, fmt::format("{}: expected {}{}", Quoted(value), names.size() > 1 ? "one of " : "",
                            fmt::join(names, ", ")));
    }
  }
  void NoRepeats(const std::string& path, const std::vector<std::string>& values) {
    std::set<std::string_view> seen;
    for (std::size_t i = 0; i < values.size(); ++i) {
      if (!seen.insert(values[i]).second) {
        Add(fmt::format("{}[{}]", path, i), fmt::format("{} is given twice", Quoted(values[i])));
      }
    }
  }
  void GoTogether(const std::string& at, const char* what, const std::vector<std::string>& targets,
                  const std::vector<StatisticSpec>& statistics) {
    if (!targets.empty() && statistics.empty()) {
      Add(fmt::format("{}.{}_statistics", at, what), "missing: there are target nodes");
    }
    if (targets.empty() && !statistics.empty()) {
      Add(fmt::format("{}.target_{}_nodes", at, what), "missing: there are statistics");
    }
  }

  // Ops by type, nodes by name. Weights are of ops that own tensors.
  void CheckTargets(const std::string& path, const std::vector<std::string>& targets, bool by_type,
                    bool weights) {
    if (targets.size() > kMaxTargets) {
      Add(path, fmt::format("{} nodes: expected at most {}", targets.size(), kMaxTargets));
      return;
    }
    NoRepeats(path, targets);
    static const Names kOwners = {"linear", "conv1d", "batch_norm1d"};
    static const Names kOps = {"linear", "conv1d",  "batch_norm1d", "relu",   "sigmoid",
                               "add",    "dropout", "view",         "flatten"};
    for (std::size_t i = 0; i < targets.size(); ++i) {
      const std::string item = fmt::format("{}[{}]", path, i);
      if (by_type) {
        OneOf(item, targets[i], weights ? kOwners : kOps);
        continue;
      }
      if (inputs_.graph == nullptr) continue;
      const int position = inputs_.graph->Find(targets[i]);
      if (position < 0) {
        Add(item, fmt::format("no node {} in graph {}", Quoted(targets[i]),
                              Quoted(inputs_.graph->name())));
        continue;
      }
      const graph::Node& node = inputs_.graph->nodes()[static_cast<std::size_t>(position)];
      if (weights && !absl::c_linear_search(kOwners, graph::OpName(node.op))) {
        Add(item, fmt::format("node {} has no parameters: expected linear, conv1d or batch_norm1d",
                              Quoted(node.name)));
      } else if (node.kind == graph::NodeKind::kPlaceholder) {
        Add(item, fmt::format("node {} has no input", Quoted(node.name)));
      }
    }
  }

  void CheckStatistics(const std::string& path, const std::vector<StatisticSpec>& statistics) {
    std::vector<std::string> names;
    for (std::size_t i = 0; i < statistics.size(); ++i) {
      CheckStatistic(fmt::format("{}[{}]", path, i), statistics[i]);
      names.push_back(statistics[i].name);
    }
    NoRepeats(path, names);
  }

  void CheckStatistic(const std::string& path, const StatisticSpec& s) {
    static const Names kStatistics = {
        "variance_precise", "variance_online", "range_min_max", "range_quantile",
        "range_n_sigma",    "abs_mean",        "record"};
    if (!absl::c_linear_search(kStatistics, s.name)) {
      OneOf(path + ".name", s.name, kStatistics);
      return;
    }
    const auto only = [&](bool set, bool takes, const char* option) {
      if (set && !takes) {
        Add(fmt::format("{}.{}", path, option), fmt::format("{} does not take it", s.name));
      }
    };
    const bool is_record = s.name == "record";
    const bool is_quantile = s.name == "range_quantile";
    const bool is_n_sigma = s.name == "range_n_sigma";
    only(!s.dims.empty(), !is_record, "dims");
    only(!s.reduce_dims.empty(), !is_record, "reduce_dims");
    only(s.abs, s.name.starts_with("range_"), "abs");
    only(s.quantile.has_value(), is_quantile, "quantile");
    only(s.num_sigma.has_value(), is_n_sigma, "num_sigma");
    only(!s.var_mode.empty(), is_n_sigma, "var_mode");
    only(s.add_new_dim_before_concat, is_record, "add_new_dim_before_concat");
    if (!is_record) CheckDims(path, s);
    if (is_quantile && s.quantile && !(*s.quantile >= 0 && *s.quantile <= 1)) {
      Add(path + ".quantile", fmt::format("{}: expected a number from 0 to 1", *s.quantile));
    }
    if (is_n_sigma && s.num_sigma && !(std::isfinite(*s.num_sigma) && *s.num_sigma >= 0)) {
      Add(path + ".num_sigma", fmt::format("{}: expected a number of at least 0", *s.num_sigma));
    }
    if (is_n_sigma && !s.var_mode.empty()) {
      OneOf(path + ".var_mode", s.var_mode, {"precise", "online"});
    }
  }

  void CheckDims(const std::string& path, const StatisticSpec& s) {
    if (!s.dims.empty()) OneOf(path + ".dims", s.dims, {"all", "element"});
    if (!s.dims.empty() && !s.reduce_dims.empty()) {
      Add(path + ".reduce_dims", "dims is set too: expected one of them");
    }
    std::set<std::int64_t> seen;
    for (std::size_t i = 0; i < s.reduce_dims.size(); ++i) {
      const std::string item = fmt::format("{}.reduce_dims[{}]", path, i);
      InRange(item, s.reduce_dims[i], 0, 8);
      if (!seen.insert(s.reduce_dims[i]).second) Add(item, "is given twice");
    }
  }

  const PassInputs& inputs_;
  const std::string& field_;
  std::vector<FieldViolation> violations_;
};

}  // namespace

std::vector<FieldViolation> CheckPass(const PassSpec& pass, const PassInputs& inputs,
                                      const std::string& field) {
  PassChecker checker(inputs, field);
  std::visit(checker, pass);
  return checker.Take();
}

}  // namespace bitsweep::spec
