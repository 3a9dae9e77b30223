// SPDX-License-Identifier: Apache-2.0
// Used inside this room.
#ifndef BITSWEEP_CLIENT_EXCHANGE_ONNX_ATTRIBUTES_H_
#define BITSWEEP_CLIENT_EXCHANGE_ONNX_ATTRIBUTES_H_

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "onnx/onnx_pb.h"

namespace bitsweep::exchange {

// The attributes of one node. Collects what is wrong with them: a type that is not the one asked
// for, and in the end those that nobody has asked for. Keeps a reference to the node.
class OnnxAttributes {
 public:
  explicit OnnxAttributes(const onnx::NodeProto& node) : node_(node) {}

  std::int64_t Integer(std::string_view name, std::int64_t otherwise);
  float Float(std::string_view name, float otherwise);
  std::string Text(std::string_view name, std::string_view otherwise);
  std::optional<std::vector<std::int64_t>> Integers(std::string_view name);
  const onnx::TensorProto* Tensor(std::string_view name);
  // Whatever it is: it changes nothing.
  void Ignore(std::string_view name) { asked_.emplace_back(name); }

  // Empty, or "attribute \"x\" is ...; ...".
  std::string Problems() const;

 private:
  const onnx::AttributeProto* Find(std::string_view name, int type);

  const onnx::NodeProto& node_;
  std::vector<std::string> asked_;
  std::vector<std::string> problems_;
};

// The number that a person has written who meant `value`: 1e-5 for the float32 next to it, which is
// 9.99999974737875e-06.
double Decimal(float value);

}  // namespace bitsweep::exchange

#endif  // BITSWEEP_CLIENT_EXCHANGE_ONNX_ATTRIBUTES_H_
