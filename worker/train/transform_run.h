// SPDX-License-Identifier: Apache-2.0
#ifndef BITSWEEP_WORKER_TRAIN_TRANSFORM_RUN_H_
#define BITSWEEP_WORKER_TRAIN_TRANSFORM_RUN_H_

#include <string>

#include "core/base/clock.h"
#include "core/spec/transform_spec.h"
#include "worker/data/dataset.h"
#include "worker/executor/executor.h"
#include "worker/passes/passes.h"

namespace bitsweep::train {

// Runs the passes of one transform's job. `dataset` is null when the work names none. See
// worker::Executor for what the outcome depends on and worker/passes/passes.h for the passes.
// May throw what LibTorch throws.
worker::TransformOutcome RunTransform(const spec::TransformWork& work,
                                      const std::string& initial_checkpoint,
                                      const data::Dataset* dataset, passes::EvaluationCache& cache,
                                      Clock& clock, worker::TrialObserver& observer);

}  // namespace bitsweep::train

#endif  // BITSWEEP_WORKER_TRAIN_TRANSFORM_RUN_H_
