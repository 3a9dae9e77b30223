// SPDX-License-Identifier: Apache-2.0
#include "worker/train/fused/compile.h"

#include <algorithm>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <variant>

#include "core/base/status_macros.h"
#include "fmt/format.h"
#include "worker/train/fused/gradient_rows.h"

namespace bitsweep::train::fused {
namespace {

using graph::Graph;
using graph::Node;
using graph::NodeKind;

// Activations of a sample, and parameters of a graph. Small networks have fewer by far, and 32 bits
// hold all offsets and steps.
constexpr std::int64_t kMostRows = 1 << 22;
constexpr std::int64_t kMostParameters = 1 << 23;

// A value while the program is made: its rows; which gradient it has (values that are roundings of
// one another share it); whether anything trainable is upstream.
struct Value {
  Rows rows;
  std::uint32_t gradient = kNoGradient;
};

std::uint32_t Narrow(std::int64_t x) { return static_cast<std::uint32_t>(x); }

std::int64_t CeilDivide(std::int64_t a, std::int64_t b) {
  return a > 0 ? (a + b - 1) / b : -(-a / b);
}
std::int64_t FloorDivide(std::int64_t a, std::int64_t b) {
  return a >= 0 ? a / b : -((-a + b - 1) / b);
}

// Runs of one product are as good as one run; a long one is faster.
Taps Joined(Taps taps) {
  if (taps.inner != 1) return taps;
  std::swap(taps.outer, taps.inner);
  std::swap(taps.outer_row, taps.inner_row);
  std::swap(taps.outer_weight, taps.inner_weight);
  return taps;
}

// x position p = q stride + t - padding, of all three in range.
Matrix MakeMatrix(const graph::Conv1d& conv, std::int64_t length, std::int64_t output_length) {
  const std::int64_t kernel = conv.kernel_size;
  const std::int64_t stride = conv.stride;
  const std::int64_t padding = conv.padding;
  const auto step = [](std::int64_t x) { return static_cast<std::int32_t>(x); };
  Matrix m{.outputs = Narrow(conv.out_channels),
           .inputs = Narrow(conv.in_channels),
           .kernel = Narrow(kernel),
           .output_positions = Narrow(output_length),
           .input_positions = Narrow(length),
           .stride = Narrow(stride)};
  for (std::int64_t q = 0; q < output_length; ++q) {
    const std::int64_t first = std::max<std::int64_t>(0, padding - q * stride);
    const std::int64_t end = std::min(kernel, length + padding - q * stride);
    if (first >= end) {
      m.forward.push_back({});
      continue;
    }
    m.forward.push_back(Joined({.row = Narrow(q * stride + first - padding),
                                .weight = Narrow(first),
                                .outer = m.inputs,
                                .inner = Narrow(end - first),
                                .outer_row = step(length),
                                .outer_weight = step(kernel),
                                .inner_row = 1,
                                .inner_weight = 1}));
  }
  for (std::int64_t p = 0; p < length; ++p) {
    const std::int64_t first =
        std::max<std::int64_t>(0, CeilDivide(p + padding - kernel + 1, stride));
    const std::int64_t last = std::min(output_length - 1, FloorDivide(p + padding, stride));
    if (first > last) {
      m.backward.push_back({});
      continue;
    }
    m.backward.push_back(Joined({.row = Narrow(first),
                                 .weight = Narrow(p + padding - first * stride),
                                 .outer = m.outputs,
                                 .inner = Narrow(last - first + 1),
                                 .outer_row = step(output_length),
                                 .outer_weight = step(conv.in_channels * kernel),
                                 .inner_row = 1,
                                 .inner_weight = step(-stride)}));
  }
  for (std::int64_t t = 0; t < kernel; ++t) {
    const std::int64_t first = std::max<std::int64_t>(0, CeilDivide(padding - t, stride));
    const std::int64_t last =
        std::min(output_length - 1, FloorDivide(length - 1 + padding - t, stride));
    if (first > last) {
      m.joined.push_back({});
      continue;
    }
    m.joined.push_back({.q = Narrow(first),
                        .p = Narrow(first * stride + t - padding),
                        .count = Narrow(last - first + 1)});
  }
  return m;
}

class Compiler {
 public:
  explicit Compiler(const Graph& graph) : graph_(graph) {}

