// SPDX-License-Identifier: Apache-2.0
#include "worker/passes/evaluate.h"

#include <algorithm>

#include "core/base/status_macros.h"
#include "fmt/format.h"
#include "worker/passes/row_loss.h"

namespace bitsweep::passes {

double MacroAccuracy(std::span<const std::int64_t> confusion, std::int64_t classes) {
  double recalls = 0;
  std::int64_t occurring = 0;
  for (std::int64_t c = 0; c < classes; ++c) {
    const std::span<const std::int64_t> row =
        confusion.subspan(static_cast<std::size_t>(c * classes), static_cast<std::size_t>(classes));
    std::int64_t rows = 0;
    for (const std::int64_t count : row) rows += count;
    if (rows == 0) continue;
    recalls += static_cast<double>(row[static_cast<std::size_t>(c)]) / static_cast<double>(rows);
    ++occurring;
  }
  return occurring == 0 ? 0 : recalls / static_cast<double>(occurring);
}

absl::StatusOr<EvaluationMetrics> Evaluate(GraphRunner& runner, std::span<const float> x,
                                           std::span<const std::int32_t> y, std::int64_t classes,
                                           std::int64_t batch_size,
                                           const std::function<bool()>& should_stop,
                                           std::int64_t rows_at_once) {
  const auto rows = static_cast<std::int64_t>(y.size());
  if (rows == 0) return absl::InvalidArgumentError("there are no rows to evaluate");
  if (batch_size < 1 || classes < 1) {
    return absl::InvalidArgumentError(fmt::format(
        "batch_size is {} and classes is {}: expected at least 1", batch_size, classes));
  }
  for (const std::int32_t label : y) {
    if (label < 0 || label >= classes) {
      return absl::InvalidArgumentError(
          fmt::format("a row is of class {}: the network has {} outputs", label, classes));
    }
  }
  const auto outputs_a_row = static_cast<std::size_t>(classes);
  const std::size_t features = x.size() / y.size();
  EvaluationMetrics metrics;
  metrics.rows = rows;
  metrics.confusion.assign(outputs_a_row * outputs_a_row, 0);
  double sum = 0;
  double batch_sum = 0;
  double batch_means = 0;
  std::int64_t batches = 0;
  std::int64_t correct = 0;
  const std::int64_t step = rows_at_once > 0 ? rows_at_once : batch_size;
  for (std::int64_t begin = 0; begin < rows; begin += step) {
    if (should_stop && should_stop()) return absl::CancelledError("stopped while evaluating");
    const std::int64_t count = std::min(step, rows - begin);
    ASSIGN_OR_RETURN(const std::vector<float> outputs,
                     runner.Forward(x.subspan(static_cast<std::size_t>(begin) * features,
                                              static_cast<std::size_t>(count) * features),
                                    count));
    if (outputs.size() != static_cast<std::size_t>(count) * outputs_a_row) {
      return absl::InternalError(
          fmt::format("{} outputs for {} rows of {} classes", outputs.size(), count, classes));
    }
    for (std::int64_t i = 0; i < count; ++i) {
      const std::int64_t row = begin + i;
      const auto label = static_cast<std::size_t>(y[static_cast<std::size_t>(row)]);
      const std::span<const float> of_row(
          outputs.data() + static_cast<std::size_t>(i) * outputs_a_row, outputs_a_row);
      const auto predicted = static_cast<std::size_t>(ArgMax(of_row));
      ++metrics.confusion[label * outputs_a_row + predicted];
      if (predicted == label) ++correct;
      const double loss = CrossEntropy(of_row, y[static_cast<std::size_t>(row)]);
      sum += loss;
      batch_sum += loss;
      const std::int64_t in_batch = row % batch_size + 1;
      if (in_batch == batch_size || row + 1 == rows) {
        batch_means += batch_sum / static_cast<double>(in_batch);
        batch_sum = 0;
        ++batches;
      }
    }
  }
  metrics.accuracy = static_cast<double>(correct) / static_cast<double>(rows);
  metrics.macro_accuracy = MacroAccuracy(metrics.confusion, classes);
  metrics.loss = sum / static_cast<double>(rows);
  metrics.loss_batch_mean = batch_means / static_cast<double>(batches);
  return metrics;
}

}  // namespace bitsweep::passes
