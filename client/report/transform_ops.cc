// SPDX-License-Identifier: Apache-2.0
// count_ops: operations and bit operations of each node.
#include <cmath>
#include <utility>

#include "client/report/transform_passes.h"
#include "client/report/vega_lite.h"
#include "fmt/format.h"
#include "fmt/ranges.h"
#include "nlohmann/json.hpp"

namespace bitsweep::report {
namespace {

constexpr char kOperations[] = "FLOPs";
constexpr char kBitOperations[] = "BitOPs";

void AddBar(const std::string& node, const char* of, double count, double total, Json& rows) {
  const bool is_known = std::isfinite(count) && std::isfinite(total);
  rows.push_back({{"node", node},
                  {"of", of},
                  {"part", is_known && total > 0 ? FiniteNumber(count / total) : Json(nullptr)},
                  {"count", NumberText(count)}});
}

// Each node's part of both totals: they share one axis so, and the counts stand beside.
Chart OpsChart(const v1::OpCount& count, const std::string& convention, const std::string& id) {
  Json rows = Json::array();
  for (const v1::NodeOps& node : count.nodes()) {
    AddBar(node.node(), kOperations, node.flops(), count.flops(), rows);
    AddBar(node.node(), kBitOperations, node.bitops(), count.bitops(), rows);
  }
  Json y = Category("node", "");
  y["axis"] = {{"labelLimit", 110}};
  Json x = Quantity("part", "part of all nodes");
  x["axis"] = {{"format", ".0%"}};
  // Room for the counts beside the longest bars.
  x["scale"] = {{"domain", {0, 1.25}}};
  x["axis"]["values"] = {0, 0.25, 0.5, 0.75, 1};
  Json encoding = {{"y", std::move(y)},
                   {"yOffset", Category("of", "")},
                   {"x", std::move(x)},
                   {"color", ColourOf("of", {kOperations, kBitOperations})}};
  Json text = encoding;
  text.erase("color");
  text["text"] = {{"field", "count"}, {"type", "nominal"}};
  return MakeChart(
      id, convention + " by node",
      fmt::format("FLOPs, {} in all, and BitOPs, {} in all: a bar is a node's part, the number its "
                  "count.{}",
                  NumberText(count.flops()), NumberText(count.bitops()),
                  count.unsupported().empty()
                      ? ""
                      : fmt::format(" Not counted: {}.", fmt::join(count.unsupported(), ", "))),
      {{"height", RowsHeight(static_cast<std::size_t>(count.nodes_size()), 38)},
       {"data", DataRows(std::move(rows))},
       {"layer",
        {{{"name", "bars"},
          {"mark", {{"type", "bar"}, {"tooltip", true}}},
          {"encoding", std::move(encoding)}},
         {{"name", "counts"},
          {"mark", {{"type", "text"}, {"align", "left"}, {"dx", 3}, {"fontSize", 10}}},
          {"encoding", std::move(text)}}}}});
}

}  // namespace

Blocks BlocksOf(const v1::OpCountReport& report, const std::string& id) {
  const client::Sections sections = client::ReportOf(report);
  Blocks blocks = {Facts{
      {{"batch size", fmt::format("{}", report.batch_size())},
       {"parameters and buffers", NumberText(static_cast<double>(report.size_bits())) + " bits"}}}};
  for (int i = 0; i < report.counts_size(); ++i) {
    const v1::OpCount& count = report.counts(i);
    const client::Section& section = sections[static_cast<std::size_t>(i) + 1];
    const std::string convention = section.text.substr(0, section.text.find('\n'));
    if (!count.unsupported().empty()) {
      blocks.push_back(Warning(fmt::format("{} has no formula for {}: nothing of {} is counted.",
                                           convention, fmt::join(count.unsupported(), ", "),
                                           count.unsupported_size() == 1 ? "it" : "them")));
    }
    if (!count.nodes().empty()) {
      blocks.push_back(OpsChart(count, convention, fmt::format("{}-ops-{}", id, i + 1)));
    }
    Table table = TableFrom(section.table, convention);
    table.mark = "all nodes together";
    table.rows.back().is_marked = true;
    blocks.push_back(std::move(table));
  }
  return blocks;
}

}  // namespace bitsweep::report
