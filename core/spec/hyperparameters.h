// SPDX-License-Identifier: Apache-2.0
#ifndef BITSWEEP_CORE_SPEC_HYPERPARAMETERS_H_
#define BITSWEEP_CORE_SPEC_HYPERPARAMETERS_H_

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace bitsweep::spec {

enum class Optimizer { kAdam, kAdamW, kSgd };
enum class Schedule { kCosine, kConstant };

// What a search varies; the recipe of one training. Units: epochs, rows a batch, per-step learning
// rate. Defaults are the recipe's (docs/numerics.md): they fill what neither base nor axis sets.
struct Hyperparameters {
  std::int64_t max_epochs = 20;
  double learning_rate = 1e-5;
  std::int64_t batch_size = 128;
  Optimizer optimizer = Optimizer::kAdam;
  double weight_decay = 0;
  Schedule schedule = Schedule::kCosine;

  bool operator==(const Hyperparameters&) const = default;
};

// The same with each field possibly unset.
struct PartialHyperparameters {
  std::optional<std::int64_t> max_epochs;
  std::optional<double> learning_rate;
  std::optional<std::int64_t> batch_size;
  std::optional<Optimizer> optimizer;
  std::optional<double> weight_decay;
  std::optional<Schedule> schedule;

  bool operator==(const PartialHyperparameters&) const = default;
};

// `over` where it is set, else `base`.
Hyperparameters Apply(const Hyperparameters& base, const PartialHyperparameters& over);

// Canonical text: JSON, sorted keys, numbers in shortest round-trip form. Equal values have equal
// text; it is what configurations are merged by and what seeds are derived from: never change it.
std::string CanonicalText(const Hyperparameters& h);

// "adam", "adamw", "sgd"; "cosine", "constant".
std::string_view Name(Optimizer optimizer);
std::string_view Name(Schedule schedule);
std::optional<Optimizer> ParseOptimizer(std::string_view name);
std::optional<Schedule> ParseSchedule(std::string_view name);

// The learning rate that the schedule gives during `epoch` (from 0). Cosine: eta_min + (lr0 -
// eta_min) * (1 + cos(pi * epoch / max_epochs)) / 2, with eta_min = 1e-6 for Adam and AdamW and 0
// for SGD.
double LearningRateAt(const Hyperparameters& h, std::int64_t epoch);

}  // namespace bitsweep::spec

#endif  // BITSWEEP_CORE_SPEC_HYPERPARAMETERS_H_
