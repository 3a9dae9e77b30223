// SPDX-License-Identifier: Apache-2.0
// Configurations of a transform with axes, over the models that it was run on. Pure.
#ifndef BITSWEEP_CLIENT_REPORT_TRANSFORM_POINTS_H_
#define BITSWEEP_CLIENT_REPORT_TRANSFORM_POINTS_H_

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "bitsweep/v1/transform.pb.h"
#include "client/report/statistics.h"

namespace bitsweep::report {

// A transform with all of its jobs, which have headlines and no results.
struct TransformRun {
  v1::Transform transform;
  std::vector<v1::TransformJob> jobs;
};

// OK when all runs have the same passes, axes and data set, so that jobs with equal values are
// repeats that differ in their model or seed. InvalidArgument names what differs, and where.
absl::Status CheckEqualSpecs(const std::vector<TransformRun>& runs);

// One combination of the axes' values. Numbers are means over the runs whose job has one.
struct TransformPoint {
  std::vector<std::int64_t> values;           // in the axes' order
  std::vector<const v1::TransformJob*> jobs;  // one a run that has it
  Sample accuracy;
  std::optional<Interval> interval;  // of the mean accuracy, 95 %
  std::optional<double> original_accuracy, loss, flops, bitops, size_bits, seconds;
  bool is_pareto = false;

  bool IsPlaceable() const { return accuracy.n > 0 && bitops.has_value(); }
};

// In the plan's order. With one run the Pareto set is the server's; with several it is that of the
// means, by the same rule: no other point has at least the accuracy with fewer bit operations, or
// more accuracy with at most as many. Points keep pointers into `runs`.
std::vector<TransformPoint> PointsOf(const std::vector<TransformRun>& runs);

// "4/2/8/4"; "all" without axes.
std::string ValuesText(const TransformPoint& point);
// Positions in `points` of its Pareto set, by rising bit operations.
std::vector<std::size_t> ParetoSet(const std::vector<TransformPoint>& points);

// The job whose results a report shows, and why this one.
struct ShownJob {
  std::size_t run = 0;
  std::string name;  // `transforms/{transform}/jobs/{job}`
  std::string why;
};
// The only job, else of the Pareto set the one with the best accuracy, else the best accuracy, else
// the first that succeeded; nullopt where none has succeeded.
std::optional<ShownJob> JobToShow(const std::vector<TransformRun>& runs);

}  // namespace bitsweep::report

#endif  // BITSWEEP_CLIENT_REPORT_TRANSFORM_POINTS_H_
