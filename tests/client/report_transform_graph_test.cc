// SPDX-License-Identifier: Apache-2.0
// The drawn graph: where nodes and edges go, and what nodes say.
#include <algorithm>
#include <random>
#include <set>
#include <utility>

#include "client/report/graph_chart.h"
#include "client/report/graph_layout.h"
#include "client/report/graph_nodes.h"
#include "core/graph/graph_json.h"
#include "core/graph/zoo.h"
#include "gmock/gmock.h"
#include "google/protobuf/text_format.h"
#include "google/protobuf/util/json_util.h"
#include "nlohmann/json.hpp"

namespace bitsweep::report {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

using Pairs = std::set<std::pair<std::string, std::string>>;

bool Overlap(double a_low, double a_high, double b_low, double b_high) {
  return a_low < b_high && b_low < a_high;
}

// Whether a horizontal or vertical piece goes through the inside of a node.
bool RunsThrough(const Point& a, const Point& b, const PlacedNode& node) {
  const auto [left, right] = std::minmax(a.x, b.x);
  const auto [top, bottom] = std::minmax(a.y, b.y);
  return Overlap(left, right + 0.01, node.left + 0.02, node.left + node.width - 0.02) &&
         Overlap(top, bottom + 0.01, node.top + 0.02, node.top + node.height - 0.02);
}

void CheckLayout(const std::vector<DrawnNode>& nodes) {
  const GraphLayout layout = LayOut(nodes);
  ASSERT_EQ(layout.nodes.size(), nodes.size());
  for (std::size_t i = 0; i < nodes.size(); ++i) {
    const PlacedNode& a = layout.nodes[i];
    EXPECT_GE(a.left, 0);
    EXPECT_GE(a.top, 0);
    EXPECT_LE(a.left + a.width, layout.width);
    EXPECT_LE(a.top + a.height, layout.height);
    for (std::size_t j = i + 1; j < nodes.size(); ++j) {
      const PlacedNode& b = layout.nodes[j];
      EXPECT_FALSE(Overlap(a.left, a.left + a.width, b.left, b.left + b.width) &&
                   Overlap(a.top, a.top + a.height, b.top, b.top + b.height))
          << nodes[i].name << " and " << nodes[j].name << " overlap";
    }
  }
  Pairs wanted;
  for (const DrawnNode& node : nodes) {
    for (const std::string& input : node.inputs) wanted.emplace(input, node.name);
  }
  Pairs drawn;
  for (const PlacedEdge& edge : layout.edges) {
    const std::string what = nodes[edge.from].name + " -> " + nodes[edge.to].name;
    drawn.emplace(nodes[edge.from].name, nodes[edge.to].name);
    const PlacedNode& from = layout.nodes[edge.from];
    EXPECT_EQ(edge.points.front().y, from.top + from.height) << what;
    EXPECT_EQ(edge.points.back().y, layout.nodes[edge.to].top) << what;
    for (std::size_t i = 1; i < edge.points.size(); ++i) {
      const Point& a = edge.points[i - 1];
      const Point& b = edge.points[i];
      EXPECT_LE(a.y, b.y) << what << " goes up";
      EXPECT_TRUE(a.x == b.x || a.y == b.y) << what << " is aslant";
      EXPECT_LE(b.x, layout.width) << what;
      for (std::size_t n = 0; n < nodes.size(); ++n) {
        EXPECT_FALSE(RunsThrough(a, b, layout.nodes[n]))
            << what << " runs through " << nodes[n].name;
      }
    }
  }
  EXPECT_EQ(drawn, wanted);
}

TEST(GraphLayoutTest, PlacesEveryBuiltinModel) {
  for (const std::string_view name : graph::BuiltinModels()) {
    SCOPED_TRACE(name);
    const auto graph = graph::BuildModel(name, {});
    ASSERT_TRUE(graph.ok());
    CheckLayout(NodesOf(*graph));
    // One column with a lane: as wide as a phone has room.
    EXPECT_LE(LayOut(NodesOf(*graph)).width, 320);
  }
}

TEST(GraphLayoutTest, GivesTheResidualEdgeALaneOfItsOwn) {
  const auto graph = graph::BuildModel("jsc-rs1923", {});
  ASSERT_TRUE(graph.ok());
  const std::vector<DrawnNode> nodes = NodesOf(*graph);
  const GraphLayout layout = LayOut(nodes);
  int lanes = 0;
  for (const PlacedEdge& edge : layout.edges) {
    if (nodes[edge.from].name != "relu_1" || nodes[edge.to].name != "add") continue;
    ++lanes;
    EXPECT_EQ(edge.points.size(), 6u);
    EXPECT_GT(edge.points[2].x, layout.nodes[0].left + layout.nodes[0].width);
  }
  EXPECT_EQ(lanes, 1);
}

TEST(GraphLayoutTest, PlacesRandomGraphs) {
  std::mt19937 random(1);
  for (int graph = 0; graph < 40; ++graph) {
    SCOPED_TRACE(graph);
    std::vector<DrawnNode> nodes = {{.name = "x"}};
    const auto size = std::uniform_int_distribution<std::size_t>(1, 30)(random);
    while (nodes.size() <= size) {
      DrawnNode node{.name = "n" + std::to_string(nodes.size()),
                     .lines = std::vector<std::string>(random() % 4, "linear 16 to 5, and more")};
      const auto pick = [&] {
        return nodes[std::uniform_int_distribution<std::size_t>(0, nodes.size() - 1)(random)].name;
      };
      node.inputs = {pick()};
      if (random() % 3 == 0) node.inputs.push_back(pick());
      nodes.push_back(std::move(node));
    }
    CheckLayout(nodes);
  }
}

TEST(GraphLayoutTest, KeepsSizesTogetherWhereALineBreaks) {
  const GraphLayout layout =
      LayOut({{.name = std::string(200, 'n'),
               .lines = {"conv1d 16 to 16, kernel 3, padding 1 [B, 16, 16]"}}});
  const std::vector<std::string>& lines = layout.nodes[0].lines;
  EXPECT_THAT(lines[0], HasSubstr("\u2026"));
  EXPECT_EQ(lines.back(), "  [B, 16, 16]");
}

v1::Model ModelOf(const graph::Graph& graph, const std::string& name) {
  v1::Model model;
  model.set_name(name);
  EXPECT_TRUE(
      google::protobuf::util::JsonStringToMessage(graph::ToJson(graph), model.mutable_graph())
          .ok());
  return model;
}

v1::TransformJob QuantizedJob() {
  v1::TransformJob job;
  EXPECT_TRUE(google::protobuf::TextFormat::ParseFromString(
      R"pb(results {
             pass: "quantize"
             quantize {
               nodes {
                 node: "seq_blocks_2"
                 op: "linear"
                 format: "integer"
                 data_in: "integer (8, 4)"
                 weight: "integer (4, 2)"
                 bias: "integer (8, 4)"
               }
             }
           })pb",
      &job));
  return job;
}

