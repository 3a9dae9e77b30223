// SPDX-License-Identifier: Apache-2.0
// evaluate: before and after, and which classes were taken for which.
#include "client/output/pass_report.h"
#include "fmt/format.h"

namespace bitsweep::client {
namespace {

Section Confusion(const v1::EvaluationReport& report, const v1::EvaluationMetrics& metrics,
                  const std::string& title) {
  const std::int64_t classes = report.classes();
  const auto name = [&](std::int64_t i) {
    return i < report.class_names_size() ? report.class_names(static_cast<int>(i))
                                         : fmt::format("{}", i);
  };
  Section section{.text = title + "\n", .table = {.columns = {{"class"}}}};
  for (std::int64_t column = 0; column < classes; ++column) {
    section.table.columns.push_back({name(column)});
  }
  for (std::int64_t row = 0; row < classes; ++row) {
    std::vector<Cell> cells = {name(row)};
    for (std::int64_t column = 0; column < classes; ++column) {
      cells.emplace_back(std::int64_t{metrics.confusion(static_cast<int>(row * classes + column))});
    }
    section.table.rows.push_back(std::move(cells));
  }
  return section;
}

}  // namespace

Sections ReportOf(const v1::EvaluationReport& report) {
  Table table{.columns = {{"Metric"}}};
  std::vector<const v1::EvaluationMetrics*> measured;
  if (report.has_original()) {
    table.columns.push_back({"Before", Precision::kFraction});
    measured.push_back(&report.original());
  }
  table.columns.push_back({"After", Precision::kFraction});
  measured.push_back(&report.current());
  const auto add = [&](const char* metric, double (v1::EvaluationMetrics::*get)() const) {
    std::vector<Cell> row = {std::string(metric)};
    for (const v1::EvaluationMetrics* metrics : measured) row.emplace_back((metrics->*get)());
    table.rows.push_back(std::move(row));
  };
  add("accuracy", &v1::EvaluationMetrics::accuracy);
  add("macro accuracy", &v1::EvaluationMetrics::macro_accuracy);
  add("loss", &v1::EvaluationMetrics::loss);
  add("loss, mean of batch means", &v1::EvaluationMetrics::loss_batch_mean);
  Sections sections = {
      {.text = fmt::format("{} validation rows, {} classes\n", report.rows(), report.classes()),
       .table = std::move(table)}};
  const std::int64_t cells = report.classes() * report.classes();
  if (report.has_original() && report.original().confusion_size() == cells && cells > 0) {
    sections.push_back(Confusion(report, report.original(),
                                 "Before: rows of a class (down) taken for a class (across)"));
  }
  if (report.current().confusion_size() == cells && cells > 0) {
    sections.push_back(Confusion(report, report.current(),
                                 "After: rows of a class (down) taken for a class (across)"));
  }
  return sections;
}

}  // namespace bitsweep::client
