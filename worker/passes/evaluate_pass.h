// SPDX-License-Identifier: Apache-2.0
#ifndef BITSWEEP_WORKER_PASSES_EVALUATE_PASS_H_
#define BITSWEEP_WORKER_PASSES_EVALUATE_PASS_H_

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "worker/passes/passes.h"

namespace bitsweep::passes {

struct EvaluationReport {
  std::optional<EvaluationMetrics> original;  // unset when it was not asked for
  EvaluationMetrics current;
  std::int64_t classes = 0;
  std::vector<std::string> class_names;
};

// Metrics and formulas: EvaluationMetrics, worker/passes/evaluate.h.
//
// Evaluates the original network and the one now on the data set's validation rows. A network that
// equals the original is measured once; the original's metrics go through context.cache.
// InvalidArgument: no data set, or one that does not fit the network.
absl::StatusOr<EvaluationReport> EvaluateNetworks(const spec::EvaluatePass& pass,
                                                  PassContext& context);

}  // namespace bitsweep::passes

#endif  // BITSWEEP_WORKER_PASSES_EVALUATE_PASS_H_
