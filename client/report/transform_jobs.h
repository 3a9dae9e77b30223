// SPDX-License-Identifier: Apache-2.0
// Tables and pictures of a transform's jobs. Pure.
#ifndef BITSWEEP_CLIENT_REPORT_TRANSFORM_JOBS_H_
#define BITSWEEP_CLIENT_REPORT_TRANSFORM_JOBS_H_

#include <cstddef>
#include <vector>

#include "bitsweep/v1/transform.pb.h"
#include "client/report/page.h"
#include "client/report/transform_blocks.h"
#include "client/report/transform_points.h"

namespace bitsweep::report {

// Rows and marks that a page still takes; the rest is said to be left out.
inline constexpr std::size_t kMostJobRows = 5000;
inline constexpr std::size_t kMostJobMarks = 2000;

// Accuracy against bit operations with the Pareto set, accuracy by each axis, and tables. Error
// bars where there are several runs. REQUIRES: the transform's axes are those of the points.
Blocks JobBlocks(const v1::Transform& transform, const std::vector<TransformPoint>& points,
                 std::size_t runs);

// Jobs that ended without a result, with reasons; nothing where there are none.
Blocks FailureBlocks(const std::vector<TransformRun>& runs);

// Used by JobBlocks; they need points with accuracy.
Chart ParetoChart(const v1::Transform& transform, const std::vector<TransformPoint>& points);
std::vector<Chart> QuantizationAxisCharts(const v1::Transform& transform,
                                          const std::vector<TransformPoint>& points);

}  // namespace bitsweep::report

#endif  // BITSWEEP_CLIENT_REPORT_TRANSFORM_JOBS_H_
