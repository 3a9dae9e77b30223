// SPDX-License-Identifier: Apache-2.0
#ifndef BITSWEEP_WORKER_NN_MODULE_RUNNER_H_
#define BITSWEEP_WORKER_NN_MODULE_RUNNER_H_

#include <cstdint>

#include "worker/passes/graph_runner.h"

namespace bitsweep::nn {

// Runners that compute with GraphModule: what the passes execute graphs with. Graph and tensors are
// copied. `seed` feeds stochastic number formats. The factory is thread-safe; each runner computes
// in the thread that calls it.
passes::GraphRunnerFactory ModuleRunners(std::uint64_t seed);

}  // namespace bitsweep::nn

#endif  // BITSWEEP_WORKER_NN_MODULE_RUNNER_H_
