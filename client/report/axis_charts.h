// SPDX-License-Identifier: Apache-2.0
#ifndef BITSWEEP_CLIENT_REPORT_AXIS_CHARTS_H_
#define BITSWEEP_CLIENT_REPORT_AXIS_CHARTS_H_

#include <string>
#include <vector>

#include "client/report/page.h"
#include "client/report/sweep_results.h"

namespace bitsweep::report {

// Configurations that show what an axis does: of a search one at a time the base and the axis' own
// values, of any other search all of them.
std::vector<std::int64_t> MembersOfAxis(const SweepResults& results, const std::string& field);

// val_acc over each hyper-parameter that varies: every repeat a point, means with their intervals.
// One chart an axis, none without results.
std::vector<Chart> AxisCharts(const SweepResults& results);

}  // namespace bitsweep::report

#endif  // BITSWEEP_CLIENT_REPORT_AXIS_CHARTS_H_
