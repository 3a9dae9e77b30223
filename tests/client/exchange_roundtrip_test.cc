// SPDX-License-Identifier: Apache-2.0
// What is written is read back: equal graphs, and tensors equal bit for bit. And whatever is done
// to a file's bytes, reading it ends, with a model or an error.
#include <bit>
#include <cstring>
#include <set>

#include "client/exchange/export.h"
#include "client/exchange/import.h"
#include "client/exchange/npz.h"
#include "client/exchange/onnx_import.h"
#include "core/base/random.h"
#include "core/graph/quantization_check.h"
#include "core/graph/safetensors.h"
#include "core/graph/zoo.h"
#include "onnx/onnx_pb.h"
#include "tests/client/exchange_graphs.h"
#include "tests/support/status_matchers.h"

namespace bitsweep::exchange {
namespace {

using ::bitsweep::testing::IsOk;
using ::bitsweep::testing::RandomGraphMaker;

constexpr std::uint64_t kGraphs = 300;
constexpr std::uint64_t kDamages = 4000;

// Any bits at all: NaN with any payload, infinities, -0, denormals.
std::vector<graph::TensorValue> AnyBits(const graph::Graph& graph, std::uint64_t seed) {
  static constexpr std::uint32_t kSpecial[] = {0x80000000, 0x7f800000, 0xff800000, 0x7fc00000,
                                               0x7f800001, 0xffc12345, 0x00000001, 0x807fffff,
                                               0x7f7fffff, 0x3f800000};
  Random random(seed, RandomStream::kInit);
  std::vector<graph::TensorValue> tensors;
  for (const graph::TensorInfo& info : graph.tensors()) {
    graph::TensorValue value{.name = info.name};
    if (info.is_int64) {
      value.i64 = {static_cast<std::int64_t>(random.NextUint64())};
    } else {
      value.f32.resize(static_cast<std::size_t>(graph::ElementCount(info.shape)));
      for (float& element : value.f32) {
        const std::uint32_t bits = random.NextBelow(2) == 0
                                       ? kSpecial[random.NextBelow(std::size(kSpecial))]
                                       : random.NextUint32();
        std::memcpy(&element, &bits, sizeof bits);
      }
    }
    tensors.push_back(std::move(value));
  }
  return tensors;
}

// Formats of every kind, within their ranges.
graph::NumberFormat AnyFormat(std::size_t kind, Random& random) {
  const auto between = [&](std::int64_t low, std::int64_t high) {
    return low +
           static_cast<std::int64_t>(random.NextBelow(static_cast<std::uint64_t>(high - low + 1)));
  };
  const graph::Blocks blocks{.size = {between(1, 4)}, .skip_first_dim = true};
  switch (kind) {
    case 0:
      return graph::IntegerFormat{
          between(1, 32), between(-32, 32), between(0, 1) == 0,
          between(0, 1) == 0 ? graph::Rounding::kFloor : graph::Rounding::kNearestEven};
    case 1:
      return graph::ScaleIntegerFormat{between(1, 32)};
    case 2:
      return graph::BinaryFormat{between(0, 1) == 0, between(0, 1) == 0};
    case 3: {
      graph::TernaryFormat ternary{.scaling_factor = between(0, 1) == 0};
      if (between(0, 1) == 0) ternary.mean = random.NextDouble();
      if (between(0, 1) == 0) ternary.max = random.NextDouble();
      return ternary;
    }
    case 4:
      return graph::MinifloatFormat{.kind = between(0, 1) == 0
                                                ? graph::MinifloatFormat::Kind::kIeee
                                                : graph::MinifloatFormat::Kind::kDenorm,
                                    .width = between(10, 32),
                                    .exponent_width = between(1, 8)};
    case 5:
      return graph::LogFormat{.width = between(2, 32)};
    case 6:
      return graph::BlockFpFormat{.width = between(2, 32), .blocks = blocks};
    case 7:
      return graph::BlockMinifloatFormat{.width = between(10, 32), .blocks = blocks};
    case 8:
      return graph::BlockLogFormat{.width = between(2, 32), .blocks = blocks};
    case 9:
      return graph::MxintFormat{.width = between(1, 32), .block_size = 1};
    default:
      return graph::MxfpFormat{between(1, 8), between(0, 23), 1};
  }
}

// Those that QONNX has quantizers for.
graph::NumberFormat QonnxFormat(std::size_t kind, Random& random) {
  const auto below = [&](std::uint64_t bound) {
    return static_cast<std::int64_t>(random.NextBelow(bound));
  };
  if (kind == 1) return graph::BinaryFormat{.bipolar = true};
  if (kind == 2) {
    const std::int64_t exponent = 2 + below(4);
    return graph::MinifloatFormat{.width = 2 + exponent + below(10),
                                  .exponent_width = exponent,
                                  .exponent_bias = below(16),
                                  .semantics = graph::Semantics::kExact};
  }
  const bool is_signed = below(2) == 0;
  return graph::IntegerFormat{
      (is_signed ? 2 : 1) + below(31), below(65) - 32, is_signed,
      below(2) == 0 ? graph::Rounding::kFloor : graph::Rounding::kNearestEven};
}

// The same graph with about half of its nodes quantized; only what QONNX can say, or anything.
graph::Graph Quantized(const graph::Graph& graph, std::uint64_t seed, bool only_qonnx) {
  Random random(seed, RandomStream::kQuantize);
  std::vector<graph::Node> nodes = graph.nodes();
  for (graph::Node& node : nodes) {
    if (!graph::IsQuantizable(node.op) || random.NextBelow(2) == 0) continue;
    const std::size_t kind = random.NextBelow(only_qonnx ? 3 : 11);
    const auto format = [&]() -> std::optional<graph::NumberFormat> {
      if (random.NextBelow(4) == 0) return std::nullopt;
      if (!only_qonnx) return AnyFormat(kind, random);
      return QonnxFormat(kind, random);
    };
    graph::NodeQuantization q{.bypass = random.NextBelow(8) == 0, .data_in = format()};
    if (graph::HasWeight(node.op)) q.weight = format();
    if (graph::HasBias(node.op)) q.bias = format();
    for (const auto* tensor : {&q.data_in, &q.weight, &q.bias}) {
      if (*tensor) q.format = graph::FormatName(**tensor);
    }
    if (q.format.empty()) continue;
    node.quantization = q;
    std::vector<graph::Node> tried = nodes;  // blocks do not go over every shape
    if (!graph::Graph::Create(graph.name(), std::move(tried)).ok()) node.quantization.reset();
  }
  return graph::Graph::Create(graph.name(), std::move(nodes)).value();
}

graph::Checkpoint AnyModel(std::uint64_t seed, bool is_quantized, bool only_qonnx = false) {
  graph::Graph graph = RandomGraphMaker(seed).Make();
  if (is_quantized) graph = Quantized(graph, seed, only_qonnx);
  std::vector<graph::TensorValue> tensors = AnyBits(graph, seed);
  return {.graph = std::move(graph),
          .tensors = std::move(tensors),
          .metadata = {{"trial", std::to_string(seed)}}};
}

std::string Write(const char* format, const graph::Checkpoint& checkpoint) {
  const auto files =
      FindExportFormat(format)->write({.model = "models/any", .checkpoint = checkpoint});
  EXPECT_THAT(files, IsOk());
  return files.ok() ? files->front().bytes : "";
}

// NaN is not equal to itself: bits are.
bool SameBits(const std::vector<graph::TensorValue>& a, const std::vector<graph::TensorValue>& b) {
  if (a.size() != b.size()) return false;
  for (std::size_t i = 0; i < a.size(); ++i) {
    if (a[i].name != b[i].name || a[i].i64 != b[i].i64 || a[i].f32.size() != b[i].f32.size()) {
      return false;
    }
    if (!a[i].f32.empty() &&
        std::memcmp(a[i].f32.data(), b[i].f32.data(), a[i].f32.size() * sizeof(float)) != 0) {
      return false;
    }
  }
  return true;
}

void ExpectSame(const absl::StatusOr<ImportedModel>& read, const graph::Checkpoint& written) {
  ASSERT_THAT(read, IsOk());
  ASSERT_OK_AND_ASSIGN(const graph::Checkpoint back, graph::ParseCheckpoint(read->checkpoint));
  EXPECT_EQ(back.graph, written.graph);
  EXPECT_TRUE(SameBits(back.tensors, written.tensors));
}

TEST(RoundTripTest, SafetensorsLoseNothing) {
  std::set<std::string> formats;
  for (std::uint64_t seed = 0; seed < kGraphs; ++seed) {
    SCOPED_TRACE(seed);
    const graph::Checkpoint model = AnyModel(seed, seed % 2 == 1);
    const std::string bytes = Write("safetensors", model);
    ExpectSame(ReadModelFile(bytes, {}), model);  // the graph in the metadata
    for (const graph::Node& node : model.graph.nodes()) {
      if (node.quantization) formats.insert(node.quantization->format);
    }
    ExpectSame(ReadModelFile(bytes, {.graph = model.graph}), model);
  }
  EXPECT_EQ(formats.size(), 12U);  // every one
}

TEST(RoundTripTest, NpzLosesNothing) {
  for (std::uint64_t seed = 0; seed < kGraphs; ++seed) {
    SCOPED_TRACE(seed);
    const graph::Checkpoint model = AnyModel(seed, seed % 2 == 1);
    if (model.tensors.empty()) continue;
    ExpectSame(ReadModelFile(Write("npz", model), {.graph = model.graph}), model);
  }
}

TEST(RoundTripTest, OnnxLosesNothing) {
  for (std::uint64_t seed = 0; seed < kGraphs; ++seed) {
    SCOPED_TRACE(seed);
    const graph::Checkpoint model = AnyModel(seed, false);
    const std::string bytes = Write("onnx", model);
    ExpectSame(ReadModelFile(bytes, {}), model);
    EXPECT_EQ(FromOnnx(bytes)->checkpoint.metadata, model.metadata);
  }
}

TEST(RoundTripTest, QonnxLosesNothing) {
  for (std::uint64_t seed = 0; seed < kGraphs; ++seed) {
    SCOPED_TRACE(seed);
    const graph::Checkpoint model = AnyModel(seed, true, /*only_qonnx=*/true);
    ExpectSame(ReadModelFile(Write("qonnx", model), {}), model);
  }
}

// What the nodes alone say: no inplace, no kind of call, no bypass.
graph::Node Essence(graph::Node node) {
  if (auto* relu = std::get_if<graph::Relu>(&node.op)) relu->inplace = false;
  node.kind = graph::NodeKind::kCallFunction;
  if (!graph::HasWeight(node.op) && !std::holds_alternative<graph::BatchNorm1d>(node.op)) {
    node.target.clear();
  }
  if (node.quantization && node.quantization->bypass) node.quantization.reset();
  return node;
}

TEST(RoundTripTest, QonnxWithoutMetadataKeepsWhatItsNodesSay) {
  for (std::uint64_t seed = 0; seed < kGraphs; ++seed) {
    SCOPED_TRACE(seed);
    const graph::Checkpoint model = AnyModel(seed, true, /*only_qonnx=*/true);
    onnx::ModelProto file;
    ASSERT_TRUE(file.ParseFromString(Write("qonnx", model)));
    file.clear_metadata_props();
    ASSERT_OK_AND_ASSIGN(const OnnxModel read, FromOnnx(file.SerializeAsString()));
    const std::vector<graph::Node>& nodes = read.checkpoint.graph.nodes();
    ASSERT_EQ(nodes.size(), model.graph.nodes().size());
    for (std::size_t n = 0; n < nodes.size(); ++n) {
      EXPECT_EQ(Essence(nodes[n]), Essence(model.graph.nodes()[n])) << nodes[n].name;
    }
    for (std::size_t t = 0; t < model.tensors.size(); ++t) {
      std::vector<graph::TensorValue> a{model.tensors[t]};
      std::vector<graph::TensorValue> b{read.checkpoint.tensors[t]};
      EXPECT_TRUE(!a[0].i64.empty() || SameBits(a, b)) << a[0].name;
    }
  }
}

TEST(RoundTripTest, BuiltinsLoseNothing) {
  for (const std::string_view name : graph::BuiltinModels()) {
    graph::Graph graph = graph::BuildModel(name, {}).value();
    const graph::Checkpoint model{.graph = graph, .tensors = AnyBits(graph, 1), .metadata = {}};
    ExpectSame(ReadModelFile(Write("safetensors", model), {.builtin = std::string(name)}), model);
    ExpectSame(ReadModelFile(Write("npz", model), {.builtin = std::string(name)}), model);
    ExpectSame(ReadModelFile(Write("onnx", model), {}), model);
  }
}

// A file with some of its bytes changed, cut off, or some of them twice.
std::string Damaged(std::string bytes, Random& random) {
  const std::uint64_t changes = 1 + random.NextBelow(4);
  for (std::uint64_t i = 0; i < changes && !bytes.empty(); ++i) {
    const std::size_t at = random.NextBelow(bytes.size());
    switch (random.NextBelow(6)) {
      case 0:
        bytes.resize(at);
        break;
      case 1:
        bytes.insert(at, bytes.substr(random.NextBelow(bytes.size()), random.NextBelow(64)));
        break;
      case 2:
        bytes.erase(at, random.NextBelow(64));
        break;
      default:
        bytes[at] = static_cast<char>(random.NextUint32());
    }
  }
  return bytes;
}

TEST(RoundTripTest, DamagedFilesAreModelsOrErrors) {
  for (const char* format : {"safetensors", "npz", "onnx", "qonnx"}) {
    Random random(7, RandomStream::kSearch);
    std::vector<std::pair<graph::Graph, std::string>> files;
    for (std::uint64_t seed = 0; seed < 20; ++seed) {
      const graph::Checkpoint model = AnyModel(seed, false);
      files.emplace_back(model.graph, Write(format, model));
    }
    std::uint64_t read_well = 0;
    for (std::uint64_t i = 0; i < kDamages; ++i) {
      const auto& [graph, whole] = files[i % files.size()];
      ImportSource source;
      if (std::string_view(format) == "npz") source.graph = graph;
      const auto read = ReadModelFile(Damaged(whole, random), source);
      if (!read.ok()) continue;
      ++read_well;
      EXPECT_THAT(graph::ParseCheckpoint(read->checkpoint), IsOk()) << format << " " << i;
    }
    EXPECT_LT(read_well, kDamages) << format;
  }
}

}  // namespace
}  // namespace bitsweep::exchange
