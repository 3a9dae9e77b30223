// SPDX-License-Identifier: Apache-2.0
#include <map>
#include <set>

#include "client/exchange/export.h"
#include "client/exchange/qonnx_quantizers.h"
#include "core/base/errors.h"
#include "core/graph/zoo.h"
#include "onnx/checker.h"
#include "tests/client/exchange_graphs.h"
#include "tests/support/status_matchers.h"

namespace bitsweep::exchange {
namespace {

using ::bitsweep::testing::RandomGraphMaker;
using ::bitsweep::testing::RandomTensors;
using ::bitsweep::testing::StatusIs;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

ExportInput ModelOf(const graph::Graph& graph) {
  return {.model = "models/m", .checkpoint = {graph, RandomTensors(graph, 1), {}}};
}

// All nodes that can be, quantized to `format`.
graph::Graph QuantizedTo(const graph::Graph& graph, const graph::NumberFormat& format) {
  std::vector<graph::Node> nodes = graph.nodes();
  for (graph::Node& node : nodes) {
    graph::NodeQuantization q{.format = std::string(graph::FormatName(format)), .data_in = format};
    const auto* linear = std::get_if<graph::Linear>(&node.op);
    const auto* conv = std::get_if<graph::Conv1d>(&node.op);
    if (linear != nullptr || conv != nullptr) {
      q.weight = format;
      if (linear != nullptr ? linear->bias : conv->bias) q.bias = format;
    } else if (!std::holds_alternative<graph::Relu>(node.op) &&
               !std::holds_alternative<graph::Add>(node.op)) {
      continue;
    }
    node.quantization = q;
  }
  return graph::Graph::Create(graph.name(), nodes).value();
}

onnx::ModelProto Written(const graph::Graph& graph) {
  const auto files = FindExportFormat("qonnx")->write(ModelOf(graph));
  EXPECT_TRUE(files.ok()) << files.status();
  onnx::ModelProto model;
  EXPECT_TRUE(model.ParseFromString(files->front().bytes));
  return model;
}

// Every tensor that a node reads was written before, and every name is the only one.
void ExpectConnected(const onnx::GraphProto& graph) {
  std::set<std::string> known{graph.input(0).name()};
  for (const auto& tensor : graph.initializer()) EXPECT_TRUE(known.insert(tensor.name()).second);
  std::set<std::string> names;
  for (const auto& node : graph.node()) {
    EXPECT_TRUE(names.insert(node.name()).second) << node.name();
    for (const std::string& input : node.input()) EXPECT_TRUE(known.contains(input)) << input;
    EXPECT_TRUE(known.insert(node.output(0)).second) << node.output(0);
  }
  EXPECT_TRUE(known.contains(graph.output(0).name()));
}

TEST(QonnxExportTest, PutsAQuantizerInFrontOfEachRoundedInput) {
  const onnx::ModelProto model = Written(QuantizedTo(
      graph::BuildModel("jsc-tiny", {}).value(),
      graph::IntegerFormat{
          .width = 6, .frac_width = 3, .is_signed = false, .rounding = graph::Rounding::kFloor}));
  std::vector<std::string> nodes;
  std::map<std::string, onnx::NodeProto> by_name;
  for (const auto& node : model.graph().node()) {
    nodes.push_back(node.op_type() + " " + node.name());
    by_name[node.name()] = node;
  }
  EXPECT_THAT(nodes,
              ElementsAre("BatchNormalization seq_blocks_0", "Quant seq_blocks_1_data_in",
                          "Relu seq_blocks_1", "Quant seq_blocks_2_data_in",
                          "Quant seq_blocks_2_weight", "Quant seq_blocks_2_bias",
                          "Gemm seq_blocks_2", "Quant seq_blocks_3_data_in", "Relu seq_blocks_3"));
  const onnx::NodeProto& weight = by_name["seq_blocks_2_weight"];
  EXPECT_EQ(weight.domain(), "qonnx.custom_op.general");
  EXPECT_THAT(weight.input(),
              ElementsAre("seq_blocks.2.weight", "seq_blocks_2_weight_scale",
                          "seq_blocks_2_weight_zero_point", "seq_blocks_2_weight_bits"));
  std::map<std::string, std::string> attributes;
  for (const auto& a : weight.attribute()) {
    attributes[a.name()] = a.s().empty() ? std::to_string(a.i()) : a.s();
  }
  EXPECT_THAT(attributes, ElementsAre(std::pair("narrow", "0"), std::pair("rounding_mode", "FLOOR"),
                                      std::pair("signed", "0")));
  ExpectConnected(model.graph());
}

TEST(QonnxExportTest, WritesRandomGraphsInWhatQonnxCanSay) {
  const std::vector<graph::NumberFormat> formats{
      graph::IntegerFormat{}, graph::BinaryFormat{},
      graph::MinifloatFormat{.semantics = graph::Semantics::kExact}};
  for (std::uint64_t seed = 0; seed < 150; ++seed) {
    SCOPED_TRACE(seed);
    onnx::ModelProto model =
        Written(QuantizedTo(RandomGraphMaker(seed).Make(), formats[seed % formats.size()]));
    ExpectConnected(model.graph());
    // The checker knows no operators of qonnx: an Identity in the place of each.
    for (auto& node : *model.mutable_graph()->mutable_node()) {
      if (node.domain().empty()) continue;
      const std::string input = node.input(0);
      node.clear_domain();
      node.clear_input();
      node.clear_attribute();
      node.add_input(input);
      node.set_op_type("Identity");
    }
    EXPECT_NO_THROW(onnx::checker::check_model(model));
  }
}

TEST(QonnxExportTest, LeavesFloatAndBypassedNodesAsTheyAre) {
  std::vector<graph::Node> nodes =
      QuantizedTo(graph::BuildModel("jsc-tiny", {}).value(), graph::LogFormat{}).nodes();
  for (graph::Node& node : nodes) {
    if (node.quantization) node.quantization->bypass = true;
  }
  const onnx::ModelProto model = Written(graph::Graph::Create("g", nodes).value());
  EXPECT_EQ(model.graph().node_size(), 4);
}

TEST(QonnxExportTest, RefusesEveryTensorItCannotSayByName) {
  std::vector<graph::Node> nodes =
      QuantizedTo(graph::BuildModel("jsc-tiny", {}).value(), graph::IntegerFormat{}).nodes();
  nodes[2].quantization->data_in = graph::IntegerFormat{.width = 1};
  nodes[3].quantization = {.format = "log",
                           .data_in = graph::LogFormat{},
                           .weight = graph::LogFormat{},
                           .bias = graph::LogFormat{}};
  const auto files =
      FindExportFormat("qonnx")->write(ModelOf(graph::Graph::Create("g", nodes).value()));
  EXPECT_THAT(files, StatusIs(absl::StatusCode::kInvalidArgument,
                              HasSubstr("log (8, 63): QONNX has no quantizer to powers of two")));
  std::vector<std::string> fields;
  const auto details = GetErrorDetails(files.status());
  ASSERT_TRUE(details.has_value());
  for (const FieldViolation& violation : details->violations) {
    fields.push_back(violation.field);
  }
  EXPECT_THAT(fields, ElementsAre("seq_blocks_1.data_in", "seq_blocks_2.data_in",
                                  "seq_blocks_2.weight", "seq_blocks_2.bias"));
}

TEST(QonnxQuantizersTest, SaysWhatCannotBeSaid) {
  using graph::MinifloatFormat;
  constexpr auto kExact = graph::Semantics::kExact;
  const std::vector<graph::NumberFormat> sayable{
      graph::IntegerFormat{.width = 32, .frac_width = -32},
      graph::IntegerFormat{.width = 1, .is_signed = false}, graph::BinaryFormat{},
      MinifloatFormat{.semantics = kExact},
      MinifloatFormat{.width = 25, .exponent_width = 8, .exponent_bias = 127, .semantics = kExact}};
  for (std::size_t i = 0; i + 1 < sayable.size(); ++i) {
    EXPECT_THAT(WhyNoQuantizer(sayable[i]), IsEmpty()) << graph::FormatText(sayable[i]);
  }
  const std::vector<graph::NumberFormat> others{
      sayable.back(),  // its values end at 2^128
      graph::IntegerFormat{.width = 1},
      graph::ScaleIntegerFormat{},
      graph::BinaryFormat{.stochastic = true},
      graph::BinaryFormat{.bipolar = false},
      graph::TernaryFormat{.mean = 1},
      MinifloatFormat{},
      MinifloatFormat{.kind = MinifloatFormat::Kind::kDenorm, .semantics = kExact},
      MinifloatFormat{.width = 22, .exponent_width = 4, .semantics = kExact},
      MinifloatFormat{.exponent_bias = 125, .semantics = kExact},
      graph::LogFormat{},
      graph::BlockFpFormat{},
      graph::BlockMinifloatFormat{},
      graph::BlockLogFormat{},
      graph::MxintFormat{},
      graph::MxfpFormat{}};
  for (const graph::NumberFormat& format : others) {
    EXPECT_THAT(WhyNoQuantizer(format), Not(IsEmpty())) << graph::FormatText(format);
  }
}

}  // namespace
}  // namespace bitsweep::exchange
