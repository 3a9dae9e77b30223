// SPDX-License-Identifier: Apache-2.0
#include <sys/resource.h>

#include "client/exchange/export.h"
#include "client/exchange/import.h"
#include "client/exchange/onnx_import.h"
#include "core/graph/graph_json.h"
#include "core/graph/safetensors.h"
#include "core/graph/zoo.h"
#include "tests/client/exchange_graphs.h"
#include "tests/client/exchange_onnx_files.h"
#include "tests/support/status_matchers.h"

namespace bitsweep::exchange {
namespace {

using ::bitsweep::testing::OnnxFile;
using ::bitsweep::testing::OnnxFloat;
using ::bitsweep::testing::OnnxInt;
using ::bitsweep::testing::OnnxInts;
using ::bitsweep::testing::RandomTensors;
using ::bitsweep::testing::StatusIs;
using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

constexpr auto kInvalid = absl::StatusCode::kInvalidArgument;

graph::Checkpoint Builtin(const char* name, const graph::ZooOptions& options = {}) {
  graph::Graph graph = graph::BuildModel(name, options).value();
  std::vector<graph::TensorValue> tensors = RandomTensors(graph, 3);
  return {.graph = std::move(graph), .tensors = std::move(tensors), .metadata = {}};
}

std::string As(const char* format, const graph::Checkpoint& checkpoint) {
  return FindExportFormat(format)->write({.model = "m", .checkpoint = checkpoint})->front().bytes;
}

graph::Checkpoint Opened(const ImportedModel& model) {
  return graph::ParseCheckpoint(model.checkpoint).value();
}

TEST(ModelFileTest, GivesABuiltinTheSizesOfTheTensors) {
  for (const std::string_view name : graph::BuiltinModels()) {
    const graph::Checkpoint model = Builtin(name.data(), {.features = 9, .classes = 3});
    for (const char* format : {"npz", "safetensors"}) {
      ASSERT_OK_AND_ASSIGN(
          const ImportedModel read,
          ReadModelFile(As(format, model), {.builtin = std::string(name), .graph = {}}));
      EXPECT_EQ(Opened(read).graph, model.graph);
      EXPECT_EQ(Opened(read).tensors, model.tensors);
      EXPECT_THAT(read.notes, ElementsAre(HasSubstr("for 9 features and 3 classes")));
    }
  }
  EXPECT_THAT(
      ReadModelFile(As("npz", Builtin("jsc-tiny")), {.builtin = "jsc-tiny", .graph = {}})->notes,
      IsEmpty());
  EXPECT_THAT(ReadModelFile(As("npz", Builtin("jsc-tiny")), {.builtin = "jsc-toy", .graph = {}}),
              StatusIs(kInvalid, HasSubstr("is missing")));
}

TEST(ModelFileTest, AsksForTheNetworkOfTensorsAndForNoOther) {
  const graph::Checkpoint tiny = Builtin("jsc-tiny");
  EXPECT_THAT(ReadModelFile(As("npz", tiny), {}),
              StatusIs(kInvalid, HasSubstr("say which with --builtin or --graph")));
  EXPECT_THAT(ReadModelFile(As("onnx", tiny), {.builtin = "jsc-tiny", .graph = {}}),
              StatusIs(kInvalid, HasSubstr("holds its own network")));
  EXPECT_THAT(ReadModelFile(graph::SerializeCheckpoint(tiny), {.builtin = "", .graph = tiny.graph}),
              StatusIs(kInvalid, HasSubstr("holds its own network")));
  EXPECT_EQ(ReadModelFile(graph::SerializeCheckpoint(tiny), {})->checkpoint,
            graph::SerializeCheckpoint(tiny));
}

TEST(ModelFileTest, SaysWhatToDoWithOtherFiles) {
  using namespace std::string_view_literals;
  const auto expect_refused = [](std::string_view bytes, const std::string& why) {
    EXPECT_THAT(ReadModelFile(bytes, {}), StatusIs(kInvalid, HasSubstr(why)));
  };
  expect_refused("", "neither a checkpoint nor safetensors, npz or ONNX");
  expect_refused("hello, world", "neither a checkpoint");
  expect_refused("\x80\x02}q\x00."sv, "safetensors.torch.save_file(model.state_dict()");
  expect_refused("\x93NUMPY\x01\x00"sv, "numpy.savez");
  expect_refused("\x89HDF\r\n\x1a\n"sv, "Keras");
  expect_refused("PK\x03\x04", "zip: no zip file");
  expect_refused("\x08", "onnx: no ONNX file, or a damaged one");
}

// The graph that the file gives, and its tensors by name.
struct ReadNet {
  graph::Graph graph;
  std::map<std::string, std::vector<float>> tensors;
  std::vector<std::string> notes;
};
ReadNet ReadOnnx(const OnnxFile& file) {
  absl::StatusOr<OnnxModel> model = FromOnnx(file.Bytes());
  EXPECT_TRUE(model.ok()) << model.status();
  ReadNet net{.graph = model->checkpoint.graph, .tensors = {}, .notes = model->notes};
  for (const graph::TensorValue& tensor : model->checkpoint.tensors) {
    net.tensors[tensor.name] = tensor.f32;
  }
  return net;
}
void ExpectOnnxRefused(const OnnxFile& file, const std::string& why) {
  EXPECT_THAT(FromOnnx(file.Bytes()), StatusIs(kInvalid, HasSubstr(why)));
}
const graph::Node& NodeOf(const ReadNet& net, const char* name) {
  const int at = net.graph.Find(name);
  EXPECT_GE(at, 0) << graph::ToJson(net.graph);
  return net.graph.nodes()[static_cast<std::size_t>(std::max(at, 0))];
}

long PeakMegabytes() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  return usage.ru_maxrss / 1024;
}

TEST(OnnxImportTest, ReadsLinearLayersHoweverTheyAreWritten) {
  OnnxFile file({2});
  file.Floats("0.weight", {3, 2}, {1, 2, 3, 4, 5, 6}).Floats("0.bias", {3}, {7, 8, 9});
  file.Node("Gemm", "/0/Gemm", {"x", "0.weight", "0.bias"}, "a", {OnnxInt("transB", 1)});
  file.Floats("W", {3, 2}, {1, 2, 3, 4, 5, 6});
  file.Node("Gemm", "second", {"a", "W"}, "b");
  file.Floats("onnx::MatMul_7", {2, 1}, {5, 6}).Floats("fc.bias", {1, 1}, {8});
  file.Node("MatMul", "/fc/MatMul", {"b", "onnx::MatMul_7"}, "c");
  file.Node("Add", "/fc/Add", {"fc.bias", "c"}, "y");
  const ReadNet net = ReadOnnx(file);
  EXPECT_EQ(NodeOf(net, "_0").op, graph::Op(graph::Linear{2, 3, true}));
  EXPECT_EQ(NodeOf(net, "second").op, graph::Op(graph::Linear{3, 2, false}));
  EXPECT_EQ(NodeOf(net, "fc").op, graph::Op(graph::Linear{2, 1, true}));
  EXPECT_THAT(net.tensors.at("0.weight"), ElementsAre(1, 2, 3, 4, 5, 6));
  EXPECT_THAT(net.tensors.at("0.bias"), ElementsAre(7, 8, 9));
  EXPECT_THAT(net.tensors.at("second.weight"), ElementsAre(1, 3, 5, 2, 4, 6));
  EXPECT_THAT(net.tensors.at("fc.weight"), ElementsAre(5, 6));
  EXPECT_THAT(net.tensors.at("fc.bias"), ElementsAre(8));
  EXPECT_EQ(net.graph.nodes().back().name, "y");
}

TEST(OnnxImportTest, ReadsEveryOtherOp) {
  OnnxFile file({1, 6});
  file.Floats("c.weight", {2, 1, 3}, {1, 2, 3, 4, 5, 6}).Floats("one", {2}, {1, 2});
  file.Node("Conv", "/c/Conv", {"x", "c.weight", "one"}, "a",
            {OnnxInts("kernel_shape", {3}), OnnxInts("pads", {1, 1}), OnnxInts("strides", {2}),
             OnnxInts("dilations", {1}), OnnxInt("group", 1)});
  file.Node("Identity", "", {"one"}, "n.running_var");
  file.Node("BatchNormalization", "/n/BatchNormalization",
            {"a", "one", "one", "one", "n.running_var"}, "b",
            {OnnxFloat("epsilon", 1e-3F), OnnxFloat("momentum", 0.75F)});
  file.Node("Relu", "/r/Relu", {"b"}, "c").Node("Sigmoid", "", {"b"}, "d");
  file.Node("Add", "", {"c", "d"}, "e");
  file.Floats("ratio", {}, {0.3F}).Node("Dropout", "", {"e", "ratio"}, "f");
  file.Integers("flat", {-1, 6}).Node("Reshape", "", {"f", "flat"}, "g");
  file.Integers("axes", {1}).Node("Unsqueeze", "", {"g", "axes"}, "h");
  file.Node("Flatten", "", {"h"}, "i").Node("Shape", "", {"i"}, "s");
  file.Integers("first", {0}).Node("Gather", "", {"s", "first"}, "t");
  file.Integers("rest", {-1}).Node("Concat", "", {"t", "rest"}, "u", {OnnxInt("axis", 0)});
  file.Node("Reshape", "", {"i", "u"}, "y");
  const ReadNet net = ReadOnnx(file);
  EXPECT_EQ(NodeOf(net, "c").op, graph::Op(graph::Conv1d{1, 2, 3, 2, 1, true}));
  EXPECT_EQ(NodeOf(net, "n").op, graph::Op(graph::BatchNorm1d{2, 1e-3, 0.25}));
  EXPECT_EQ(NodeOf(net, "relu").kind, graph::NodeKind::kCallFunction);
  EXPECT_THAT(NodeOf(net, "add").inputs, ElementsAre("relu", "sigmoid"));
  EXPECT_EQ(NodeOf(net, "dropout").op, graph::Op(graph::Dropout{0.3}));
  EXPECT_EQ(NodeOf(net, "view").op, graph::Op(graph::View{{-1, 6}}));
  EXPECT_EQ(NodeOf(net, "view_1").op, graph::Op(graph::View{{-1, 1, 6}}));
  EXPECT_EQ(NodeOf(net, "flatten").op, graph::Op(graph::Flatten{1}));
  EXPECT_EQ(NodeOf(net, "flatten_1").op, graph::Op(graph::Flatten{1}));
  EXPECT_THAT(net.tensors.at("n.running_var"), ElementsAre(1, 2));
}

TEST(OnnxImportTest, MakesOneModuleOfNodesThatReadTheSameTensors) {
  OnnxFile file({2});
  file.Floats("fc.weight", {2, 2}, {1, 2, 3, 4}).Floats("fc.bias", {2}, {5, 6});
  file.Node("Gemm", "a", {"x", "fc.weight", "fc.bias"}, "a", {OnnxInt("transB", 1)});
  file.Node("Gemm", "b", {"a", "fc.weight", "fc.bias"}, "b", {OnnxInt("transB", 1)});
  file.Node("Gemm", "c", {"b", "fc.weight", "fc.bias"}, "y");  // the same numbers, transposed
  const ReadNet net = ReadOnnx(file);
  EXPECT_EQ(NodeOf(net, "a").target, "fc");
  EXPECT_EQ(NodeOf(net, "b").target, "fc");
  EXPECT_EQ(NodeOf(net, "c").target, "fc_1");
  EXPECT_THAT(net.tensors.at("fc.weight"), ElementsAre(1, 2, 3, 4));
  EXPECT_THAT(net.tensors.at("fc_1.weight"), ElementsAre(1, 3, 2, 4));
}

// Small nodes that each ask for the large tensor the other way round: 500 of 4 MiB.
TEST(OnnxImportTest, ExchangesDimensionsOfATensorOnce) {
  OnnxFile file({1024});
  std::vector<float> weight(std::size_t{1} << 20);
  weight[1] = 2;
  file.Floats("w", {1024, 1024}, weight);
  std::string last = "w";
  for (int i = 0; i < 500; ++i) {
    const std::string next = fmt::format("t{}", i);
    file.Node("Transpose", "", {i % 2 == 0 ? "w" : last}, next);
    last = next;
  }
  file.Node("Gemm", "", {"x", last}, "y", {OnnxInt("transB", 1)});
  const long before = PeakMegabytes();
  const ReadNet net = ReadOnnx(file);
  EXPECT_EQ(net.graph.tensors().size(), 1U);
  EXPECT_LT(PeakMegabytes() - before, 1000);
}

TEST(OnnxImportTest, ReadsTensorsOfEveryType) {
  OnnxFile file({2});
  onnx::TensorProto& half = *file.Floats("a.weight", {1, 2}, {}).graph().mutable_initializer(0);
  half.set_data_type(onnx::TensorProto::FLOAT16);
  half.add_int32_data(0x3c00);
  half.add_int32_data(0xc000);
  file.Node("Gemm", "", {"x", "a.weight"}, "a", {OnnxInt("transB", 1)});
  onnx::TensorProto& wide = *file.Floats("b.weight", {2, 1}, {}).graph().mutable_initializer(1);
  wide.set_data_type(onnx::TensorProto::DOUBLE);
  const double numbers[] = {0.5, -1.5};
  wide.set_raw_data(std::string(reinterpret_cast<const char*>(numbers), sizeof numbers));
  file.Node("Gemm", "", {"a", "b.weight"}, "y", {OnnxInt("transB", 1)});
  const ReadNet net = ReadOnnx(file);
  EXPECT_THAT(net.tensors.at("a.weight"), ElementsAre(1, -2));
  EXPECT_THAT(net.tensors.at("b.weight"), ElementsAre(0.5F, -1.5F));
}

TEST(OnnxImportTest, ListsEveryProblemByNode) {
  OnnxFile file({1, 4});
  file.Floats("w", {2, 1, 3}, {1, 2, 3, 4, 5, 6}).Floats("m", {4, 4}, std::vector<float>(16, 1));
  file.Node("Conv", "conv", {"x", "w"}, "a", {OnnxInts("pads", {1, 0})});
  file.Node("Conv", "", {"x", "w"}, "b", {OnnxInts("dilations", {2})});
  file.Node("MaxPool", "pool", {"a"}, "c", {OnnxInts("kernel_shape", {2})});
  file.Node("Gemm", "gemm", {"x", "m"}, "d", {OnnxFloat("alpha", 2)});
  file.Node("Relu", "odd", {"x"}, "e", {OnnxInt("slope", 2)});
  file.Node("Relu", "lost", {"nowhere"}, "f");
  file.Node("MatMul", "deep", {"x", "m"}, "g");
  file.Node("Softmax", "soft", {"x"}, "y");
  EXPECT_THAT(
      FromOnnx(file.Bytes()),
      StatusIs(kInvalid,
               AllOf(HasSubstr("node \"conv\" (Conv): pads [1, 0]: expected as many on the left"),
                     HasSubstr("node 1 (Conv): group 1, dilation 2"),
                     HasSubstr("node \"pool\" (MaxPool): the graph has no such op: known are Gemm"),
                     HasSubstr("node \"gemm\" (Gemm): alpha 2, beta 1, transA 0"),
                     HasSubstr("node \"odd\" (Relu): attribute \"slope\" is not known"),
                     HasSubstr("node \"lost\" (Relu): it reads \"nowhere\""),
                     HasSubstr("node \"deep\" (MatMul): input has shape [1, 4], expected [4]"),
                     HasSubstr("node \"soft\" (Softmax): the graph has no such op: end the "
                               "network before it"))));
}

TEST(OnnxImportTest, RefusesWhatIsNoSuchFile) {
  OnnxFile old({2});
  old.model.set_ir_version(2);
  ExpectOnnxRefused(old, "IR version 2: versions 3 to 14 are read");
  OnnxFile opset({2});
  opset.model.mutable_opset_import(0)->set_version(6);
  ExpectOnnxRefused(opset, "opset 6: opsets 7 to 28 are read");
  OnnxFile external({2});
  external.Floats("w", {2, 2}, {})
      .graph()
      .mutable_initializer(0)
      ->set_data_location(onnx::TensorProto::EXTERNAL);
  external.Node("Gemm", "", {"x", "w"}, "y");
  ExpectOnnxRefused(external, "initializer \"w\": its values stand in another file");
  OnnxFile shorter({2});
  shorter.Floats("w", {2, 2}, {1, 2, 3}).Node("Gemm", "", {"x", "w"}, "y");
  ExpectOnnxRefused(shorter, "initializer \"w\": 3 values, expected 4 for shape [2, 2]");
  OnnxFile huge({2});
  huge.Floats("w", {std::int64_t{1} << 40, std::int64_t{1} << 40}, {})
      .Node("Gemm", "", {"x", "w"}, "y");
  ExpectOnnxRefused(huge, "initializer \"w\": 0 values, expected");
  OnnxFile two({2});
  *two.graph().add_input() = two.graph().input(0);
  two.graph().mutable_input(1)->set_name("z");
  ExpectOnnxRefused(two.Node("Add", "", {"x", "z"}, "y"), "2 inputs: \"x\", \"z\"; expected 1");
  OnnxFile open({0});
  ExpectOnnxRefused(open.Node("Relu", "", {"x"}, "y"), "input \"x\": expected FLOAT of 2 to 8");
}

TEST(OnnxImportTest, MakesQuantizersTheQuantizationOfWhatReadsThem) {
  OnnxFile file({4});
  file.Floats("fc.weight", {4, 2}, {0.1F, -0.5F, 0, 1, 2, 3, 4, 5}).Floats("fc.bias", {2}, {1, 2});
  file.Quant("x", "qx", 0.0625F, 8).Quant("fc.weight", "qw", 0.25F, 6);
  file.Quant("fc.bias", "qb", 1, 8, 1, 0, "FLOOR");
  file.Node("Transpose", "", {"qw"}, "qwt", {OnnxInts("perm", {1, 0})});
  file.Node("Gemm", "/fc/Gemm", {"qx", "qwt", "qb"}, "a", {OnnxInt("transB", 1)});
  file.Node("Relu", "r", {"a"}, "b").Quant("b", "q", 0.5F, 4, 0);
  file.Integers("to", {-1, 1, 2}).Node("Reshape", "", {"q", "to"}, "c");
  file.Node("Add", "sum", {"c", "c"}, "y");
  const ReadNet net = ReadOnnx(file);
  using graph::IntegerFormat;
  const auto& fc = NodeOf(net, "fc").quantization;
  ASSERT_TRUE(fc.has_value());
  EXPECT_EQ(fc->format, "integer");
  EXPECT_EQ(fc->data_in, graph::NumberFormat(IntegerFormat{8, 4}));
  EXPECT_EQ(fc->weight, graph::NumberFormat(IntegerFormat{6, 2}));
  EXPECT_EQ(fc->bias, graph::NumberFormat(IntegerFormat{8, 0, true, graph::Rounding::kFloor}));
  EXPECT_THAT(net.tensors.at("fc.weight"), ElementsAre(0.1F, 0, 2, 4, -0.5F, 1, 3, 5));
  EXPECT_EQ(NodeOf(net, "sum").quantization->data_in,
            graph::NumberFormat(IntegerFormat{4, 1, false}));
  EXPECT_FALSE(NodeOf(net, "view").quantization.has_value());
}

TEST(OnnxImportTest, MakesBipolarQuantizersBinary) {
  OnnxFile file({2});
  file.Floats("w", {1, 2}, {1, -2}).Floats("one", {}, {1});
  file.Node("BipolarQuant", "b", {"w", "one"}, "qw", {}, "qonnx.custom_op.general");
  file.Node("Gemm", "fc", {"x", "qw"}, "y", {OnnxInt("transB", 1)});
  EXPECT_EQ(NodeOf(ReadOnnx(file), "fc").quantization->weight,
            graph::NumberFormat(graph::BinaryFormat{.bipolar = true}));
}

TEST(OnnxImportTest, TakesANarrowRangeWhereItIsTheSame) {
  const auto net = [](float lowest) {
    OnnxFile file({2});
    file.Floats("w", {1, 2}, {1, lowest}).Quant("w", "qw", 1, 4, 1, 1);
    return file.Node("Gemm", "fc", {"x", "qw"}, "y", {OnnxInt("transB", 1)});
  };
  EXPECT_THAT(ReadOnnx(net(-7)).notes, ElementsAre(HasSubstr("its narrow range became a whole")));
  ExpectOnnxRefused(net(-8), "node \"q_qw\" (Quant): its range is narrow");
}

TEST(OnnxImportTest, RefusesQuantizersThatAGraphCannotHold) {
  const auto refused = [](OnnxFile& file, const std::string& why) {
    ExpectOnnxRefused(file.Node("Relu", "r", {"q"}, "y"), why);
  };
  OnnxFile scale({2});
  refused(scale.Quant("x", "q", 0.1F, 8), "node \"q_q\" (Quant): its scale is 0.1");
  OnnxFile width({2});
  refused(width.Quant("x", "q", 1, 6.5F), "its bit width is 6.5");
  OnnxFile rounding({2});
  refused(rounding.Quant("x", "q", 1, 8, 1, 0, "CEIL"), "rounding_mode \"CEIL\"");
  OnnxFile channels({2});
  channels.Floats("s", {2}, {1, 2}).Floats("z", {}, {0}).Floats("b", {}, {8});
  channels.Node("Quant", "q", {"x", "s", "z", "b"}, "q", {}, "onnx.brevitas");
  refused(channels, "its scale differs between elements");
  OnnxFile twice({2});
  twice.Quant("x", "p", 1, 8);
  refused(twice.Quant("p", "q", 1, 4),
          "it rounds what Quant \"q_p\" has rounded to integer (8, 0)");
}

TEST(OnnxImportTest, RefusesRoundingThatNobodyCanDo) {
  OnnxFile sigmoid({2});
  ExpectOnnxRefused(sigmoid.Quant("x", "q", 1, 8).Node("Sigmoid", "s", {"q"}, "y"),
                    "node \"s\" (Sigmoid): it reads what Quant \"q_q\" has rounded: only linear");
  OnnxFile half({2});
  ExpectOnnxRefused(half.Quant("x", "q", 1, 8).Node("Add", "s", {"q", "x"}, "y"),
                    "rounds one of its inputs, and not every input alike");
  OnnxFile output({2});
  ExpectOnnxRefused(output.Node("Relu", "r", {"x"}, "a").Quant("a", "y", 1, 8),
                    "output \"y\": Quant \"q_y\" rounds it");
}

TEST(OnnxImportTest, ReadsTheNodesWhereTheFilesOwnGraphIsAnother) {
  const graph::Checkpoint tiny = Builtin("jsc-tiny");
  onnx::ModelProto model;
  ASSERT_TRUE(model.ParseFromString(As("onnx", tiny)));
  ASSERT_OK_AND_ASSIGN(const OnnxModel same, FromOnnx(model.SerializeAsString()));
  EXPECT_EQ(same.checkpoint.graph, tiny.graph);
  EXPECT_EQ(same.checkpoint.tensors, tiny.tensors);
  EXPECT_THAT(same.notes, ElementsAre(HasSubstr("the one that the file was written from")));

  model.mutable_graph()->mutable_node(1)->set_op_type("Sigmoid");
  ASSERT_OK_AND_ASSIGN(const OnnxModel other, FromOnnx(model.SerializeAsString()));
  EXPECT_THAT(other.notes, ElementsAre(HasSubstr("was read from the nodes")));
  EXPECT_EQ(other.checkpoint.graph.nodes()[2].op, graph::Op(graph::Sigmoid{}));
  EXPECT_EQ(other.checkpoint.graph.nodes()[1], tiny.graph.nodes()[1]);
}

}  // namespace
}  // namespace bitsweep::exchange
