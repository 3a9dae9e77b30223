// SPDX-License-Identifier: Apache-2.0
#include <cstring>
#include <map>
#include <set>

#include "client/exchange/export.h"
#include "core/base/errors.h"
#include "core/graph/graph_json.h"
#include "core/graph/zoo.h"
#include "nlohmann/json.hpp"
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

ExportInput InputOf(const graph::Graph& graph, std::uint64_t seed = 1) {
  return {.model = "models/m",
          .checkpoint = {graph, RandomTensors(graph, seed), {{"epoch", "3"}, {"val_acc", "0.5"}}}};
}

absl::StatusOr<std::string> Write(const std::string& format, const ExportInput& input) {
  const auto files = FindExportFormat(format)->write(input);
  if (!files.ok()) return files.status();
  return files->front().bytes;
}

onnx::ModelProto Parse(const std::string& bytes) {
  onnx::ModelProto model;
  EXPECT_TRUE(model.ParseFromString(bytes));
  return model;
}

std::map<std::string, std::string> MetadataOf(const onnx::ModelProto& model) {
  std::map<std::string, std::string> all;
  for (const auto& entry : model.metadata_props()) all[entry.key()] = entry.value();
  return all;
}

// Every tensor by its name and shape, bit for bit.
void ExpectTensors(const onnx::ModelProto& model, const graph::Checkpoint& checkpoint) {
  std::map<std::string, const onnx::TensorProto*> written;
  for (const auto& tensor : model.graph().initializer()) {
    EXPECT_TRUE(written.emplace(tensor.name(), &tensor).second) << tensor.name();
  }
  const auto counts = nlohmann::json::parse(MetadataOf(model).at("bitsweep.integers"));
  for (std::size_t t = 0; t < checkpoint.tensors.size(); ++t) {
    const graph::TensorInfo& info = checkpoint.graph.tensors()[t];
    const graph::TensorValue& value = checkpoint.tensors[t];
    if (info.is_int64) {
      EXPECT_EQ(counts.at(info.name), value.i64.front());
      continue;
    }
    ASSERT_TRUE(written.contains(info.name)) << info.name;
    const onnx::TensorProto& tensor = *written.at(info.name);
    EXPECT_EQ(graph::Shape(tensor.dims().begin(), tensor.dims().end()), info.shape) << info.name;
    ASSERT_EQ(tensor.raw_data().size(), value.f32.size() * sizeof(float)) << info.name;
    EXPECT_EQ(std::memcmp(tensor.raw_data().data(), value.f32.data(), tensor.raw_data().size()), 0)
        << info.name;
  }
}

void ExpectFaithful(const graph::Graph& graph, std::uint64_t seed) {
  const ExportInput input = InputOf(graph, seed);
  ASSERT_OK_AND_ASSIGN(const std::string bytes, Write("onnx", input));
  const onnx::ModelProto model = Parse(bytes);
  EXPECT_NO_THROW(onnx::checker::check_model(model)) << graph::ToJson(graph);
  ExpectTensors(model, input.checkpoint);
  std::set<std::string> names;
  for (const auto& node : model.graph().node()) names.insert(node.name());
  for (const graph::Node& node : graph.nodes()) {
    EXPECT_TRUE(names.contains(node.name) || std::holds_alternative<graph::NoOp>(node.op))
        << node.name;
  }
  ASSERT_OK_AND_ASSIGN(const graph::Graph back,
                       graph::FromJson(MetadataOf(model).at("bitsweep.graph")));
  EXPECT_EQ(back, graph);
  EXPECT_EQ(bytes, Write("onnx", input).value());  // the same again
}

TEST(OnnxExportTest, WritesEveryBuiltinModel) {
  for (const std::string_view name : graph::BuiltinModels()) {
    SCOPED_TRACE(name);
    ExpectFaithful(graph::BuildModel(name, {}).value(), 7);
  }
}

TEST(OnnxExportTest, WritesRandomGraphsOfAllOps) {
  std::set<std::string_view> ops;
  for (std::uint64_t seed = 0; seed < 400; ++seed) {
    SCOPED_TRACE(seed);
    const graph::Graph graph = RandomGraphMaker(seed).Make();
    for (const graph::Node& node : graph.nodes()) ops.insert(graph::OpName(node.op));
    ExpectFaithful(graph, seed);
  }
  EXPECT_THAT(ops, ElementsAre("add", "batch_norm1d", "conv1d", "dropout", "flatten", "linear",
                               "none", "relu", "sigmoid", "view"));
}