const DrawnNode& Find(const std::vector<DrawnNode>& nodes, const std::string& name) {
  return *std::find_if(nodes.begin(), nodes.end(), [&](const auto& n) { return n.name == name; });
}

TEST(GraphNodesTest, MarksWhatThePassQuantizedOnTheModelItBeganWith) {
  v1::Transform transform;
  transform.mutable_model()->set_name("models/m");
  const v1::Model source = ModelOf(*graph::BuildModel("jsc-tiny", {}), "models/m");
  const GraphSource found = FindGraph(transform, QuantizedJob(), nullptr, &source);
  EXPECT_THAT(found.remark, HasSubstr("models/m"));
  ASSERT_EQ(found.nodes.size(), 6u);
  const DrawnNode& node = Find(found.nodes, "seq_blocks_2");
  EXPECT_TRUE(node.is_quantized);
  EXPECT_THAT(node.lines,
              ElementsAre("linear 16 \u2192 5 \u00b7\u00a0[B, 5]", "quantized integer (8, 4)",
                          "of data_in, bias", "quantized integer (4, 2)", "of weight"));
  EXPECT_FALSE(Find(found.nodes, "seq_blocks_1").is_quantized);
}

TEST(GraphNodesTest, TakesAJobsOwnModelFirst) {
  graph::Graph plain = *graph::BuildModel("jsc-tiny", {});
  std::vector<graph::Node> nodes = plain.nodes();
  for (graph::Node& node : nodes) {
    if (node.name == "seq_blocks_2") {
      node.quantization =
          graph::NodeQuantization{.format = "binary", .weight = graph::BinaryFormat{}};
    }
  }
  const v1::Model result = ModelOf(*graph::Graph::Create("jsc-tiny", nodes), "models/m-2");
  const GraphSource found = FindGraph({}, {}, &result, nullptr);
  EXPECT_THAT(Find(found.nodes, "seq_blocks_2").lines, Contains("of weight"));
}

