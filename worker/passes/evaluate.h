// SPDX-License-Identifier: Apache-2.0
#ifndef BITSWEEP_WORKER_PASSES_EVALUATE_H_
#define BITSWEEP_WORKER_PASSES_EVALUATE_H_

#include <cstdint>
#include <functional>
#include <span>
#include <vector>

#include "absl/status/statusor.h"
#include "worker/passes/graph_runner.h"

namespace bitsweep::passes {

// Measured on rows with known classes. Accuracies are fractions; losses are natural-log
// cross-entropy of the network's output, as training measures them.
struct EvaluationMetrics {
  double accuracy = 0;  // micro average: rows whose class has the largest output (the first of
                        // equals) over all rows
  double macro_accuracy = 0;   // mean over the classes that occur of their recall
  double loss = 0;             // mean over the rows
  double loss_batch_mean = 0;  // mean of the batches' means, each batch counting once
  std::int64_t rows = 0;
  std::vector<std::int64_t> confusion;  // [classes, classes]: true class, then predicted
};

// Mean over the classes that occur of confusion[c, c] / (sum of row c); 0 when none occurs.
double MacroAccuracy(std::span<const std::int64_t> confusion, std::int64_t classes);

// x: [rows, features], y: classes, batches of `batch_size` rows in order. `classes` is the number
// of outputs. `rows_at_once` (0: batch_size) go through the runner together, since rows do not
// depend on one another; should_stop is asked before each such group. InvalidArgument: no rows, a
// class that has no output. Cancelled when should_stop says so; errors of the runner.
absl::StatusOr<EvaluationMetrics> Evaluate(GraphRunner& runner, std::span<const float> x,
                                           std::span<const std::int32_t> y, std::int64_t classes,
                                           std::int64_t batch_size,
                                           const std::function<bool()>& should_stop,
                                           std::int64_t rows_at_once = 0);

}  // namespace bitsweep::passes

#endif  // BITSWEEP_WORKER_PASSES_EVALUATE_H_