TEST(OnnxExportTest, WritesAGraphThatOnlyPassesItsInput) {
  const auto graph = graph::Graph::Create("nothing", {{.name = "x",
                                                       .kind = graph::NodeKind::kPlaceholder,
                                                       .target = "x",
                                                       .op = graph::NoOp{},
                                                       .sample_shape = {3}},
                                                      {.name = "output",
                                                       .kind = graph::NodeKind::kOutput,
                                                       .target = "output",
                                                       .op = graph::NoOp{},
                                                       .inputs = {"x"}}});
  ExpectFaithful(graph.value(), 1);
}

TEST(OnnxExportTest, NamesBatchesAndMetadata) {
  const onnx::ModelProto model =
      Parse(Write("onnx", InputOf(graph::BuildModel("jsc-rs1923", {}).value())).value());
  const auto dims = [](const onnx::ValueInfoProto& value) {
    std::string text;
    for (const auto& dim : value.type().tensor_type().shape().dim()) {
      text += (dim.has_dim_param() ? dim.dim_param() : std::to_string(dim.dim_value())) + " ";
    }
    return value.name() + " " + text;
  };
  EXPECT_EQ(dims(model.graph().input(0)), "x batch 1 16 ");
  EXPECT_EQ(dims(model.graph().output(0)), "output batch 5 ");
  const auto metadata = MetadataOf(model);
  EXPECT_EQ(metadata.at("bitsweep.model"), "models/m");
  EXPECT_EQ(metadata.at("bitsweep.metadata"), R"({"epoch":"3","val_acc":"0.5"})");
  EXPECT_EQ(model.producer_name(), "bitsweep");
}

// jsc-tiny with a bypassed linear layer, a relu of unsigned integers and a binary layer behind it.
graph::Graph Quantized() {
  std::vector<graph::Node> nodes = graph::BuildModel("jsc-tiny", {})->nodes();
  nodes[3].quantization = {.format = "integer",
                           .bypass = true,
                           .data_in = graph::IntegerFormat{},
                           .weight = graph::IntegerFormat{},
                           .bias = graph::IntegerFormat{}};
  nodes[4].quantization = {.format = "integer",
                           .data_in = graph::IntegerFormat{.is_signed = false}};
  graph::Node more{
      .name = "more", .target = "more", .op = graph::Linear{5, 2, true}, .inputs = {nodes[4].name}};
  more.quantization = {.format = "binary", .weight = graph::BinaryFormat{}};
  nodes.back().inputs = {more.name};
  nodes.insert(nodes.end() - 1, std::move(more));
  return graph::Graph::Create("quantized", nodes).value();
}

TEST(OnnxExportTest, RefusesEveryQuantizedTensorByName) {
  const absl::Status status = Write("onnx", InputOf(Quantized())).status();
  EXPECT_THAT(status, StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("--format qonnx")));
  const auto details = GetErrorDetails(status);
  ASSERT_TRUE(details.has_value());
  EXPECT_EQ(details->reason, "NOT_EXPORTABLE");
  std::vector<std::string> fields;
  for (const FieldViolation& violation : details->violations) fields.push_back(violation.field);
  EXPECT_THAT(fields, ElementsAre("seq_blocks_3.data_in", "more.weight"));
}

TEST(OnnxExportTest, DropsQuantizationWhereAsked) {
  ExportInput input = InputOf(Quantized());
  input.drop_quantization = true;
  ASSERT_OK_AND_ASSIGN(const std::string bytes, Write("onnx", input));
  ExpectTensors(Parse(bytes), input.checkpoint);
  ASSERT_OK_AND_ASSIGN(const graph::Graph back,
                       graph::FromJson(MetadataOf(Parse(bytes)).at("bitsweep.graph")));
  for (const graph::Node& node : back.nodes()) EXPECT_FALSE(node.quantization.has_value());
}

}  // namespace
}  // namespace bitsweep::exchange
