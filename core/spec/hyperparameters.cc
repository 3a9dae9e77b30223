// SPDX-License-Identifier: Apache-2.0
#include "core/spec/hyperparameters.h"

#include <cmath>
#include <numbers>

#include "fmt/format.h"

namespace bitsweep::spec {

Hyperparameters Apply(const Hyperparameters& base, const PartialHyperparameters& over) {
  return {.max_epochs = over.max_epochs.value_or(base.max_epochs),
          .learning_rate = over.learning_rate.value_or(base.learning_rate),
          .batch_size = over.batch_size.value_or(base.batch_size),
          .optimizer = over.optimizer.value_or(base.optimizer),
          .weight_decay = over.weight_decay.value_or(base.weight_decay),
          .schedule = over.schedule.value_or(base.schedule)};
}

std::string CanonicalText(const Hyperparameters& h) {
  // Zero has one text, whatever its sign.
  const double weight_decay = h.weight_decay == 0 ? 0.0 : h.weight_decay;
  return fmt::format(
      R"({{"batch_size":{},"learning_rate":{},"max_epochs":{},"optimizer":"{}","schedule":"{}","weight_decay":{}}})",
      h.batch_size, h.learning_rate, h.max_epochs, Name(h.optimizer), Name(h.schedule),
      weight_decay);
}

double LearningRateAt(const Hyperparameters& h, std::int64_t epoch) {
  if (h.schedule == Schedule::kConstant) return h.learning_rate;
  const double eta_min = h.optimizer == Optimizer::kSgd ? 0.0 : 1e-6;
  const double phase =
      std::numbers::pi * static_cast<double>(epoch) / static_cast<double>(h.max_epochs);
  return eta_min + (h.learning_rate - eta_min) * (1.0 + std::cos(phase)) / 2.0;
}

}  // namespace bitsweep::spec
