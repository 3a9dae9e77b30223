// SPDX-License-Identifier: Apache-2.0
// Number formats of fewer than 32 bits, as plain values. What each does to a number stands in
// docs/numerics.md ("Number formats") and in worker/quant, which computes them.
#ifndef BITSWEEP_CORE_GRAPH_NUMBER_FORMAT_H_
#define BITSWEEP_CORE_GRAPH_NUMBER_FORMAT_H_

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace bitsweep::graph {

enum class Rounding { kNearestEven, kFloor };
// kCompatible reproduces the tool that the lab report used, quirks included; kExact is the nearest
// representable value (ties to the even mantissa), saturating.
enum class Semantics { kCompatible, kExact };

// Fixed point: clamp(round(x 2^frac), lowest, highest) / 2^frac. Widths 1..32, frac -32..32.
struct IntegerFormat {
  std::int64_t width = 8;
  std::int64_t frac_width = 4;
  bool is_signed = true;
  Rounding rounding = Rounding::kNearestEven;
  bool operator==(const IntegerFormat&) const = default;
};
// Signed fixed point with one scale a row of the last dimension: 2^(width-1) / (max |x| + 1e-9).
struct ScaleIntegerFormat {
  std::int64_t width = 8;
  bool operator==(const ScaleIntegerFormat&) const = default;
};
// +-1 (bipolar), or {0, mean |x|} of each item of dimension 0.
struct BinaryFormat {
  bool bipolar = true;
  bool stochastic = false;
  bool operator==(const BinaryFormat&) const = default;
};
// {-1, 0, 1}, times a scale where asked. Threshold 0.75 mean, else 0.05 max, else 0.75 median of
// |x| where one is given; else 0.75 mean |x| of each item of dimension 0.
struct TernaryFormat {
  bool scaling_factor = false;
  std::optional<double> mean, median, max;
  bool operator==(const TernaryFormat&) const = default;
};
// Sign, exponent, mantissa of width - exponent_width - 1 bits; no codes for infinity or NaN.
struct MinifloatFormat {
  enum class Kind { kIeee, kDenorm };  // with and without the implicit leading one
  Kind kind = Kind::kIeee;
  std::int64_t width = 8;
  std::int64_t exponent_width = 4;
  std::int64_t exponent_bias = 7;
  Semantics semantics = Semantics::kCompatible;
  bool operator==(const MinifloatFormat&) const = default;
};
// Sign and a power of two.
struct LogFormat {
  std::int64_t width = 8;
  std::int64_t exponent_bias = 63;
  bool operator==(const LogFormat&) const = default;
};
// Blocks: block_size is right-aligned with the tensor's shape; -1, or more than the dimension, is
// the whole dimension. With skip_first_dim dimension 0 is never blocked (one row a block).
struct Blocks {
  std::vector<std::int64_t> size = {16};
  bool skip_first_dim = false;
  bool operator==(const Blocks&) const = default;
};
// One exponent a block, mantissas of width - 1 bits.
struct BlockFpFormat {
  std::int64_t width = 8;
  std::int64_t exponent_width = 8;
  std::int64_t exponent_bias = 127;
  Blocks blocks;
  bool operator==(const BlockFpFormat&) const = default;
};
// minifloat (IEEE kind) with one exponent bias a block.
struct BlockMinifloatFormat {
  std::int64_t width = 8;
  std::int64_t exponent_width = 4;
  std::int64_t exponent_bias_width = 8;
  Blocks blocks;
  Semantics semantics = Semantics::kCompatible;
  bool operator==(const BlockMinifloatFormat&) const = default;
};
// log with one exponent bias a block.
struct BlockLogFormat {
  std::int64_t width = 8;
  std::int64_t exponent_bias_width = 8;
  Blocks blocks;
  bool operator==(const BlockLogFormat&) const = default;
};
// One exponent and signed integers of `width` bits for each `block_size` elements of the last
// dimension.
struct MxintFormat {
  std::int64_t width = 8;
  std::int64_t block_size = 16;
  bool operator==(const MxintFormat&) const = default;
};
// OCP Microscaling v1.0: one power-of-two scale and minifloats of 1 + exponent_width + frac_width
// bits for each `block_size` elements of the last dimension.
struct MxfpFormat {
  std::int64_t exponent_width = 4;
  std::int64_t frac_width = 3;
  std::int64_t block_size = 32;
  bool operator==(const MxfpFormat&) const = default;
};

using NumberFormat = std::variant<IntegerFormat, ScaleIntegerFormat, BinaryFormat, TernaryFormat,
                                  MinifloatFormat, LogFormat, BlockFpFormat, BlockMinifloatFormat,
                                  BlockLogFormat, MxintFormat, MxfpFormat>;

// "integer", "scale_integer", "binary", "ternary", "minifloat_ieee", "minifloat_denorm", "log",
// "block_fp", "block_minifloat", "block_log", "mxint", "mxfp".
std::string_view FormatName(const NumberFormat& format);
// As a class name ends: "Integer", "ScaleInteger", "Binary", "Ternary", "MinifloatIEEE",
// "MinifloatDenorm", "Log", "BlockFP", "BlockMinifloat", "BlockLog", "MXINT", "MXFP".
std::string_view FormatTitle(std::string_view format_name);
// Bits of one element, without what a block shares: width; 1 for binary, 2 for ternary.
std::int64_t ElementBits(const NumberFormat& format);
// The entries in table order, for reports: {8, 4} for integer (8, 4), {1, 0, 1} for binary.
std::vector<std::int64_t> Precision(const NumberFormat& format);
// "integer (8, 4)".
std::string FormatText(const NumberFormat& format);

// How one node of a graph is quantized: each tensor is replaced by its quantized value before the
// op computes in float32 (fake quantization). An unset tensor passes through.
struct NodeQuantization {
  std::string format;                   // as the user named it: "integer", "binary", ...
  bool bypass = false;                  // marked as quantized, computes in full precision
  std::optional<NumberFormat> data_in;  // every input
  std::optional<NumberFormat> weight;
  std::optional<NumberFormat> bias;
  bool operator==(const NodeQuantization&) const = default;
};

}  // namespace bitsweep::graph

#endif  // BITSWEEP_CORE_GRAPH_NUMBER_FORMAT_H_
