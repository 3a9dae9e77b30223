// SPDX-License-Identifier: Apache-2.0
#include <cmath>
#include <limits>

#include "client/exchange/export.h"
#include "client/exchange/fixed_point.h"
#include "client/exchange/hls4ml_config.h"
#include "core/base/errors.h"
#include "core/graph/zoo.h"
#include "onnx/checker.h"
#include "tests/client/exchange_graphs.h"
#include "tests/support/status_matchers.h"

namespace bitsweep::exchange {
namespace {

using ::bitsweep::testing::RandomTensors;
using ::bitsweep::testing::StatusIs;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;

absl::StatusOr<std::vector<ExportedFile>> Write(const graph::Graph& graph) {
  return FindExportFormat("hls4ml")->write(
      {.model = "models/m", .checkpoint = {graph, RandomTensors(graph, 1), {}}});
}

// The builtin with all linear layers in `format`.
graph::Graph Builtin(const std::string& name, const graph::NumberFormat& format) {
  std::vector<graph::Node> nodes = graph::BuildModel(name, {})->nodes();
  for (graph::Node& node : nodes) {
    if (!std::holds_alternative<graph::Linear>(node.op)) continue;
    node.quantization = graph::NodeQuantization{.format = std::string(graph::FormatName(format)),
                                                .data_in = format,
                                                .weight = format,
                                                .bias = format};
  }
  return graph::Graph::Create(name, nodes).value();
}

std::vector<std::string> RefusedFields(const graph::Graph& graph) {
  const auto files = Write(graph);
  std::vector<std::string> fields;
  const auto details = GetErrorDetails(files.status());
  if (!details) return fields;
  EXPECT_EQ(details->reason, "NOT_EXPORTABLE");
  for (const FieldViolation& violation : details->violations) fields.push_back(violation.field);
  return fields;
}

TEST(Hls4mlExportTest, WritesAModelAndItsPrecisions) {
  ASSERT_OK_AND_ASSIGN(const auto files, Write(Builtin("jsc-tiny", graph::IntegerFormat{})));
  ASSERT_EQ(files.size(), 2);
  EXPECT_EQ(files[0].name, "model.onnx");
  onnx::ModelProto model;
  ASSERT_TRUE(model.ParseFromString(files[0].bytes));
  std::vector<std::string> names;
  for (const auto& node : model.graph().node()) names.push_back(node.op_type() + " " + node.name());
  EXPECT_THAT(names, ElementsAre("BatchNormalization seq_blocks_0", "Relu seq_blocks_1",
                                 "Quant seq_blocks_2_data_in", "Quant seq_blocks_2_weight",
                                 "MatMul seq_blocks_2", "Quant seq_blocks_2_bias",
                                 "Add seq_blocks_2_sum", "Relu seq_blocks_3"));
  EXPECT_EQ(files[1].name, "config.yml");
  EXPECT_THAT(files[1].bytes, HasSubstr("    # 16 products of 8 and 8 bits\n"
                                        "    seq_blocks_2:\n"
                                        "      Precision:\n"
                                        "        weight: ap_fixed<8,4,AP_RND_CONV,AP_SAT>\n"
                                        "        bias: ap_ufixed<1,1>\n"
                                        "        accum: ap_fixed<20,12>\n"
                                        "        result: ap_fixed<20,12>\n"
                                        "    seq_blocks_2_sum:\n"
                                        "      Precision:\n"
                                        "        scale: ap_ufixed<1,1>\n"
                                        "        bias: ap_fixed<8,4,AP_RND_CONV,AP_SAT>\n"
                                        "        accum: ap_fixed<21,13>\n"
                                        "        result: ap_fixed<21,13>\n"));
}

TEST(Hls4mlExportTest, TakesTheInputsTypeFromTheirQuantizers) {
  std::vector<graph::Node> nodes = Builtin("jsc-tiny", graph::IntegerFormat{}).nodes();
  nodes.erase(nodes.begin() + 1, nodes.begin() + 3);  // batch norm and relu
  nodes[1].inputs = {"x"};
  const auto write = [](const std::vector<graph::Node>& all) {
    return Write(graph::Graph::Create("g", all).value()).value()[1].bytes;
  };
  EXPECT_THAT(write(nodes), HasSubstr("    x:\n      Precision:\n"
                                      "        result: ap_fixed<8,4,AP_RND_CONV,AP_SAT>\n"));
  nodes.insert(nodes.begin() + 1, {.name = "flat",
                                   .kind = graph::NodeKind::kCallFunction,
                                   .target = "flatten",
                                   .op = graph::Flatten{},
                                   .inputs = {"x"}});
  nodes[2].inputs = {"flat"};
  EXPECT_THAT(write(nodes), HasSubstr("    x:\n      Precision:\n"
                                      "        result: ap_fixed<8,4,AP_RND_CONV,AP_SAT>\n"));
  nodes.back().inputs = {"more"};
  nodes.insert(nodes.end() - 1, {.name = "more",
                                 .kind = graph::NodeKind::kCallFunction,
                                 .target = "relu",
                                 .op = graph::Relu{},
                                 .inputs = {"x"}});
  EXPECT_THAT(write(nodes), HasSubstr("    x:\n      Precision:\n"
                                      "        result: ap_fixed<40,16,AP_RND_CONV,AP_SAT>\n"));
}

TEST(Hls4mlExportTest, RefusesByNodeAndTensor) {
  EXPECT_THAT(RefusedFields(graph::BuildModel("jsc-tiny", {}).value()),
              ElementsAre("seq_blocks_2"));  // not quantized
  EXPECT_THAT(RefusedFields(Builtin("jsc-tiny", graph::LogFormat{})),
              ElementsAre("seq_blocks_2.data_in", "seq_blocks_2.weight", "seq_blocks_2.bias"));
  EXPECT_THAT(RefusedFields(Builtin("jsc-tiny", graph::IntegerFormat{.width = 1})),
              ElementsAre("seq_blocks_2.data_in", "seq_blocks_2.weight", "seq_blocks_2.bias"));
  // Convolutions, their shapes, and the sigmoid.
  const std::vector<std::string> fields =
      RefusedFields(Builtin("jsc-rs1923", graph::IntegerFormat{}));
  for (const char* node : {"x", "conv1", "block_conv2", "sigmoid"}) {
    EXPECT_THAT(fields, Contains(node));
  }
  EXPECT_THAT(fields, Not(Contains("fc")));
}

TEST(Hls4mlExportTest, RefusesWhatIsNoNumber) {
  const graph::Graph graph = Builtin("jsc-tiny", graph::IntegerFormat{});
  ExportInput input{.model = "models/m", .checkpoint = {graph, RandomTensors(graph, 1), {}}};
  input.checkpoint.tensors[3].f32[0] = std::numeric_limits<float>::infinity();
  EXPECT_THAT(FindExportFormat("hls4ml")->write(input),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       HasSubstr("seq_blocks.0.running_var: holds infinity or NaN")));
}

TEST(Hls4mlExportTest, RefusesANormWhoseConstantsAreNoNumbers) {
  const graph::Graph graph = Builtin("jsc-tiny", graph::IntegerFormat{});
  ExportInput input{.model = "models/m", .checkpoint = {graph, RandomTensors(graph, 1), {}}};
  input.checkpoint.tensors[3].f32[0] = -1;  // a variance
  EXPECT_THAT(FindExportFormat("hls4ml")->write(input),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       HasSubstr("seq_blocks_0: its scale comes to infinity or NaN")));
}

