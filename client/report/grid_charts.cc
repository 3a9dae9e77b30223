// SPDX-License-Identifier: Apache-2.0
#include "client/report/grid_charts.h"

#include <algorithm>
#include <cmath>
#include <string>
#include <utility>
#include <vector>

#include "client/report/chart_axis.h"
#include "client/report/fields.h"
#include "fmt/format.h"
#include "nlohmann/json.hpp"

namespace bitsweep::report {
namespace {

using nlohmann::json;

constexpr std::size_t kMostLines = 300;
constexpr std::size_t kMostTickLabels = 8;  // of one of the parallel axes
constexpr std::size_t kMostTexts = 12;      // columns of a heat map whose cells have room for text

const v1::Configuration& ConfigurationOf(const SweepResults& results, std::int64_t number) {
  return results.configurations[static_cast<std::size_t>(number)];
}

std::vector<FieldValue> ValuesOfField(const SweepResults& results, const std::string& field) {
  std::vector<FieldValue> values;
  for (const v1::Configuration& c : results.configurations) {
    values.push_back(ValueOf(c.hyperparameters(), field));
  }
  return DistinctValues(std::move(values));
}

Chart HeatMap(const SweepResults& results) {
  std::string across = results.sweep.varying(0);
  std::string down = results.sweep.varying(1);
  // The longer one goes down: phones are narrow.
  if (ValuesOfField(results, across).size() > ValuesOfField(results, down).size()) {
    std::swap(across, down);
  }
  const std::vector<FieldValue> columns = ValuesOfField(results, across);
  const std::vector<FieldValue> rows = ValuesOfField(results, down);
  json cells = json::array();
  double low = INFINITY;
  double high = -INFINITY;
  for (const std::int64_t number : results.BestFirst()) {
    const v1::Hyperparameters& h = ConfigurationOf(results, number).hyperparameters();
    const Sample sample = results.AccuracyOf(number);
    low = std::min(low, sample.mean);
    high = std::max(high, sample.mean);
    cells.push_back({{"x", ValueOf(h, across).text},
                     {"y", ValueOf(h, down).text},
                     {"mean", Rounded(sample.mean)},
                     {"text", fmt::format("{:.3f}", sample.mean)},
                     {"n", sample.n}});
  }
  const auto ordinal = [](const char* member, const std::string& field,
                          const std::vector<FieldValue>& values) {
    json domain = json::array();
    for (const FieldValue& value : values) domain.push_back(value.text);
    return json{{"field", member},
                {"type", "ordinal"},
                {"title", FieldTitle(field)},
                {"scale", {{"domain", domain}}},
                {"axis", {{"labelAngle", 0}}}};
  };
  const json x = ordinal("x", across, columns);
  const json y = ordinal("y", down, rows);
  const json colour = {{"field", "mean"},
                       {"type", "quantitative"},
                       {"title", "mean validation accuracy"},
                       {"scale", {{"zero", false}}},
                       {"legend", {{"format", "~g"}}}};
  json layers = {{{"name", "cells"},
                  {"data", {{"name", "cells"}}},
                  {"mark", {{"type", "rect"}}},
                  {"encoding",
                   {{"x", x},
                    {"y", y},
                    {"color", colour},
                    {"tooltip", {{{"field", "mean"}}, {{"field", "n"}}}}}}}};
  if (columns.size() <= kMostTexts) {
    // Dark on the light half of the scheme, white on the other.
    const std::string is_light = fmt::format("datum.mean > {}", Rounded(low + 0.6 * (high - low)));
    layers.push_back(
        {{"name", "values"},
         {"data", {{"name", "cells"}}},
         {"mark", {{"type", "text"}}},
         {"encoding",
          {{"x", x},
           {"y", y},
           {"text", {{"field", "text"}}},
           {"color",
            {{"condition", {{"test", is_light}, {"value", "#101418"}}}, {"value", "#ffffff"}}}}}});
  }
  const int height = std::clamp(static_cast<int>(rows.size()) * 28, 60, 640);
  return {.id = "heat-map",
          .title = fmt::format("Mean validation accuracy by {} and {}", FieldTitle(down),
                               FieldTitle(across)),
          .caption =
              "A cell is the mean over the repeats of a configuration; without a result there is "
              "none.",
          .vega_lite = LayeredChart(height, {{"cells", cells}}, layers)};
}

// One of the parallel axes: where values stand on it, from 0 to 1.
struct ParallelAxis {
  std::string title;
  std::vector<FieldValue> values;
  AxisKind kind = AxisKind::kLinear;

  double PositionOf(const FieldValue& value) const {
    if (values.size() < 2) return 0.5;
    if (kind == AxisKind::kDiscrete) {
      const auto at = std::find(values.begin(), values.end(), value);
      return static_cast<double>(at - values.begin()) / static_cast<double>(values.size() - 1);
    }
    const auto scaled = [this](const FieldValue& v) {
      return kind == AxisKind::kLinear ? *v.number : std::log(*v.number);
    };
    const double first = scaled(values.front());
    return (scaled(value) - first) / (scaled(values.back()) - first);
  }

