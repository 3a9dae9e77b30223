// SPDX-License-Identifier: Apache-2.0
#include "client/exchange/onnx_attributes.h"

#include <algorithm>
#include <array>
#include <charconv>

#include "core/base/text.h"
#include "fmt/format.h"
#include "fmt/ranges.h"

namespace bitsweep::exchange {
namespace {

using Attribute = onnx::AttributeProto;

}  // namespace

const onnx::AttributeProto* OnnxAttributes::Find(std::string_view name, int type) {
  asked_.emplace_back(name);
  for (const Attribute& attribute : node_.attribute()) {
    if (attribute.name() != name) continue;
    if (attribute.type() == type && attribute.ref_attr_name().empty()) return &attribute;
    problems_.push_back(fmt::format("attribute \"{}\" is no {}", name,
                                    onnx::AttributeProto_AttributeType_Name(type)));
  }
  return nullptr;
}

std::int64_t OnnxAttributes::Integer(std::string_view name, std::int64_t otherwise) {
  const Attribute* found = Find(name, Attribute::INT);
  return found != nullptr ? found->i() : otherwise;
}

float OnnxAttributes::Float(std::string_view name, float otherwise) {
  const Attribute* found = Find(name, Attribute::FLOAT);
  return found != nullptr ? found->f() : otherwise;
}

std::string OnnxAttributes::Text(std::string_view name, std::string_view otherwise) {
  const Attribute* found = Find(name, Attribute::STRING);
  return found != nullptr ? found->s() : std::string(otherwise);
}

std::optional<std::vector<std::int64_t>> OnnxAttributes::Integers(std::string_view name) {
  const Attribute* found = Find(name, Attribute::INTS);
  if (found == nullptr) return std::nullopt;
  return std::vector<std::int64_t>(found->ints().begin(), found->ints().end());
}

const onnx::TensorProto* OnnxAttributes::Tensor(std::string_view name) {
  const Attribute* found = Find(name, Attribute::TENSOR);
  return found != nullptr ? &found->t() : nullptr;
}

std::string OnnxAttributes::Problems() const {
  std::vector<std::string> problems = problems_;
  for (const Attribute& attribute : node_.attribute()) {
    if (std::find(asked_.begin(), asked_.end(), attribute.name()) == asked_.end()) {
      problems.push_back(
          fmt::format("attribute {} is not known for this op", Quoted(attribute.name())));
    }
  }
  return fmt::format("{}", fmt::join(problems, "; "));
}

double Decimal(float value) {
  std::array<char, 64> text{};
  const auto written = std::to_chars(text.begin(), text.end(), value);
  double decimal = value;
  std::from_chars(text.begin(), written.ptr, decimal);
  return decimal;
}

}  // namespace bitsweep::exchange
