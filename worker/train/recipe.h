// SPDX-License-Identifier: Apache-2.0
#ifndef BITSWEEP_WORKER_TRAIN_RECIPE_H_
#define BITSWEEP_WORKER_TRAIN_RECIPE_H_

#include <cstdint>
#include <functional>
#include <string>
#include <variant>
#include <vector>

#include "core/base/clock.h"
#include "core/spec/hyperparameters.h"
#include "core/spec/trial.h"
#include "worker/data/dataset.h"
#include "worker/executor/executor.h"
#include "worker/train/engine.h"

namespace bitsweep::train {

// Order of the training rows in an epoch: 0 .. rows - 1 shuffled with (seed, kShuffle, epoch).
std::vector<std::uint32_t> RowOrder(std::uint64_t seed, std::int64_t epoch, std::int64_t rows);

// One training as docs/training.md says: for each epoch, batches of batch_size rows in RowOrder,
// the last as short as it comes, one step each; then an evaluation on all validation rows.
// Engine, graph, artifact and digest fields of the result stay empty. `on_step`, where given, sees
// each step's report after the step (tests).
//
// Returns the result; or a failure (NAN_LOSS, naming epoch and step); or TrialStopped. Throws what
// the session throws.
using StepObserver = std::function<void(const StepReport&)>;
std::variant<spec::TrialResult, spec::JobFailure, worker::TrialStopped> Train(
    EngineSession& session, const spec::Hyperparameters& h, const data::Dataset& dataset,
    std::uint64_t seed, Clock& clock, worker::TrialObserver& observer,
    const StepObserver& on_step = nullptr);

}  // namespace bitsweep::train

#endif  // BITSWEEP_WORKER_TRAIN_RECIPE_H_
