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

Chart AccuracyChart(const CurveGroup& group, const json& rows, const json& colour) {
  const json x = {{"field", "epoch"},
                  {"type", "quantitative"},
                  {"title", "epoch"},
                  {"scale", {{"nice", false}}},
                  {"axis", {{"format", "d"}, {"tickMinStep", 1}, {"grid", false}}}};
  json low = AccuracyEncoding("low");
  const json layers = {
      {{"name", "bands"},
       {"data", {{"name", "epochs"}}},
       {"mark", {{"type", "area"}, {"opacity", 0.22}}},
       {"encoding", {{"x", x}, {"y", low}, {"y2", {{"field", "high"}}}, {"color", colour}}}},
      {{"name", "lines"},
       {"data", {{"name", "epochs"}}},
       {"mark", {{"type", "line"}, {"point", rows.size() <= group.configurations.size()}}},
       {"encoding", {{"x", x}, {"y", AccuracyEncoding("mean")}, {"color", colour}}}}};
  std::string caption =
      "Validation accuracy after each epoch, counted from 1: mean over the repeats, and a band "
      "from the "
      "lowest to the highest repeat.";
  if (group.left_out > 0) {
    caption +=
        fmt::format(" Of {} with results the best {} are drawn, and the base.",
                    Count(static_cast<std::int64_t>(group.left_out + group.configurations.size()),
                          "configuration"),
                    group.configurations.size());
  }
  return {.id = group.id,
          .title = group.title,
          .caption = caption,
          .vega_lite = LayeredChart(260, {{"epochs", rows}}, layers)};
}

Chart RateChart(const CurveGroup& group, const json& rows, const json& colour, bool is_log) {
  const json x = {{"field", "epoch"},
                  {"type", "quantitative"},
                  {"title", "epoch"},
                  {"scale", {{"nice", false}}},
                  {"axis", {{"format", "d"}, {"tickMinStep", 1}, {"grid", false}}}};
  json y = {{"field", "rate"},
            {"type", "quantitative"},
            {"title", "learning rate"},
            {"axis", {{"format", "~e"}, {"tickCount", 4}}}};
  if (is_log) y["scale"] = {{"type", "log"}};
  json quiet = colour;
  quiet["legend"] = nullptr;
  const json layers = {{{"name", "rates"},
                        {"data", {{"name", "epochs"}}},
                        {"mark", {{"type", "line"}}},
                        {"encoding", {{"x", x}, {"y", y}, {"color", quiet}}}}};
  return {.id = group.id + "-rate",
          .title = group.title + ": learning rate",
          .caption = "In force during each epoch; colours as above.",
          .vega_lite = LayeredChart(110, {{"epochs", rows}}, layers)};
}

}  // namespace

std::vector<std::int64_t> ConfigurationsToDraw(const SweepResults& results) {
  std::set<std::int64_t> numbers;
  for (const CurveGroup& group : GroupsOf(results)) {
    numbers.insert(group.configurations.begin(), group.configurations.end());
  }
  return {numbers.begin(), numbers.end()};
}

std::vector<Chart> CurveCharts(const SweepResults& results, const std::vector<Curve>& curves) {
  std::vector<Chart> charts;
  for (const CurveGroup& group : GroupsOf(results)) {
    json rows = json::array();
    json rates = json::array();
    bool is_log = true;
    for (const Curve& curve : curves) {
      const auto at =
          std::find(group.configurations.begin(), group.configurations.end(), curve.configuration);
      if (at == group.configurations.end()) continue;
      const std::string& label =
          group.labels[static_cast<std::size_t>(at - group.configurations.begin())];
      for (const CurvePoint& point : curve.points) {
        rows.push_back({{"c", label},
                        {"epoch", point.epoch + 1},
                        {"mean", Rounded(point.val_acc.mean)},
                        {"low", Rounded(point.low)},
                        {"high", Rounded(point.high)}});
        rates.push_back(
            {{"c", label}, {"epoch", point.epoch + 1}, {"rate", Rounded(point.learning_rate)}});
        is_log = is_log && point.learning_rate > 0;
      }
    }
    if (rows.empty()) continue;
    const json colour = {{"field", "c"},
                         {"type", "nominal"},
                         {"title", nullptr},
                         {"scale", {{"domain", group.labels}}}};
    charts.push_back(AccuracyChart(group, rows, colour));
    charts.push_back(RateChart(group, rates, colour, is_log));
  }
  return charts;
}

}  // namespace bitsweep::report