  absl::StatusOr<Program> Run() {
    if (graph_.ParameterCount() > kMostParameters) {
      return absl::UnimplementedError(fmt::format("{} parameters: expected at most {}",
                                                  graph_.ParameterCount(), kMostParameters));
    }
    PlaceTensors();
    for (const Node& node : graph_.nodes()) {
      for (const std::string& input : node.inputs) ++readers_[input];
    }
    for (std::size_t n = 0; n < graph_.nodes().size(); ++n) {
      const Node& node = graph_.nodes()[n];
      if (rows_ + graph::ElementCount(graph_.sample_shapes()[n]) > kMostRows) {
        return absl::UnimplementedError(
            fmt::format("{}: more than {} activations a sample", node.name, kMostRows));
      }
      node_ = node.name;
      if (absl::Status status = Add(node, n); !status.ok()) {
        return absl::UnimplementedError(
            fmt::format("{}: {}", node.name, std::string(status.message())));
      }
    }
    program_.input = values_.at(graph_.placeholder().name).rows;
    const Value& output = values_.at(graph_.nodes().back().name);
    ASSIGN_OR_RETURN(program_.gradient_rows,
                     AssignGradientRows(gradients_, output.gradient, op_nodes_, program_));
    program_.output = output.rows;
    program_.output.gradient = gradients_[output.gradient].first;
    return std::move(program_);
  }

 private:
  void PlaceTensors() {
    for (std::size_t t = 0; t < graph_.tensors().size(); ++t) {
      const graph::TensorInfo& info = graph_.tensors()[t];
      const std::uint32_t count = Narrow(graph::ElementCount(info.shape));
      TensorPlace place{.kind = TensorPlace::Kind::kStatistic, .count = count};
      std::uint32_t* next = &program_.statistics;
      if (info.role == graph::TensorRole::kParameter) {
        place.kind = TensorPlace::Kind::kParameter;
        next = &program_.parameters;
      } else if (info.is_int64) {
        place.kind = TensorPlace::Kind::kCounter;
        next = &program_.counters;
      }
      place.offset = *next;
      *next += count;
      offsets_[info.name] = place.offset;
      program_.tensors.push_back(place);
    }
  }

  Value NewValue(std::int64_t rows, bool has_gradient) {
    Value value{.rows = {.first = program_.activation_rows, .count = Narrow(rows)}};
    program_.activation_rows += value.rows.count;
    rows_ += rows;
    if (has_gradient) {
      value.gradient = Narrow(static_cast<std::int64_t>(gradients_.size()));
      gradients_.push_back({.count = value.rows.count});
    }
    return value;
  }

  // Reads `value`; who uses its gradient is settled when all operations are known.
  Input Read(const Value& value) const {
    Input input{.rows = value.rows,
                .use = value.gradient == kNoGradient ? GradientUse::kNone : GradientUse::kWrite};
    input.rows.gradient = value.gradient;
    return input;
  }

  void Append(OpKind kind, const Value& input, const Value& output, std::size_t detail) {
    Op op{.kind = kind,
          .input = Read(input),
          .output = output.rows,
          .detail = Narrow(static_cast<std::int64_t>(detail))};
    op.output.gradient = output.gradient;
    program_.ops.push_back(op);
    op_nodes_.push_back(node_);
  }

  // The value as `format` rounds it; straight through for the gradient, which is the value's own.
  absl::StatusOr<Value> Rounded(const Value& value,
                                const std::optional<graph::NumberFormat>& format) {
    if (!format) return value;
    ASSIGN_OR_RETURN(const quant::IntegerGrid grid, GridOf(*format));
    Value rounded = NewValue(value.rows.count, false);
    rounded.gradient = value.gradient;
    Append(OpKind::kRound, value, rounded, program_.grids.size());
    program_.ops.back().input.use = GradientUse::kNone;
    program_.grids.push_back(grid);
    return rounded;
  }

