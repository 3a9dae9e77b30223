// SPDX-License-Identifier: Apache-2.0
#ifndef BITSWEEP_CLIENT_REPORT_CURVE_CHARTS_H_
#define BITSWEEP_CLIENT_REPORT_CURVE_CHARTS_H_

#include <vector>

#include "client/report/page.h"
#include "client/report/sweep_results.h"

namespace bitsweep::report {

// val_acc over the epochs as means with a band over the repeats, and below it the learning rate. A
// search one at a time has two charts an axis, any other search two. `curves`: see BuildSweepPage.
std::vector<Chart> CurveCharts(const SweepResults& results, const std::vector<Curve>& curves);

}  // namespace bitsweep::report

#endif  // BITSWEEP_CLIENT_REPORT_CURVE_CHARTS_H_