TEST(Hls4mlExportTest, QuotesNamesThatAreWordsOfYaml) {
  using graph::IntegerFormat;
  const FixedType type = TypeOf(IntegerFormat{});
  const std::string text =
      Hls4mlConfig("models/m", {{"No", "", {{"result", type}}}, {"node", "", {{"result", type}}}});
  EXPECT_THAT(text, HasSubstr("    'No':\n"));
  EXPECT_THAT(text, HasSubstr("    node:\n"));
}

// Every value of a type: width of at most 8.
std::vector<double> ValuesOf(const FixedType& type) {
  const double step = std::ldexp(1.0, static_cast<int>(-type.fraction()));
  const auto count = std::int64_t{1} << type.width;
  std::vector<double> values;
  for (std::int64_t i = 0; i < count; ++i) {
    values.push_back(static_cast<double>(type.is_signed ? i - count / 2 : i) * step);
  }
  return values;
}
bool Holds(const FixedType& type, double value) {
  const double steps = std::ldexp(value, static_cast<int>(type.fraction()));
  const double end = std::ldexp(1.0, static_cast<int>(type.width - (type.is_signed ? 1 : 0)));
  return steps == std::floor(steps) && steps >= (type.is_signed ? -end : 0) && steps < end;
}

TEST(FixedPointTest, SumsOfProductsHoldTheirExtremes) {
  for (const bool signed_x : {false, true}) {
    for (const bool signed_w : {false, true}) {
      for (std::int64_t width = 2; width <= 4; ++width) {
        for (const std::int64_t terms : {1, 2, 3, 16, 17}) {
          const FixedType x = TypeOf({.width = width, .frac_width = 5, .is_signed = signed_x});
          const FixedType w = TypeOf({.width = 3, .frac_width = -1, .is_signed = signed_w});
          const FixedType sum = SumOfProducts(x, w, terms);
          for (const double a : ValuesOf(x)) {
            for (const double b : ValuesOf(w)) {
              EXPECT_TRUE(Holds(sum, static_cast<double>(terms) * a * b))
                  << sum.Text() << " " << terms << " " << a << " " << b;
            }
          }
          const FixedType more = Sum(sum, x);
          for (const double a : ValuesOf(x)) {
            const double most =
                static_cast<double>(terms) * ValuesOf(x).back() * ValuesOf(w).back();
            EXPECT_TRUE(Holds(more, most + a)) << more.Text();
          }
        }
      }
    }
  }
}

TEST(FixedPointTest, HoldsFloatsExactlyUpToItsFraction) {
  Random random(3, RandomStream::kInit);
  for (int i = 0; i < 1000; ++i) {
    std::vector<float> values;
    for (int k = 0; k < 4; ++k) {
      values.push_back(static_cast<float>(
          std::ldexp(random.NextNormal(), static_cast<int>(random.NextBelow(20)) - 10)));
    }
    const FixedType type = Holding(values, 60);
    for (const float value : values) EXPECT_TRUE(Holds(type, value)) << type.Text() << " " << value;
    EXPECT_LE(Holding(values, 8).fraction(), 8);
  }
  EXPECT_EQ(Holding(std::vector<float>{0, 1, -2}, 40).Text(), "ap_fixed<3,3,AP_RND_CONV,AP_SAT>");
}

}  // namespace
}  // namespace bitsweep::exchange
