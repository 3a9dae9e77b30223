// SPDX-License-Identifier: Apache-2.0
#include "core/spec/validate.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <optional>
#include <string>
#include <utility>

#include "core/spec/input_checks.h"
#include "core/spec/quantize_check.h"
#include "fmt/format.h"

namespace bitsweep::spec {
namespace {

// Collects violations below the request's "sweep" field.
class SweepChecker {
 public:
  void Add(const std::string& field, std::string description) {
    violations.push_back({"sweep." + field, std::move(description)});
  }
  void InRange(const std::string& field, std::int64_t value, std::int64_t low, std::int64_t high) {
    if (value < low || value > high) {
      Add(field, fmt::format("{}: expected {} to {}", value, low, high));
    }
  }
  void LearningRate(const std::string& field, double value) {
    if (!std::isfinite(value) || value <= 0 || value > 1e6) {
      Add(field, fmt::format("{}: expected a number above 0, at most 1e6", value));
    }
  }
  void WeightDecay(const std::string& field, double value) {
    if (!std::isfinite(value) || value < 0 || value > 1e6) {
      Add(field, fmt::format("{}: expected a number from 0 to 1e6", value));
    }
  }
  void Epochs(const std::string& field, std::int64_t value) {
    InRange(field, value, 1, kMaxEpochs);
  }
  void BatchSize(const std::string& field, std::int64_t value) {
    InRange(field, value, 1, kMaxBatchSize);
  }

  void Partial(const std::string& field, const PartialHyperparameters& h) {
    if (h.max_epochs) Epochs(field + ".max_epochs", *h.max_epochs);
    if (h.learning_rate) LearningRate(field + ".learning_rate", *h.learning_rate);
    if (h.batch_size) BatchSize(field + ".batch_size", *h.batch_size);
    if (h.weight_decay) WeightDecay(field + ".weight_decay", *h.weight_decay);
  }

  template <typename T>
  void NoDuplicates(const std::string& field, const std::vector<T>& values) {
    std::map<T, std::size_t> first;
    for (std::size_t i = 0; i < values.size(); ++i) {
      if (values[i] != values[i]) continue;  // NaN is refused as a value
      const auto [entry, is_new] = first.emplace(values[i], i);
      if (!is_new) {
        Add(fmt::format("{}[{}]", field, i), fmt::format("the same value as [{}]", entry->second));
      }
    }
  }

  void CheckAxes(const std::string& field, const Axes& axes) {
    if (axes == Axes{}) Add(field, "no axis: expected at least one list of values");
    for (std::size_t i = 0; i < axes.max_epochs.size(); ++i) {
      Epochs(fmt::format("{}.max_epochs[{}]", field, i), axes.max_epochs[i]);
    }
    for (std::size_t i = 0; i < axes.learning_rate.size(); ++i) {
      LearningRate(fmt::format("{}.learning_rate[{}]", field, i), axes.learning_rate[i]);
    }
    for (std::size_t i = 0; i < axes.batch_size.size(); ++i) {
      BatchSize(fmt::format("{}.batch_size[{}]", field, i), axes.batch_size[i]);
    }
    for (std::size_t i = 0; i < axes.weight_decay.size(); ++i) {
      WeightDecay(fmt::format("{}.weight_decay[{}]", field, i), axes.weight_decay[i]);
    }
    NoDuplicates(field + ".max_epochs", axes.max_epochs);
    NoDuplicates(field + ".learning_rate", axes.learning_rate);
    NoDuplicates(field + ".batch_size", axes.batch_size);
    NoDuplicates(field + ".optimizer", axes.optimizer);
    NoDuplicates(field + ".weight_decay", axes.weight_decay);
    NoDuplicates(field + ".schedule", axes.schedule);
  }

