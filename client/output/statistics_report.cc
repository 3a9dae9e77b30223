// SPDX-License-Identifier: Apache-2.0
// profile_statistics: a table a statistic.
#include <algorithm>

#include "client/output/pass_report.h"
#include "fmt/format.h"

namespace bitsweep::client {
namespace {

constexpr int kShownValues = 4;

// Shows a number, or the first numbers of a tensor and its size; nothing where it is not defined.
void Fill(Cell& cell, const v1::StatisticValue& value) {
  if (value.values().empty()) return;
  if (value.shape().empty() && value.values_size() == 1) {
    cell = value.values(0);
    return;
  }
  std::string text = "[";
  for (int i = 0; i < std::min(kShownValues, value.values_size()); ++i) {
    text += fmt::format("{}{:.4g}", i == 0 ? "" : ", ", value.values(i));
  }
  if (value.values_size() > kShownValues) text += fmt::format(", ... {}", value.values_size());
  cell = text + "]";
}

template <typename List, typename T>
std::size_t FindOrAdd(List& list, const T& item) {
  const auto found = std::find(list.begin(), list.end(), item);
  if (found != list.end()) return static_cast<std::size_t>(found - list.begin());
  list.push_back(item);
  return list.size() - 1;
}

Table TableOf(const v1::StatisticsReport& report, const std::string& statistic) {
  std::vector<std::string> keys;
  std::vector<std::vector<Cell>> rows;
  for (const v1::NodeStatistic& s : report.statistics()) {
    if (s.statistic() != statistic) continue;
    std::vector<Cell> row = {s.node(), s.tensor(),
                             std::string(s.activation() ? "activation" : "weight")};
    for (const v1::StatisticValue& value : s.values()) {
      const std::size_t at = 3 + FindOrAdd(keys, value.key());
      if (row.size() <= at) row.resize(at + 1);
      Fill(row[at], value);
    }
    rows.push_back(std::move(row));
  }
  Table table{.columns = {{"Node"}, {"Tensor"}, {"Of"}}, .rows = std::move(rows)};
  for (const std::string& key : keys) {
    table.columns.push_back({key, key == "count" ? Precision::kCount : Precision::kGeneral});
  }
  for (std::vector<Cell>& row : table.rows) row.resize(table.columns.size());
  return table;
}

}  // namespace

Sections ReportOf(const v1::StatisticsReport& report) {
  std::vector<std::string> statistics;
  for (const v1::NodeStatistic& s : report.statistics()) FindOrAdd(statistics, s.statistic());
  Sections sections = {{.text = fmt::format("{} samples\n", report.samples()), .table = {}}};
  for (const std::string& statistic : statistics) {
    sections.push_back({.text = statistic + "\n", .table = TableOf(report, statistic)});
  }
  return sections;
}

}  // namespace bitsweep::client
