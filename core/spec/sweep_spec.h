// SPDX-License-Identifier: Apache-2.0
#ifndef BITSWEEP_CORE_SPEC_SWEEP_SPEC_H_
#define BITSWEEP_CORE_SPEC_SWEEP_SPEC_H_

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "core/spec/dataset_spec.h"
#include "core/spec/hyperparameters.h"
#include "core/spec/model_spec.h"
#include "core/spec/quantize_spec.h"

namespace bitsweep::spec {

// Values an axis takes, in the order given. An empty list means that the axis is not varied.
struct Axes {
  std::vector<std::int64_t> max_epochs;
  std::vector<double> learning_rate;
  std::vector<std::int64_t> batch_size;
  std::vector<Optimizer> optimizer;
  std::vector<double> weight_decay;
  std::vector<Schedule> schedule;

  bool operator==(const Axes&) const = default;
};

enum class Scale { kLinear, kLog };

// Either `values` (a uniform choice) or min and max (both included). For integers, kLog rounds
// exp(uniform(log(min), log(max + 1))) down.
template <typename T>
struct Distribution {
  std::vector<T> values;
  T min{};
  T max{};
  Scale scale = Scale::kLinear;

  bool IsSet() const { return !values.empty() || min != T{} || max != T{}; }
  bool operator==(const Distribution&) const = default;
};

// The searches. Enumeration order is the plan's order.
struct Single {  // the base alone
  bool operator==(const Single&) const = default;
};
struct Grid {  // cartesian product; the last axis in the order of Axes' fields varies fastest
  Axes axes;
  bool operator==(const Grid&) const = default;
};
struct OneAtATime {  // the base, then each axis alone: max_epochs, batch_size, learning_rate,
                     // optimizer, ...
  Axes axes;
  bool operator==(const OneAtATime&) const = default;
};
struct Points {  // an explicit list; what a point does not set comes from the base
  std::vector<PartialHyperparameters> points;
  bool operator==(const Points&) const = default;
};
struct RandomSearch {  // `count` draws from the sweep's seed
  std::int64_t count = 0;
  Distribution<std::int64_t> max_epochs;
  Distribution<double> learning_rate;
  Distribution<std::int64_t> batch_size;
  std::vector<Optimizer> optimizer;
  Distribution<double> weight_decay;
  std::vector<Schedule> schedule;
  bool operator==(const RandomSearch&) const = default;
};
using Search = std::variant<Single, Grid, OneAtATime, Points, RandomSearch>;

enum class KeepModels { kAll, kBest, kNone };
enum class EngineChoice { kAuto, kLibtorch, kFused };

struct FailurePolicy {
  // Stop the sweep (cancel what has not ended) when this many trials have FAILED or are DEAD; 0:
  // never.
  std::int64_t stop_after_failures = 0;
  bool operator==(const FailurePolicy&) const = default;
};

// What a user submits. Immutable once stored. The plan is a pure function of it: core/spec/plan.h.
struct SweepSpec {
  std::string display_name;
  ModelSpec model;
  DatasetSpec dataset;
  PartialHyperparameters base;
  Search search;
  std::int64_t repeats = 1;
  std::int64_t seed = 0;
  KeepModels keep_models = KeepModels::kBest;
  std::int64_t max_parallel_trials = 0;  // 0: no limit
  std::int64_t priority = 0;             // higher is served first; -100 .. 100
  FailurePolicy failure_policy;
  EngineChoice engine = EngineChoice::kAuto;
  std::optional<QuantizeSpec> quantization;  // quantization-aware training

  bool operator==(const SweepSpec&) const = default;
};

std::string_view Name(KeepModels keep);      // "all", "best", "none"
std::string_view Name(EngineChoice engine);  // "auto", "libtorch", "fused"
std::string_view Name(Scale scale);          // "linear", "log"
std::optional<KeepModels> ParseKeepModels(std::string_view name);
std::optional<EngineChoice> ParseEngineChoice(std::string_view name);
std::optional<Scale> ParseScale(std::string_view name);

}  // namespace bitsweep::spec

#endif  // BITSWEEP_CORE_SPEC_SWEEP_SPEC_H_
