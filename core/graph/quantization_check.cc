// SPDX-License-Identifier: Apache-2.0
#include "core/graph/quantization_check.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "core/base/text.h"
#include "fmt/format.h"

namespace bitsweep::graph {
namespace {

constexpr std::int64_t kMaxWidth = 32;
constexpr std::int64_t kMaxExponentWidth = 8;
constexpr std::int64_t kMaxBiasWidth = 16;
constexpr std::int64_t kMaxBlock = 1 << 28;

// Collects what is out of range in one format.
struct RangeChecker {
  std::vector<FormatProblem> problems;

  void Add(std::string entry, std::string why) {
    problems.push_back({std::move(entry), std::move(why)});
  }
  bool InRange(const char* entry, std::int64_t value, std::int64_t low, std::int64_t high) {
    if (value >= low && value <= high) return true;
    Add(entry, fmt::format("{}: expected {} to {}", value, low, high));
    return false;
  }
  void Exponent(std::int64_t width, std::int64_t exponent_width, std::int64_t mantissa_low) {
    const bool exponent_fits = InRange("exponent_width", exponent_width, 1, kMaxExponentWidth);
    if (!InRange("width", width, 1, kMaxWidth) || !exponent_fits) return;
    if (width - exponent_width - 1 < mantissa_low) {
      Add("width",
          fmt::format("{}: expected at least {}, for a sign, {} bits of exponent and {} "
                      "of mantissa",
                      width, 1 + exponent_width + mantissa_low, exponent_width, mantissa_low));
    }
  }
  void Bias(std::int64_t bias, std::int64_t exponent_width) {
    if (exponent_width < 1 || exponent_width > kMaxWidth) return;
    const std::int64_t limit = std::max<std::int64_t>(256, std::int64_t{1} << exponent_width);
    InRange("exponent_bias", bias, -limit, limit);
  }
  void BlockSizes(const Blocks& blocks) {
    if (blocks.size.empty() || blocks.size.size() > 8) {
      Add("block_size", fmt::format("{} sizes: expected 1 to 8", blocks.size.size()));
    }
    for (std::size_t i = 0; i < blocks.size.size(); ++i) {
      const std::int64_t size = blocks.size[i];
      if (size == -1 || (size >= 1 && size <= kMaxBlock)) continue;
      Add(fmt::format("block_size[{}]", i),
          fmt::format("{}: expected -1 or 1 to {}", size, kMaxBlock));
    }
  }
  void Threshold(const char* entry, const std::optional<double>& value) {
    if (value && !(std::isfinite(*value) && *value >= 0)) {
      Add(entry, fmt::format("{}: expected a number of at least 0", *value));
    }
  }

