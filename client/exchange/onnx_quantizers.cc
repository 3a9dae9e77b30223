// SPDX-License-Identifier: Apache-2.0
// The quantizers of QONNX (https://github.com/fastmachinelearning/qonnx, docs/qonnx-custom-ops).
#include <cmath>
#include <utility>

#include "client/exchange/onnx_reader.h"
#include "core/base/status_macros.h"
#include "core/base/text.h"
#include "fmt/format.h"

namespace bitsweep::exchange {
namespace {

absl::Status BadQuantizer(const std::string& why) { return absl::InvalidArgumentError(why); }

// The one number of a scale, zero point or width.
absl::StatusOr<double> OneNumber(const OnnxValue* value, const char* what) {
  if (value == nullptr || value->constant == nullptr) {
    return BadQuantizer(fmt::format("its {} is no constant", what));
  }
  const OnnxConstant& constant = *value->constant;
  if (constant.is_float) {
    if (const float* number = SameElement(constant.floats)) return *number;
  } else if (const std::int64_t* number = SameElement(constant.integers)) {
    return static_cast<double>(*number);
  }
  return BadQuantizer(fmt::format("its {} differs between elements: expected one number", what));
}

// Whether the lowest code, which a narrow range leaves out, is never used by these values.
bool SparesLowest(const std::vector<float>& values, const graph::IntegerFormat& format) {
  const double lowest = -std::ldexp(1.0, static_cast<int>(format.width) - 1);
  for (const float value : values) {
    const double scaled =
        std::ldexp(static_cast<double>(value), static_cast<int>(format.frac_width));
    const double code =
        format.rounding == graph::Rounding::kFloor ? std::floor(scaled) : std::nearbyint(scaled);
    if (code <= lowest) return false;
  }
  return true;
}

}  // namespace

absl::StatusOr<OnnxValue> OnnxReader::Rounded(const Call& call, const graph::NumberFormat& format) {
  if (!Has(call, 0)) return BadQuantizer("it reads nothing");
  OnnxValue value = *call.inputs[0];
  if (value.constant != nullptr && !value.constant->is_float) {
    return BadQuantizer("it reads integers");
  }
  if (value.format && *value.format != format) {
    return BadQuantizer(fmt::format("it rounds what {} has rounded to {}", value.quantizer,
                                    graph::FormatText(*value.format)));
  }
  value.format = format;
  value.quantizer =
      call.proto.name().empty()
          ? fmt::format("{} of {}", call.proto.op_type(), Quoted(call.proto.output(0)))
          : fmt::format("{} {}", call.proto.op_type(), Quoted(call.proto.name()));
  value.is_unbiased_product = false;
  return value;
}

absl::StatusOr<OnnxValue> OnnxReader::Quant(Call& call) {
  const std::int64_t is_signed = call.attributes.Integer("signed", 1);
  const std::int64_t is_narrow = call.attributes.Integer("narrow", 0);
  const std::string rounding = call.attributes.Text("rounding_mode", "ROUND");
  const auto input = [&](std::size_t i) { return Has(call, i) ? call.inputs[i] : nullptr; };
  ASSIGN_OR_RETURN(const double scale, OneNumber(input(1), "scale"));
  ASSIGN_OR_RETURN(const double zero_point, OneNumber(input(2), "zero point"));
  ASSIGN_OR_RETURN(const double width, OneNumber(input(3), "bit width"));
  int exponent = 0;
  if (!(scale > 0) || std::frexp(scale, &exponent) != 0.5) {
    return BadQuantizer(fmt::format("its scale is {:g}: expected a power of two", scale));
  }
  if (zero_point != 0) {
    return BadQuantizer(fmt::format("its zero point is {:g}: expected 0", zero_point));
  }
  if (!(width >= 1 && width <= 32) || width != std::floor(width)) {
    return BadQuantizer(
        fmt::format("its bit width is {:g}: expected a whole number from 1 to 32", width));
  }
  if (width == 1 && is_signed != 0) {  // QONNX: the sign, not a number of one bit
    if (scale == 1) return Rounded(call, graph::BinaryFormat{.bipolar = true});
    return BadQuantizer(fmt::format("one bit with the scale {:g}: expected 1", scale));
  }
  graph::IntegerFormat format{.width = static_cast<std::int64_t>(width),
                              .frac_width = 1 - exponent,
                              .is_signed = is_signed != 0};
  if (format.frac_width < -32 || format.frac_width > 32) {
    return BadQuantizer(fmt::format("its scale is 2^{}: expected 2^-32 to 2^32", exponent - 1));
  }
  if (rounding == "FLOOR" || rounding == "floor") {
    format.rounding = graph::Rounding::kFloor;
  } else if (rounding != "ROUND" && rounding != "HALF_EVEN" && rounding != "round") {
    return BadQuantizer(fmt::format("rounding_mode {}: expected ROUND or FLOOR", Quoted(rounding)));
  }
  if (is_narrow != 0) {
    const OnnxValue* x = input(0);
    const bool is_weight = x != nullptr && x->constant != nullptr && x->constant->is_float;
    if (!is_weight || is_signed == 0 || !SparesLowest(x->constant->floats, format)) {
      return BadQuantizer(
          "its range is narrow: a graph's integers use every code, the lowest too (signed 8 bits: "
          "-128)");
    }
    notes_.push_back(fmt::format(
        "tensor {}: its narrow range became a whole one; none of its values rounds to the lowest "
        "code, so nothing changes",
        Quoted(x->name)));
  }
  return Rounded(call, format);
}

absl::StatusOr<OnnxValue> OnnxReader::BipolarQuant(Call& call) {
  ASSIGN_OR_RETURN(const double scale, OneNumber(Has(call, 1) ? call.inputs[1] : nullptr, "scale"));
  if (scale != 1) return BadQuantizer(fmt::format("its scale is {:g}: expected 1", scale));
  return Rounded(call, graph::BinaryFormat{.bipolar = true});
}

// QONNX's minifloats, where they are the exact ones of a graph: no codes for infinity or NaN, the
// largest of them at the end of the last exponent.
absl::StatusOr<OnnxValue> OnnxReader::FloatQuant(Call& call) {
  for (const auto& [name, expected] :
       {std::pair("has_inf", 0), {"has_nan", 0}, {"has_subnormal", 1}, {"saturation", 1}}) {
    const std::int64_t value = call.attributes.Integer(name, expected);
    if (value != expected) {
      return BadQuantizer(fmt::format("{} {}: expected {}", name, value, expected));
    }
  }
  const std::string rounding = call.attributes.Text("rounding_mode", "ROUND");
  if (rounding != "ROUND" && rounding != "HALF_EVEN") {
    return BadQuantizer(fmt::format("rounding_mode {}: expected ROUND", Quoted(rounding)));
  }
  double numbers[5] = {};
  std::size_t i = 0;
  for (const char* what :
       {"scale", "exponent width", "mantissa width", "exponent bias", "maximum"}) {
    const OnnxValue* input = Has(call, i + 1) ? call.inputs[i + 1] : nullptr;
    ASSIGN_OR_RETURN(numbers[i], OneNumber(input, what));
    if (i < 4 && numbers[i] != std::floor(numbers[i])) {
      return BadQuantizer(fmt::format("its {} is {:g}: expected a whole number", what, numbers[i]));
    }
    ++i;
  }
  const auto [scale, exponent, mantissa, bias, largest] = numbers;
  if (scale != 1) return BadQuantizer(fmt::format("its scale is {:g}: expected 1", scale));
  if (exponent < 1 || exponent > 8 || mantissa < 0 || mantissa > 30 || std::abs(bias) > 256) {
    return BadQuantizer(fmt::format(
        "{:g} bits of exponent, {:g} of mantissa, bias {:g}: expected 1 to 8, 0 to 30, -256 to 256",
        exponent, mantissa, bias));
  }
  const graph::MinifloatFormat format{.width = static_cast<std::int64_t>(1 + exponent + mantissa),
                                      .exponent_width = static_cast<std::int64_t>(exponent),
                                      .exponent_bias = static_cast<std::int64_t>(bias),
                                      .semantics = graph::Semantics::kExact};
  const double last = std::ldexp(2 - std::ldexp(1, -static_cast<int>(mantissa)),
                                 (1 << format.exponent_width) - 1 - static_cast<int>(bias));
  if (largest != last) {
    return BadQuantizer(
        fmt::format("its maximum is {:g}: a graph's minifloats end at {:g}", largest, last));
  }
  return Rounded(call, format);
}

}  // namespace bitsweep::exchange
