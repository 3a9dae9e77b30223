// SPDX-License-Identifier: Apache-2.0
#include "client/report/chart_axis.h"

#include <algorithm>
#include <cmath>
#include <cstdlib>

#include "fmt/format.h"
#include "nlohmann/json.hpp"

namespace bitsweep::report {
namespace {

using nlohmann::json;

constexpr double kLogSpan = 8;
constexpr std::size_t kMostTicks = 12;  // more values than this get ticks of the library's choice

bool ArePowersOfTwo(const std::vector<FieldValue>& values) {
  return std::all_of(values.begin(), values.end(), [](const FieldValue& v) {
    return *v.number >= 1 &&
           std::fabs(std::log2(*v.number) - std::round(std::log2(*v.number))) < 1e-9;
  });
}

}  // namespace

std::vector<FieldValue> DistinctValues(std::vector<FieldValue> values) {
  const bool are_numbers = std::all_of(values.begin(), values.end(),
                                       [](const FieldValue& v) { return v.number.has_value(); });
  if (are_numbers) {
    std::sort(values.begin(), values.end(),
              [](const FieldValue& a, const FieldValue& b) { return *a.number < *b.number; });
  }
  std::vector<FieldValue> distinct;
  for (FieldValue& value : values) {
    const bool is_new = are_numbers
                            ? distinct.empty() || distinct.back() != value
                            : std::find(distinct.begin(), distinct.end(), value) == distinct.end();
    if (is_new) distinct.push_back(std::move(value));
  }
  return distinct;
}

AxisKind KindOfAxis(const std::vector<FieldValue>& distinct) {
  if (distinct.empty() || !distinct.front().number || !distinct.back().number) {
    return AxisKind::kDiscrete;
  }
  const double first = *distinct.front().number;
  const double last = *distinct.back().number;
  if (first > 0 && last / first >= kLogSpan) {
    return ArePowersOfTwo(distinct) ? AxisKind::kLog2 : AxisKind::kLog10;
  }
  // 0 has no place on a logarithmic axis.
  const bool has_span = first == 0 && distinct.size() > 2 && last / *distinct[1].number >= kLogSpan;
  return has_span && distinct.size() <= kMostTicks ? AxisKind::kDiscrete : AxisKind::kLinear;
}

json AxisEncoding(const std::string& hyperparameter, const std::vector<FieldValue>& distinct) {
  json encoding = {{"field", "x"}, {"title", FieldTitle(hyperparameter)}};
  const AxisKind kind = KindOfAxis(distinct);
  if (kind == AxisKind::kDiscrete) {
    encoding["type"] = "ordinal";
    encoding["sort"] = nullptr;
    encoding["scale"] = {{"domain", json::array()}};
    for (const FieldValue& value : distinct) {
      encoding["scale"]["domain"].push_back(value.text);
    }
    encoding["axis"] = {{"labelAngle", 0}};
    return encoding;
  }
  encoding["type"] = "quantitative";
  json axis = {{"grid", false}};
  if (distinct.size() <= kMostTicks) {
    axis["values"] = json::array();
    for (const FieldValue& value : distinct) axis["values"].push_back(*value.number);
  }
  const bool are_small = *distinct.back().number < 1 && *distinct.front().number < 0.01;
  axis["format"] = are_small ? "~e" : "~r";
  json scale = {{"zero", false}, {"nice", false}, {"padding", 16}};
  if (kind != AxisKind::kLinear) {
    scale["type"] = "log";
    scale["base"] = kind == AxisKind::kLog2 ? 2 : 10;
    scale.erase("zero");
  }
  encoding["axis"] = axis;
  encoding["scale"] = scale;
  return encoding;
}

json PositionOf(const FieldValue& value, AxisKind kind) {
  return kind == AxisKind::kDiscrete ? json(value.text) : json(value.number.value_or(0));
}

json AccuracyEncoding(const std::string& member) {
  return {{"field", member},
          {"type", "quantitative"},
          {"title", "validation accuracy"},
          {"scale", {{"zero", false}, {"padding", 6}}},
          {"axis", {{"format", "~g"}, {"tickCount", 6}}}};
}

double Rounded(double value) {
  return std::isfinite(value) ? std::strtod(fmt::format("{:.6g}", value).c_str(), nullptr) : value;
}

std::string AccuracyText(double value) {
  return std::isfinite(value) ? fmt::format("{:.4f}", value) : "";
}

std::string LayeredChart(int height, const json& datasets, const json& layers) {
  return json{{"$schema", "https://vega.github.io/schema/vega-lite/v6.json"},
              {"width", "container"},
              {"height", height},
              {"datasets", datasets},
              {"layer", layers}}
      .dump();
}

}  // namespace bitsweep::report
