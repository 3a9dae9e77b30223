// SPDX-License-Identifier: Apache-2.0
#include "client/report/axis_charts.h"

#include <algorithm>
#include <map>
#include <utility>

#include "client/report/chart_axis.h"
#include "client/report/density_chart.h"
#include "client/report/fields.h"
#include "fmt/format.h"
#include "nlohmann/json.hpp"

namespace bitsweep::report {
namespace {

using nlohmann::json;

constexpr std::size_t kMostPoints = 1500;  // of one picture; above, they are counted in cells
constexpr std::size_t kMostMeans = 60;
constexpr std::size_t kMostColours = 6;
constexpr int kHeight = 280;

// What one axis' picture is made of.
struct AxisData {
  std::string field;
  std::string colour;  // another field, or empty
  std::vector<std::int64_t> members;
  std::vector<FieldValue> values;
  AxisKind kind = AxisKind::kLinear;
};

const v1::Hyperparameters& ValuesOf(const SweepResults& results, std::int64_t configuration) {
  return results.configurations[static_cast<std::size_t>(configuration)].hyperparameters();
}

// With two axes the other one gives the colour, if its values can be told apart.
std::string ColourOf(const SweepResults& results, const std::string& field) {
  if (!results.sweep.has_grid() || results.sweep.varying_size() != 2) return "";
  const std::string& other = results.sweep.varying(results.sweep.varying(0) == field ? 1 : 0);
  std::vector<FieldValue> values;
  for (const v1::Configuration& c : results.configurations) {
    values.push_back(ValueOf(c.hyperparameters(), other));
  }
  return DistinctValues(std::move(values)).size() <= kMostColours ? other : "";
}

AxisData DataOf(const SweepResults& results, const std::string& field) {
  AxisData data{.field = field, .colour = ColourOf(results, field)};
  data.members = MembersOfAxis(results, field);
  std::vector<FieldValue> values;
  for (const std::int64_t member : data.members) {
    values.push_back(ValueOf(ValuesOf(results, member), field));
  }
  data.values = DistinctValues(std::move(values));
  // Colours stand side by side, which only a discrete axis has room for.
  data.kind = data.colour.empty() ? KindOfAxis(data.values) : AxisKind::kDiscrete;
  return data;
}

std::vector<Outcome> OutcomesOf(const SweepResults& results, const AxisData& data) {
  std::vector<bool> is_member(results.configurations.size());
  for (const std::int64_t member : data.members) is_member[static_cast<std::size_t>(member)] = true;
  std::vector<Outcome> outcomes;
  for (const Outcome& outcome : results.outcomes) {
    if (is_member[static_cast<std::size_t>(outcome.configuration)]) outcomes.push_back(outcome);
  }
  return outcomes;
}

json MeansOf(const SweepResults& results, const AxisData& data,
             const std::vector<Outcome>& outcomes) {
  // By place in the axis' order, then by colour.
  std::map<std::pair<std::size_t, std::string>, std::vector<double>> groups;
  for (const Outcome& outcome : outcomes) {
    const v1::Hyperparameters& h = ValuesOf(results, outcome.configuration);
    const auto place = std::find(data.values.begin(), data.values.end(), ValueOf(h, data.field));
    groups[{static_cast<std::size_t>(place - data.values.begin()), ValueOf(h, data.colour).text}]
        .push_back(outcome.val_acc);
  }
  json rows = json::array();
  for (const auto& [key, values] : groups) {
    const Sample sample = SampleOf(values);
    json row = {{"x", PositionOf(data.values[key.first], data.kind)},
                {"y", Rounded(sample.mean)},
                {"n", sample.n}};
    if (!data.colour.empty()) row["c"] = key.second;
    if (const std::optional<Interval> interval = MeanInterval(sample)) {
      row["low"] = Rounded(interval->low);
      row["high"] = Rounded(interval->high);
    }
    rows.push_back(std::move(row));
  }
  return rows;
}

json ColourEncoding(const SweepResults& results, const AxisData& data) {
  std::vector<FieldValue> values;
  for (const std::int64_t member : data.members) {
    values.push_back(ValueOf(ValuesOf(results, member), data.colour));
  }
  json domain = json::array();
  for (const FieldValue& value : DistinctValues(std::move(values))) domain.push_back(value.text);
  return {{"field", "c"},
          {"type", "nominal"},
          {"title", FieldTitle(data.colour)},
          {"scale", {{"domain", domain}}}};
}

// Whether few values repeat, so that a line from mean to mean means something.
bool IsLattice(const v1::Sweep& sweep) { return sweep.has_grid() || sweep.has_one_at_a_time(); }

std::string SpecificationOf(const SweepResults& results, const AxisData& data,
                            const std::vector<Outcome>& outcomes, const json& means) {
  json points = json::array();
  for (const Outcome& outcome : outcomes) {
    const v1::Hyperparameters& h = ValuesOf(results, outcome.configuration);
    json row = {{"x", PositionOf(ValueOf(h, data.field), data.kind)},
                {"y", Rounded(outcome.val_acc)},
                {"trial", outcome.trial}};
    if (!data.colour.empty()) row["c"] = ValueOf(h, data.colour).text;
    points.push_back(std::move(row));
  }
  const json x = AxisEncoding(data.field, data.values, data.kind);
  const bool has_means = means.size() <= kMostMeans;
  const json tooltip = {{{"field", "trial"}, {"type", "nominal"}},
                        {{"field", "x"}, {"type", "nominal"}, {"title", FieldTitle(data.field)}},
                        {{"field", "y"}, {"type", "quantitative"}, {"title", "val_acc"}}};
  json layers = json::array();
  // Left of their mean, which they would hide.
  layers.push_back({{"name", "points"},
                    {"data", {{"name", "points"}}},
                    {"mark",
                     {{"type", "point"},
                      {"opacity", 0.65},
                      {"xOffset", has_means && data.colour.empty() ? -7 : 0}}},
                    {"encoding", {{"x", x}, {"y", AccuracyEncoding("y")}, {"tooltip", tooltip}}}});
  if (has_means) {
    const json position = {{"x", x}, {"y", AccuracyEncoding("y")}};
    if (data.kind != AxisKind::kDiscrete && IsLattice(results.sweep)) {
      layers.push_back({{"name", "trend"},
                        {"data", {{"name", "means"}}},
                        {"mark", {{"type", "line"}, {"opacity", 0.45}, {"strokeWidth", 1.2}}},
                        {"encoding", position}});
    }
    layers.push_back(
        {{"name", "intervals"},
         {"data", {{"name", "means"}}},
         {"transform", {{{"filter", "isValid(datum.low)"}}}},
         {"mark", {{"type", "rule"}, {"strokeWidth", 1.6}}},
         {"encoding", {{"x", x}, {"y", AccuracyEncoding("low")}, {"y2", {{"field", "high"}}}}}});
    json mean = position;
    mean["tooltip"] = {{{"field", "y"}, {"type", "quantitative"}, {"title", "mean"}},
                       {{"field", "n"}, {"type", "quantitative"}}};
    layers.push_back({{"name", "means"},
                      {"data", {{"name", "means"}}},
                      {"mark", {{"type", "point"}, {"shape", "diamond"}, {"size", 75}}},
                      {"encoding", std::move(mean)}});
  }
  for (json& layer : layers) {
    const bool is_point = layer["name"] == "points";
    if (!data.colour.empty()) {
      layer["encoding"]["color"] = ColourEncoding(results, data);
      layer["encoding"]["xOffset"] = {{"field", "c"},
                                      {"scale", layer["encoding"]["color"]["scale"]}};
    } else if (!is_point) {
      layer["mark"]["color"] = "currentColor";
    }
  }
  return LayeredChart(kHeight, {{"points", points}, {"means", means}}, layers);
}

std::string CaptionOf(const SweepResults& results, const AxisData& data, std::size_t points,
                      std::size_t means) {
  std::string caption =
      fmt::format("Each of {} is a point", Count(static_cast<std::int64_t>(points), "trial"));
  if (means > kMostMeans) return caption + ".";
  caption += fmt::format(
      "; a diamond is the mean of the trials {}, its bar the 95 % interval of that mean (Student's "
      "t).",
      data.colour.empty() ? "on its left" : "under it");
  const int varying = results.sweep.varying_size();
  if (results.sweep.has_one_at_a_time() && varying > 1) {
    caption += " All else is as in the base.";
  } else if (varying > 1 && data.colour.empty()) {
    caption += " The other hyper-parameters vary too, and count as noise here.";
  }
  if (data.kind == AxisKind::kDiscrete && data.values.front().number) {
    caption += " The values stand at equal distances.";
  }
  return caption;
}

}  // namespace

std::vector<std::int64_t> MembersOfAxis(const SweepResults& results, const std::string& field) {
  const bool is_one_at_a_time = results.sweep.has_one_at_a_time();
  const v1::Hyperparameters base = ResolvedBase(results.sweep);
  const std::vector<std::string> varying = results.Varying();
  std::vector<std::int64_t> members;
  for (std::size_t i = 0; i < results.configurations.size(); ++i) {
    const v1::Hyperparameters& h = results.configurations[i].hyperparameters();
    const bool is_member =
        !is_one_at_a_time ||
        std::all_of(varying.begin(), varying.end(), [&](const std::string& other) {
          return other == field || ValueOf(h, other) == ValueOf(base, other);
        });
    if (is_member) members.push_back(static_cast<std::int64_t>(i));
  }
  return members;
}

std::vector<Chart> AxisCharts(const SweepResults& results) {
  std::vector<Chart> charts;
  for (const std::string& field : results.Varying()) {
    const AxisData data = DataOf(results, field);
    const std::vector<Outcome> outcomes = OutcomesOf(results, data);
    if (outcomes.empty()) continue;
    Chart chart{.id = "axis-" + field,
                .title = fmt::format("Validation accuracy by {}", FieldTitle(field))};
    if (outcomes.size() > kMostPoints) {
      std::vector<DensityPoint> points;
      for (const Outcome& outcome : outcomes) {
        points.push_back(
            {ValueOf(ValuesOf(results, outcome.configuration), field), outcome.val_acc});
      }
      chart.caption =
          fmt::format("{}, too many to draw each: how many have such a value and such an accuracy.",
                      Count(static_cast<std::int64_t>(outcomes.size()), "trial"));
      chart.vega_lite = DensityChart(field, points);
    } else {
      const json means = MeansOf(results, data, outcomes);
      chart.caption = CaptionOf(results, data, outcomes.size(), means.size());
      chart.vega_lite = SpecificationOf(results, data, outcomes, means);
    }
    charts.push_back(std::move(chart));
  }
  return charts;
}

}  // namespace bitsweep::report