  static absl::StatusOr<quant::IntegerGrid> GridOf(const graph::NumberFormat& format) {
    if (const auto* integer = std::get_if<graph::IntegerFormat>(&format)) {
      return quant::GridOf(*integer);
    }
    return absl::UnimplementedError(
        fmt::format("the number format {} runs on the libtorch engine", graph::FormatName(format)));
  }

  absl::StatusOr<bool> RoundParameter(std::uint32_t offset, std::int64_t count,
                                      const std::optional<graph::NumberFormat>& format) {
    if (!format) return false;
    ASSIGN_OR_RETURN(const quant::IntegerGrid grid, GridOf(*format));
    program_.rounded.push_back({offset, Narrow(count), grid});
    return true;
  }

  absl::Status Add(const Node& node, std::size_t n) {
    static const graph::NodeQuantization kFull;
    const auto& given = node.quantization;
    const graph::NodeQuantization& q = given && !given->bypass ? *given : kFull;
    if (n == 0) {
      values_[node.name] = NewValue(graph_.InputFeatures(), false);
      return absl::OkStatus();
    }
    if (node.kind == NodeKind::kGetAttr) return absl::UnimplementedError("get_attr");
    const graph::Shape& shape = graph_.sample_shapes()[n];
    if (std::holds_alternative<graph::Relu>(node.op) && !q.data_in && JoinRelu(node)) {
      return absl::OkStatus();
    }
    ASSIGN_OR_RETURN(const Value x, Rounded(values_.at(node.inputs.front()), q.data_in));
    const graph::Shape& x_shape = graph_.sample_shapes()[graph_.Find(node.inputs.front())];
    const std::int64_t rows = graph::ElementCount(shape);
    if (const auto* linear = std::get_if<graph::Linear>(&node.op)) {
      return AddMatrix(node, q, x,
                       {.in_channels = linear->in_features,
                        .out_channels = linear->out_features,
                        .bias = linear->bias},
                       1, 1);
    }
    if (const auto* conv = std::get_if<graph::Conv1d>(&node.op)) {
      return AddMatrix(node, q, x, *conv, x_shape.back(), shape.back());
    }
    if (const auto* norm = std::get_if<graph::BatchNorm1d>(&node.op)) {
      return AddNorm(node, x, *norm, rows / norm->num_features);
    }
    if (std::holds_alternative<graph::Add>(node.op)) {
      ASSIGN_OR_RETURN(const Value second, Rounded(values_.at(node.inputs.back()), q.data_in));
      const bool has_gradient = x.gradient != kNoGradient || second.gradient != kNoGradient;
      const Value y = values_[node.name] = NewValue(rows, has_gradient);
      makers_[node.name] = program_.ops.size();
      Append(OpKind::kAdd, x, y, 0);
      program_.ops.back().second = Read(second);
      return absl::OkStatus();
    }
    if (const auto* dropout = std::get_if<graph::Dropout>(&node.op); dropout && dropout->p > 0) {
      const Value y = values_[node.name] = NewValue(rows, x.gradient != kNoGradient);
      Append(OpKind::kDrop, x, y, program_.drops.size());
      program_.drops.push_back({.node = Narrow(static_cast<std::int64_t>(n)), .p = dropout->p});
      return absl::OkStatus();
    }
    const bool is_relu = std::holds_alternative<graph::Relu>(node.op);
    if (is_relu || std::holds_alternative<graph::Sigmoid>(node.op)) {
      const Value y = values_[node.name] = NewValue(rows, x.gradient != kNoGradient);
      Append(is_relu ? OpKind::kRelu : OpKind::kSigmoid, x, y, 0);
      return absl::OkStatus();
    }
    values_[node.name] = x;  // view, flatten, output, dropout that drops nothing
    return absl::OkStatus();
  }

