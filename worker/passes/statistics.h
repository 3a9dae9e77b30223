// SPDX-License-Identifier: Apache-2.0
// Statistics of tensors, fed one tensor after another.
//
// A tensor is what one update brings: a whole weight, or one sample of an activation with a leading
// dimension of 1. Its elements are gathered in cells: all elements in one ("all"), each element by
// itself ("element"), or those that differ only in `reduce_dims` in one. Every cell gets the same
// number of values; `count` is that number over all updates. Results have the shape of the cells,
// {} for "all".
//
// x are the values of a cell, n their count; all arithmetic in 64 bits.
//
//   variance_precise  mean = sum x / n; variance = sum (x - mean)^2 / (n - 1)
//   variance_online   mean; variance = sum (x - mean)^2 / n. With "all" `variance` is what the lab
//                     report's tool gives: (sum_b n_b s_b + sum_b n_b (mean_b - mean)^2) / n, where
//                     s_b is the unbiased variance of update b; it is neither of the two and NaN
//                     when an update has one element. population_variance and unbiased_variance
//                     then stand beside it.
//   range_min_max     min, max, range = max - min
//   range_quantile    min = quantile(1 - q), max = quantile(q), range (worker/passes/quantile.h)
//   range_n_sigma     min, max = mean -+ n_sigma sqrt(variance), range; variance with n - 1
//                     ("precise") or n ("online")
//   abs_mean          sum |x| / n
//   record            data: the tensors one behind another in dimension 0 (or in a new dimension
//                     before it), count: the updates, size_in_bytes: 4 an element
//
// abs takes |x| first. Too few values: with n < 2 mean, variance, abs_mean and the range of
// range_min_max and range_n_sigma are not defined, nor min and max of range_n_sigma, nor those of
// range_quantile with "element"; with n = 0 nothing is but count. A NaN makes every result of its
// cell NaN.
//
// Sources: docs/passes.md; updates and merges of means and variances: Chan, Golub
// and LeVeque, "Updating formulae and a pairwise algorithm for computing sample variances", 1979.
#ifndef BITSWEEP_WORKER_PASSES_STATISTICS_H_
#define BITSWEEP_WORKER_PASSES_STATISTICS_H_

#include <memory>
#include <span>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "core/graph/op.h"
#include "core/spec/transform_spec.h"

namespace bitsweep::passes {

// One number, or one tensor of numbers, of a statistic.
struct StatisticValue {
  std::string key;             // "mean", "variance", "count", ...
  graph::Shape shape;          // {} for a single number
  std::vector<double> values;  // row-major; empty: not defined, there were too few values
};

// Owned by one thread.
class Statistic {
 public:
  virtual ~Statistic() = default;

  // InvalidArgument: a shape other than before (but with "all"), a reduce_dims that it does not
  // have, more values than are kept (kMaxRecorded; kMaxRecord for record).
  virtual absl::Status Update(const graph::Shape& shape, std::span<const float> values) = 0;
  // As if what `other` was fed came after what this was. REQUIRES: made from the same spec.
  virtual absl::Status Merge(const Statistic& other) = 0;
  virtual std::vector<StatisticValue> Result() const = 0;

  static constexpr std::size_t kMaxRecorded = std::size_t{1} << 24;
  static constexpr std::size_t kMaxRecord = std::size_t{1} << 18;
};

// InvalidArgument: an unknown name (the message lists all), dims, var_mode or quantile, or an
// option that the statistic does not take.
absl::StatusOr<std::unique_ptr<Statistic>> MakeStatistic(const spec::StatisticSpec& spec);

}  // namespace bitsweep::passes

#endif  // BITSWEEP_WORKER_PASSES_STATISTICS_H_
