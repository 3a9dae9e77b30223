// SPDX-License-Identifier: Apache-2.0
#ifndef BITSWEEP_CLIENT_REPORT_CURVE_CHARTS_H_
#define BITSWEEP_CLIENT_REPORT_CURVE_CHARTS_H_

#include <string>
#include <vector>

#include "client/report/page.h"
#include "client/report/sweep_results.h"

namespace bitsweep::report {

// A curve with its name in the legend.
struct LabelledCurve {
  std::string label;
  Curve curve;
};
// val_acc over the epochs as means with a band over the repeats, and below it the learning rate;
// none without points. `remark` ends the caption. Ids are `id` and `id`-rate.
std::vector<Chart> LabelledCurveCharts(const std::string& id, const std::string& title,
                                       const std::string& remark,
                                       const std::vector<LabelledCurve>& curves);

// The same of a sweep: two charts an axis of a search one at a time, two for any other search.
// `curves`: see BuildSweepPage.
std::vector<Chart> CurveCharts(const SweepResults& results, const std::vector<Curve>& curves);

}  // namespace bitsweep::report

#endif  // BITSWEEP_CLIENT_REPORT_CURVE_CHARTS_H_
