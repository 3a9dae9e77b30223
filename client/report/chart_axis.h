// SPDX-License-Identifier: Apache-2.0
// Pieces of Vega-Lite specifications that several pictures share.
#ifndef BITSWEEP_CLIENT_REPORT_CHART_AXIS_H_
#define BITSWEEP_CLIENT_REPORT_CHART_AXIS_H_

#include <string>
#include <vector>

#include "client/report/fields.h"
#include "nlohmann/json_fwd.hpp"

namespace bitsweep::report {

// How values stand along an axis.
enum class AxisKind {
  kLinear,
  kLog2,      // powers of two that lie more evenly there, such as batch sizes
  kLog10,     // other numbers that do, such as learning rates
  kDiscrete,  // side by side in their order: words, and few numbers that would be kLog10 but for a
              // 0
};

// Distinct values in the order of an axis: numbers rise, words as in `values`.
std::vector<FieldValue> DistinctValues(std::vector<FieldValue> values);
// REQUIRES: `distinct` as DistinctValues gives them.
AxisKind KindOfAxis(const std::vector<FieldValue>& distinct);

// {"field": "x", "type": ..., "scale": ..., "axis": ..., "title": ...} for a hyper-parameter whose
// data stand in the rows' member "x" as PositionOf gives them.
nlohmann::json AxisEncoding(const std::string& hyperparameter,
                            const std::vector<FieldValue>& distinct, AxisKind kind);
nlohmann::json PositionOf(const FieldValue& value, AxisKind kind);

// "y" of validation accuracy in the rows' member `member`; its range is the data's.
nlohmann::json AccuracyEncoding(const std::string& member);

// A legend with as many of these labels in a row as there is room for: the library cuts off others.
nlohmann::json LegendOf(const std::vector<std::string>& labels);
// How wide names beside rows may be: a quarter of the picture, but for narrow ones.
nlohmann::json RowLabelLimit();

// Six significant digits: what a picture can show, and shorter.
double Rounded(double value);
// "0.7123"; empty for what is no number.
std::string AccuracyText(double value);

// {"width": "container", "height": height, "layer": layers, "datasets": datasets} as text.
std::string LayeredChart(int height, const nlohmann::json& datasets, const nlohmann::json& layers);

}  // namespace bitsweep::report

#endif  // BITSWEEP_CLIENT_REPORT_CHART_AXIS_H_
