// SPDX-License-Identifier: Apache-2.0
// What the report of a transform shows of each pass.
#include "client/report/transform_passes.h"
#include "gmock/gmock.h"
#include "google/protobuf/text_format.h"
#include "nlohmann/json.hpp"

namespace bitsweep::report {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

// The blocks of a job's only pass.
Blocks BlocksOfPass(const std::string& result) {
  v1::TransformJob job;
  EXPECT_TRUE(google::protobuf::TextFormat::ParseFromString("results { " + result + " }", &job));
  const std::vector<Section> sections = PassSections(job);
  EXPECT_EQ(sections.size(), 1u);
  return sections[0].blocks;
}

std::vector<Chart> ChartsOf(const Blocks& blocks) {
  std::vector<Chart> charts;
  for (const Block& block : blocks) {
    if (const auto* chart = std::get_if<Chart>(&block)) charts.push_back(*chart);
    if (const auto* side = std::get_if<Charts>(&block)) {
      charts.insert(charts.end(), side->charts.begin(), side->charts.end());
    }
  }
  return charts;
}

std::vector<Table> TablesOf(const Blocks& blocks) {
  std::vector<Table> tables;
  for (const Block& block : blocks) {
    if (const auto* table = std::get_if<Table>(&block)) tables.push_back(*table);
  }
  return tables;
}

std::vector<std::string> TextsOf(const Blocks& blocks) {
  std::vector<std::string> texts;
  for (const Block& block : blocks) {
    if (const auto* text = std::get_if<Text>(&block)) texts.push_back(text->text);
  }
  return texts;
}

std::vector<std::string> CellsOf(const Row& row) {
  std::vector<std::string> cells;
  for (const Cell& cell : row.cells) cells.push_back(cell.text);
  return cells;
}

TEST(TransformPassesTest, ListsTheGraphAsTheCommandLineDoes) {
  const Blocks blocks = BlocksOfPass(
      R"pb(pass: "report_graph"
           graph {
             listing: "graph():\n    return x"
             counts { placeholder: 1 output: 1 }
             modules: "ReLU(inplace=True)"
             graph_name: "g"
           })pb");
  const auto* listing = std::get_if<Listing>(&blocks[1]);
  ASSERT_NE(listing, nullptr);
  EXPECT_EQ(listing->text, "graph():\n    return x");
  const auto* overview = std::get_if<Listing>(&blocks[2]);
  ASSERT_NE(overview, nullptr);
  EXPECT_THAT(overview->text, HasSubstr("Layer types:\n[ReLU(inplace=True)]"));
}

TEST(TransformPassesTest, MarksChangedNodesAndStacksThem) {
  const Blocks blocks = BlocksOfPass(
      R"pb(pass: "compare_graphs"
           comparison {
             nodes { original_name: "x" new_name: "x" }
             nodes { original_name: "fc" new_name: "fc" changed: true }
             histogram { original_type: "Linear" op: "linear" total: 1 changed: 1 }
             histogram { original_type: "relu" op: "relu" total: 2 unchanged: 2 }
           })pb");
  const std::vector<Table> tables = TablesOf(blocks);
  ASSERT_EQ(tables.size(), 2u);
  EXPECT_FALSE(tables[0].rows[0].is_marked);
  EXPECT_TRUE(tables[0].rows[1].is_marked);
  const auto spec = nlohmann::json::parse(ChartsOf(blocks)[0].vega_lite);
  EXPECT_EQ(spec["mark"]["type"], "bar");
  const auto& rows = spec["data"]["values"];
  ASSERT_EQ(rows.size(), 4u);
  EXPECT_EQ(rows[0]["type"], "Linear (linear)");
  EXPECT_EQ(rows[0]["nodes"], 1);
  EXPECT_EQ(rows[2]["type"], "relu");
}

constexpr char kTensor[] =
    R"pb(pass: "verify_quantization"
         quantization {
           tensors {
             node: "fc"
             tensor: "weight"
             format: "integer (8, 4)"
             shape: [ 5, 16 ]
             original: [ 0.05, nan ]
             quantized: [ 0.0625, nan ]
             elements: 80
             distinct: 27
             step: 0.0625
             sqnr_db: inf
             histogram {
               low: -0.09375
               bin_width: 0.0625
               original: [ 3, 0, 1 ]
               quantized: [ 2, 1, 1 ]
             }
           }
           outputs {
             node: "fc"
             original: [ 1, 2 ]
             quantized: [ 1.5, 2 ]
           }
         })pb";

