// SPDX-License-Identifier: Apache-2.0
#include "client/report/curve_charts.h"

#include <algorithm>
#include <optional>
#include <set>
#include <utility>

#include "client/report/axis_charts.h"
#include "client/report/chart_axis.h"
#include "client/report/fields.h"
#include "fmt/format.h"
#include "nlohmann/json.hpp"

namespace bitsweep::report {
namespace {

using nlohmann::json;

constexpr std::size_t kMostCurves = 8;  // of one picture

// Which configurations stand in one picture.
struct CurveGroup {
  std::string id;
  std::string title;
  std::vector<std::int64_t> configurations;  // in the order of the legend
  std::vector<std::string> labels;
  std::size_t left_out = 0;
};

// The best of them and the base, in the order given; how many are left out.
std::vector<std::int64_t> BestAndBase(const SweepResults& results,
                                      const std::vector<std::int64_t>& members,
                                      std::size_t& left_out) {
  const std::set<std::int64_t> all(members.begin(), members.end());
  std::set<std::int64_t> chosen;
  const std::optional<std::int64_t> base = results.Base();
  if (base && all.contains(*base) && results.AccuracyOf(*base).n > 0) chosen.insert(*base);
  std::size_t with_results = 0;
  for (const std::int64_t number : results.BestFirst()) {
    if (!all.contains(number)) continue;
    ++with_results;
    if (chosen.size() < kMostCurves) chosen.insert(number);
  }
  left_out = with_results - chosen.size();
  std::vector<std::int64_t> ordered;
  std::copy_if(members.begin(), members.end(), std::back_inserter(ordered),
               [&](std::int64_t number) { return chosen.contains(number); });
  return ordered;
}

std::vector<CurveGroup> GroupsOf(const SweepResults& results) {
  std::vector<CurveGroup> groups;
  const auto& values_of = [&](std::int64_t number) -> const v1::Hyperparameters& {
    return results.configurations[static_cast<std::size_t>(number)].hyperparameters();
  };
  if (results.sweep.has_one_at_a_time()) {
    for (const std::string& field : results.Varying()) {
      CurveGroup group{.id = "curves-" + field,
                       .title = fmt::format("Training by {}", FieldTitle(field))};
      std::vector<std::int64_t> members = MembersOfAxis(results, field);
      std::stable_sort(members.begin(), members.end(), [&](std::int64_t a, std::int64_t b) {
        return ValueOf(values_of(a), field).number.value_or(0) <
               ValueOf(values_of(b), field).number.value_or(0);
      });
      group.configurations = BestAndBase(results, members, group.left_out);
      for (const std::int64_t number : group.configurations) {
        group.labels.push_back(ValueOf(values_of(number), field).text +
                               (number == results.Base() ? " (base)" : ""));
      }
      groups.push_back(std::move(group));
    }
    return groups;
  }
  CurveGroup group{.id = "curves-best", .title = "Training"};
  std::vector<std::int64_t> all;
  for (std::size_t i = 0; i < results.configurations.size(); ++i)
    all.push_back(static_cast<std::int64_t>(i));
  group.configurations = BestAndBase(results, all, group.left_out);
  for (const std::int64_t number : group.configurations)
    group.labels.push_back(results.LabelOf(number));
  groups.push_back(std::move(group));
  return groups;
}

json EpochAxis() {
  return {{"field", "epoch"},
          {"type", "quantitative"},
          {"title", "epoch"},
          {"scale", {{"nice", false}}},
          {"axis", {{"format", "d"}, {"tickMinStep", 1}, {"grid", false}}}};
}

// Rows of the two panels.
struct CurveRows {
  json accuracies = json::array();
  json rates = json::array();
  json labels = json::array();
  bool has_dots = false;     // a line of one epoch would not be seen
  bool are_positive = true;  // the rates
};

CurveRows RowsOf(const std::vector<LabelledCurve>& curves) {
  CurveRows rows;
  for (const auto& [label, curve] : curves) {
    if (curve.points.empty()) continue;
    rows.labels.push_back(label);
    rows.has_dots = rows.has_dots || curve.points.size() == 1;
    for (const CurvePoint& point : curve.points) {
      json row = {{"c", label}, {"epoch", point.epoch + 1}, {"mean", Rounded(point.val_acc.mean)}};
      if (const std::optional<double> sd = point.val_acc.sd) {
        row["low"] = Rounded(point.val_acc.mean - *sd);
        row["high"] = Rounded(point.val_acc.mean + *sd);
      }
      rows.accuracies.push_back(std::move(row));
      rows.rates.push_back(
          {{"c", label}, {"epoch", point.epoch + 1}, {"rate", Rounded(point.learning_rate)}});
      rows.are_positive = rows.are_positive && point.learning_rate > 0;
    }
  }
  return rows;
}

std::string AccuracyPanel(const CurveRows& rows, const json& colour) {
  const json layers = {
      {{"name", "bands"},
       {"data", {{"name", "epochs"}}},
       {"transform", {{{"filter", "isValid(datum.low)"}}}},
       {"mark", {{"type", "area"}, {"opacity", 0.16}}},
       {"encoding",
        {{"x", EpochAxis()},
         {"y", AccuracyEncoding("low")},
         {"y2", {{"field", "high"}}},
         {"color", colour}}}},
      {{"name", "lines"},
       {"data", {{"name", "epochs"}}},
       {"mark", {{"type", "line"}, {"point", rows.has_dots}}},
       {"encoding", {{"x", EpochAxis()}, {"y", AccuracyEncoding("mean")}, {"color", colour}}}}};
  return LayeredChart(260, {{"epochs", rows.accuracies}}, layers);
}

std::string RatePanel(const CurveRows& rows, json colour) {
  json y = {{"field", "rate"},
            {"type", "quantitative"},
            {"title", "learning rate"},
            {"axis", {{"format", "~e"}, {"tickCount", 4}}}};
  if (rows.are_positive) y["scale"] = {{"type", "log"}};
  colour["legend"] = nullptr;
  const json layers = {{{"name", "rates"},
                        {"data", {{"name", "epochs"}}},
                        {"mark", {{"type", "line"}, {"point", rows.has_dots}}},
                        {"encoding", {{"x", EpochAxis()}, {"y", y}, {"color", colour}}}}};
  return LayeredChart(110, {{"epochs", rows.rates}}, layers);
}

}  // namespace

std::vector<std::int64_t> ConfigurationsToDraw(const SweepResults& results) {
  std::set<std::int64_t> numbers;
  for (const CurveGroup& group : GroupsOf(results)) {
    numbers.insert(group.configurations.begin(), group.configurations.end());
  }
  return {numbers.begin(), numbers.end()};
}

std::vector<Chart> LabelledCurveCharts(const std::string& id, const std::string& title,
                                       const std::string& remark,
                                       const std::vector<LabelledCurve>& curves) {
  const CurveRows rows = RowsOf(curves);
  if (rows.accuracies.empty()) return {};
  const json colour = {{"field", "c"},
                       {"type", "nominal"},
                       {"title", nullptr},
                       {"scale", {{"domain", rows.labels}}},
                       {"legend", LegendOf(rows.labels.get<std::vector<std::string>>())}};
  return {
      {.id = id,
       .title = title,
       .caption = "Validation accuracy after each epoch, counted from 1: mean over the repeats, "
                  "and a band of one standard deviation to each side." +
                  remark,
       .vega_lite = AccuracyPanel(rows, colour)},
      {.id = id + "-rate",
       .title = title + ": the rate",
       .caption = "Learning rate in force during each epoch; colours as above. Equal ones lie on "
                  "each other.",
       .vega_lite = RatePanel(rows, colour)}};
}

std::vector<Chart> CurveCharts(const SweepResults& results, const std::vector<Curve>& curves) {
  std::vector<Chart> charts;
  for (const CurveGroup& group : GroupsOf(results)) {
    std::vector<LabelledCurve> labelled;
    for (std::size_t i = 0; i < group.configurations.size(); ++i) {
      for (const Curve& curve : curves) {
        if (curve.configuration == group.configurations[i]) {
          labelled.push_back({group.labels[i], curve});
        }
      }
    }
    const std::size_t all = group.left_out + group.configurations.size();
    const std::string remark = group.left_out == 0
                                   ? ""
                                   : fmt::format(
                                         " Of {} with results {} are drawn: the best, and the base "
                                         "of the search if it is one of them.",
                                         Count(static_cast<std::int64_t>(all), "configuration"),
                                         group.configurations.size());
    for (Chart& chart : LabelledCurveCharts(group.id, group.title, remark, labelled)) {
      charts.push_back(std::move(chart));
    }
  }
  return charts;
}

}  // namespace bitsweep::report
