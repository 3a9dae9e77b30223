// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <map>
#include <utility>

#include "core/base/text.h"
#include "core/spec/input_checks.h"
#include "core/spec/pass_checks.h"
#include "core/spec/transform_spec.h"
#include "fmt/format.h"

namespace bitsweep::spec {
namespace {

constexpr std::size_t kMaxAxes = 32;
// Combinations of one tensor's axes that are all checked; of more, as many values of each axis.
constexpr double kMaxChecked = 10'000;
constexpr std::size_t kMaxCheckedValues = 1000;
constexpr std::size_t kMaxAxisViolations = 20;

constexpr char kAxes[] = "transform.axes";

// Checks passes one after another, each against the graph as the ones before it leave it.
class PassesChecker {
 public:
  PassesChecker(const TransformSpec& spec, const graph::Graph* graph, bool sizes_are_known)
      : graph_(graph), sizes_are_known_(sizes_are_known), has_dataset_(spec.dataset.has_value()) {}

  std::vector<FieldViolation> Check(const std::vector<PassSpec>& passes) const {
    std::vector<FieldViolation> violations;
    std::optional<graph::Graph> current;
    if (graph_ != nullptr) current = *graph_;
    for (std::size_t i = 0; i < passes.size(); ++i) {
      const PassInputs inputs{.graph = current ? &*current : nullptr,
                              .sizes_are_known = sizes_are_known_,
                              .has_dataset = has_dataset_};
      const std::vector<FieldViolation> found =
          CheckPass(passes[i], inputs, fmt::format("transform.passes[{}]", i));
      violations.insert(violations.end(), found.begin(), found.end());
      const auto* quantize = std::get_if<QuantizePass>(&passes[i]);
      if (quantize == nullptr || !current || !found.empty()) continue;
      absl::StatusOr<graph::Graph> quantized = Quantize(*current, quantize->quantization);
      if (quantized.ok()) current = *std::move(quantized);
    }
    return violations;
  }

