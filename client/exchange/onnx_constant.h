// SPDX-License-Identifier: Apache-2.0
// Used inside this room.
#ifndef BITSWEEP_CLIENT_EXCHANGE_ONNX_CONSTANT_H_
#define BITSWEEP_CLIENT_EXCHANGE_ONNX_CONSTANT_H_

#include <cstdint>
#include <limits>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "core/graph/op.h"
#include "onnx/onnx_pb.h"

namespace bitsweep::exchange {

// A tensor whose values a file has: exactly one of the two vectors is used.
struct OnnxConstant {
  // Among integers: the size of the batch, which is not known.
  static constexpr std::int64_t kBatchSize = std::numeric_limits<std::int64_t>::min();

  graph::Shape shape;
  bool is_float = false;
  std::vector<float> floats;
  std::vector<std::int64_t> integers;
  bool operator==(const OnnxConstant&) const = default;
};

// float, double, float16 and bfloat16 as float32; signed integers up to 64 bits, uint8 and bool as
// int64; whether in raw_data or in a field of their type. InvalidArgument: another type, values in
// another file, a number of values that is not the shape's, a finite double beyond float32. Never
// allocates more than the file justifies. Pure.
absl::StatusOr<OnnxConstant> ReadOnnxTensor(const onnx::TensorProto& tensor);

// The one value that all elements have; nothing where they differ or there is none.
template <typename T>
const T* SameElement(const std::vector<T>& values) {
  for (const T& value : values) {
    if (!(value == values.front())) return nullptr;
  }
  return values.empty() ? nullptr : &values.front();
}

// A matrix with rows and columns exchanged. REQUIRES: floats, two dimensions.
OnnxConstant Transposed(const OnnxConstant& matrix);

}  // namespace bitsweep::exchange

#endif  // BITSWEEP_CLIENT_EXCHANGE_ONNX_CONSTANT_H_
