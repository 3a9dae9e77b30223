// SPDX-License-Identifier: Apache-2.0
#include "client/report/graph_chart.h"

#include <utility>

#include "client/report/vega_lite.h"
#include "nlohmann/json.hpp"

namespace bitsweep::report {
namespace {

constexpr char kFull[] = "full precision";
constexpr char kQuantized[] = "quantized";

// A pixel is a pixel: no axis, no rounding.
Json Pixels(const char* field, double size) {
  return {{"field", field},
          {"type", "quantitative"},
          {"axis", nullptr},
          {"scale", {{"domain", {0, size}}, {"nice", false}, {"zero", false}}}};
}

Json Edges(const GraphLayout& layout, const Json& x, const Json& y) {
  Json rows = Json::array();
  Json heads = Json::array();
  for (std::size_t e = 0; e < layout.edges.size(); ++e) {
    const PlacedEdge& edge = layout.edges[e];
    for (std::size_t i = 0; i < edge.points.size(); ++i) {
      rows.push_back({{"edge", e}, {"i", i}, {"x", edge.points[i].x}, {"y", edge.points[i].y}});
    }
    heads.push_back({{"x", edge.points.back().x}, {"y", edge.points.back().y - 4}});
  }
  Json lines = {{"name", "edges"},
                {"data", DataRows(std::move(rows))},
                {"mark",
                 {{"type", "line"},
                  {"color", "currentColor"},
                  {"opacity", 0.55},
                  {"strokeWidth", 1.2},
                  {"strokeJoin", "round"}}},
                {"encoding",
                 {{"x", x},
                  {"y", y},
                  {"detail", {{"field", "edge"}, {"type", "nominal"}}},
                  {"order", {{"field", "i"}, {"type", "quantitative"}}}}}};
  Json arrows = {{"name", "arrows"},
                 {"data", DataRows(std::move(heads))},
                 {"mark",
                  {{"type", "point"},
                   {"shape", "triangle-down"},
                   {"size", 40},
                   {"color", "currentColor"},
                   {"opacity", 0.7}}},
                 {"encoding", {{"x", x}, {"y", y}}}};
  return Json::array({std::move(lines), std::move(arrows)});
}

Json Boxes(const GraphLayout& layout, const std::vector<DrawnNode>& nodes, const Json& x,
           const Json& y) {
  Json rows = Json::array();
  bool is_any_quantized = false;
  for (std::size_t i = 0; i < nodes.size(); ++i) {
    const PlacedNode& node = layout.nodes[i];
    is_any_quantized = is_any_quantized || nodes[i].is_quantized;
    std::string about;
    for (const std::string& line : nodes[i].lines) about += (about.empty() ? "" : "; ") + line;
    rows.push_back({{"node", nodes[i].name},
                    {"about", about},
                    {"kind", nodes[i].is_quantized ? kQuantized : kFull},
                    {"x", node.left},
                    {"y", node.top},
                    {"x2", node.left + node.width},
                    {"y2", node.top + node.height}});
  }
  Json colour = {{"field", "kind"},
                 {"type", "nominal"},
                 {"title", nullptr},
                 {"scale", {{"domain", {kFull, kQuantized}}}},
                 {"legend", nullptr}};
  if (is_any_quantized) {
    colour["legend"] = {{"orient", "top"}, {"symbolType", "square"}, {"columns", 2}};
  }
  return {{"name", "nodes"},
          {"data", DataRows(std::move(rows))},
          {"mark",
           {{"type", "rect"}, {"cornerRadius", 4}, {"fillOpacity", 0.14}, {"strokeWidth", 1.4}}},
          {"encoding",
           {{"x", x},
            {"y", y},
            {"x2", {{"field", "x2"}}},
            {"y2", {{"field", "y2"}}},
            {"fill", colour},
            {"stroke", std::move(colour)},
            {"tooltip", Json::array({{{"field", "node"}, {"type", "nominal"}},
                                     {{"field", "about"}, {"type", "nominal"}}})}}}};
}

Json Texts(const GraphLayout& layout, bool is_name, const Json& x, const Json& y) {
  Json rows = Json::array();
  double width = 0;
  for (const PlacedNode& node : layout.nodes) {
    width = node.width - 2 * kGraphPadding;
    for (std::size_t i = is_name ? 0 : 1; i < (is_name ? 1 : node.lines.size()); ++i) {
      rows.push_back(
          {{"text", node.lines[i]},
           {"x", node.left + kGraphPadding},
           {"y", node.top + kGraphPadding + kGraphLineHeight * (static_cast<double>(i) + 0.5)}});
    }
  }
  Json mark = {{"type", "text"},
               {"align", "left"},
               {"baseline", "middle"},
               {"limit", width},
               {"fontSize", is_name ? 12 : 11}};
  if (is_name) mark["fontWeight"] = "bold";
  return {{"name", is_name ? "names" : "lines"},
          {"data", DataRows(std::move(rows))},
          {"mark", std::move(mark)},
          {"encoding", {{"x", x}, {"y", y}, {"text", {{"field", "text"}, {"type", "nominal"}}}}}};
}

}  // namespace

Chart GraphChart(const std::string& id, const std::vector<DrawnNode>& nodes,
                 const std::string& caption) {
  const GraphLayout layout = LayOut(nodes);
  const Json x = Pixels("x", layout.width);
  Json y = Pixels("y", layout.height);
  y["scale"]["reverse"] = true;
  Json layers = Edges(layout, x, y);
  layers.push_back(Boxes(layout, nodes, x, y));
  layers.push_back(Texts(layout, true, x, y));
  layers.push_back(Texts(layout, false, x, y));
  return MakeChart(id, "Nodes, shapes and number formats", caption,
                   {{"width", layout.width},
                    {"height", layout.height},
                    {"autosize", "pad"},
                    {"layer", std::move(layers)}});
}

}  // namespace bitsweep::report