  template <typename T, typename Check>
  void CheckDistribution(const std::string& field, const Distribution<T>& d, Check check) {
    if (!d.IsSet()) return;
    if (!d.values.empty()) {
      if (d.min != T{} || d.max != T{}) Add(field, "both values and a range: expected one of them");
      for (std::size_t i = 0; i < d.values.size(); ++i) {
        check(fmt::format("{}.values[{}]", field, i), d.values[i]);
      }
      NoDuplicates(field + ".values", d.values);
      return;
    }
    check(field + ".min", d.min);
    check(field + ".max", d.max);
    if (!(d.min <= d.max)) Add(field, fmt::format("min {} is above max {}", d.min, d.max));
    if (d.scale == Scale::kLog && !(d.min > T{})) {
      Add(field + ".min", fmt::format("{}: a log scale needs a minimum above 0", d.min));
    }
  }

  void CheckRandom(const RandomSearch& r) {
    if (r.count < 1) Add("random.count", fmt::format("{}: expected at least 1", r.count));
    const auto epochs = [this](const std::string& f, std::int64_t v) { Epochs(f, v); };
    const auto rate = [this](const std::string& f, double v) { LearningRate(f, v); };
    const auto batch = [this](const std::string& f, std::int64_t v) { BatchSize(f, v); };
    const auto decay = [this](const std::string& f, double v) { WeightDecay(f, v); };
    CheckDistribution("random.max_epochs", r.max_epochs, epochs);
    CheckDistribution("random.learning_rate", r.learning_rate, rate);
    CheckDistribution("random.batch_size", r.batch_size, batch);
    CheckDistribution("random.weight_decay", r.weight_decay, decay);
    NoDuplicates("random.optimizer", r.optimizer);
    NoDuplicates("random.schedule", r.schedule);
    if (!r.max_epochs.IsSet() && !r.learning_rate.IsSet() && !r.batch_size.IsSet() &&
        !r.weight_decay.IsSet() && r.optimizer.empty() && r.schedule.empty()) {
      Add("random", "nothing is drawn: expected at least one distribution");
    }
  }

  std::vector<FieldViolation> violations;
};

}  // namespace

std::vector<FieldViolation> Validate(const SweepSpec& spec) {
  SweepChecker check;
  if (spec.display_name.size() > 200) {
    check.Add("display_name",
              fmt::format("{} bytes: expected at most 200", spec.display_name.size()));
  }
  CheckModel(spec.model, "sweep.model", check.violations);
  CheckDataset(spec.dataset, "sweep.dataset", check.violations);
  check.Partial("base", spec.base);
  if (const auto* grid = std::get_if<Grid>(&spec.search)) check.CheckAxes("grid", grid->axes);
  if (const auto* one = std::get_if<OneAtATime>(&spec.search)) {
    check.CheckAxes("one_at_a_time", one->axes);
  }
  if (const auto* points = std::get_if<Points>(&spec.search)) {
    if (points->points.empty()) check.Add("points", "empty: expected at least one point");
    for (std::size_t i = 0; i < points->points.size(); ++i) {
      check.Partial(fmt::format("points[{}]", i), points->points[i]);
    }
  }
  if (const auto* random = std::get_if<RandomSearch>(&spec.search)) check.CheckRandom(*random);
  check.InRange("repeats", spec.repeats, 1, kMaxRepeats);
  if (spec.seed < 0) check.Add("seed", fmt::format("{}: expected 0 or more", spec.seed));
  if (spec.max_parallel_trials < 0) {
    check.Add("max_parallel_trials",
              fmt::format("{}: expected 0 or more", spec.max_parallel_trials));
  }
  check.InRange("priority", spec.priority, -100, 100);
  if (spec.failure_policy.stop_after_failures < 0) {
    check.Add("failure_policy.stop_after_failures",
              fmt::format("{}: expected 0 or more", spec.failure_policy.stop_after_failures));
  }
  if (spec.quantization) {
    const std::optional<graph::Graph> graph = GraphOf(spec.model, &spec.dataset);
    for (FieldViolation& violation :
         CheckQuantize(*spec.quantization, graph ? &*graph : nullptr,
                       SizesAreKnown(spec.model, &spec.dataset), "sweep.quantization")) {
      check.violations.push_back(std::move(violation));
    }
  }
  return std::move(check.violations);
}

}  // namespace bitsweep::spec
