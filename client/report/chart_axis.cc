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

constexpr double kLogSpan = 3;  // numbers that span less are near enough for a linear axis
constexpr std::size_t kLegendLabelWidth = 270;
constexpr std::size_t kMostTicks = 12;  // more values than this get ticks of the library's choice

bool ArePowersOfTwo(const std::vector<FieldValue>& values) {
  return std::all_of(values.begin(), values.end(), [](const FieldValue& v) {
    return *v.number >= 1 &&
           std::fabs(std::log2(*v.number) - std::round(std::log2(*v.number))) < 1e-9;
  });
}

// The largest gap between neighbours as a part of the whole.
double LargestGap(const std::vector<double>& rising) {
  double largest = 0;
  for (std::size_t i = 1; i < rising.size(); ++i) {
    largest = std::max(largest, rising[i] - rising[i - 1]);
  }
  return largest / (rising.back() - rising.front());
}

// For numbers above 0 that rise. Two lie as evenly on any axis: a factor of ten decides.
bool LieMoreEvenlyInLogarithms(const std::vector<double>& rising) {
  const double span = rising.back() / rising.front();
  if (rising.size() < 3) return span >= 10;
  std::vector<double> logarithms;
  for (const double number : rising) logarithms.push_back(std::log(number));
  return span >= kLogSpan && LargestGap(logarithms) < LargestGap(rising);
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
  std::vector<double> numbers;
  for (const FieldValue& value : distinct) numbers.push_back(*value.number);
  if (numbers.front() > 0) {
    if (!LieMoreEvenlyInLogarithms(numbers)) return AxisKind::kLinear;
    return ArePowersOfTwo(distinct) ? AxisKind::kLog2 : AxisKind::kLog10;
  }
  // 0 has no place on a logarithmic axis.
  const bool is_zero_the_only_hindrance =
      numbers.front() == 0 && numbers.size() > 2 && numbers.size() <= kMostTicks &&
      LieMoreEvenlyInLogarithms({numbers.begin() + 1, numbers.end()});
  return is_zero_the_only_hindrance ? AxisKind::kDiscrete : AxisKind::kLinear;
}

json AxisEncoding(const std::string& hyperparameter, const std::vector<FieldValue>& distinct,
                  AxisKind kind) {
  json encoding = {{"field", "x"}, {"title", FieldTitle(hyperparameter)}};
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
  // On a phone there are about 260 pixels for the labels; the library leaves out some with room.
  std::size_t width = 0;
  for (const FieldValue& value : distinct) width += 7 * value.text.size() + 8;
  if (width <= 260) axis["labelOverlap"] = false;
  // Not "format": with it the library rounds to what tells its own ticks apart.
  const bool are_small = *distinct.back().number < 1 && *distinct.front().number < 0.01;
  axis["labelExpr"] = are_small ? "format(datum.value, '~e')" : "format(datum.value, '~r')";
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

json LegendOf(const std::vector<std::string>& labels) {
  std::size_t longest = 0;
  for (const std::string& label : labels) longest = std::max(longest, label.size());
  const std::size_t width = std::min(kLegendLabelWidth, 7 * longest) + 30;  // with its symbol
  return {{"labelLimit", kLegendLabelWidth},
          {"columns", {{"expr", fmt::format("max(1, floor(containerSize()[0] / {}))", width)}}}};
}

json RowLabelLimit() { return {{"expr", "max(130, containerSize()[0] / 4)"}}; }

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
      .dump(-1, ' ', false, json::error_handler_t::replace);
}

}  // namespace bitsweep::report
