// SPDX-License-Identifier: Apache-2.0
#include "client/report/compare_models.h"

#include "core/graph/graph_json.h"
#include "core/graph/zoo.h"
#include "gmock/gmock.h"
#include "google/protobuf/util/json_util.h"
#include "gtest/gtest.h"

namespace bitsweep::report {
namespace {

using ::testing::HasSubstr;

ComparedModel ModelOf(const graph::Graph& graph) {
  ComparedModel compared;
  compared.model.set_name("models/of-a-test");
  EXPECT_TRUE(google::protobuf::util::JsonStringToMessage(graph::ToJson(graph),
                                                          compared.model.mutable_graph())
                  .ok());
  return compared;
}

Table NodesOfPage(const Page& page) {
  for (const Section& section : page.sections) {
    if (section.id == "nodes") return std::get<Table>(section.blocks.at(0));
  }
  return {};
}

// The same nodes, and so different models only by their formats.
TEST(CompareModelsTest, MarksNodesThatOneModelHasQuantized) {
  const absl::StatusOr<graph::Graph> plain = graph::BuildModel("jsc-tiny", {});
  ASSERT_TRUE(plain.ok());
  std::vector<graph::Node> nodes = plain->nodes();
  for (graph::Node& node : nodes) {
    if (std::holds_alternative<graph::Linear>(node.op)) {
      const graph::NumberFormat format = graph::IntegerFormat{.width = 8, .frac_width = 4};
      node.quantization =
          graph::NodeQuantization{.format = "integer", .data_in = format, .weight = format};
    }
  }
  const auto quantized = graph::Graph::Create("jsc-tiny", nodes);
  ASSERT_TRUE(quantized.ok()) << quantized.status();
  const Table table =
      NodesOfPage(BuildModelComparison(ModelOf(*plain), ModelOf(*quantized), "now"));
  ASSERT_EQ(table.rows.size(), nodes.size());
  int marked = 0;
  for (const Row& row : table.rows) {
    if (!row.is_marked) continue;
    ++marked;
    EXPECT_THAT(row.cells[1].text, HasSubstr("linear 16 \u2192 5"));
    EXPECT_THAT(row.cells[2].text, HasSubstr("quantized integer (8, 4); of data_in, weight"));
  }
  EXPECT_EQ(marked, 1);
}

TEST(CompareModelsTest, DoesWithoutGraphsThatItCannotRead) {
  ComparedModel unknown;
  (*unknown.model.mutable_graph()->mutable_fields())["nodes"].set_string_value("later");
  EXPECT_TRUE(NodesOfPage(BuildModelComparison(unknown, unknown, "now")).rows.empty());
}

}  // namespace
}  // namespace bitsweep::report
