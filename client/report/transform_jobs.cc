// SPDX-License-Identifier: Apache-2.0
#include "client/report/transform_jobs.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "client/report/fields.h"
#include "fmt/format.h"

namespace bitsweep::report {
namespace {

client::Cell CellOf(const std::optional<double>& value) {
  return value ? client::Cell(*value) : client::Cell();
}

// Counts are whole but where they are means.
Cell WholeCell(const std::optional<double>& value) {
  if (!value) return {};
  return {.text = NumberText(*value), .number = *value};
}

std::string StatesText(const TransformPoint& point) {
  std::string text;
  for (const v1::TransformJob* job : point.jobs) {
    const std::string state = LowerEnum(v1::Trial::State_Name(job->state()), "STATE_");
    if (text.find(state) == std::string::npos) text += (text.empty() ? "" : ", ") + state;
  }
  return text;
}

// With room for a line break (of no width) behind underscores and dots: heads of narrow columns.
std::string BreakableName(const std::string& name) {
  std::string text;
  for (const char c : name) {
    text += c;
    if (c == '_' || c == '.') text += "\u200b";
  }
  return text;
}

bool AllSucceeded(const std::vector<TransformPoint>& points) {
  return std::all_of(points.begin(), points.end(), [](const TransformPoint& point) {
    return std::all_of(point.jobs.begin(), point.jobs.end(), [](const v1::TransformJob* job) {
      return job->state() == v1::Trial::STATE_SUCCEEDED;
    });
  });
}

// Columns of one point: its values, then what was measured.
client::Table PointTable(const v1::Transform& transform, const std::vector<TransformPoint>& points,
                         const std::vector<std::size_t>& chosen, std::size_t runs) {
  client::Table table{.columns = {{"Job"}, {"Accuracy", client::Precision::kFraction}}, .rows = {}};
  if (runs > 1) {
    table.columns.push_back({"\u00b1 95 %", client::Precision::kFraction});
    table.columns.push_back({"Models"});
  }
  table.columns.push_back({"BitOPs", client::Precision::kCount});
  for (const v1::QuantizationAxis& axis : transform.axes()) {
    table.columns.push_back({BreakableName(axis.entry())});
  }
  for (const client::Column& column : {client::Column{"FLOPs", client::Precision::kCount},
                                       client::Column{"Size, bits", client::Precision::kCount},
                                       client::Column{"Before", client::Precision::kFraction},
                                       client::Column{"Loss", client::Precision::kFraction},
                                       client::Column{"Seconds", client::Precision::kSeconds}}) {
    table.columns.push_back(column);
  }
  const bool has_states = !AllSucceeded(points);
  if (has_states) table.columns.push_back({"State"});
  for (const std::size_t i : chosen) {
    const TransformPoint& p = points[i];
    std::vector<client::Cell> row = {NumberOf(p.jobs[0]->name())};
    row.push_back(p.accuracy.n > 0 ? client::Cell(p.accuracy.mean) : client::Cell());
    if (runs > 1) {
      row.push_back(p.interval ? client::Cell(p.interval->high - p.accuracy.mean) : client::Cell());
      row.emplace_back(p.accuracy.n);
    }
    row.push_back(CellOf(p.bitops));
    for (const std::int64_t value : p.values) row.emplace_back(value);
    for (const auto& value : {p.flops, p.size_bits, p.original_accuracy, p.loss, p.seconds}) {
      row.push_back(CellOf(value));
    }
    if (has_states) row.emplace_back(StatesText(p));
    table.rows.push_back(std::move(row));
  }
  return table;
}

Table ShownTable(const v1::Transform& transform, const std::vector<TransformPoint>& points,
                 const std::vector<std::size_t>& chosen, std::size_t runs, std::string title) {
  Table table = TableFrom(PointTable(transform, points, chosen, runs), std::move(title));
  for (std::size_t c = 0; c < table.columns.size(); ++c) {
    const std::string& name = table.columns[c].name;
    const bool is_count = name == "BitOPs" || name == "FLOPs" || name == "Size, bits";
    for (std::size_t i = 0; i < chosen.size() && is_count; ++i) {
      const TransformPoint& p = points[chosen[i]];
      table.rows[i].cells[c] = WholeCell(name == "BitOPs"  ? p.bitops
                                         : name == "FLOPs" ? p.flops
                                                           : p.size_bits);
    }
    if (name == "Models") table.columns[c].help = "jobs with an accuracy, of as many transforms";
    if (name == "Before") table.columns[c].help = "accuracy of the model that it began with";
  }
  return table;
}

// The Pareto set, numbered as in the picture.
Table ParetoTable(const v1::Transform& transform, const std::vector<TransformPoint>& points,
                  std::size_t runs) {
  const std::vector<std::size_t> set = ParetoSet(points);
  Table table = ShownTable(transform, points, set, runs, "Pareto set, by bit operations");
  table.columns.insert(table.columns.begin(),
                       {.name = "Number", .help = "in the picture", .is_number = true});
  for (std::size_t i = 0; i < table.rows.size(); ++i) {
    table.rows[i].cells.insert(
        table.rows[i].cells.begin(),
        Cell{.text = fmt::format("{}", i + 1), .number = static_cast<double>(i + 1)});
  }
  return table;
}

Table AllTable(const v1::Transform& transform, const std::vector<TransformPoint>& points,
               std::size_t runs, Blocks& blocks) {
  std::vector<std::size_t> chosen(points.size());
  for (std::size_t i = 0; i < chosen.size(); ++i) chosen[i] = i;
  if (chosen.size() > kMostJobRows) {
    std::stable_sort(chosen.begin(), chosen.end(), [&](std::size_t a, std::size_t b) {
      const auto rank = [](const TransformPoint& p) {
        return std::pair(p.is_pareto, p.accuracy.n > 0 ? p.accuracy.mean : -1);
      };
      return rank(points[a]) > rank(points[b]);
    });
    chosen.resize(kMostJobRows);
    std::sort(chosen.begin(), chosen.end());
    blocks.push_back(Note(
        fmt::format("The table has {} of {} jobs: the Pareto set and those with the best accuracy. "
                    "`bitsweep transform results` lists all.",
                    Grouped(static_cast<std::int64_t>(kMostJobRows)),
                    Grouped(static_cast<std::int64_t>(points.size())))));
  }
  Table table = ShownTable(transform, points, chosen, runs, "Jobs");
  bool is_any_marked = false;
  for (std::size_t i = 0; i < chosen.size(); ++i) {
    table.rows[i].is_marked = points[chosen[i]].is_pareto;
    is_any_marked = is_any_marked || table.rows[i].is_marked;
  }
  if (is_any_marked) table.mark = "in the Pareto set";
  return table;
}

// Whether the models need other numbers of operations for equal values of the axes.
bool DoOperationsDiffer(const std::vector<TransformPoint>& points) {
  return std::any_of(points.begin(), points.end(), [](const TransformPoint& p) {
    return p.bitops && std::any_of(p.jobs.begin(), p.jobs.end(), [&](const v1::TransformJob* job) {
             return job->metrics().has_bitops() &&
                    std::abs(job->metrics().bitops() - *p.bitops) > 1e-9 * std::abs(*p.bitops);
           });
  });
}

}  // namespace

Blocks JobBlocks(const v1::Transform& transform, const std::vector<TransformPoint>& points,
                 std::size_t runs) {
  Blocks blocks;
  const auto placeable = std::count_if(points.begin(), points.end(),
                                       [](const TransformPoint& p) { return p.IsPlaceable(); });
  const auto measured = std::count_if(points.begin(), points.end(),
                                      [](const TransformPoint& p) { return p.accuracy.n > 0; });
  if (DoOperationsDiffer(points)) {
    blocks.push_back(Warning(
        "The models differ in their bit operations for equal values of the axes, so they may "
        "be other networks: BitOPs here are means over the models."));
  }
  if (placeable > 0 && !transform.axes().empty()) {
    blocks.push_back(ParetoChart(transform, points));
    blocks.push_back(ParetoTable(transform, points, runs));
  } else if (!transform.axes().empty()) {
    blocks.push_back(Note(
        "No picture of accuracy against bit operations: it needs jobs that succeeded with both an "
        "evaluate and a count_ops pass."));
  }
  if (measured > 1) {
    for (Chart& chart : QuantizationAxisCharts(transform, points))
      blocks.push_back(std::move(chart));
  }
  Table all = AllTable(transform, points, runs, blocks);
  blocks.push_back(std::move(all));
  return blocks;
}

Blocks FailureBlocks(const std::vector<TransformRun>& runs) {
  client::Table table{
      .columns = {{"Job"}, {"Values"}, {"State"}, {"Attempts"}, {"Reason"}, {"Message"}},
      .rows = {}};
  for (const TransformRun& run : runs) {
    for (const v1::TransformJob& job : run.jobs) {
      if (job.failure_reason() == v1::FAILURE_REASON_UNSPECIFIED &&
          job.state() != v1::Trial::STATE_FAILED && job.state() != v1::Trial::STATE_DEAD) {
        continue;
      }
      TransformPoint point;
      for (const v1::AxisValue& value : job.values()) point.values.push_back(value.value());
      table.rows.push_back(
          {job.name(), ValuesText(point), LowerEnum(v1::Trial::State_Name(job.state()), "STATE_"),
           std::int64_t{job.attempt()},
           LowerEnum(v1::FailureReason_Name(job.failure_reason()), "FAILURE_REASON_"),
           job.failure_message()});
    }
  }
  Blocks blocks;
  if (!table.rows.empty()) {
    const std::size_t all = table.rows.size();
    if (all > kMostJobRows) {
      table.rows.resize(kMostJobRows);
      blocks.push_back(Note(fmt::format("The first {} of {} failures.", kMostJobRows, all)));
    }
    blocks.push_back(TableFrom(table, "Jobs that failed, or whose latest attempt did"));
  }
  return blocks;
}

}  // namespace bitsweep::report