  // Values to write beside it.
  std::vector<FieldValue> Ticks() const {
    if (values.size() <= kMostTickLabels) return values;
    return {values.front(), values[values.size() / 2], values.back()};
  }
};

std::vector<ParallelAxis> AxesOf(const SweepResults& results,
                                 const std::vector<std::int64_t>& drawn) {
  std::vector<ParallelAxis> axes;
  for (const std::string& field : results.Varying()) {
    ParallelAxis axis{.title = FieldTitle(field), .values = ValuesOfField(results, field)};
    axis.kind = KindOfAxis(axis.values);
    axes.push_back(std::move(axis));
  }
  ParallelAxis accuracy{.title = "val acc"};
  for (const std::int64_t number : {drawn.back(), drawn.front()}) {
    const double mean = results.AccuracyOf(number).mean;
    accuracy.values.push_back({fmt::format("{:.3f}", mean), mean});
  }
  if (accuracy.values.front() == accuracy.values.back()) accuracy.values.pop_back();
  axes.push_back(std::move(accuracy));
  return axes;
}

// Evenly over the ranking, the best and the worst among them.
std::vector<std::int64_t> Thinned(const std::vector<std::int64_t>& best_first) {
  if (best_first.size() <= kMostLines) return best_first;
  std::vector<std::int64_t> chosen;
  for (std::size_t i = 0; i < kMostLines; ++i) {
    chosen.push_back(best_first[i * (best_first.size() - 1) / (kMostLines - 1)]);
  }
  return chosen;
}

json LineRows(const SweepResults& results, const std::vector<ParallelAxis>& axes,
              const std::vector<std::int64_t>& drawn) {
  const std::vector<std::string> varying = results.Varying();
  json rows = json::array();
  for (auto number = drawn.rbegin(); number != drawn.rend(); ++number) {  // the best on top
    const double mean = results.AccuracyOf(*number).mean;
    const auto add = [&](const ParallelAxis& axis, const FieldValue& value) {
      rows.push_back({{"k", *number},
                      {"axis", axis.title},
                      {"at", Rounded(axis.PositionOf(value))},
                      {"mean", Rounded(mean)}});
    };
    const v1::Hyperparameters& h = ConfigurationOf(results, *number).hyperparameters();
    for (std::size_t i = 0; i < varying.size(); ++i) add(axes[i], ValueOf(h, varying[i]));
    add(axes.back(), {"", mean});
  }
  return rows;
}

json TickRows(const std::vector<ParallelAxis>& axes) {
  json rows = json::array();
  for (const ParallelAxis& axis : axes) {
    for (const FieldValue& tick : axis.Ticks()) {
      rows.push_back(
          {{"axis", axis.title}, {"at", Rounded(axis.PositionOf(tick))}, {"text", tick.text}});
    }
  }
  return rows;
}

Chart ParallelCoordinates(const SweepResults& results) {
  const std::vector<std::int64_t> all = results.BestFirst();
  const std::vector<std::int64_t> drawn = Thinned(all);
  const std::vector<ParallelAxis> axes = AxesOf(results, drawn);
  json domain = json::array();
  for (const ParallelAxis& axis : axes) domain.push_back(axis.title);
  const json x = {{"field", "axis"},
                  {"type", "ordinal"},
                  {"title", nullptr},
                  {"scale", {{"type", "point"}, {"domain", domain}, {"padding", 0.35}}},
                  {"axis",
                   {{"labelAngle", 0},
                    {"labelExpr", "split(datum.label, ' ')"},  // a word a line
                    {"labelOverlap", false},
                    {"grid", true},
                    {"gridOpacity", 0.5},
                    {"domain", false},
                    {"ticks", false}}}};
  const json y = {{"field", "at"},
                  {"type", "quantitative"},
                  {"axis", nullptr},
                  {"scale", {{"domain", {0, 1}}, {"padding", 8}}}};
  const json colour = {
      {"field", "mean"},
      {"type", "quantitative"},
      {"title", "mean validation accuracy"},
      {"scale",
       {{"zero", false}, {"interpolate", "rgb"}, {"range", {"#a9b7c6", "#3b7dc4", "#d9480f"}}}},
      {"legend", {{"format", "~g"}}}};
  const auto text_layer = [&](const char* name, json mark) {
    mark["type"] = "text";
    mark["align"] = "left";
    mark["dx"] = 5;
    return json{{"name", name},
                {"data", {{"name", "ticks"}}},
                {"mark", mark},
                {"encoding", {{"x", x}, {"y", y}, {"text", {{"field", "text"}}}}}};
  };
  const json layers = {
      {{"name", "configurations"},
       {"data", {{"name", "lines"}}},
       {"mark",
        {{"type", "line"}, {"opacity", drawn.size() > 100 ? 0.45 : 0.75}, {"strokeWidth", 1.4}}},
       {"encoding", {{"x", x}, {"y", y}, {"detail", {{"field", "k"}}}, {"color", colour}}}},
      text_layer("halos",
                 {{"stroke", "var(--ground)"}, {"strokeWidth", 4}, {"color", "var(--ground)"}}),
      text_layer("labels", json::object())};
  std::string caption =
      "A line is a configuration: its values, and at the right its mean validation accuracy.";
  if (drawn.size() < all.size()) {
    caption += fmt::format(
        " Of {} with results {} are drawn, evenly over the ranking, the best and the worst among "
        "them.",
        Count(static_cast<std::int64_t>(all.size()), "configuration"), drawn.size());
  }
  return {.id = "parallel",
          .title = "All hyper-parameters at once",
          .caption = caption,
          .vega_lite = LayeredChart(
              300, {{"lines", LineRows(results, axes, drawn)}, {"ticks", TickRows(axes)}}, layers)};
}

}  // namespace

std::optional<Chart> GridChart(const SweepResults& results) {
  const bool has_results =
      std::any_of(results.configurations.begin(), results.configurations.end(),
                  [](const v1::Configuration& c) { return c.val_acc().n() > 0; });
  if (!has_results || results.sweep.varying_size() < 2 || results.sweep.has_one_at_a_time()) {
    return std::nullopt;
  }
  if (results.sweep.has_grid() && results.sweep.varying_size() == 2) return HeatMap(results);
  return ParallelCoordinates(results);
}

}  // namespace bitsweep::report