TEST(TransformPassesTest, OverlaysHistogramsWithTheGrid) {
  const Blocks blocks = BlocksOfPass(kTensor);
  const std::vector<Chart> charts = ChartsOf(blocks);
  ASSERT_EQ(charts.size(), 2u);
  EXPECT_EQ(charts[0].title, "fc.weight");
  const auto spec = nlohmann::json::parse(charts[0].vega_lite);
  const auto& bars = spec["layer"][0]["data"]["values"];
  ASSERT_EQ(bars.size(), 5u);  // bins with nothing are left out
  EXPECT_EQ(bars[0]["values"], 3);
  EXPECT_EQ(bars[0]["is"], "before");
  EXPECT_EQ(bars[2]["is"], "after");
  const auto& grid = spec["layer"][1]["data"]["values"];
  ASSERT_EQ(grid.size(), 3u);  // -1, 0 and 1 steps
  EXPECT_EQ(grid[0]["grid"], -0.0625);
  const Table table = TablesOf(blocks)[0];
  EXPECT_EQ(table.rows[0].cells[3].text, "inf");
  EXPECT_TRUE(std::holds_alternative<std::monostate>(table.rows[0].cells[3].number));
  EXPECT_EQ(TablesOf(blocks)[1].rows[0].cells[3].text, "0.5");  // the largest error
}

TEST(TransformPassesTest, DrawsLeadingValuesWithoutAHistogram) {
  v1::TransformJob job;
  ASSERT_TRUE(google::protobuf::TextFormat::ParseFromString(
      std::string("results { ") + kTensor + " }", &job));
  job.mutable_results(0)->mutable_quantization()->mutable_tensors(0)->clear_histogram();
  const std::vector<Chart> charts = ChartsOf(PassSections(job)[0].blocks);
  EXPECT_THAT(charts[0].caption, HasSubstr("The first 2 of 80 values"));
  const auto spec = nlohmann::json::parse(charts[0].vega_lite);
  const auto& rows = spec["layer"][0]["data"]["values"];
  ASSERT_EQ(rows.size(), 4u);
  EXPECT_TRUE(rows[2]["value"].is_null());  // NaN has no mark
}

TEST(TransformPassesTest, DrawsTheNoisiestOfManyTensors) {
  v1::QuantizationReport report;
  for (int i = 0; i < kMostHistograms + 6; ++i) {
    v1::QuantizedTensor* tensor = report.add_tensors();
    tensor->set_node("n" + std::to_string(i));
    tensor->set_sqnr_db(100 - i);
    tensor->add_original(1);
    tensor->add_quantized(1);
  }
  const Blocks blocks = BlocksOf(report, "pass-1");
  EXPECT_EQ(ChartsOf(blocks).size(), static_cast<std::size_t>(kMostHistograms));
  EXPECT_EQ(ChartsOf(blocks)[0].title, "n6.");
  EXPECT_EQ(TablesOf(blocks)[0].rows.size(), static_cast<std::size_t>(kMostHistograms) + 6);
  EXPECT_THAT(TextsOf(blocks)[0], HasSubstr("24 of 30 tensors are drawn"));
}

