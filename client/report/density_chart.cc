// SPDX-License-Identifier: Apache-2.0
#include "client/report/density_chart.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <utility>

#include "client/report/chart_axis.h"
#include "nlohmann/json.hpp"

namespace bitsweep::report {
namespace {

using nlohmann::json;

constexpr int kColumns = 40;
constexpr int kRows = 30;

// Equal cells between the smallest and the largest value.
struct Cells {
  double low = 0;
  double width = 1;
  int count = 1;
  bool is_log = false;

  int IndexOf(double value) const {
    const double at = is_log ? std::log(value) : value;
    return std::clamp(static_cast<int>((at - low) / width), 0, count - 1);
  }
  double EdgeOf(int index) const {
    const double at = low + width * index;
    return Rounded(is_log ? std::exp(at) : at);
  }
};

Cells CellsOf(const std::vector<double>& values, int count, bool is_log) {
  const auto [low, high] = std::minmax_element(values.begin(), values.end());
  const double first = is_log ? std::log(*low) : *low;
  const double last = is_log ? std::log(*high) : *high;
  if (last <= first) return {.low = first, .width = 1, .count = 1, .is_log = is_log};
  return {.low = first, .width = (last - first) / count, .count = count, .is_log = is_log};
}

}  // namespace

std::string DensityChart(const std::string& field, const std::vector<DensityPoint>& points) {
  std::vector<FieldValue> fields;
  std::vector<double> xs;
  std::vector<double> ys;
  for (const DensityPoint& point : points) {
    fields.push_back(point.x);
    xs.push_back(point.x.number.value_or(0));
    ys.push_back(point.val_acc);
  }
  const std::vector<FieldValue> distinct = DistinctValues(std::move(fields));
  const AxisKind kind = KindOfAxis(distinct);
  // Few values stand side by side, whatever they are; many numbers get cells.
  const bool is_discrete = kind == AxisKind::kDiscrete || distinct.size() <= kColumns / 2;
  const Cells x = CellsOf(xs, kColumns, kind == AxisKind::kLog2 || kind == AxisKind::kLog10);
  const Cells y = CellsOf(ys, kRows, false);

  std::map<std::pair<std::string, int>, int> by_value;
  std::map<std::pair<int, int>, int> by_cell;
  for (const DensityPoint& point : points) {
    const int row = y.IndexOf(point.val_acc);
    if (is_discrete) {
      ++by_value[{point.x.text, row}];
    } else {
      ++by_cell[{x.IndexOf(point.x.number.value_or(0)), row}];
    }
  }
  json rows = json::array();
  const auto add = [&](json row, int y_index, int count) {
    row["y"] = y.EdgeOf(y_index);
    row["y2"] = y.EdgeOf(y_index + 1);
    row["n"] = count;
    rows.push_back(std::move(row));
  };
  for (const auto& [key, count] : by_value) add({{"x", key.first}}, key.second, count);
  for (const auto& [key, count] : by_cell) {
    add({{"x", x.EdgeOf(key.first)}, {"x2", x.EdgeOf(key.first + 1)}}, key.second, count);
  }

  const json x_encoding = AxisEncoding(field, distinct, is_discrete ? AxisKind::kDiscrete : kind);
  json encoding = {{"x", x_encoding},
                   {"y", AccuracyEncoding("y")},
                   {"y2", {{"field", "y2"}}},
                   {"color",
                    {{"field", "n"},
                     {"type", "quantitative"},
                     {"title", "trials"},
                     {"scale", {{"type", "sqrt"}}}}},
                   {"tooltip", {{{"field", "n"}, {"type", "quantitative"}, {"title", "trials"}}}}};
  if (!is_discrete) encoding["x2"] = {{"field", "x2"}};
  json mark = {{"type", "rect"}};
  if (is_discrete) mark["width"] = {{"band", 0.9}};
  const json layers = {
      {{"name", "cells"}, {"data", {{"name", "cells"}}}, {"mark", mark}, {"encoding", encoding}}};
  return LayeredChart(280, {{"cells", rows}}, layers);
}

}  // namespace bitsweep::report
