// SPDX-License-Identifier: Apache-2.0
// evaluate: before and now, and which classes were taken for which.
#include <algorithm>
#include <utility>

#include "client/report/transform_passes.h"
#include "client/report/vega_lite.h"
#include "fmt/format.h"
#include "nlohmann/json.hpp"

namespace bitsweep::report {
namespace {

constexpr std::int64_t kMostClassesWithText = 12;
constexpr std::int64_t kMostDrawnClasses = 64;

std::string ClassName(const v1::EvaluationReport& report, std::int64_t i) {
  return i < report.class_names_size() ? report.class_names(static_cast<int>(i))
                                       : fmt::format("{}", i);
}

Chart ConfusionChart(const v1::EvaluationReport& report, const v1::EvaluationMetrics& metrics,
                     const std::string& title, const std::string& id) {
  const std::int64_t classes = report.classes();
  const bool has_text = classes <= kMostClassesWithText;
  Json rows = Json::array();
  for (std::int64_t i = 0; i < classes; ++i) {
    double total = 0;
    for (std::int64_t j = 0; j < classes; ++j) {
      total += static_cast<double>(metrics.confusion(static_cast<int>(i * classes + j)));
    }
    for (std::int64_t j = 0; j < classes; ++j) {
      const std::int64_t count = metrics.confusion(static_cast<int>(i * classes + j));
      const double part = total > 0 ? static_cast<double>(count) / total : 0;
      rows.push_back({{"class", ClassName(report, i)},
                      {"taken for", ClassName(report, j)},
                      {"rows", count},
                      {"part", part},
                      {"count", NumberText(static_cast<double>(count))},
                      {"share", fmt::format("{:.1f}%", 100 * part)}});
    }
  }
  Json x = Category("taken for", "taken for");
  x["axis"] = {{"orient", "top"},
               {"labelAngle", classes > 6 ? -45 : 0},
               {"ticks", false},
               {"domain", false}};
  x["scale"] = {{"paddingInner", 0.03}};
  Json y = Category("class", "class");
  y["axis"] = {{"ticks", false}, {"domain", false}, {"labelLimit", 90}};
  y["scale"] = {{"paddingInner", 0.03}};
  Json opacity = Quantity("part", "");
  // Faint where few are, so that text is read on every cell in light and dark.
  opacity["scale"] = {{"domain", {0, 1}}, {"range", {0.04, 0.8}}};
  opacity["legend"] = nullptr;
  const Json place = {{"x", std::move(x)}, {"y", std::move(y)}};
  Json cells = place;
  cells["fillOpacity"] = std::move(opacity);
  Json layers = Json::array({{{"name", "cells"},
                              {"mark", {{"type", "rect"}, {"tooltip", true}}},
                              {"encoding", std::move(cells)}}});
  for (const char* field : {"count", "share"}) {
    if (!has_text) break;
    const bool is_count = field == std::string("count");
    Json encoding = place;
    encoding["text"] = {{"field", field}, {"type", "nominal"}};
    layers.push_back({{"name", field},
                      {"mark",
                       {{"type", "text"},
                        {"dy", is_count ? -6 : 7},
                        {"fontSize", is_count ? 11 : 9},
                        {"opacity", is_count ? 1.0 : 0.85}}},
                      {"encoding", std::move(encoding)}});
  }
  return MakeChart(
      id, title,
      fmt::format("Rows of a class (down) taken for a class (across){}. Accuracy {:.4f}.",
                  has_text ? ": how many, and their part of the class" : "", metrics.accuracy()),
      {{"height", RowsHeight(static_cast<std::size_t>(classes), has_text ? 38 : 14)},
       {"data", DataRows(std::move(rows))},
       {"layer", std::move(layers)}});
}

}  // namespace

Blocks BlocksOf(const v1::EvaluationReport& report, const std::string& id) {
  const client::Sections sections = client::ReportOf(report);
  Blocks blocks;
  AddText(sections[0].text, blocks);
  blocks.push_back(TableFrom(sections[0].table, "Before and now"));
  const std::int64_t cells = report.classes() * report.classes();
  const bool is_drawn = report.classes() <= kMostDrawnClasses;
  const auto has = [&](const v1::EvaluationMetrics& metrics) {
    return cells > 0 && metrics.confusion_size() == cells;
  };
  Charts confusions;
  if (is_drawn && report.has_original() && has(report.original())) {
    confusions.charts.push_back(
        ConfusionChart(report, report.original(), "Confusion before", id + "-before"));
  }
  if (is_drawn && has(report.current())) {
    confusions.charts.push_back(
        ConfusionChart(report, report.current(), "Confusion now", id + "-now"));
  }
  if (!confusions.charts.empty()) blocks.push_back(std::move(confusions));
  for (std::size_t i = 1; i < sections.size(); ++i) {
    std::string title = sections[i].text;
    while (!title.empty() && title.back() == '\n') title.pop_back();
    blocks.push_back(TableFrom(sections[i].table, std::move(title)));
  }
  return blocks;
}

}  // namespace bitsweep::report
