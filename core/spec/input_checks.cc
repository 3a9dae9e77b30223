// SPDX-License-Identifier: Apache-2.0
#include "core/spec/input_checks.h"

#include <algorithm>
#include <map>
#include <string_view>
#include <utility>

#include "core/base/ids.h"
#include "core/graph/graph_json.h"
#include "core/graph/zoo.h"
#include "core/spec/validate.h"
#include "fmt/format.h"
#include "fmt/ranges.h"

namespace bitsweep::spec {
namespace {

// Collects violations below a field.
struct Below {
  const std::string& field;
  std::vector<FieldViolation>& violations;
  void Add(const std::string& name, std::string description) const {
    violations.push_back({field + name, std::move(description)});
  }
};

// `path` is the name of a file below a data root: relative, without "..".
void CheckPath(const Below& below, const std::string& name, const std::string& path) {
  if (path.size() > 500) {
    below.Add(name, fmt::format("{} characters: expected at most 500", path.size()));
  }
  if (std::any_of(path.begin(), path.end(),
                  [](unsigned char c) { return c < 0x20 || c == 0x7f; })) {
    below.Add(name, "control characters are not allowed");
  }
  if (path.starts_with('/') || path.find('\\') != std::string::npos) {
    below.Add(name, fmt::format("\"{}\": expected a path relative to the data root", path));
  }
  for (std::size_t start = 0; start <= path.size();) {
    const std::size_t end = std::min(path.find('/', start), path.size());
    if (path.substr(start, end - start) == "..") {
      below.Add(name, fmt::format("\"{}\": \"..\" is not allowed", path));
      break;
    }
    start = end + 1;
  }
}

}  // namespace

void CheckModel(const ModelSpec& model, const std::string& field,
                std::vector<FieldViolation>& violations) {
  const Below below{field, violations};
  const int given = !model.builtin.empty() + !model.stored.empty() + !model.graph_json.empty();
  if (given != 1) {
    below.Add("",
              fmt::format("{} of builtin, name and graph are given: expected exactly one", given));
  }
  if (!model.builtin.empty() && !graph::IsBuiltinModel(model.builtin)) {
    below.Add(".builtin", fmt::format("no model \"{}\": expected one of {}", model.builtin,
                                      fmt::join(graph::BuiltinModels(), ", ")));
  }
  if (!model.stored.empty() && !ParseModelName(model.stored).ok()) {
    below.Add(".name", fmt::format("\"{}\": expected models/{{model}}", model.stored));
  }
  if (!model.graph_json.empty()) {
    const absl::StatusOr<graph::Graph> parsed = graph::FromJson(model.graph_json);
    if (!parsed.ok()) below.Add(".graph", std::string(parsed.status().message()));
  }
  if (model.output_activation && !graph::HasOutputActivation(model.builtin)) {
    below.Add(".output_activation", "only jsc-rs1923 and jsc-rs1923-relu have this option");
  }
}

void CheckDataset(const DatasetSpec& dataset, const std::string& field,
                  std::vector<FieldViolation>& violations) {
  const Below below{field, violations};
  if (dataset.name.empty()) below.Add(".name", "empty: expected synthetic-jets or a path");
  CheckPath(below, ".name", dataset.name);
  CheckPath(below, ".labels_file", dataset.labels_file);
  if (dataset.name == kSyntheticJets) {
    if (dataset.synthetic_rows < 10 || dataset.synthetic_rows > kMaxSyntheticRows) {
      below.Add(".synthetic.rows",
                fmt::format("{}: expected 10 to {}", dataset.synthetic_rows, kMaxSyntheticRows));
    }
    if (dataset.synthetic_seed < 0) {
      below.Add(".synthetic.seed", fmt::format("{}: expected 0 or more", dataset.synthetic_seed));
    }
  }
  if (!(dataset.validation_fraction > 0 && dataset.validation_fraction < 1)) {
    below.Add(".split.validation_fraction",
              fmt::format("{}: expected a number between 0 and 1", dataset.validation_fraction));
  }
  if (dataset.split_seed < 0) {
    below.Add(".split.seed", fmt::format("{}: expected 0 or more", dataset.split_seed));
  }
  std::map<std::string_view, std::size_t> first;
  for (std::size_t i = 0; i < dataset.feature_columns.size(); ++i) {
    const auto [same, is_new] = first.emplace(dataset.feature_columns[i], i);
    if (!is_new) {
      below.Add(fmt::format(".feature_columns[{}]", i),
                fmt::format("the same value as [{}]", same->second));
    }
  }
}

std::optional<graph::Graph> GraphOf(const ModelSpec& model, const DatasetSpec* dataset) {
  if (!model.graph_json.empty()) {
    absl::StatusOr<graph::Graph> parsed = graph::FromJson(model.graph_json);
    return parsed.ok() ? std::optional(*std::move(parsed)) : std::nullopt;
  }
  if (model.builtin.empty()) return std::nullopt;
  graph::ZooOptions options{.output_activation = model.output_activation};
  if (dataset != nullptr && !dataset->feature_columns.empty()) {
    options.features = static_cast<std::int64_t>(dataset->feature_columns.size());
  }
  absl::StatusOr<graph::Graph> built = graph::BuildModel(model.builtin, options);
  return built.ok() ? std::optional(*std::move(built)) : std::nullopt;
}

bool SizesAreKnown(const ModelSpec& model, const DatasetSpec* dataset) {
  return model.builtin.empty() || dataset == nullptr || dataset->name == kSyntheticJets;
}

}  // namespace bitsweep::spec
