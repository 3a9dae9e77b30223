// SPDX-License-Identifier: Apache-2.0
#ifndef BITSWEEP_CLIENT_REPORT_SPEED_CHARTS_H_
#define BITSWEEP_CLIENT_REPORT_SPEED_CHARTS_H_

#include <vector>

#include "client/report/page.h"
#include "client/report/sweep_results.h"

namespace bitsweep::report {

// Seconds a trial and training rows a second, by configuration: every repeat a point, means. None
// without results.
std::vector<Chart> SpeedCharts(const SweepResults& results);

}  // namespace bitsweep::report

#endif  // BITSWEEP_CLIENT_REPORT_SPEED_CHARTS_H_
