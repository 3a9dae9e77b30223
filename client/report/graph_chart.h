// SPDX-License-Identifier: Apache-2.0
#ifndef BITSWEEP_CLIENT_REPORT_GRAPH_CHART_H_
#define BITSWEEP_CLIENT_REPORT_GRAPH_CHART_H_

#include <cstddef>
#include <string>
#include <vector>

#include "client/report/graph_layout.h"
#include "client/report/page.h"

namespace bitsweep::report {

// Nodes that a picture still shows.
inline constexpr std::size_t kMostDrawnNodes = 150;

// The graph as a picture: boxes with text, quantized ones in another colour, and edges between
// them. Pure. REQUIRES: 1 to kMostDrawnNodes nodes.
Chart GraphChart(const std::string& id, const std::vector<DrawnNode>& nodes,
                 const std::string& caption);

}  // namespace bitsweep::report

#endif  // BITSWEEP_CLIENT_REPORT_GRAPH_CHART_H_
