// SPDX-License-Identifier: Apache-2.0
#ifndef BITSWEEP_CLIENT_REPORT_GRID_CHARTS_H_
#define BITSWEEP_CLIENT_REPORT_GRID_CHARTS_H_

#include <optional>

#include "client/report/page.h"
#include "client/report/sweep_results.h"

namespace bitsweep::report {

// All axes of a search in one picture: mean val_acc as a heat map for a grid of two, as parallel
// coordinates for every other search over two and more. nullopt without results, for one axis, and
// for a search one at a time, where the axes say it all.
std::optional<Chart> GridChart(const SweepResults& results);

}  // namespace bitsweep::report

#endif  // BITSWEEP_CLIENT_REPORT_GRID_CHARTS_H_
