// SPDX-License-Identifier: Apache-2.0
// Quantized nodes in the graph JSON and in checkpoints.
#include "core/graph/checkpoint.h"
#include "core/graph/graph_json.h"
#include "nlohmann/json.hpp"
#include "tests/core/graph/nodes.h"
#include "tests/support/status_matchers.h"

namespace bitsweep::graph {
namespace {

using ::bitsweep::testing::StatusIs;
using ::testing::HasSubstr;
using Json = nlohmann::json;

Graph LinearGraph(std::optional<NodeQuantization> quantization) {
  Node fc = Module("fc", Linear{16, 4, true}, "x");
  fc.quantization = std::move(quantization);
  return Graph::Create("g", {Input({16}), fc, Output("fc")}).value();
}

NodeQuantization Everywhere(NumberFormat format) {
  return {.format = std::string(FormatName(format)), .weight = format, .bias = format};
}

const NodeQuantization kInteger = {.format = "integer",
                                   .data_in = IntegerFormat{.width = 8, .frac_width = 4},
                                   .weight = IntegerFormat{.width = 4, .frac_width = 2}};

// The JSON of LinearGraph(kInteger) with the value at `pointer` replaced.
std::string Edited(const std::string& pointer, Json value) {
  Json json = Json::parse(ToJson(LinearGraph(kInteger)));
  json[Json::json_pointer(pointer)] = std::move(value);
  return json.dump();
}

TEST(QuantizationJsonTest, WritesEveryFieldSorted) {
  const Json json = Json::parse(ToJson(LinearGraph(kInteger)));
  EXPECT_EQ(json["version"], 2);
  EXPECT_EQ(
      json["nodes"][1]["quantization"].dump(),
      R"({"bypass":false,"data_in":{"floor":false,"frac_width":4,"signed":true,"width":8},)"
      R"("format":"integer","weight":{"floor":false,"frac_width":2,"signed":true,"width":4}})");
}

TEST(QuantizationJsonTest, LeavesVersionOneAsItWas) {
  const std::string text = ToJson(LinearGraph(std::nullopt));
  EXPECT_EQ(Json::parse(text)["version"], 1);
  EXPECT_THAT(text, ::testing::Not(HasSubstr("quantization")));
}

TEST(QuantizationJsonTest, RoundTripsEveryFormat) {
  const Blocks blocks{.size = {2, -1}};
  const std::vector<NumberFormat> formats = {
      IntegerFormat{5, -3, false, Rounding::kFloor},
      ScaleIntegerFormat{7},
      BinaryFormat{.bipolar = false, .stochastic = true},
      TernaryFormat{.scaling_factor = true, .mean = 0.1, .median = 1e-30},
      TernaryFormat{.max = 3.5},
      MinifloatFormat{MinifloatFormat::Kind::kIeee, 8, 4, -9, Semantics::kExact},
      MinifloatFormat{MinifloatFormat::Kind::kDenorm, 9, 3, 4, Semantics::kCompatible},
      LogFormat{6, 11},
      BlockFpFormat{6, 5, 14, {.size = {3}}},
      BlockMinifloatFormat{7, 3, 5, blocks, Semantics::kExact},
      BlockLogFormat{5, 3, blocks},
      MxintFormat{6, 4},
      MxfpFormat{3, 2, 2},
  };
  for (const NumberFormat& format : formats) {
    SCOPED_TRACE(FormatText(format));
    const Graph graph = LinearGraph(Everywhere(format));
    ASSERT_OK_AND_ASSIGN(const Graph read, FromJson(ToJson(graph)));
    EXPECT_TRUE(read == graph) << ToJson(graph);
    EXPECT_EQ(ToJson(read), ToJson(graph));
  }
}

TEST(QuantizationJsonTest, RoundTripsBypassAliasAndNodesWithoutTensors) {
  for (const NodeQuantization& quantization :
       {NodeQuantization{.format = "fixed", .bypass = true, .weight = IntegerFormat{}},
        NodeQuantization{.format = "binary"}}) {
    const Graph graph = LinearGraph(quantization);
    ASSERT_OK_AND_ASSIGN(const Graph read, FromJson(ToJson(graph)));
    EXPECT_EQ(read.nodes()[1].quantization, quantization);
  }
}

TEST(QuantizationJsonTest, TakesWholeDoublesAndDefaults) {
  ASSERT_OK_AND_ASSIGN(
      const Graph graph,
      FromJson(Edited("/nodes/1/quantization",
                      {{"format", "integer"}, {"weight", {{"width", 6.0}, {"frac_width", 3.0}}}})));
  EXPECT_EQ(graph.nodes()[1].quantization->weight, NumberFormat(IntegerFormat{6, 3}));
}

TEST(QuantizationJsonTest, RefusesWhatItDoesNotKnow) {
  const auto refused = [](const std::string& text, const std::string& why) {
    EXPECT_THAT(FromJson(text), StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr(why)));
  };
  refused(Edited("/version", 1), "node \"fc\": unknown key \"quantization\"");
  refused(Edited("/version", 3), "version 3: this program reads 1 to 2");
  refused(Edited("/version", 0), "version 0");
  refused(Edited("/nodes/1/quantization", 8), "node \"fc\" quantization: expected an object");
  refused(Edited("/nodes/1/quantization/format", "int8"), "unknown number format \"int8\"");
  refused(Edited("/nodes/1/quantization/wieght", Json::object()), "unknown key \"wieght\"");
  refused(Edited("/nodes/1/quantization/weight/width", "8"),
          "node \"fc\" quantization weight: \"width\" must be an integer");
  refused(Edited("/nodes/1/quantization/weight/exponent_width", 4),
          "unknown key \"exponent_width\"");
  refused(Edited("/nodes/1/quantization/weight", Json::object()), "\"width\" is missing");
  refused(Edited("/nodes/1/quantization/weight/width", 99), "weight.width is 99: expected 1 to 32");
  refused(Edited("/nodes/0/quantization", Json::object()), "unknown key \"quantization\"");
}

TEST(QuantizationJsonTest, TravelsInCheckpoints) {
  Checkpoint checkpoint{.graph = LinearGraph(kInteger)};
  for (const TensorInfo& tensor : checkpoint.graph.tensors()) {
    TensorValue value{.name = tensor.name};
    value.f32.assign(static_cast<std::size_t>(ElementCount(tensor.shape)), 0.25F);
    checkpoint.tensors.push_back(std::move(value));
  }
  ASSERT_OK_AND_ASSIGN(const Checkpoint read, ParseCheckpoint(SerializeCheckpoint(checkpoint)));
  EXPECT_TRUE(read.graph == checkpoint.graph);
  EXPECT_EQ(read.tensors, checkpoint.tensors);
}

}  // namespace
}  // namespace bitsweep::graph