TEST(TransformPassesTest, DrawsRangesOfSingleNumbers) {
  const Blocks blocks = BlocksOfPass(
      R"pb(pass: "profile_statistics"
           statistics {
             samples: 32
             statistics {
               node: "relu"
               tensor: "data_in_0"
               statistic: "range_min_max"
               values { key: "min" values: -2 }
               values { key: "max" values: 3 }
             }
             statistics {
               node: "fc"
               tensor: "weight"
               statistic: "variance_precise"
               values { key: "mean" values: 1 }
               values { key: "variance" values: 4 }
             }
             statistics {
               node: "fc"
               tensor: "bias"
               statistic: "variance_precise"
               values {
                 key: "mean"
                 values: [ 1, 2 ]
                 shape: 2
               }
             }
           })pb");
  const auto spec = nlohmann::json::parse(ChartsOf(blocks)[0].vega_lite);
  const auto& rows = spec["data"]["values"];
  ASSERT_EQ(rows.size(), 2u);
  EXPECT_EQ(rows[0]["low"], -2.0);
  EXPECT_EQ(rows[1]["low"], -1.0);
  EXPECT_EQ(rows[1]["high"], 3.0);
  EXPECT_EQ(rows[1]["mean"], 1.0);
  EXPECT_EQ(TablesOf(blocks).size(), 2u);
}

TEST(TransformPassesTest, NamesNodesThatAConventionDoesNotCover) {
  const Blocks blocks = BlocksOfPass(
      R"pb(pass: "count_ops"
           ops {
             batch_size: 8
             size_bits: 2728
             counts {
               convention: COUNT_CONVENTION_MACS
               flops: 640
               bitops: 40960
               nodes { node: "fc" op: "linear" flops: 640 bitops: 40960 }
               unsupported: "norm"
               unsupported: "act"
             }
           })pb");
  EXPECT_THAT(TextsOf(blocks)[1], HasSubstr("MACS has no formula for norm, act"));
  const Chart chart = ChartsOf(blocks)[0];
  EXPECT_THAT(chart.caption, HasSubstr("Not counted: norm, act"));
  const auto spec = nlohmann::json::parse(chart.vega_lite);
  EXPECT_FALSE(spec["layer"][0].contains("data"));
  ASSERT_EQ(spec["data"]["values"].size(), 2u);
  EXPECT_EQ(spec["data"]["values"][1]["count"], "40,960");
  const Table table = TablesOf(blocks)[0];
  EXPECT_TRUE(table.rows.back().is_marked);
  EXPECT_THAT(CellsOf(table.rows.back()), ElementsAre("total", "", "640", "40960"));
}

TEST(TransformPassesTest, DrawsConfusionsWithCountsAndShares) {
  const Blocks blocks = BlocksOfPass(
      R"pb(pass: "evaluate"
           evaluation {
             classes: 2
             rows: 10
             class_names: [ "<g>", "q" ]
             original {
               accuracy: 0.5
               confusion: [ 1, 3, 2, 4 ]
             }
             current {
               accuracy: 0.6
               loss: nan
               confusion: [ 2, 2, 0, 0 ]
             }
           })pb");
  const std::vector<Chart> charts = ChartsOf(blocks);
  ASSERT_EQ(charts.size(), 2u);
  const auto before = nlohmann::json::parse(charts[0].vega_lite);
  const auto& cells = before["data"]["values"];
  ASSERT_EQ(cells.size(), 4u);
  EXPECT_EQ(cells[0]["class"], "<g>");
  EXPECT_EQ(cells[1]["taken for"], "q");
  EXPECT_EQ(cells[1]["rows"], 3);
  EXPECT_EQ(cells[1]["share"], "75.0%");
  const auto now = nlohmann::json::parse(charts[1].vega_lite);
  EXPECT_EQ(now["data"]["values"][3]["part"], 0.0);  // a class without rows
}

TEST(TransformPassesTest, SaysThatNothingIsQuantized) {
  EXPECT_THAT(TextsOf(BlocksOfPass(R"pb(pass: "verify_quantization"
                                        quantization {})pb")),
              ElementsAre("Took less than 1 ms.", "No node is quantized."));
  EXPECT_THAT(TextsOf(BlocksOfPass(R"pb(pass: "future")pb"))[1],
              HasSubstr("this client does not know"));
}

}  // namespace
}  // namespace bitsweep::report
