// SPDX-License-Identifier: Apache-2.0
#include "core/graph/number_format.h"

#include <array>
#include <utility>

#include "fmt/format.h"
#include "fmt/ranges.h"

namespace bitsweep::graph {
namespace {

// Names of formats, and how class names of layers that use them end.
constexpr std::array<std::pair<std::string_view, std::string_view>, 12> kNames = {{
    {"integer", "Integer"},
    {"scale_integer", "ScaleInteger"},
    {"binary", "Binary"},
    {"ternary", "Ternary"},
    {"minifloat_ieee", "MinifloatIEEE"},
    {"minifloat_denorm", "MinifloatDenorm"},
    {"log", "Log"},
    {"block_fp", "BlockFP"},
    {"block_minifloat", "BlockMinifloat"},
    {"block_log", "BlockLog"},
    {"mxint", "MXINT"},
    {"mxfp", "MXFP"},
}};

std::vector<std::int64_t> WithBlocks(std::vector<std::int64_t> entries, const Blocks& blocks) {
  entries.insert(entries.end(), blocks.size.begin(), blocks.size.end());
  return entries;
}

}  // namespace

std::string_view FormatName(const NumberFormat& format) {
  struct Visitor {
    std::string_view operator()(const IntegerFormat&) const { return "integer"; }
    std::string_view operator()(const ScaleIntegerFormat&) const { return "scale_integer"; }
    std::string_view operator()(const BinaryFormat&) const { return "binary"; }
    std::string_view operator()(const TernaryFormat&) const { return "ternary"; }
    std::string_view operator()(const MinifloatFormat& f) const {
      return f.kind == MinifloatFormat::Kind::kIeee ? "minifloat_ieee" : "minifloat_denorm";
    }
    std::string_view operator()(const LogFormat&) const { return "log"; }
    std::string_view operator()(const BlockFpFormat&) const { return "block_fp"; }
    std::string_view operator()(const BlockMinifloatFormat&) const { return "block_minifloat"; }
    std::string_view operator()(const BlockLogFormat&) const { return "block_log"; }
    std::string_view operator()(const MxintFormat&) const { return "mxint"; }
    std::string_view operator()(const MxfpFormat&) const { return "mxfp"; }
  };
  return std::visit(Visitor{}, format);
}

std::string_view FormatTitle(std::string_view format_name) {
  if (format_name == "fixed") return "Integer";
  for (const auto& [name, title] : kNames) {
    if (name == format_name) return title;
  }
  return "";
}

std::int64_t ElementBits(const NumberFormat& format) {
  struct Visitor {
    std::int64_t operator()(const BinaryFormat&) const { return 1; }
    std::int64_t operator()(const TernaryFormat&) const { return 2; }
    std::int64_t operator()(const MxfpFormat& f) const {
      return 1 + f.exponent_width + f.frac_width;
    }
    std::int64_t operator()(const IntegerFormat& f) const { return f.width; }
    std::int64_t operator()(const ScaleIntegerFormat& f) const { return f.width; }
    std::int64_t operator()(const MinifloatFormat& f) const { return f.width; }
    std::int64_t operator()(const LogFormat& f) const { return f.width; }
    std::int64_t operator()(const BlockFpFormat& f) const { return f.width; }
    std::int64_t operator()(const BlockMinifloatFormat& f) const { return f.width; }
    std::int64_t operator()(const BlockLogFormat& f) const { return f.width; }
    std::int64_t operator()(const MxintFormat& f) const { return f.width; }
  };
  return std::visit(Visitor{}, format);
}

std::vector<std::int64_t> Precision(const NumberFormat& format) {
  using Entries = std::vector<std::int64_t>;
  struct Visitor {
    Entries operator()(const IntegerFormat& f) const { return {f.width, f.frac_width}; }
    Entries operator()(const ScaleIntegerFormat& f) const { return {f.width}; }
    Entries operator()(const BinaryFormat& f) const { return {1, f.stochastic, f.bipolar}; }
    Entries operator()(const TernaryFormat& f) const { return {2, f.scaling_factor}; }
    Entries operator()(const MinifloatFormat& f) const {
      return {f.width, f.exponent_width, f.exponent_bias};
    }
    Entries operator()(const LogFormat& f) const { return {f.width, f.exponent_bias}; }
    Entries operator()(const BlockFpFormat& f) const {
      return WithBlocks({f.width, f.exponent_width, f.exponent_bias}, f.blocks);
    }
    Entries operator()(const BlockMinifloatFormat& f) const {
      return WithBlocks({f.width, f.exponent_width, f.exponent_bias_width}, f.blocks);
    }
    Entries operator()(const BlockLogFormat& f) const {
      return WithBlocks({f.width, f.exponent_bias_width}, f.blocks);
    }
    Entries operator()(const MxintFormat& f) const { return {f.width, f.block_size}; }
    Entries operator()(const MxfpFormat& f) const {
      return {f.exponent_width, f.frac_width, f.block_size};
    }
  };
  return std::visit(Visitor{}, format);
}

std::string FormatText(const NumberFormat& format) {
  return fmt::format("{} ({})", FormatName(format), fmt::join(Precision(format), ", "));
}

}  // namespace bitsweep::graph
