// SPDX-License-Identifier: Apache-2.0
#include "worker/passes/model_size.h"

#include <string_view>
#include <unordered_map>

#include "absl/status/statusor.h"
#include "worker/passes/network.h"
#include "worker/quant/blocks.h"

namespace bitsweep::passes {
namespace {

constexpr std::int64_t kFloatBits = 32;
constexpr std::int64_t kMxScaleBits = 8;

struct Visitor {
  const graph::Shape& shape;

  std::int64_t Items() const { return shape.empty() ? 1 : shape.front(); }
  // Runs of `size` elements of the last dimension.
  std::int64_t Runs(std::int64_t size) const {
    if (shape.empty() || size <= 0) return 1;
    const std::int64_t last = shape.back();
    return graph::ElementCount(shape) / last * ((last + size - 1) / size);
  }
  std::int64_t BlockCount(const graph::Blocks& blocks) const {
    const absl::StatusOr<quant::BlockGrid> grid = quant::DivideIntoBlocks(blocks, shape);
    return grid.ok() ? static_cast<std::int64_t>(grid->count()) : 0;
  }

  std::int64_t operator()(const graph::IntegerFormat&) const { return 0; }
  std::int64_t operator()(const graph::ScaleIntegerFormat&) const {
    return kFloatBits * Runs(graph::ElementCount(shape));
  }
  std::int64_t operator()(const graph::BinaryFormat& f) const {
    return f.bipolar ? 0 : kFloatBits * Items();
  }
  std::int64_t operator()(const graph::TernaryFormat& f) const {
    if (!f.scaling_factor) return 0;
    return kFloatBits * (f.mean || f.max || f.median ? 1 : Items());  // one factor a threshold
  }
  std::int64_t operator()(const graph::MinifloatFormat&) const { return 0; }
  std::int64_t operator()(const graph::LogFormat&) const { return 0; }
  std::int64_t operator()(const graph::BlockFpFormat& f) const {
    return f.exponent_width * BlockCount(f.blocks);
  }
  std::int64_t operator()(const graph::BlockMinifloatFormat& f) const {
    return f.exponent_bias_width * BlockCount(f.blocks);
  }
  std::int64_t operator()(const graph::BlockLogFormat& f) const {
    return f.exponent_bias_width * BlockCount(f.blocks);
  }
  std::int64_t operator()(const graph::MxintFormat& f) const {
    return kMxScaleBits * Runs(f.block_size);
  }
  std::int64_t operator()(const graph::MxfpFormat& f) const {
    return kMxScaleBits * Runs(f.block_size);
  }
};

std::string_view Leaf(const graph::TensorInfo& tensor) {
  return std::string_view(tensor.name).substr(tensor.name.rfind('.') + 1);
}

}  // namespace

std::int64_t SharedBits(const graph::NumberFormat& format, const graph::Shape& shape) {
  return std::visit(Visitor{shape}, format);
}

std::int64_t SizeBits(const graph::Graph& graph) {
  // A tensor's node is the first that calls its module.
  std::unordered_map<std::string_view, const graph::Node*> nodes;
  for (const graph::Node& node : graph.nodes()) nodes.emplace(node.name, &node);
  std::int64_t bits = 0;
  for (const graph::TensorInfo& tensor : graph.tensors()) {
    if (tensor.is_int64) continue;
    const graph::NumberFormat* format = FormatOf(*nodes.at(tensor.node), Leaf(tensor));
    const std::int64_t elements = graph::ElementCount(tensor.shape);
    bits += format == nullptr
                ? elements * kFloatBits
                : elements * graph::ElementBits(*format) + SharedBits(*format, tensor.shape);
  }
  return bits;
}

std::int64_t LabReportSizeBits(const graph::Graph& graph, const Widths& widths) {
  std::int64_t bits = 0;
  for (const graph::TensorInfo& tensor : graph.tensors()) {
    const std::int64_t elements = graph::ElementCount(tensor.shape);
    const std::string_view leaf = Leaf(tensor);
    if (leaf == "weight") bits += elements * widths.weight;
    if (leaf == "bias") bits += elements * widths.bias;
    if (leaf == "running_mean" || leaf == "num_batches_tracked") bits += elements * widths.data;
  }
  return bits;
}

}  // namespace bitsweep::passes