 private:
  const graph::Graph* graph_;
  const bool sizes_are_known_;
  const bool has_dataset_;
};

std::string Text(const Assignment& assignment) {
  std::string text;
  for (const AxisValue& value : assignment) {
    text += fmt::format("{}{} = {}", text.empty() ? "" : ", ", ToValidUtf8(value.entry, 200),
                        value.value);
  }
  return text;
}

// The axes by themselves: names, values, and that each entry fits into some quantize pass.
std::vector<FieldViolation> CheckAxes(const TransformSpec& spec) {
  std::vector<FieldViolation> violations;
  if (spec.axes.size() > kMaxAxes) {
    violations.push_back(
        {kAxes, fmt::format("{} axes: expected at most {}", spec.axes.size(), kMaxAxes)});
    return violations;
  }
  std::map<std::string_view, std::size_t> entries;
  for (std::size_t i = 0; i < spec.axes.size(); ++i) {
    const QuantizationAxis& axis = spec.axes[i];
    const std::string field = fmt::format("{}[{}]", kAxes, i);
    const auto [same, is_new] = entries.emplace(axis.entry, i);
    if (!is_new) {
      violations.push_back(
          {field + ".entry", fmt::format("the same entry as of axes[{}]", same->second)});
    }
    const absl::Status fits = ApplyAssignment(spec.passes, {{axis.entry, 1}}).status();
    if (!fits.ok()) violations.push_back({field + ".entry", std::string(fits.message())});
    if (axis.values.empty()) {
      violations.push_back({field + ".values", "empty: expected at least one value"});
    }
    std::map<std::int64_t, std::size_t> values;
    for (std::size_t j = 0; j < axis.values.size(); ++j) {
      const auto [first, is_new_value] = values.emplace(axis.values[j], j);
      if (is_new_value || violations.size() >= kMaxAxisViolations) continue;
      violations.push_back({fmt::format("{}.values[{}]", field, j),
                            fmt::format("the same value as [{}]", first->second)});
    }
  }
  return violations;
}

// A format depends on the values of its own tensor only, so that the combinations of each tensor's
// axes stand for all combinations. Of more than kMaxChecked of one tensor a choice: every value
// beside the first ones of the others, and the last values. Each holds the axes of one tensor; the
// first combination of all is not among them.
std::vector<Assignment> CombinationsOfTensors(const TransformSpec& spec) {
  std::map<std::string_view, TransformSpec> tensors;  // with the axes of that tensor
  for (const QuantizationAxis& axis : spec.axes) {
    tensors[TensorOfAxis(axis.entry)].axes.push_back(axis);
  }
  std::vector<Assignment> assignments;
  for (const auto& [tensor, of_tensor] : tensors) {
    double count = 1;
    for (const QuantizationAxis& axis : of_tensor.axes) {
      count *= static_cast<double>(axis.values.size());
    }
    if (count <= kMaxChecked) {
      const std::vector<Assignment> all = ExpandAxes(of_tensor).value();
      assignments.insert(assignments.end(), all.begin() + 1, all.end());
      continue;
    }
    Assignment first;
    Assignment last;
    for (const QuantizationAxis& axis : of_tensor.axes) {
      first.push_back({axis.entry, axis.values.front()});
      last.push_back({axis.entry, axis.values.back()});
    }
    for (std::size_t i = 0; i < of_tensor.axes.size(); ++i) {
      const std::vector<std::int64_t>& values = of_tensor.axes[i].values;
      for (std::size_t j = 1; j < values.size() && j < kMaxCheckedValues; ++j) {
        assignments.push_back(first);
        assignments.back()[i].value = values[j];
      }
    }
    assignments.push_back(std::move(last));
  }
  return assignments;
}

// What is wrong with the first combination is named by its own fields; of the others the quantize
// passes are checked, and what only they have is named by the axes.
std::vector<FieldViolation> CheckCombinations(const TransformSpec& spec,
                                              const PassesChecker& checker) {
  Assignment first;
  for (const QuantizationAxis& axis : spec.axes) first.push_back({axis.entry, axis.values.front()});
  const absl::StatusOr<std::vector<PassSpec>> passes = ApplyAssignment(spec.passes, first);
  if (!passes.ok()) return {};  // CheckAxes says so
  std::vector<FieldViolation> violations = checker.Check(*passes);
  // The others differ in the quantize passes; the rest keeps its place, and nothing else.
  std::vector<PassSpec> quantize_only = *passes;
  for (PassSpec& pass : quantize_only) {
    if (!std::holds_alternative<QuantizePass>(pass)) pass = ReportGraphPass{};
  }
  for (const Assignment& assignment : CombinationsOfTensors(spec)) {
    const absl::StatusOr<std::vector<PassSpec>> changed =
        ApplyAssignment(quantize_only, assignment);
    if (!changed.ok()) continue;
    for (const FieldViolation& violation : checker.Check(*changed)) {
      if (violations.size() >= kMaxAxisViolations) return violations;
      if (std::find(violations.begin(), violations.end(), violation) != violations.end()) continue;
      violations.push_back({kAxes, fmt::format("{}: {}: {}", Text(assignment), violation.field,
                                               violation.description)});
    }
  }
  return violations;
}

bool Has(const TransformSpec& spec, bool (*is_wanted)(const PassSpec&)) {
  return std::any_of(spec.passes.begin(), spec.passes.end(), is_wanted);
}

}  // namespace

std::vector<FieldViolation> Validate(const TransformSpec& spec, const graph::Graph* graph) {
  std::vector<FieldViolation> violations;
  const auto add = [&](const char* field, std::string why) {
    violations.push_back({fmt::format("transform.{}", field), std::move(why)});
  };
  const auto append = [&](std::vector<FieldViolation> more) {
    violations.insert(violations.end(), more.begin(), more.end());
  };
  if (spec.display_name.size() > 200) {
    add("display_name", fmt::format("{} bytes: expected at most 200", spec.display_name.size()));
  }
  const DatasetSpec* dataset = spec.dataset ? &*spec.dataset : nullptr;
  CheckModel(spec.model, "transform.model", violations);
  if (dataset != nullptr) CheckDataset(*dataset, "transform.dataset", violations);

  std::optional<graph::Graph> made;
  bool sizes_are_known = true;
  if (graph == nullptr) {
    made = GraphOf(spec.model, dataset);
    if (made) graph = &*made;
    sizes_are_known = SizesAreKnown(spec.model, dataset);
  }
  if (spec.passes.empty()) {
    add("passes", "empty: expected at least one pass");
  } else if (spec.passes.size() > static_cast<std::size_t>(kMaxPasses)) {
    add("passes", fmt::format("{} passes: expected at most {}", spec.passes.size(), kMaxPasses));
  } else {
    const PassesChecker checker(spec, graph, sizes_are_known);
    if (spec.axes.empty()) {
      append(checker.Check(spec.passes));
    } else if (std::vector<FieldViolation> axes = CheckAxes(spec); !axes.empty()) {
      append(std::move(axes));
      append(checker.Check(spec.passes));
    } else {
      append(CheckCombinations(spec, checker));
    }
  }
  if (spec.seed < 0) add("seed", fmt::format("{}: expected 0 or more", spec.seed));
  if (spec.priority < -100 || spec.priority > 100) {
    add("priority", fmt::format("{}: expected -100 to 100", spec.priority));
  }
  if (spec.max_parallel_jobs < 0) {
    add("max_parallel_jobs", fmt::format("{}: expected 0 or more", spec.max_parallel_jobs));
  }
  return violations;
}

std::vector<std::string> Warnings(const TransformSpec& spec) {
  std::vector<std::string> warnings;
  const bool rewrites = Has(spec, [](const PassSpec& pass) { return TraitsOf(pass).rewrites; });
  const bool measures = Has(spec, [](const PassSpec& pass) {
    return std::holds_alternative<EvaluatePass>(pass) || std::holds_alternative<CountOpsPass>(pass);
  });
  const bool reads_data =
      Has(spec, [](const PassSpec& pass) { return TraitsOf(pass).needs_dataset; });
  if (!spec.axes.empty() && !measures) {
    warnings.emplace_back(
        "the axes' jobs have no accuracy and no counts to be compared by: there "
        "is no evaluate and no count_ops pass");
  }
  if (spec.dataset && !reads_data && spec.model.builtin.empty()) {
    warnings.emplace_back("no pass uses the data set");
  }
  if (spec.keep_models.value_or(false) && !rewrites) {
    warnings.emplace_back("no pass rewrites the graph: no model is stored");
  }
  // Of a stored model or a graph that was given the nodes may be quantized already.
  if (!spec.model.builtin.empty()) {
    bool quantized = false;
    for (std::size_t i = 0; i < spec.passes.size(); ++i) {
      quantized = quantized || std::holds_alternative<QuantizePass>(spec.passes[i]);
      if (!quantized && std::holds_alternative<VerifyQuantizationPass>(spec.passes[i])) {
        warnings.push_back(
            fmt::format("passes[{}]: verify_quantization finds nothing quantized", i));
      }
    }
    const std::optional<graph::Graph> graph =
        GraphOf(spec.model, spec.dataset ? &*spec.dataset : nullptr);
    for (std::size_t i = 0; graph && i < spec.passes.size(); ++i) {
      const auto* quantize = std::get_if<QuantizePass>(&spec.passes[i]);
      if (quantize == nullptr || quantize->quantization.by != "type") continue;
      for (const QuantizationRule& rule : quantize->quantization.rules) {
        const bool known = std::any_of(
            graph->nodes().begin(), graph->nodes().end(),
            [&](const graph::Node& node) { return graph::OpName(node.op) == rule.key; });
        if (known) continue;
        warnings.push_back(fmt::format("passes[{}]: {} has no {} to quantize", i,
                                       spec.model.builtin, ToValidUtf8(rule.key, 100)));
      }
    }
  }
  return warnings;
}

}  // namespace bitsweep::spec