  void operator()(const IntegerFormat& f) {
    InRange("width", f.width, 1, kMaxWidth);
    InRange("frac_width", f.frac_width, -32, 32);
  }
  void operator()(const ScaleIntegerFormat& f) { InRange("width", f.width, 1, kMaxWidth); }
  void operator()(const BinaryFormat&) {}
  void operator()(const TernaryFormat& f) {
    Threshold("mean", f.mean);
    Threshold("median", f.median);
    Threshold("max", f.max);
  }
  void operator()(const MinifloatFormat& f) {
    Exponent(f.width, f.exponent_width, f.kind == MinifloatFormat::Kind::kDenorm ? 1 : 0);
    Bias(f.exponent_bias, f.exponent_width);
  }
  void operator()(const LogFormat& f) {
    if (InRange("width", f.width, 2, kMaxWidth)) Bias(f.exponent_bias, f.width - 1);
  }
  void operator()(const BlockFpFormat& f) {
    InRange("width", f.width, 2, kMaxWidth);
    InRange("exponent_width", f.exponent_width, 1, kMaxExponentWidth);
    Bias(f.exponent_bias, f.exponent_width);
    BlockSizes(f.blocks);
  }
  void operator()(const BlockMinifloatFormat& f) {
    Exponent(f.width, f.exponent_width, 0);
    InRange("exponent_bias_width", f.exponent_bias_width, 1, kMaxBiasWidth);
    BlockSizes(f.blocks);
  }
  void operator()(const BlockLogFormat& f) {
    InRange("width", f.width, 2, kMaxWidth);
    InRange("exponent_bias_width", f.exponent_bias_width, 1, kMaxBiasWidth);
    BlockSizes(f.blocks);
  }
  void operator()(const MxintFormat& f) {
    InRange("width", f.width, 1, kMaxWidth);
    InRange("block_size", f.block_size, 1, kMaxBlock);
  }
  void operator()(const MxfpFormat& f) {
    InRange("exponent_width", f.exponent_width, 1, kMaxExponentWidth);
    InRange("frac_width", f.frac_width, 0, 23);
    InRange("block_size", f.block_size, 1, kMaxBlock);
  }
};

std::string BlocksProblem(const Blocks& blocks, const Shape& shape) {
  const std::size_t rank = shape.size();
  if (rank == 0 || rank > 3) {
    return fmt::format("blocks go over 1 to 3 dimensions, not over shape {}", ShapeText(shape));
  }
  if (rank == 1 && blocks.skip_first_dim) {
    return fmt::format("the only dimension of shape {} cannot be skipped", ShapeText(shape));
  }
  if (rank == 3 && !blocks.skip_first_dim) {
    return fmt::format("the first dimension of shape {} must be skipped", ShapeText(shape));
  }
  return "";
}

std::string WholeBlocksProblem(std::int64_t block_size, const Shape& shape) {
  if (!shape.empty() && shape.back() % block_size == 0) return "";
  return fmt::format("{}: the last dimension of shape {} is no multiple of it", block_size,
                     ShapeText(shape));
}

const Blocks* BlocksOf(const NumberFormat& format) {
  if (const auto* f = std::get_if<BlockFpFormat>(&format)) return &f->blocks;
  if (const auto* f = std::get_if<BlockMinifloatFormat>(&format)) return &f->blocks;
  if (const auto* f = std::get_if<BlockLogFormat>(&format)) return &f->blocks;
  return nullptr;
}

absl::Status BadQuantization(const std::string& why) {
  return absl::InvalidArgumentError("quantization: " + why);
}

absl::Status CheckTensor(const std::string& format_name, const char* tensor,
                         const NumberFormat& format, const Shape& shape) {
  if (FormatName(format) != format_name) {
    return BadQuantization(
        fmt::format("{} is {}, the node {}", tensor, FormatName(format), format_name));
  }
  for (const FormatProblem& problem : CheckRanges(format)) {
    return BadQuantization(fmt::format("{}.{} is {}", tensor, problem.entry, problem.why));
  }
  if (const std::string why = TensorProblem(format, shape); !why.empty()) {
    return BadQuantization(fmt::format("{}: {}", tensor, why));
  }
  return absl::OkStatus();
}

Shape WeightShape(const Op& op) {
  if (const auto* linear = std::get_if<Linear>(&op)) {
    return {linear->out_features, linear->in_features};
  }
  const auto& conv = std::get<Conv1d>(op);
  return {conv.out_channels, conv.in_channels, conv.kernel_size};
}

}  // namespace

std::vector<FormatProblem> CheckRanges(const NumberFormat& format) {
  RangeChecker checker;
  std::visit(checker, format);
  return std::move(checker.problems);
}

std::string TensorProblem(const NumberFormat& format, const Shape& shape) {
  if (const Blocks* blocks = BlocksOf(format)) return BlocksProblem(*blocks, shape);
  if (const auto* f = std::get_if<MxintFormat>(&format)) {
    return WholeBlocksProblem(f->block_size, shape);
  }
  if (const auto* f = std::get_if<MxfpFormat>(&format)) {
    return WholeBlocksProblem(f->block_size, shape);
  }
  return "";
}

bool IsQuantizable(const Op& op) {
  return HasWeight(op) || std::holds_alternative<Relu>(op) || std::holds_alternative<Add>(op);
}

bool HasWeight(const Op& op) {
  return std::holds_alternative<Linear>(op) || std::holds_alternative<Conv1d>(op);
}

bool HasBias(const Op& op) {
  if (const auto* linear = std::get_if<Linear>(&op)) return linear->bias;
  if (const auto* conv = std::get_if<Conv1d>(&op)) return conv->bias;
  return false;
}

absl::Status CheckQuantization(const Node& node, const Shape& input_sample_shape) {
  const NodeQuantization& q = *node.quantization;
  if (!IsQuantizable(node.op)) {
    return BadQuantization(fmt::format(
        "{} cannot be quantized: expected linear, conv1d, relu or add", OpName(node.op)));
  }
  const std::string format = q.format == "fixed" ? "integer" : q.format;
  if (FormatTitle(format).empty()) {
    return BadQuantization(fmt::format("no number format \"{}\"", ToValidUtf8(q.format, 100)));
  }
  if (q.weight && !HasWeight(node.op))
    return BadQuantization(fmt::format("{} has no weight", OpName(node.op)));
  if (q.bias && !HasBias(node.op)) return BadQuantization("the node has no bias");
  Shape input = input_sample_shape;
  input.insert(input.begin(), 1);  // the batch
  if (q.data_in) {
    if (absl::Status s = CheckTensor(format, "data_in", *q.data_in, input); !s.ok()) return s;
    const Blocks* blocks = BlocksOf(*q.data_in);
    if (blocks != nullptr && !blocks->skip_first_dim) {
      return BadQuantization("data_in: blocks must skip the first dimension, the batch");
    }
  }
  if (q.weight) {
    const Shape shape = WeightShape(node.op);
    if (absl::Status s = CheckTensor(format, "weight", *q.weight, shape); !s.ok()) return s;
  }
  if (q.bias) {
    const Shape shape = {WeightShape(node.op).front()};
    if (absl::Status s = CheckTensor(format, "bias", *q.bias, shape); !s.ok()) return s;
  }
  return absl::OkStatus();
}

}  // namespace bitsweep::graph