TEST(GraphNodesTest, DrawsBuiltinsAndGraphsOfTheSpecification) {
  v1::Transform transform;
  transform.mutable_model()->set_builtin("jsc-rs1923");
  EXPECT_EQ(FindGraph(transform, {}, nullptr, nullptr).nodes.size(), 14u);
  transform.mutable_dataset()->set_name("other.csv");  // whose sizes are not known here
  EXPECT_THAT(FindGraph(transform, {}, nullptr, nullptr).nodes, IsEmpty());
  const v1::Model model = ModelOf(*graph::BuildModel("jsc-tiny", {}), "");
  *transform.mutable_model()->mutable_graph() = model.graph();
  EXPECT_EQ(FindGraph(transform, {}, nullptr, nullptr).nodes.size(), 6u);
}

TEST(GraphNodesTest, FallsBackToNodeMetaAndElseSaysWhy) {
  v1::Transform transform;
  transform.mutable_model()->set_name("models/gone");
  const GraphSource none = FindGraph(transform, {}, nullptr, nullptr);
  EXPECT_THAT(none.nodes, IsEmpty());
  EXPECT_THAT(none.remark, HasSubstr("models/gone is gone"));
  v1::TransformJob job;
  ASSERT_TRUE(google::protobuf::TextFormat::ParseFromString(
      R"pb(results {
             pass: "report_node_meta"
             node_meta {
               nodes {
                 name: "x"
                 fx_op: "placeholder"
                 mase_op: "placeholder"
                 results {
                   name: "data_out_0"
                   shape: [ 8, 16 ]
                   type: "float"
                   precision: 32
                 }
               }
               nodes {
                 name: "fc"
                 fx_op: "call_module"
                 mase_op: "linear"
                 args {
                   name: "data_in_0"
                   type: "integer"
                   precision: [ 8, 4 ]
                   source: "x"
                 }
                 args { name: "weight" type: "float" precision: 32 source: "fc.weight" }
                 results {
                   name: "data_out_0"
                   shape: [ 8, 5 ]
                   type: "float"
                   precision: 32
                 }
               }
               nodes { name: "output" fx_op: "output" mase_op: "output" }
             }
           })pb",
      &job));
  const GraphSource found = FindGraph(transform, job, nullptr, nullptr);
  ASSERT_EQ(found.nodes.size(), 3u);
  EXPECT_THAT(found.nodes[1].inputs, ElementsAre("x"));
  EXPECT_THAT(found.nodes[1].lines,
              ElementsAre("linear \u00b7\u00a0[8, 5]", "quantized integer (8, 4)", "of data_in"));
  EXPECT_THAT(found.nodes[2].inputs, ElementsAre("fc"));
}

TEST(GraphChartTest, HoldsABoxForEachNodeAndALegendForQuantizedOnes) {
  v1::Transform transform;
  transform.mutable_model()->set_builtin("jsc-tiny");
  const GraphSource source = FindGraph(transform, QuantizedJob(), nullptr, nullptr);
  const Chart chart = GraphChart("graph", source.nodes, "caption");
  const auto spec = nlohmann::json::parse(chart.vega_lite);
  std::vector<std::string> layers;
  for (const auto& layer : spec["layer"]) layers.push_back(layer["name"]);
  EXPECT_THAT(layers, ElementsAre("edges", "arrows", "nodes", "names", "lines"));
  const auto& boxes = spec["layer"][2]["data"]["values"];
  ASSERT_EQ(boxes.size(), 6u);
  EXPECT_EQ(boxes[3]["kind"], "quantized");
  EXPECT_EQ(boxes[0]["kind"], "full precision");
  EXPECT_FALSE(spec["layer"][2]["encoding"]["fill"]["legend"].is_null());
  EXPECT_EQ(spec["layer"][1]["data"]["values"].size(), 5u);  // an arrow an edge
}

}  // namespace
}  // namespace bitsweep::report
