// SPDX-License-Identifier: Apache-2.0
#include "core/graph/zoo.h"

#include <algorithm>
#include <string>
#include <utility>

#include "core/base/text.h"
#include "fmt/format.h"
#include "fmt/ranges.h"

namespace bitsweep::graph {
namespace {

constexpr std::int64_t kMaxSize = 1 << 20;

// Writes nodes one after another, each reading the one before it.
class Builder {
 public:
  explicit Builder(Shape sample_shape) {
    nodes_.push_back({.name = "x",
                      .kind = NodeKind::kPlaceholder,
                      .target = "x",
                      .op = NoOp{},
                      .sample_shape = std::move(sample_shape)});
  }

  // A module at `path`; its node is named as torch.fx does: dots become underscores, a leading
  // digit gets one before it.
  std::string Module(const std::string& path, Op op) {
    std::string name = path;
    std::replace(name.begin(), name.end(), '.', '_');
    if (name[0] >= '0' && name[0] <= '9') name = "_" + name;
    return Append(name, NodeKind::kCallModule, path, std::move(op), {last()});
  }
  std::string Function(const std::string& name, const std::string& target, Op op) {
    return Append(name, NodeKind::kCallFunction, target, std::move(op), {last()});
  }
  std::string Append(const std::string& name, NodeKind kind, const std::string& target, Op op,
                     std::vector<std::string> inputs) {
    nodes_.push_back({name, kind, target, std::move(op), std::move(inputs), {}});
    return name;
  }
  const std::string& last() const { return nodes_.back().name; }

  absl::StatusOr<Graph> Finish(std::string_view name) {
    Append("output", NodeKind::kOutput, "output", NoOp{}, {last()});
    return Graph::Create(std::string(name), std::move(nodes_));
  }

 private:
  std::vector<Node> nodes_;
};

// A stack of layers numbered from 0 below `prefix` ("seq_blocks"; empty: "0", "1", ...).
absl::StatusOr<Graph> Sequential(std::string_view name, const std::string& prefix,
                                 std::int64_t features, std::vector<Op> layers) {
  Builder builder({features});
  for (std::size_t i = 0; i < layers.size(); ++i) {
    builder.Module(prefix.empty() ? fmt::format("{}", i) : fmt::format("{}.{}", prefix, i),
                   std::move(layers[i]));
  }
  return builder.Finish(name);
}

Op Norm(std::int64_t n) { return BatchNorm1d{.num_features = n}; }
Op Fc(std::int64_t in, std::int64_t out) { return Linear{.in_features = in, .out_features = out}; }

absl::StatusOr<Graph> BuildRs1923(std::string_view name, std::int64_t features,
                                  std::int64_t classes, OutputActivation activation) {
  const auto conv = [](std::int64_t in, std::int64_t out) {
    return Conv1d{.in_channels = in, .out_channels = out, .kernel_size = 3, .padding = 1};
  };
  Builder b({1, features});
  b.Module("conv1", conv(1, 8));
  b.Function("relu", "relu", Relu{});
  b.Module("conv2", conv(8, 16));
  const std::string residual = b.Function("relu_1", "relu", Relu{});
  b.Module("block.conv1", conv(16, 16));
  b.Function("relu_2", "relu", Relu{});
  const std::string branch = b.Module("block.conv2", conv(16, 16));
  b.Append("add", NodeKind::kCallFunction, "add", Add{}, {branch, residual});
  b.Function("relu_3", "relu", Relu{});
  b.Append("view", NodeKind::kCallMethod, "view", View{{-1, 16 * features}}, {b.last()});
  b.Module("fc", Fc(16 * features, classes));
  if (activation == OutputActivation::kRelu) b.Function("relu_4", "relu", Relu{});
  if (activation == OutputActivation::kSigmoid) b.Module("sigmoid", Sigmoid{});
  return b.Finish(name);
}

}  // namespace

const std::vector<std::string_view>& BuiltinModels() {
  static const auto& names = *new std::vector<std::string_view>{
      "jsc-tiny", "jsc-toy",    "jsc-s",          "jsc-three-linear-layers",
      "jsc-trt",  "jsc-rs1923", "jsc-rs1923-relu"};
  return names;
}

bool IsBuiltinModel(std::string_view name) {
  const auto& names = BuiltinModels();
  return std::find(names.begin(), names.end(), name) != names.end();
}

bool HasOutputActivation(std::string_view name) {
  return name == "jsc-rs1923" || name == "jsc-rs1923-relu";
}

absl::StatusOr<Graph> BuildModel(std::string_view name, const ZooOptions& options) {
  const std::int64_t f = options.features;
  const std::int64_t c = options.classes;
  if (f < 1 || c < 1 || f > kMaxSize || c > kMaxSize) {
    return absl::InvalidArgumentError(
        fmt::format("model {}: {} features and {} classes, expected 1 to {} of each",
                    ToValidUtf8(name, 100), f, c, kMaxSize));
  }
  if (!IsBuiltinModel(name)) {
    return absl::InvalidArgumentError(fmt::format("no built-in model \"{}\": expected one of {}",
                                                  ToValidUtf8(name, 100),
                                                  fmt::join(BuiltinModels(), ", ")));
  }
  if (options.output_activation && !HasOutputActivation(name)) {
    return absl::InvalidArgumentError(
        fmt::format("model {} has no output_activation option", name));
  }
  const Op relu = Relu{};
  if (name == "jsc-tiny") return Sequential(name, "seq_blocks", f, {Norm(f), relu, Fc(f, c), relu});
  if (name == "jsc-toy") {
    return Sequential(
        name, "seq_blocks", f,
        {Norm(f), relu, Fc(f, 8), Norm(8), relu, Fc(8, 8), Norm(8), relu, Fc(8, c), Norm(c), relu});
  }
  if (name == "jsc-s") {
    return Sequential(name, "module_list", f,
                      {Norm(f), relu, Fc(f, 64), Norm(64), relu, Fc(64, 32), relu, Fc(32, 32), relu,
                       Fc(32, 32), relu, Fc(32, c), Norm(c), relu});
  }
  if (name == "jsc-three-linear-layers") {
    return Sequential(name, "seq_blocks", f,
                      {Norm(f), relu, Fc(f, 16), relu, Fc(16, 16), relu, Fc(16, c), relu});
  }
  if (name == "jsc-trt") {
    return Sequential(name, "", f,
                      {Norm(f), relu, Fc(f, 32), Norm(32), relu, Fc(32, 48), Norm(48), relu,
                       Dropout{.p = 0.5}, Fc(48, 16), Norm(16), relu, Fc(16, c), Norm(c), relu});
  }
  const OutputActivation preset =
      name == "jsc-rs1923-relu" ? OutputActivation::kRelu : OutputActivation::kSigmoid;
  return BuildRs1923(name, f, c, options.output_activation.value_or(preset));
}

}  // namespace bitsweep::graph
