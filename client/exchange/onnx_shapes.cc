// SPDX-License-Identifier: Apache-2.0
// What computes nothing: other shapes of the same values, and the sizes that say which.
#include <algorithm>
#include <memory>
#include <optional>
#include <utility>

#include "client/exchange/onnx_reader.h"
#include "core/base/status_macros.h"
#include "fmt/format.h"

namespace bitsweep::exchange {
namespace {

constexpr std::int64_t kBatchSize = OnnxConstant::kBatchSize;
constexpr std::size_t kMaxSizes = 64;  // of what is computed from sizes

absl::Status BadShape(const std::string& why) { return absl::InvalidArgumentError(why); }

OnnxValue IntegerValue(const std::string& name, std::vector<std::int64_t> integers, bool is_list) {
  OnnxConstant constant{.integers = std::move(integers)};
  if (is_list) constant.shape = {static_cast<std::int64_t>(constant.integers.size())};
  return {.constant = std::make_shared<OnnxConstant>(std::move(constant)), .name = name};
}

std::string SizesText(std::vector<std::int64_t> sizes) {
  std::string text = "[";
  for (std::size_t i = 0; i < sizes.size(); ++i) {
    text += i == 0 ? "" : ", ";
    text += sizes[i] == kBatchSize ? "batch" : fmt::format("{}", sizes[i]);
  }
  return text + "]";
}

}  // namespace

absl::StatusOr<OnnxValue> OnnxReader::ToShape(const Call& call, const OnnxValue& x,
                                              const graph::Shape& sample_shape) {
  graph::View view{.shape = {-1}};
  view.shape.insert(view.shape.end(), sample_shape.begin(), sample_shape.end());
  return network_.Add(call.proto.name(), view, {x});
}

absl::StatusOr<OnnxValue> OnnxReader::Reshape(Call& call) {
  const std::int64_t allow_zero = call.attributes.Integer("allowzero", 0);
  ASSIGN_OR_RETURN(const OnnxValue x, Data(call, 0));
  ASSIGN_OR_RETURN(const std::vector<std::int64_t> sizes, IntegersOf(call, 1));
  const graph::Shape& in = network_.ShapeOf(x);
  const auto refuse = [&](const char* why) {
    return BadShape(fmt::format("shape {}: {}", SizesText(sizes), why));
  };
  if (sizes.size() < 2 || sizes.size() > 8) return refuse("expected 2 to 8 sizes");
  if (allow_zero != 0 && std::count(sizes.begin(), sizes.end(), 0) > 0) {
    return refuse("a size of 0");
  }
  const std::int64_t first = sizes.front();
  if (first != -1 && first != 0 && first != kBatchSize && (batch_ == 0 || first != batch_)) {
    return refuse("expected the batch first: -1, or 0 for as it was");
  }
  // [0, 0, -1]: all behind the first dimensions in one.
  if (sizes.back() == -1 && sizes.size() <= in.size() + 1 &&
      std::all_of(sizes.begin() + 1, sizes.end() - 1, [](auto size) { return size == 0; })) {
    return network_.Add(call.proto.name(),
                        graph::Flatten{.start_dim = static_cast<std::int64_t>(sizes.size()) - 1},
                        {x});
  }
  graph::Shape out;
  std::optional<std::size_t> rest;
  for (std::size_t d = 1; d < sizes.size(); ++d) {
    std::int64_t size = sizes[d];
    if (size == 0 && d <= in.size()) size = in[d - 1];
    if (size == -1 && !rest && first != -1) {
      rest = d - 1;
      size = 1;
    }
    if (size < 1) return refuse("expected sizes above 0 behind the batch, and one -1 at most");
    out.push_back(size);
  }
  const std::int64_t known = graph::ElementCount(out);
  if (rest && known > 0) out[*rest] = graph::ElementCount(in) / known;
  return ToShape(call, x, out);
}

absl::StatusOr<OnnxValue> OnnxReader::Flatten(Call& call) {
  std::int64_t axis = call.attributes.Integer("axis", 1);
  ASSIGN_OR_RETURN(const OnnxValue x, Data(call, 0));
  if (axis < 0) axis += static_cast<std::int64_t>(network_.ShapeOf(x).size()) + 1;
  if (axis != 1) return BadShape(fmt::format("axis {}: expected 1, behind the batch", axis));
  return network_.Add(call.proto.name(), graph::Flatten{}, {x});
}

absl::StatusOr<OnnxValue> OnnxReader::Squeeze(Call& call) {
  std::optional<std::vector<std::int64_t>> axes = call.attributes.Integers("axes");
  if (Has(call, 1)) {
    ASSIGN_OR_RETURN(axes, IntegersOf(call, 1));
  }
  ASSIGN_OR_RETURN(const OnnxValue x, Data(call, 0));
  const graph::Shape& in = network_.ShapeOf(x);
  const auto rank = static_cast<std::int64_t>(in.size()) + 1;
  if (!axes) return BadShape("without axes a batch of one would lose its dimension too");
  std::vector<bool> dropped(in.size(), false);
  for (std::int64_t axis : *axes) {
    if (axis < 0) axis += rank;
    if (axis < 1 || axis >= rank || in[static_cast<std::size_t>(axis - 1)] != 1) {
      return BadShape(
          fmt::format("axes {}: expected dimensions of size 1 behind the batch; a "
                      "sample has shape {}",
                      SizesText(*axes), graph::ShapeText(in)));
    }
    dropped[static_cast<std::size_t>(axis - 1)] = true;
  }
  graph::Shape out;
  for (std::size_t d = 0; d < in.size(); ++d) {
    if (!dropped[d]) out.push_back(in[d]);
  }
  return ToShape(call, x, out);
}

absl::StatusOr<OnnxValue> OnnxReader::Unsqueeze(Call& call) {
  std::optional<std::vector<std::int64_t>> axes = call.attributes.Integers("axes");
  if (Has(call, 1)) {
    ASSIGN_OR_RETURN(axes, IntegersOf(call, 1));
  }
  if (!axes || axes->empty() || axes->size() > 8) return BadShape("expected 1 to 8 axes");
  if (Has(call, 0) && call.inputs[0]->constant != nullptr &&
      !call.inputs[0]->constant->is_float) {  // a size among those of a Reshape
    ASSIGN_OR_RETURN(std::vector<std::int64_t> sizes, IntegersOf(call, 0));
    if (axes->size() != 1 || sizes.size() != 1) return BadShape("expected one size and one axis");
    return IntegerValue(call.proto.output(0), std::move(sizes), /*is_list=*/true);
  }
  ASSIGN_OR_RETURN(const OnnxValue x, Data(call, 0));
  const graph::Shape& in = network_.ShapeOf(x);
  const std::size_t rank = in.size() + 1 + axes->size();
  std::vector<bool> added(rank, false);
  for (std::int64_t axis : *axes) {
    if (axis < 0) axis += static_cast<std::int64_t>(rank);
    if (axis < 1 || axis >= static_cast<std::int64_t>(rank) ||
        added[static_cast<std::size_t>(axis)]) {
      return BadShape(fmt::format("axes {}: expected places behind the batch", SizesText(*axes)));
    }
    added[static_cast<std::size_t>(axis)] = true;
  }
  graph::Shape out;
  std::size_t next = 0;
  for (std::size_t d = 1; d < rank; ++d) out.push_back(added[d] ? 1 : in[next++]);
  return ToShape(call, x, out);
}

absl::StatusOr<OnnxValue> OnnxReader::Identity(Call& call) {
  if (!Has(call, 0)) return BadShape("it reads nothing");
  OnnxValue value = *call.inputs[0];
  // PyTorch writes equal tensors once: the name of this one says whose it is.
  if (value.constant != nullptr && !value.format) value.name = call.proto.output(0);
  value.is_unbiased_product = false;
  return value;
}

absl::StatusOr<OnnxValue> OnnxReader::Constant(Call& call) {
  const onnx::NodeProto& node = call.proto;
  OnnxConstant constant;
  if (const onnx::TensorProto* tensor = call.attributes.Tensor("value")) {
    ASSIGN_OR_RETURN(constant, ReadOnnxTensor(*tensor));
  } else if (node.attribute_size() == 1 && node.attribute(0).name() == "value_float") {
    constant = {.is_float = true, .floats = {call.attributes.Float("value_float", 0)}};
  } else if (node.attribute_size() == 1 && node.attribute(0).name() == "value_int") {
    constant = {.integers = {call.attributes.Integer("value_int", 0)}};
  } else if (const auto integers = call.attributes.Integers("value_ints")) {
    constant = {.shape = {static_cast<std::int64_t>(integers->size())}, .integers = *integers};
  } else {
    return BadShape("expected a value");
  }
  return OnnxValue{.constant = std::make_shared<OnnxConstant>(std::move(constant)),
                   .name = node.output(0)};
}

absl::StatusOr<OnnxValue> OnnxReader::ShapeOf(Call& call) {
  ASSIGN_OR_RETURN(const OnnxValue x, Data(call, 0));
  std::vector<std::int64_t> sizes = network_.ShapeOf(x);
  sizes.insert(sizes.begin(), kBatchSize);
  return IntegerValue(call.proto.output(0), std::move(sizes), /*is_list=*/true);
}

absl::StatusOr<OnnxValue> OnnxReader::Gather(Call& call) {
  const std::int64_t axis = call.attributes.Integer("axis", 0);
  ASSIGN_OR_RETURN(const std::vector<std::int64_t> sizes, IntegersOf(call, 0));
  ASSIGN_OR_RETURN(const std::vector<std::int64_t> indices, IntegersOf(call, 1));
  const auto count = static_cast<std::int64_t>(sizes.size());
  std::vector<std::int64_t> chosen;
  for (std::int64_t index : indices) {
    if (index < 0) index += count;
    if (axis != 0 || index < 0 || index >= count || chosen.size() >= kMaxSizes) {
      return BadShape("known only as the choice of sizes");
    }
    chosen.push_back(sizes[static_cast<std::size_t>(index)]);
  }
  return IntegerValue(call.proto.output(0), std::move(chosen),
                      !call.inputs[1]->constant->shape.empty());
}

absl::StatusOr<OnnxValue> OnnxReader::Concat(Call& call) {
  const std::int64_t axis = call.attributes.Integer("axis", 0);
  std::vector<std::int64_t> all;
  for (std::size_t i = 0; i < call.inputs.size(); ++i) {
    if (!Has(call, i) || call.inputs[i]->constant == nullptr || axis != 0) {
      return BadShape("known only as a list of sizes: the graph cannot join what nodes compute");
    }
    ASSIGN_OR_RETURN(const std::vector<std::int64_t> sizes, IntegersOf(call, i));
    all.insert(all.end(), sizes.begin(), sizes.end());
    if (all.size() > kMaxSizes) return BadShape("more sizes than a shape has");
  }
  return IntegerValue(call.proto.output(0), std::move(all), /*is_list=*/true);
}

absl::StatusOr<OnnxValue> OnnxReader::Transpose(Call& call) {
  const auto perm = call.attributes.Integers("perm");
  if (Has(call, 0) && call.inputs[0]->constant == nullptr) {
    return BadShape("known only of a weight: the graph cannot exchange dimensions");
  }
  ASSIGN_OR_RETURN(OnnxValue value, Floats(call, 0));
  if (value.constant->shape.size() != 2 || (perm && *perm != std::vector<std::int64_t>{1, 0})) {
    return BadShape("known only of a weight of two dimensions");
  }
  TransposeMatrix(value);
  return value;
}

void OnnxReader::TransposeMatrix(OnnxValue& matrix) {
  auto& other = transposed_[matrix.constant];
  if (other == nullptr) {
    other = std::make_shared<OnnxConstant>(Transposed(*matrix.constant));
    transposed_[other] = matrix.constant;
  }
  matrix.constant = transposed_.at(matrix.constant);
  matrix.is_transposed = !matrix.is_transposed;
}

}  // namespace bitsweep::exchange
