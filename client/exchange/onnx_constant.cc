// SPDX-License-Identifier: Apache-2.0
#include "client/exchange/onnx_constant.h"

#include <string>
#include <utility>

#include "core/graph/graph.h"
#include "core/graph/tensor_match.h"
#include "fmt/format.h"

namespace bitsweep::exchange {
namespace {

using Type = onnx::TensorProto;

absl::Status BadTensor(const std::string& why) { return absl::InvalidArgumentError(why); }

// How elements lie in raw_data; kOther for integers of other widths.
graph::ElementType FloatType(int type) {
  switch (type) {
    case Type::FLOAT:
      return graph::ElementType::kF32;
    case Type::DOUBLE:
      return graph::ElementType::kF64;
    case Type::FLOAT16:
      return graph::ElementType::kF16;
    case Type::BFLOAT16:
      return graph::ElementType::kBf16;
    default:
      return graph::ElementType::kOther;
  }
}

std::size_t IntegerBytes(int type) {
  switch (type) {
    case Type::INT64:
      return 8;
    case Type::INT32:
      return 4;
    case Type::INT16:
      return 2;
    case Type::INT8:
    case Type::UINT8:
    case Type::BOOL:
      return 1;
    default:
      return 0;
  }
}

template <typename T>
std::string BytesOfAll(const T& values) {
  return {reinterpret_cast<const char*>(values.data()),
          static_cast<std::size_t>(values.size()) * sizeof(*values.data())};
}

// Typed fields as raw_data would hold them.
std::string FloatBytes(const onnx::TensorProto& tensor) {
  if (tensor.has_raw_data()) return tensor.raw_data();
  if (tensor.data_type() == Type::FLOAT) return BytesOfAll(tensor.float_data());
  if (tensor.data_type() == Type::DOUBLE) return BytesOfAll(tensor.double_data());
  std::vector<std::uint16_t> halves;
  for (const std::int32_t bits : tensor.int32_data()) {
    halves.push_back(static_cast<std::uint16_t>(bits));
  }
  return BytesOfAll(halves);
}

std::vector<std::int64_t> Integers(const onnx::TensorProto& tensor, std::size_t size) {
  if (!tensor.has_raw_data()) {
    if (size == 8) return {tensor.int64_data().begin(), tensor.int64_data().end()};
    return {tensor.int32_data().begin(), tensor.int32_data().end()};
  }
  const bool is_signed = tensor.data_type() != Type::UINT8 && tensor.data_type() != Type::BOOL;
  const std::string& raw = tensor.raw_data();
  std::vector<std::int64_t> values;
  for (std::size_t at = 0; at + size <= raw.size(); at += size) {
    std::uint64_t bits = 0;
    for (std::size_t i = 0; i < size; ++i) {
      bits |= std::uint64_t{static_cast<std::uint8_t>(raw[at + i])} << (8 * i);
    }
    const auto shift = static_cast<int>(64 - 8 * size);
    values.push_back(is_signed ? static_cast<std::int64_t>(bits << shift) >> shift
                               : static_cast<std::int64_t>(bits));
  }
  return values;
}

}  // namespace

absl::StatusOr<OnnxConstant> ReadOnnxTensor(const onnx::TensorProto& tensor) {
  if (tensor.data_location() == Type::EXTERNAL || tensor.external_data_size() > 0) {
    return BadTensor("its values stand in another file (external data): save one file with all");
  }
  if (tensor.has_segment()) return BadTensor("it is a segment of a tensor");
  OnnxConstant constant{.shape = {tensor.dims().begin(), tensor.dims().end()}};
  if (constant.shape.size() > 8) return BadTensor("it has more than 8 dimensions");
  for (const std::int64_t size : constant.shape) {
    if (size < 0) return BadTensor("a size below 0: shape " + graph::ShapeText(constant.shape));
  }
  const graph::ElementType float_type = FloatType(tensor.data_type());
  const std::size_t integer_bytes = IntegerBytes(tensor.data_type());
  constant.is_float = float_type != graph::ElementType::kOther;
  if (!constant.is_float && integer_bytes == 0) {
    const std::string name = onnx::TensorProto_DataType_Name(tensor.data_type());
    return BadTensor(
        fmt::format("its type is {}: expected FLOAT, DOUBLE, FLOAT16, BFLOAT16 or integers",
                    name.empty() ? fmt::format("number {}", tensor.data_type()) : name));
  }
  const auto expected = static_cast<std::size_t>(graph::ElementCount(constant.shape));
  std::size_t count = 0;
  std::size_t left_over = 0;
  if (constant.is_float) {
    const std::string bytes = FloatBytes(tensor);
    count = bytes.size() / graph::BytesOfElement(float_type);
    left_over = bytes.size() % graph::BytesOfElement(float_type);
    if (count == expected && left_over == 0) {
      std::vector<std::string> problems;
      constant.floats = graph::ReadTensor({.name = tensor.name()}, float_type, bytes, problems).f32;
      if (!problems.empty()) return BadTensor(problems.front());
    }
  } else {
    constant.integers = Integers(tensor, integer_bytes);
    count = constant.integers.size();
    left_over = tensor.raw_data().size() % integer_bytes;
  }
  if (count != expected || left_over != 0) {
    return BadTensor(fmt::format("{} values{}, expected {} for shape {}", count,
                                 left_over == 0 ? "" : " and a part of one", expected,
                                 graph::ShapeText(constant.shape)));
  }
  return constant;
}

OnnxConstant Transposed(const OnnxConstant& matrix) {
  const auto rows = static_cast<std::size_t>(matrix.shape[0]);
  const auto columns = static_cast<std::size_t>(matrix.shape[1]);
  OnnxConstant result{
      .shape = {matrix.shape[1], matrix.shape[0]}, .is_float = true, .floats = matrix.floats};
  for (std::size_t r = 0; r < rows; ++r) {
    for (std::size_t c = 0; c < columns; ++c) {
      result.floats[c * rows + r] = matrix.floats[r * columns + c];
    }
  }
  return result;
}

}  // namespace bitsweep::exchange
