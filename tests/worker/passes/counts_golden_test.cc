// SPDX-License-Identifier: Apache-2.0
// flops_bitops.json: the report's counts, its author's model sizes, and the standard conventions.
#include <map>
#include <regex>
#include <string>

#include "core/graph/zoo.h"
#include "gtest/gtest.h"
#include "nlohmann/json.hpp"
#include "tests/support/test_paths.h"
#include "tests/worker/passes/reference_runner.h"
#include "worker/passes/count_ops.h"
#include "worker/passes/model_size.h"

namespace bitsweep::passes {
namespace {

using spec::CountConvention;
using Json = nlohmann::json;

graph::Graph Model(const std::string& name) { return graph::BuildModel(name, {}).value(); }

OpCount LabReport(const graph::Graph& graph, std::int64_t batch, const Widths& widths) {
  return CountOps(CountConvention::kLabReport, graph, batch, widths, {});
}

// Weights none of which is 0.
std::vector<std::int64_t> AllWeights(const graph::Graph& graph) {
  return NonzeroWeights(bitsweep::testing::SampleNetwork(graph), 0).value();
}

OpCount Count(CountConvention convention, const graph::Graph& graph, std::int64_t width) {
  return CountOps(convention, graph, 1, {.data = width, .weight = width, .bias = width},
                  AllWeights(graph));
}

graph::Graph WithoutBias(const graph::Graph& graph) {
  std::vector<graph::Node> nodes = graph.nodes();
  for (graph::Node& node : nodes) {
    if (auto* linear = std::get_if<graph::Linear>(&node.op)) linear->bias = false;
  }
  return bitsweep::testing::Rebuild(graph, std::move(nodes));
}

void ExpectLayers(const OpCount& count, const Json& layers) {
  static const std::map<std::string, std::string> ops = {
      {"bn", "batch_norm1d"}, {"relu", "relu"}, {"linear", "linear"}};
  ASSERT_EQ(count.nodes.size(), layers.size());
  for (std::size_t i = 0; i < layers.size(); ++i) {
    EXPECT_EQ(count.nodes[i].op, ops.at(layers[i][0]));
    EXPECT_EQ(count.nodes[i].flops, layers[i][1].get<double>());
  }
}

void ExpectReportRow(const graph::Graph& graph, const Json& row) {
  static const std::regex bitops(R"(total_bitops_(\d+)_(\d+)_(\d+)( \(data,weight,bias\))?)");
  static const std::regex no_bias(R"(no_bias_(\d+)_(\d+))");
  const auto batch = row.at("batch").get<std::int64_t>();
  for (const auto& [key, value] : row.items()) {
    SCOPED_TRACE(key);
    std::smatch match;
    const std::string name = key;
    if (key == "batch") continue;
    if (key == "total_flops") {
      EXPECT_EQ(LabReport(graph, batch, {}).flops, value.get<double>());
    } else if (key == "per_layer") {
      ExpectLayers(LabReport(graph, batch, {}), value);
    } else if (std::regex_match(name, match, bitops)) {
      const Widths widths{std::stoll(match[1]), std::stoll(match[2]), std::stoll(match[3])};
      EXPECT_EQ(LabReport(graph, batch, widths).bitops, value.get<double>());
    } else if (std::regex_match(name, match, no_bias)) {
      const Widths widths{std::stoll(match[1]), std::stoll(match[2]), 32};
      EXPECT_EQ(LabReport(WithoutBias(graph), batch, widths).bitops, value.get<double>());
    } else {
      ADD_FAILURE() << "unknown key";
    }
  }
}

void ExpectLab3Row(const Json& row) {
  const graph::Graph graph = Model("jsc-tiny");
  const Widths widths{row.at("data_width"), row.at("weight_width"), row.at("bias_width")};
  const OpCount count = LabReport(graph, row.at("batch"), widths);
  for (const auto& [key, value] : row.items()) {
    SCOPED_TRACE(key);
    if (key == "total_bitops") {
      EXPECT_EQ(count.bitops, value.get<double>());
    } else if (key == "total_flops") {
      EXPECT_EQ(count.flops, value.get<double>());
    } else if (key == "model_size_bytes") {
      EXPECT_EQ(static_cast<double>(LabReportSizeBits(graph, widths)) / 8, value.get<double>());
    } else {
      EXPECT_TRUE(key == "batch" || key.ends_with("_width")) << "unknown key";
    }
  }
}

// MACs of nodes by the module's path.
void ExpectMacsOf(const graph::Graph& graph, const Json& by_module) {
  const OpCount count = Count(CountConvention::kMacs, graph, 8);
  for (const auto& [module, macs] : by_module.items()) {
    SCOPED_TRACE(module);
    double found = -1;
    for (const NodeOps& node : count.nodes) {
      if (bitsweep::testing::NodeOf(graph, node.node).target == module) found = node.flops;
    }
    EXPECT_EQ(found, macs.get<double>());
  }
}

// The file's rs1923 ends in a ReLU, as the repository's does.
std::string Variant(const std::string& model) {
  return graph::IsBuiltinModel(model + "-relu") ? model + "-relu" : model;
}

double Elements(const graph::Graph& graph, std::string_view op) {
  double elements = 0;
  for (std::size_t i = 0; i < graph.nodes().size(); ++i) {
    if (graph::OpName(graph.nodes()[i].op) != op) continue;
    elements += static_cast<double>(graph::ElementCount(graph.sample_shapes()[i]));
  }
  return elements;
}

void ExpectStandard(const graph::Graph& graph, const std::string& key, const Json& value) {
  static const std::regex bops(R"(BOPs UNIQ (\d+)x\1)");
  static const std::regex ebops(R"(EBOPs upper bound.* (\d+)x\1)");
  const OpCount macs = Count(CountConvention::kMacs, graph, 8);
  std::smatch match;
  if (key == "MACs" || key == "MACs_total") {
    EXPECT_EQ(macs.flops, value.get<double>());
    EXPECT_EQ(macs.bitops, 64 * value.get<double>());
  } else if (key == "MACs_conv") {
    ExpectMacsOf(graph, value);
  } else if (key == "MACs_fc") {
    ExpectMacsOf(graph, {{"fc", value}});
  } else if (std::regex_match(key, match, bops)) {
    EXPECT_NEAR(Count(CountConvention::kBopsUniq, graph, std::stoll(match[1])).bitops,
                value.get<double>(), 1e-6);
  } else if (std::regex_match(key, match, ebops)) {
    EXPECT_EQ(Count(CountConvention::kEbops, graph, std::stoll(match[1])).bitops,
              value.get<double>());
  } else if (key == "seed_flops_batch1") {
    EXPECT_EQ(LabReport(graph, 1, {}).flops, value.get<double>());
  } else if (key == "relu_elements" || key == "add_elements") {
    EXPECT_EQ(Elements(graph, key.substr(0, key.find('_'))), value.get<double>());
  } else if (key.starts_with("torch.utils.flop_counter")) {
    EXPECT_EQ(2 * macs.flops, value.get<double>());
  } else {
    // Conventions of other tools, which the file names for comparison.
    EXPECT_TRUE(key.starts_with("fvcore") || key.starts_with("ptflops") ||
                key.starts_with("elementary ops"))
        << "unknown key";
  }
}

TEST(CountsGoldenTest, EveryCountOfTheFileIsReproduced) {
  static const std::regex flops_of(R"((.*)_flops_same_formulas)");
  static const std::regex per_sample(R"((.*) \(per sample\))");
  const Json file = bitsweep::testing::ReadGolden("flops_bitops.json");
  int rows = 0;
  for (const auto& [key, value] : file.items()) {
    SCOPED_TRACE(key);
    const std::string name = key;
    std::smatch match;
    if (key == "description" || key == "seed_formulas") continue;
    if (key == "lab3_same_student") {
      for (const Json& row : value.at("rows")) {
        SCOPED_TRACE(row.dump());
        ExpectLab3Row(row);
        ++rows;
      }
    } else if (key == "standard_conventions") {
      for (const auto& [model, conventions] : value.items()) {
        SCOPED_TRACE(model);
        std::smatch of_model;
        const std::string title = model;
        ASSERT_TRUE(std::regex_match(title, of_model, per_sample));
        for (const auto& [convention, number] : conventions.items()) {
          SCOPED_TRACE(convention);
          ExpectStandard(Model(Variant(of_model[1])), convention, number);
        }
      }
    } else {
      const std::string model = std::regex_match(name, match, flops_of) ? match[1].str() : name;
      ASSERT_TRUE(graph::IsBuiltinModel(model)) << "unknown key";
      for (const Json& row : value) {
        SCOPED_TRACE(row.at("batch").dump());
        ExpectReportRow(Model(model), row);
        ++rows;
      }
    }
  }
  EXPECT_GT(rows, 0);
}

}  // namespace
}  // namespace bitsweep::passes
