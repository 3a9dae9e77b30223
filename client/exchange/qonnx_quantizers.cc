// SPDX-License-Identifier: Apache-2.0
#include "client/exchange/qonnx_quantizers.h"

#include <cmath>
#include <cstdint>
#include <type_traits>
#include <variant>
#include <vector>

#include "fmt/format.h"

namespace bitsweep::exchange {
namespace {

constexpr std::int64_t kMaxMantissa = 16;  // of FloatQuant
constexpr std::int64_t kLowestNormal = -126;
constexpr std::int64_t kHighestExponent = 127;

struct FloatShape {
  std::int64_t mantissa = 0;  // bits behind the point
  std::int64_t lowest = 0;    // exponent of the smallest step
  std::int64_t highest = 0;   // of the largest value
};

FloatShape ShapeOf(const graph::MinifloatFormat& format) {
  const std::int64_t mantissa = format.width - format.exponent_width - 1;
  return {.mantissa = mantissa,
          .lowest = 1 - format.exponent_bias - mantissa,
          .highest = (std::int64_t{1} << format.exponent_width) - 1 - format.exponent_bias};
}

std::string WhyNoFloatQuant(const graph::MinifloatFormat& format) {
  if (format.kind != graph::MinifloatFormat::Kind::kIeee) {
    return "QONNX's FloatQuant has an implicit one, which this format has not";
  }
  if (format.semantics != graph::Semantics::kExact) {
    return "QONNX's FloatQuant takes the nearest number, which only \"exact\" does";
  }
  const FloatShape shape = ShapeOf(format);
  if (shape.mantissa > kMaxMantissa) {
    return fmt::format("{} bits of mantissa: QONNX's FloatQuant is right up to {}", shape.mantissa,
                       kMaxMantissa);
  }
  if (shape.lowest < kLowestNormal || shape.highest > kHighestExponent) {
    return fmt::format(
        "its steps begin at 2^{} and its values end at 2^{}: QONNX's FloatQuant "
        "computes in float32, from 2^{} to 2^{}",
        shape.lowest, shape.highest, kLowestNormal, kHighestExponent);
  }
  return "";
}

class QuantizerWriter {
 public:
  QuantizerWriter(const std::string& name, const std::string& input, OnnxBuilder& builder)
      : name_(name), inputs_{input}, builder_(builder) {}

  void Write(const graph::IntegerFormat& format) {
    Scalar("scale", std::ldexp(1.0F, static_cast<int>(-format.frac_width)));
    Scalar("zero_point", 0);
    Scalar("bits", static_cast<float>(format.width));
    onnx::NodeProto& node = Add("Quant");
    SetAttribute(node, "narrow", std::int64_t{0});
    SetAttribute(node, "rounding_mode",
                 format.rounding == graph::Rounding::kFloor ? "FLOOR" : "ROUND");
    SetAttribute(node, "signed", std::int64_t{format.is_signed});
  }

  void Write(const graph::BinaryFormat& /*format*/) {
    Scalar("scale", 1);
    Add("BipolarQuant");
  }

  void Write(const graph::MinifloatFormat& format) {
    const FloatShape shape = ShapeOf(format);
    Scalar("scale", 1);
    Scalar("exponent_bits", static_cast<float>(format.exponent_width));
    Scalar("mantissa_bits", static_cast<float>(shape.mantissa));
    Scalar("exponent_bias", static_cast<float>(format.exponent_bias));
    Scalar("max_value", std::ldexp(2.0F - std::ldexp(1.0F, static_cast<int>(-shape.mantissa)),
                                   static_cast<int>(shape.highest)));
    onnx::NodeProto& node = Add("FloatQuant");
    SetAttribute(node, "has_inf", std::int64_t{0});
    SetAttribute(node, "has_nan", std::int64_t{0});
    SetAttribute(node, "has_subnormal", std::int64_t{1});
    SetAttribute(node, "rounding_mode", "ROUND");
    SetAttribute(node, "saturation", std::int64_t{1});
  }

  template <typename Other>
  void Write(const Other& /*none*/) {}

 private:
  void Scalar(const char* what, float value) {
    inputs_.push_back(builder_.UniqueName(fmt::format("{}_{}", name_, what)));
    builder_.AddScalar(inputs_.back(), value);
  }
  onnx::NodeProto& Add(const char* op) {
    return builder_.Add(op, name_, inputs_, name_, kQonnxDomain);
  }

  const std::string name_;
  std::vector<std::string> inputs_;
  OnnxBuilder& builder_;
};

}  // namespace

std::string WhyNoQuantizer(const graph::NumberFormat& format) {
  return std::visit(
      [](const auto& f) -> std::string {
        using Format = std::decay_t<decltype(f)>;
        if constexpr (std::is_same_v<Format, graph::IntegerFormat>) {
          return f.is_signed && f.width == 1
                     ? "signed integers of 1 bit are -1 and 1 in QONNX, not -1 and 0"
                     : "";
        } else if constexpr (std::is_same_v<Format, graph::BinaryFormat>) {
          if (f.stochastic) return "QONNX has no quantizer that draws random numbers";
          return f.bipolar ? "" : "QONNX has no quantizer with the mean of a tensor's own values";
        } else if constexpr (std::is_same_v<Format, graph::MinifloatFormat>) {
          return WhyNoFloatQuant(f);
        } else if constexpr (std::is_same_v<Format, graph::ScaleIntegerFormat>) {
          return "QONNX's Quant has fixed scales, and this one follows each row's values";
        } else if constexpr (std::is_same_v<Format, graph::TernaryFormat>) {
          return "QONNX has no quantizer with a threshold apart from its scale";
        } else if constexpr (std::is_same_v<Format, graph::LogFormat>) {
          return "QONNX has no quantizer to powers of two";
        } else {
          return "QONNX has no quantizer whose blocks share an exponent";
        }
      },
      format);
}

void AddQuantizer(const graph::NumberFormat& format, const std::string& name,
                  const std::string& input, OnnxBuilder& builder) {
  QuantizerWriter writer(name, input, builder);
  std::visit([&](const auto& f) { writer.Write(f); }, format);
}

}  // namespace bitsweep::exchange
