// SPDX-License-Identifier: Apache-2.0
// profile_statistics and report_node_meta.
#include <algorithm>
#include <cmath>
#include <map>
#include <optional>
#include <utility>

#include "client/report/transform_passes.h"
#include "client/report/vega_lite.h"
#include "fmt/format.h"
#include "fmt/ranges.h"
#include "nlohmann/json.hpp"

namespace bitsweep::report {
namespace {

constexpr std::size_t kMostRanges = 60;

// A range of one tensor: from where to where, around what.
struct StatisticRange {
  std::string of;    // "fc1.weight"
  std::string kind;  // "range_min_max", "mean \u00b1 standard deviation"
  double low = 0;
  double high = 0;
  std::optional<double> mean;
};

std::optional<StatisticRange> RangeOf(const v1::NodeStatistic& statistic) {
  std::map<std::string, double> numbers;
  for (const v1::StatisticValue& value : statistic.values()) {
    if (value.shape().empty() && value.values_size() == 1 && std::isfinite(value.values(0))) {
      numbers.emplace(value.key(), value.values(0));
    }
  }
  StatisticRange range{.of = statistic.node() + "." + statistic.tensor()};
  if (numbers.contains("min") && numbers.contains("max")) {
    range.kind = statistic.statistic();
    range.low = numbers["min"];
    range.high = numbers["max"];
    return range;
  }
  if (numbers.contains("mean") && numbers.contains("variance") && numbers["variance"] >= 0) {
    const double deviation = std::sqrt(numbers["variance"]);
    range.kind = "mean \u00b1 sd, " + statistic.statistic();
    range.mean = numbers["mean"];
    range.low = *range.mean - deviation;
    range.high = *range.mean + deviation;
    return range;
  }
  return std::nullopt;
}

Json RangeEncoding(const char* field, bool has_several) {
  Json y = Category("of", "");
  y["axis"] = {{"labelLimit", 150}};
  Json encoding = {
      {"y", std::move(y)}, {"x", Quantity(field, "value")}, {"color", Category("kind", "")}};
  encoding["color"]["legend"] = {{"columns", 1}};
  if (has_several) encoding["yOffset"] = Category("kind", "");
  return encoding;
}

// One picture of all ranges and deviations that are single numbers.
std::optional<Chart> RangesChart(const v1::StatisticsReport& report, const std::string& id) {
  Json rows = Json::array();
  std::size_t left_out = 0;
  std::map<std::string, std::size_t> kinds;  // of each tensor
  std::size_t most_kinds = 0;
  for (const v1::NodeStatistic& statistic : report.statistics()) {
    const std::optional<StatisticRange> range = RangeOf(statistic);
    if (!range) continue;
    if (rows.size() == kMostRanges) {
      ++left_out;
      continue;
    }
    most_kinds = std::max(most_kinds, ++kinds[range->of]);
    rows.push_back({{"of", range->of},
                    {"kind", range->kind},
                    {"low", range->low},
                    {"high", range->high},
                    {"mean", FiniteNumber(range->mean)}});
  }
  if (rows.empty()) return std::nullopt;
  Json bars = RangeEncoding("low", most_kinds > 1);
  bars["x2"] = {{"field", "high"}};
  bars["x"]["scale"] = {{"zero", false}};
  Json means = RangeEncoding("mean", most_kinds > 1);
  return MakeChart(
      id + "-ranges", "Ranges of tensors",
      fmt::format("From the lowest to the highest value of a tensor as each statistic has it; a "
                  "dot is a mean.{}",
                  left_out > 0 ? fmt::format(" {} more are in the tables only.", left_out) : ""),
      {{"height", RowsHeight(kinds.size(), 16 * static_cast<double>(most_kinds) + 8)},
       {"data", DataRows(std::move(rows))},
       {"layer",
        {{{"name", "ranges"},
          {"mark", {{"type", "bar"}, {"height", 6}, {"opacity", 0.6}, {"tooltip", true}}},
          {"encoding", std::move(bars)}},
         {{"name", "means"},
          {"transform", Json::array({{{"filter", "isValid(datum.mean)"}}})},
          {"mark", {{"type", "point"}, {"opacity", 1}}},
          {"encoding", std::move(means)}}}}});
}

void AddTensor(const v1::NodeMeta& node, const v1::TensorMeta& tensor, const char* role,
               client::Table& table) {
  table.rows.push_back({node.name(), node.mase_op(), std::string(role), tensor.name(),
                        fmt::format("[{}]", fmt::join(tensor.shape(), ", ")),
                        fmt::format("{} ({})", tensor.type(), fmt::join(tensor.precision(), ", ")),
                        tensor.source().empty() ? client::Cell() : client::Cell(tensor.source())});
}

}  // namespace

Blocks BlocksOf(const v1::StatisticsReport& report, const std::string& id) {
  Blocks blocks;
  if (report.statistics().empty()) {
    blocks.push_back(Note("No node matches the targets: there are no statistics."));
    return blocks;
  }
  const client::Sections sections = client::ReportOf(report);
  AddText(sections[0].text, blocks);
  if (auto chart = RangesChart(report, id)) blocks.push_back(std::move(*chart));
  for (std::size_t i = 1; i < sections.size(); ++i) {
    std::string title = sections[i].text;
    while (!title.empty() && title.back() == '\n') title.pop_back();
    blocks.push_back(TableFrom(sections[i].table, std::move(title)));
  }
  return blocks;
}

Blocks BlocksOf(const v1::NodeMetaReport& report, const v1::StatisticsReport* collected,
                const std::string&) {
  client::Table nodes{.columns = {{"Node"}, {"Fx op"}, {"MASE type"}, {"MASE op"}, {"Arguments"}},
                      .rows = {}};
  client::Table tensors{
      .columns = {{"Node"}, {"Op"}, {"Role"}, {"Tensor"}, {"Shape"}, {"Type"}, {"From"}},
      .rows = {}};
  for (const v1::NodeMeta& node : report.nodes()) {
    std::vector<std::string> scalars;
    for (const v1::ScalarArgument& scalar : node.scalars()) {
      scalars.push_back(fmt::format("{} = {}", scalar.name(), scalar.value()));
    }
    nodes.rows.push_back({node.name(), node.fx_op(), node.mase_type(), node.mase_op(),
                          scalars.empty()
                              ? client::Cell()
                              : client::Cell(fmt::format("{}", fmt::join(scalars, ", ")))});
    for (const v1::TensorMeta& tensor : node.args()) AddTensor(node, tensor, "takes", tensors);
    for (const v1::TensorMeta& tensor : node.results()) AddTensor(node, tensor, "gives", tensors);
  }
  Blocks blocks = {TableFrom(nodes, "Nodes")};
  if (!tensors.rows.empty()) {
    blocks.push_back(TableFrom(tensors, "Tensors, with the batch as first size"));
  }
  blocks.push_back(Listing{.title = "As the command line prints it",
                           .text = client::ReportOf(report, collected)[0].text});
  return blocks;
}

}  // namespace bitsweep::report
