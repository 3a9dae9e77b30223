// SPDX-License-Identifier: Apache-2.0
// Pictures of a transform's jobs: accuracy against bit operations, and by each axis.
#include <algorithm>
#include <cmath>
#include <cstdint>
#include <map>
#include <optional>
#include <utility>

#include "client/report/transform_jobs.h"
#include "client/report/vega_lite.h"
#include "fmt/format.h"
#include "fmt/ranges.h"
#include "nlohmann/json.hpp"

namespace bitsweep::report {
namespace {

constexpr std::size_t kMostAxisColours = 10;

std::string AxisNames(const v1::Transform& transform) {
  std::vector<std::string> names;
  for (const v1::QuantizationAxis& axis : transform.axes()) names.push_back(axis.entry());
  return fmt::format("{}", fmt::join(names, "/"));
}

// One of `every`, evenly over all i. A fixed stride would fall in step with an axis and leave out
// values of it; multiples of the golden ratio do not, whatever the axes' lengths are.
bool IsChosen(std::size_t i, std::size_t every) {
  return i * 0x9E37'79B9'7F4A'7C15U <= UINT64_MAX / every;
}

// The Pareto set and, of the others, evenly chosen ones.
std::vector<const TransformPoint*> DrawnPoints(const std::vector<TransformPoint>& points) {
  std::vector<const TransformPoint*> drawn;
  const std::size_t every = points.size() / kMostJobMarks + 1;
  for (std::size_t i = 0; i < points.size(); ++i) {
    if (points[i].accuracy.n > 0 && (points[i].is_pareto || IsChosen(i, every))) {
      drawn.push_back(&points[i]);
    }
  }
  return drawn;
}

std::string LeftOutText(const std::vector<TransformPoint>& points, std::size_t drawn) {
  const auto known = std::count_if(points.begin(), points.end(),
                                   [](const TransformPoint& p) { return p.accuracy.n > 0; });
  return static_cast<std::size_t>(known) == drawn
             ? ""
             : fmt::format(" {} of {} points are drawn.", drawn, known);
}

Json AccuracyAxis(const char* field) {
  Json y = Quantity(field, "accuracy");
  y["scale"] = {{"zero", false}};
  return y;
}

// Faint for all but the Pareto set: many stand at the same number of bit operations.
Json IntervalLayer(const Json& x, const Json& colour) {
  return {{"name", "intervals"},
          {"transform", Json::array({{{"filter", "isValid(datum.low)"}}})},
          {"mark", {{"type", "rule"}, {"strokeWidth", 1.5}}},
          {"encoding",
           {{"x", x},
            {"y", AccuracyAxis("low")},
            {"y2", {{"field", "high"}}},
            {"color", colour},
            {"opacity",
             {{"condition", {{"test", "datum.set === 'Pareto set'"}, {"value", 0.9}}},
              {"value", 0.15}}}}}};
}

Json RowOf(const TransformPoint& point) {
  return {{"job", ValuesText(point)},
          {"accuracy", FiniteNumber(point.accuracy.mean)},
          {"low", point.interval ? FiniteNumber(point.interval->low) : Json(nullptr)},
          {"high", point.interval ? FiniteNumber(point.interval->high) : Json(nullptr)}};
}

std::vector<std::int64_t> DistinctOf(const v1::QuantizationAxis& axis) {
  std::vector<std::int64_t> values(axis.values().begin(), axis.values().end());
  std::sort(values.begin(), values.end());
  values.erase(std::unique(values.begin(), values.end()), values.end());
  return values;
}

Json Ordered(const std::string& field, const std::vector<std::int64_t>& values,
             const std::string& title) {
  Json encoding = {{"field", field}, {"type", "ordinal"}, {"title", title}};
  encoding["scale"] = {{"domain", values}};
  return encoding;
}

// Means of all points, drawn or not, by value and colour.
Json MeanRows(const std::vector<TransformPoint>& points, int axis, std::optional<int> coloured) {
  std::map<std::pair<std::int64_t, std::int64_t>, std::vector<double>> groups;
  for (const TransformPoint& point : points) {
    if (point.accuracy.n == 0) continue;
    const std::int64_t of = coloured ? point.values[static_cast<std::size_t>(*coloured)] : 0;
    groups[{point.values[static_cast<std::size_t>(axis)], of}].push_back(point.accuracy.mean);
  }
  Json rows = Json::array();
  for (const auto& [key, accuracies] : groups) {
    Json row = {{"value", key.first}, {"accuracy", FiniteNumber(SampleOf(accuracies).mean)}};
    if (coloured) row["of"] = key.second;
    rows.push_back(std::move(row));
  }
  return rows;
}

Chart AxisChart(const v1::Transform& transform, const std::vector<TransformPoint>& points, int axis,
                std::optional<int> coloured) {
  const std::vector<const TransformPoint*> drawn = DrawnPoints(points);
  Json rows = Json::array();
  for (const TransformPoint* point : drawn) {
    Json row = RowOf(*point);
    row["value"] = point->values[static_cast<std::size_t>(axis)];
    if (coloured) row["of"] = point->values[static_cast<std::size_t>(*coloured)];
    rows.push_back(std::move(row));
  }
  const std::string& entry = transform.axes(axis).entry();
  Json x = Ordered("value", DistinctOf(transform.axes(axis)), entry);
  x["axis"] = {{"labelAngle", 0}};
  Json points_of = {{"x", x}, {"y", AccuracyAxis("accuracy")}};
  Json means = points_of;
  std::string by;
  if (coloured) {
    const std::string& other = transform.axes(*coloured).entry();
    const std::vector<std::int64_t> values = DistinctOf(transform.axes(*coloured));
    Json colour = Category("of", other);
    colour["scale"] = {{"domain", values}};
    colour["legend"] = {{"columns", 5}};
    points_of["color"] = colour;
    means["color"] = std::move(colour);
    by = fmt::format(" for each {}", other);
  }
  return MakeChart(
      fmt::format("accuracy-by-axis-{}", axis + 1), "Accuracy by " + entry,
      fmt::format(
          "A dot is a combination of the axes; lines join the means over the other axes{}.{}", by,
          LeftOutText(points, drawn.size())),
      {{"height", 220},
       {"data", DataRows(std::move(rows))},
       {"layer",
        {{{"name", "means"},
          {"data", DataRows(MeanRows(points, axis, coloured))},
          {"mark", {{"type", "line"}}},
          {"encoding", std::move(means)}},
         {{"name", "jobs"},
          {"mark", {{"type", "point"}, {"opacity", 0.75}, {"tooltip", true}}},
          {"encoding", std::move(points_of)}}}}});
}

}  // namespace

Chart ParetoChart(const v1::Transform& transform, const std::vector<TransformPoint>& points) {
  const std::vector<std::size_t> front = ParetoSet(points);
  std::vector<std::size_t> numbers(points.size());
  for (std::size_t i = 0; i < front.size(); ++i) numbers[front[i]] = i + 1;
  Json rows = Json::array();
  Json labels = Json::array();
  double least = HUGE_VAL;
  double most = 0;
  std::size_t drawn = 0;
  for (const TransformPoint* point : DrawnPoints(points)) {
    if (!point->IsPlaceable()) continue;
    ++drawn;
    least = std::min(least, *point->bitops);
    most = std::max(most, *point->bitops);
    Json row = RowOf(*point);
    row["bitops"] = FiniteNumber(point->bitops);
    row["set"] = point->is_pareto ? "Pareto set" : "others";
    const std::size_t number = numbers[static_cast<std::size_t>(point - points.data())];
    if (number > 0) {
      Json label = row;
      label["label"] = fmt::format("{}", number);
      labels.push_back(std::move(label));
    }
    rows.push_back(std::move(row));
  }
  // The step line goes through the set by rising bit operations, whatever the plan's order is.
  std::sort(labels.begin(), labels.end(), [](const Json& a, const Json& b) {
    return a["bitops"].get<double>() < b["bitops"].get<double>();
  });
  Json x = Quantity("bitops", "BitOPs");
  x["scale"] = {{"zero", false}};
  x["axis"] = {{"format", "~s"}};
  if (least > 0 && most / least >= 10) x["scale"] = {{"type", "log"}};
  const Json y = AccuracyAxis("accuracy");
  const Json colour = ColourOf("set", {"others", "Pareto set"});
  Json line = {{"type", "line"},
               {"interpolate", "step-after"},
               {"opacity", 0.6},
               {"color", "currentColor"},
               {"strokeDash", {4, 3}}};
  return MakeChart(
      "accuracy-by-bitops", "Accuracy against bit operations",
      fmt::format("A point is a combination of {}{}. The dashed line bounds what the Pareto set "
                  "reaches; its numbers are those of the next table.{}",
                  AxisNames(transform),
                  std::any_of(points.begin(), points.end(),
                              [](const TransformPoint& p) { return p.interval.has_value(); })
                      ? ", its mean over the models with Student's 95 % interval"
                      : "",
                  LeftOutText(points, drawn)),
      {{"height", 320},
       {"layer",
        {{{"name", "front"},
          {"data", DataRows(labels)},
          {"mark", std::move(line)},
          {"encoding", {{"x", x}, {"y", y}}}},
         [&] {
           Json intervals = IntervalLayer(x, colour);
           intervals["data"] = DataRows(rows);
           return intervals;
         }(),
         {{"name", "jobs"},
          {"data", DataRows(rows)},
          {"mark", {{"type", "point"}, {"size", 50}, {"opacity", 0.85}, {"tooltip", true}}},
          {"encoding", {{"x", x}, {"y", y}, {"color", colour}}}},
         {{"name", "numbers"},
          {"data", DataRows(labels)},
          {"mark",
           {{"type", "text"}, {"dx", -7}, {"dy", -7}, {"align", "right"}, {"fontWeight", "bold"}}},
          {"encoding",
           {{"x", x}, {"y", y}, {"text", {{"field", "label"}, {"type", "nominal"}}}}}}}}});
}

std::vector<Chart> QuantizationAxisCharts(const v1::Transform& transform,
                                          const std::vector<TransformPoint>& points) {
  std::vector<int> varied;
  for (int i = 0; i < transform.axes_size(); ++i) {
    if (DistinctOf(transform.axes(i)).size() > 1) varied.push_back(i);
  }
  std::vector<Chart> charts;
  for (std::size_t i = 0; i < varied.size(); ++i) {
    std::optional<int> coloured;
    if (varied.size() > 1) coloured = i + 1 < varied.size() ? varied[i + 1] : varied[i - 1];
    if (coloured && DistinctOf(transform.axes(*coloured)).size() > kMostAxisColours)
      coloured.reset();
    charts.push_back(AxisChart(transform, points, varied[i], coloured));
  }
  return charts;
}

}  // namespace bitsweep::report
