// SPDX-License-Identifier: Apache-2.0
#include "client/report/speed_charts.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <set>
#include <string>
#include <utility>

#include "client/report/chart_axis.h"
#include "client/report/fields.h"
#include "fmt/format.h"
#include "nlohmann/json.hpp"

namespace bitsweep::report {
namespace {

using nlohmann::json;

constexpr std::size_t kMostRows = 24;
constexpr std::size_t kMostSpeedPoints = 1500;
constexpr double kSpan = 20;  // of a logarithmic axis

struct SpeedMeasure {
  const char* id;
  const char* title;
  const char* unit;
  double Outcome::*value;
};

Chart SpeedChart(const SweepResults& results, const std::vector<std::int64_t>& numbers,
                 const std::string& remark, const SpeedMeasure& measure) {
  std::map<std::int64_t, std::vector<double>> values;
  const std::set<std::int64_t> chosen(numbers.begin(), numbers.end());
  for (const Outcome& outcome : results.outcomes) {
    if (chosen.contains(outcome.configuration)) {
      values[outcome.configuration].push_back(outcome.*measure.value);
    }
  }
  json points = json::array();
  json means = json::array();
  json domain = json::array();
  double low = INFINITY;
  double high = 0;
  for (const std::int64_t number : numbers) {
    const std::string label = results.LabelOf(number);
    domain.push_back(label);
    for (const double value : values[number]) {
      low = std::min(low, value);
      high = std::max(high, value);
      points.push_back({{"c", label}, {"v", Rounded(value)}});
    }
    means.push_back({{"c", label}, {"v", Rounded(SampleOf(values[number]).mean)}});
  }
  const bool is_log = low > 0 && high / low >= kSpan;
  json scale = {{"zero", false}, {"padding", 8}};
  if (is_log) scale = {{"type", "log"}, {"padding", 8}};
  const json x = {{"field", "v"},
                  {"type", "quantitative"},
                  {"title", measure.unit},
                  {"scale", scale},
                  {"axis", {{"format", "~s"}}}};
  const json y = {
      {"field", "c"},
      {"type", "ordinal"},
      {"title", nullptr},
      {"scale", {{"domain", domain}}},
      {"axis", {{"labelOverlap", false}, {"labelLimit", RowLabelLimit()}, {"grid", true}}}};
  json layers = json::array();
  if (points.size() <= kMostSpeedPoints) {
    layers.push_back({{"name", "points"},
                      {"data", {{"name", "points"}}},
                      {"mark", {{"type", "point"}, {"opacity", 0.65}}},
                      {"encoding", {{"x", x}, {"y", y}}}});
  }
  layers.push_back({{"name", "means"},
                    {"data", {{"name", "means"}}},
                    {"mark", {{"type", "tick"}, {"color", "currentColor"}, {"height", 12}}},
                    {"encoding", {{"x", x}, {"y", y}}}});
  return {.id = measure.id,
          .title = measure.title,
          .caption = fmt::format("Each trial is a point, the tick their mean.{}{}",
                                 is_log ? " The axis is logarithmic." : "", remark),
          .vega_lite = LayeredChart(static_cast<int>(18 * numbers.size()),
                                    {{"points", points}, {"means", means}}, layers)};
}

}  // namespace

std::vector<Chart> SpeedCharts(const SweepResults& results) {
  std::vector<std::int64_t> numbers = results.BestFirst();
  if (numbers.empty()) return {};
  std::string remark;
  if (numbers.size() > kMostRows) {
    remark =
        fmt::format(" Of {} those {} with the best accuracy are drawn; the table has all.",
                    Count(static_cast<std::int64_t>(numbers.size()), "configuration"), kMostRows);
    numbers.resize(kMostRows);
  }
  std::sort(numbers.begin(), numbers.end());
  return {SpeedChart(results, numbers, remark,
                     {"seconds", "Time of a trial", "seconds", &Outcome::seconds}),
          SpeedChart(results, numbers, remark,
                     {"rows-per-second", "Training speed", "training rows a second",
                      &Outcome::rows_per_second})};
}

}  // namespace bitsweep::report
