// SPDX-License-Identifier: Apache-2.0
// Reports of the graphs of graph_reports.json: every field of every node, counts and histograms.
#include <regex>
#include <set>

#include "core/graph/report.h"
#include "core/spec/quantize_spec.h"
#include "tests/core/graph/golden_graphs.h"
#include "tests/support/status_matchers.h"

namespace bitsweep::graph {
namespace {

using Json = GoldenJson;

const std::set<std::string> kNodeFields = {"name",      "op",      "target", "args",
                                           "mase_type", "mase_op", "type",   "shape"};

void ExpectKeys(const Json& json, const std::set<std::string>& known) {
  for (const auto& [key, value] : json.items()) {
    EXPECT_TRUE(known.contains(key)) << "nothing checks \"" << key << "\"";
  }
  EXPECT_EQ(json.size(), known.size());
}

Json Arguments(const Node& node) {
  Json args = node.inputs;
  if (args.is_null()) args = Json::array();
  if (const auto* view = std::get_if<View>(&node.op)) {
    for (const std::int64_t size : view->shape) args.push_back(size);
  }
  return args;
}

void ExpectNodes(const Graph& graph, const Json& report) {
  ASSERT_EQ(graph.nodes().size(), report.at("nodes").size());
  for (std::size_t i = 0; i < graph.nodes().size(); ++i) {
    const Node& node = graph.nodes()[i];
    const Json& wanted = report.at("nodes")[i];
    SCOPED_TRACE(node.name);
    ExpectKeys(wanted, kNodeFields);
    EXPECT_EQ(node.name, wanted.at("name"));
    EXPECT_EQ(Name(node.kind), wanted.at("op").get<std::string>());
    EXPECT_EQ(node.target, wanted.at("target"));
    EXPECT_EQ(Arguments(node), wanted.at("args"));
    EXPECT_EQ(MaseType(node), wanted.at("mase_type"));
    EXPECT_EQ(MaseOp(node), wanted.at("mase_op"));
    EXPECT_EQ(TypeText(node), wanted.at("type"));
    Shape shape = graph.sample_shapes()[i];
    shape.insert(shape.begin(), report.at("batch").get<std::int64_t>());
    EXPECT_EQ(shape, wanted.at("shape").get<Shape>());
  }
}

void ExpectCounts(const Graph& graph, const Json& counts) {
  const KindCounts counted = CountKinds(graph);
  const Json actual = {
      {"placeholder", counted.placeholder},     {"get_attr", counted.get_attr},
      {"call_function", counted.call_function}, {"call_method", counted.call_method},
      {"call_module", counted.call_module},     {"output", counted.output}};
  EXPECT_EQ(actual.dump(), counts.dump());
}

// "quantize_histogram when linear and conv1d are integer (by type)" as a specification.
spec::QuantizeSpec SpecOf(const std::string& title) {
  static const std::regex kTitle(R"(quantize_histogram when (.+) (?:is|are) integer \(by type\))");
  std::smatch match;
  if (!std::regex_match(title, match, kTitle)) {
    throw std::runtime_error("nothing understands \"" + title + "\"");
  }
  const spec::TensorFormatSpec entries{.width = 8, .frac_width = 4};
  spec::QuantizeSpec spec{.by = "type", .default_config = spec::FormatConfig{.name = "NA"}};
  static const std::regex kOp(R"((\w+?)(?: and |, |$))");
  const std::string ops = match[1];
  for (std::sregex_iterator op(ops.begin(), ops.end(), kOp), end; op != end; ++op) {
    const std::string key = (*op)[1];
    spec::FormatConfig config{.name = "integer", .data_in = entries};
    if (key == "linear" || key == "conv1d") config.weight = entries;
    spec.rules.push_back({key, config});
  }
  return spec;
}

void ExpectHistogram(const Graph& graph, const std::string& title, const Json& histogram) {
  ASSERT_OK_AND_ASSIGN(const Graph quantized, spec::Quantize(graph, SpecOf(title)));
  std::vector<TypeChanges> expected;
  for (const auto& [type, row] : histogram.items()) {
    ExpectKeys(row, {"OP", "Total", "Changed", "Unchanged"});
    expected.push_back(
        {type, row.at("OP"), row.at("Total"), row.at("Changed"), row.at("Unchanged")});
  }
  EXPECT_EQ(Compare(graph, quantized).histogram, expected);
}

TEST(ReportGoldenTest, GraphsAreAsReported) {
  const Json file = ReadOrderedGolden("graph_reports.json");
  ExpectKeys(file, {"description", "graphs"});
  ASSERT_FALSE(file.at("graphs").empty());
  for (const auto& [title, report] : file.at("graphs").items()) {
    SCOPED_TRACE(title);
    ASSERT_OK_AND_ASSIGN(const Graph graph, BuildReported(title, report));
    for (const auto& [key, value] : report.items()) {
      if (key == "batch") {
        EXPECT_TRUE(value.is_number_integer());
      } else if (key == "counts") {
        ExpectCounts(graph, value);
      } else if (key == "nodes") {
        ExpectNodes(graph, report);
      } else {
        ExpectHistogram(graph, key, value);
      }
    }
  }
}

}  // namespace
}  // namespace bitsweep::graph