  // Whether the relu became part of the operation that makes its input.
  bool JoinRelu(const Node& node) {
    const std::string& input = node.inputs.front();
    const Value& x = values_.at(input);
    if (readers_.at(input) != 1) return false;
    const auto maker = makers_.find(input);
    if (maker == makers_.end()) return false;
    program_.ops[maker->second].has_relu = true;
    values_[node.name] = x;
    return true;
  }

  absl::StatusOr<std::uint32_t> Offset(const Node& node, const char* tensor) {
    const auto found = offsets_.find(node.target + tensor);
    if (found == offsets_.end()) return absl::UnimplementedError("it has no tensors of its own");
    return found->second;
  }

  absl::Status CheckFirstCall(const Node& node) {
    if (called_.insert(node.target).second) return absl::OkStatus();
    return absl::UnimplementedError(
        fmt::format("calls {} a second time: that runs on the libtorch engine", node.target));
  }

  absl::Status AddMatrix(const Node& node, const graph::NodeQuantization& q, const Value& x,
                         const graph::Conv1d& conv, std::int64_t length,
                         std::int64_t output_length) {
    RETURN_IF_ERROR(CheckFirstCall(node));
    Matrix m = MakeMatrix(conv, length, output_length);
    ASSIGN_OR_RETURN(m.weight, Offset(node, ".weight"));
    ASSIGN_OR_RETURN(
        m.is_weight_rounded,
        RoundParameter(m.weight, conv.out_channels * conv.in_channels * conv.kernel_size,
                       q.weight));
    if (conv.bias) {
      ASSIGN_OR_RETURN(m.bias, Offset(node, ".bias"));
      ASSIGN_OR_RETURN(m.is_bias_rounded,
                       RoundParameter(Narrow(m.bias), conv.out_channels, q.bias));
    }
    for (const Taps& taps : m.forward) {
      program_.products += std::int64_t{taps.outer} * taps.inner * conv.out_channels;
    }
    const Value y = values_[node.name] = NewValue(conv.out_channels * output_length, true);
    makers_[node.name] = program_.ops.size();
    Append(OpKind::kMatrix, x, y, program_.matrices.size());
    program_.matrices.push_back(std::move(m));
    return absl::OkStatus();
  }

  absl::Status AddNorm(const Node& node, const Value& x, const graph::BatchNorm1d& op,
                       std::int64_t positions) {
    RETURN_IF_ERROR(CheckFirstCall(node));
    Norm norm{.channels = Narrow(op.num_features),
              .positions = Narrow(positions),
              .saved = program_.saved,
              .eps = op.eps,
              .momentum = static_cast<float>(op.momentum)};
    ASSIGN_OR_RETURN(norm.weight, Offset(node, ".weight"));
    ASSIGN_OR_RETURN(norm.bias, Offset(node, ".bias"));
    ASSIGN_OR_RETURN(norm.mean, Offset(node, ".running_mean"));
    ASSIGN_OR_RETURN(norm.variance, Offset(node, ".running_var"));
    ASSIGN_OR_RETURN(norm.count, Offset(node, ".num_batches_tracked"));
    program_.saved += 2 * norm.channels;
    program_.needs_whole_batch = true;
    const Value y = values_[node.name] = NewValue(op.num_features * positions, true);
    makers_[node.name] = program_.ops.size();
    Append(OpKind::kNorm, x, y, program_.norms.size());
    program_.norms.push_back(norm);
    return absl::OkStatus();
  }

  const Graph& graph_;
  Program program_;
  std::map<std::string, Value> values_;
  std::map<std::string, int> readers_;            // nodes that read a node
  std::map<std::string, std::uint32_t> offsets_;  // by tensor
  std::set<std::string> called_;                  // modules with tensors
  std::map<std::string, std::size_t> makers_;     // the operation that a relu may become part of
  std::vector<GradientRows> gradients_;
  std::int64_t rows_ = 0;  // activation_rows
  std::string node_;       // the one at hand
  std::vector<std::string> op_nodes_;
};

}  // namespace

absl::StatusOr<Program> Compile(const Graph& graph) { return Compiler(graph).Run(); }

}  // namespace bitsweep::train::fused
