// SPDX-License-Identifier: Apache-2.0
#include "client/report/sweep_page.h"

#include <optional>
#include <utility>

#include "client/report/axis_charts.h"
#include "client/report/curve_charts.h"
#include "client/report/fields.h"
#include "client/report/grid_charts.h"
#include "client/report/speed_charts.h"
#include "client/report/sweep_tables.h"
#include "fmt/format.h"

namespace bitsweep::report {
namespace {

using Kind = Text::Kind;

// What the reader must know before anything else, if anything.
std::optional<Text> FirstRemark(const SweepResults& results) {
  const v1::Sweep& sweep = results.sweep;
  const std::int64_t done = sweep.counts().succeeded();
  if (!sweep.has_end_time()) {
    return Text{Kind::kWarning, fmt::format("This sweep has not ended: {} of {} have a result.",
                                            Grouped(done), Count(sweep.trial_count(), "trial"))};
  }
  if (done == 0) return Text{Kind::kWarning, "No trial has a result: there is nothing to draw."};
  if (done < sweep.trial_count()) {
    return Text{
        Kind::kWarning,
        fmt::format("{} of {} have no result: some means are of fewer repeats.",
                    Grouped(sweep.trial_count() - done), Count(sweep.trial_count(), "trial"))};
  }
  return std::nullopt;
}

std::optional<Text> BestRemark(const SweepResults& results) {
  const std::vector<std::int64_t> best = results.BestFirst();
  if (best.empty()) return std::nullopt;
  const Sample sample = results.AccuracyOf(best.front());
  const std::optional<Interval> interval = MeanInterval(sample);
  return Text{
      Kind::kNote,
      fmt::format(
          "Best mean validation accuracy: {:.4f}{} by configuration {}, over {}.", sample.mean,
          interval ? fmt::format(" (95 % interval {:.4f} to {:.4f})", interval->low, interval->high)
                   : "",
          results.LabelOf(best.front()), Count(sample.n, "repeat"))};
}

void AddCharts(Page& page, const char* id, const char* title, std::vector<Chart> charts) {
  if (charts.empty()) return;
  Section section{.id = id, .title = title};
  for (Chart& chart : charts) section.blocks.push_back(std::move(chart));
  page.sections.push_back(std::move(section));
}

}  // namespace

Page BuildSweepPage(const SweepResults& results, const std::vector<Curve>& curves,
                    const std::string& made) {
  const v1::Sweep& sweep = results.sweep;
  Page page{.title = sweep.display_name().empty() ? IdOf(sweep.name()) : sweep.display_name(),
            .subtitle = fmt::format("{}, {} x {}, {}", sweep.name(),
                                    Count(sweep.configuration_count(), "configuration"),
                                    Count(sweep.has_repeats() ? sweep.repeats() : 1, "repeat"),
                                    LowerEnum(v1::Sweep::State_Name(sweep.state()), "STATE_")),
            .made = made};
  Section run{.id = "run", .title = "What was run"};
  if (std::optional<Text> remark = FirstRemark(results)) run.blocks.push_back(*std::move(remark));
  if (std::optional<Text> remark = BestRemark(results)) run.blocks.push_back(*std::move(remark));
  run.blocks.push_back(SweepFacts(results));
  page.sections.push_back(std::move(run));

  std::vector<Chart> axes = AxisCharts(results);
  if (std::optional<Chart> chart = GridChart(results)) axes.insert(axes.begin(), *std::move(chart));
  AddCharts(page, "axes", "Accuracy by hyper-parameter", std::move(axes));
  AddCharts(page, "curves", "Training", CurveCharts(results, curves));

  AddCharts(page, "speed", "Time and speed", SpeedCharts(results));

  Section table{.id = "configurations", .title = "Configurations"};
  std::size_t left_out = 0;
  table.blocks.push_back(ConfigurationTable(results, left_out));
  if (left_out > 0) {
    table.blocks.push_back(
        Text{Kind::kNote, fmt::format("{} of {} are not listed: only the best are.",
                                      Grouped(static_cast<std::int64_t>(left_out)),
                                      Count(sweep.configuration_count(), "configuration"))});
  }
  page.sections.push_back(std::move(table));
  if (std::optional<Section> failures = FailureSection(results)) {
    page.sections.push_back(*std::move(failures));
  }
  return page;
}

}  // namespace bitsweep::report
