// SPDX-License-Identifier: Apache-2.0
#ifndef BITSWEEP_CLIENT_REPORT_DENSITY_CHART_H_
#define BITSWEEP_CLIENT_REPORT_DENSITY_CHART_H_

#include <string>
#include <vector>

#include "client/report/fields.h"

namespace bitsweep::report {

struct DensityPoint {
  FieldValue x;
  double val_acc = 0;
};

// A specification that counts points in cells of equal size, as many points as there are: its size
// is bounded. REQUIRES: points are finite, and there are some.
std::string DensityChart(const std::string& field, const std::vector<DensityPoint>& points);

}  // namespace bitsweep::report

#endif  // BITSWEEP_CLIENT_REPORT_DENSITY_CHART_H_
