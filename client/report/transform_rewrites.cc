// SPDX-License-Identifier: Apache-2.0
// report_graph, compare_graphs, quantize and prune.
#include <utility>

#include "client/report/transform_passes.h"
#include "client/report/vega_lite.h"
#include "fmt/format.h"
#include "nlohmann/json.hpp"

namespace bitsweep::report {
namespace {

Chart ChangesChart(const v1::GraphComparison& comparison, const std::string& id) {
  Json rows = Json::array();
  for (const v1::TypeChanges& type : comparison.histogram()) {
    const std::string name = type.original_type() == type.op()
                                 ? type.op()
                                 : fmt::format("{} ({})", type.original_type(), type.op());
    rows.push_back({{"type", name}, {"is", "changed"}, {"nodes", type.changed()}});
    rows.push_back({{"type", name}, {"is", "unchanged"}, {"nodes", type.unchanged()}});
  }
  Json x = Quantity("nodes", "nodes");
  x["axis"] = {{"tickMinStep", 1}, {"format", "d"}};
  return MakeChart(id + "-changes", "Changed and unchanged nodes of each type",
                   "A bar a type, with the op in brackets: how many of its nodes were changed.",
                   {{"height", RowsHeight(rows.size() / 2, 24)},
                    {"data", DataRows(std::move(rows))},
                    {"mark", {{"type", "bar"}, {"tooltip", true}}},
                    {"encoding",
                     {{"y", Category("type", "")},
                      {"x", std::move(x)},
                      {"color", ColourOf("is", {"unchanged", "changed"})},
                      {"order", {{"field", "is"}, {"type", "nominal"}, {"sort", "descending"}}}}}});
}

}  // namespace

Blocks BlocksOf(const v1::GraphReport& report, const std::string&) {
  Blocks blocks;
  std::string listing = report.listing();
  while (!listing.empty() && listing.back() == '\n') listing.pop_back();
  blocks.push_back(Listing{.title = "Listing", .text = std::move(listing)});
  // Below its listing the command line's text has counts and modules.
  const std::string text = client::ReportOf(report)[0].text;
  const std::size_t rest = text.find("Network overview:");
  if (rest != std::string::npos) {
    blocks.push_back(Listing{.title = "Overview", .text = text.substr(rest)});
  }
  return blocks;
}

Blocks BlocksOf(const v1::GraphComparison& comparison, const std::string& id) {
  const client::Sections sections = client::ReportOf(comparison);
  Table nodes = TableFrom(sections[0].table, "Nodes before and now");
  nodes.mark = "changed";
  for (int i = 0; i < comparison.nodes_size(); ++i) {
    nodes.rows[static_cast<std::size_t>(i)].is_marked = comparison.nodes(i).changed();
  }
  Blocks blocks = {std::move(nodes)};
  if (!comparison.histogram().empty()) blocks.push_back(ChangesChart(comparison, id));
  blocks.push_back(TableFrom(sections[1].table, "Nodes of each type"));
  return blocks;
}

Blocks BlocksOf(const v1::QuantizeReport& report, const std::string&) {
  const client::Sections sections = client::ReportOf(report);
  Blocks blocks;
  if (report.nodes().empty()) {
    blocks.push_back(Note("No node was quantized: none matches the rules."));
    return blocks;
  }
  blocks.push_back(Facts{{{"quantized nodes", fmt::format("{}", report.nodes_size())},
                          {"average bitwidth", fmt::format("{:.6g}", report.average_bitwidth())},
                          {"memory density", fmt::format("{:.6g}", report.memory_density())}}});
  blocks.push_back(TableFrom(sections[0].table, "Quantized nodes"));
  return blocks;
}

Blocks BlocksOf(const v1::PruneReport& report, const std::string&) {
  const client::Sections sections = client::ReportOf(report);
  Blocks blocks;
  AddText(sections[0].text, blocks);
  blocks.push_back(TableFrom(sections[0].table, "Pruned tensors"));
  return blocks;
}

}  // namespace bitsweep::report
