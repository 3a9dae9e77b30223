// SPDX-License-Identifier: Apache-2.0
#include "core/spec/tensor_format.h"

#include <algorithm>
#include <array>
#include <utility>

#include "absl/algorithm/container.h"
#include "fmt/format.h"
#include "fmt/ranges.h"

namespace bitsweep::spec {
namespace {

using graph::FormatProblem;
using graph::NumberFormat;

constexpr std::array<std::pair<std::string_view, IntegerEntry>, 5> kIntegerEntries = {{
    {"width", &TensorFormatSpec::width},
    {"frac_width", &TensorFormatSpec::frac_width},
    {"exponent_width", &TensorFormatSpec::exponent_width},
    {"exponent_bias", &TensorFormatSpec::exponent_bias},
    {"exponent_bias_width", &TensorFormatSpec::exponent_bias_width},
}};

// The entries that are written.
std::vector<std::string_view> Written(const TensorFormatSpec& t) {
  std::vector<std::string_view> entries;
  for (const auto& [name, member] : kIntegerEntries) {
    if ((t.*member).has_value()) entries.push_back(name);
  }
  const auto add = [&](bool written, std::string_view name) {
    if (written) entries.push_back(name);
  };
  add(!t.block_size.empty(), "block_size");
  add(t.stochastic.has_value(), "stochastic");
  add(t.bipolar.has_value(), "bipolar");
  add(t.scaling_factor.has_value(), "scaling_factor");
  add(t.floor.has_value(), "floor");
  add(t.mean.has_value(), "mean");
  add(t.median.has_value(), "median");
  add(t.max.has_value(), "max");
  return entries;
}

// 2^(bits - 1) - 1, the middle of an exponent's range; 0 for bits that are refused anyway.
std::int64_t MiddleBias(std::int64_t bits) {
  return bits >= 1 && bits <= 32 ? (std::int64_t{1} << (bits - 1)) - 1 : 0;
}

bool IsMx(std::string_view name) { return name == "mxint" || name == "mxfp"; }

std::string EntryList(const FormatRule& rule) {
  std::vector<std::string_view> entries = rule.required;
  entries.insert(entries.end(), rule.optional.begin(), rule.optional.end());
  return fmt::format("{}", fmt::join(entries, ", "));
}

}  // namespace

const std::vector<std::string_view>& QuantizableOps() {
  static const auto& ops = *new std::vector<std::string_view>{"linear", "conv1d", "relu", "add"};
  return ops;
}

const std::vector<FormatRule>& FormatRules() {
  using List = std::vector<std::string_view>;
  static const auto& rules = *new std::vector<FormatRule>([] {
    const List& ops = QuantizableOps();
    const List minifloat = {"width", "exponent_width"};
    return std::vector<FormatRule>{
        {"integer", ops, {"width"}, {"frac_width", "floor"}},
        {"fixed", ops, {"width"}, {"frac_width", "floor"}},
        {"scale_integer", ops, {"width"}, {}},
        {"binary", ops, {}, {"width", "stochastic", "bipolar"}},
        {"ternary", ops, {}, {"width", "scaling_factor", "mean", "median", "max"}},
        {"minifloat_ieee", ops, minifloat, {"exponent_bias"}},
        {"minifloat_denorm", ops, minifloat, {"exponent_bias"}},
        {"log", ops, {"width"}, {"exponent_bias"}},
        {"block_fp", ops, {"width", "exponent_width", "block_size"}, {"exponent_bias"}},
        {"block_minifloat",
         ops,
         {"width", "exponent_width", "exponent_bias_width", "block_size"},
         {}},
        {"block_log", ops, {"width", "exponent_bias_width", "block_size"}, {}},
        {"mxint", ops, {"width", "block_size"}, {}},
        {"mxfp", ops, {"exponent_width", "frac_width", "block_size"}, {}},
    };
  }());
  return rules;
}

const FormatRule* FindFormat(std::string_view name) {
  for (const FormatRule& rule : FormatRules()) {
    if (rule.name == name) return &rule;
  }
  return nullptr;
}

bool TakesEntry(const FormatRule& rule, std::string_view entry) {
  return absl::c_linear_search(rule.required, entry) || absl::c_linear_search(rule.optional, entry);
}

IntegerEntry FindIntegerEntry(std::string_view entry) {
  for (const auto& [name, member] : kIntegerEntries) {
    if (name == entry) return member;
  }
  return nullptr;
}

std::vector<FormatProblem> CheckEntries(const FormatConfig& config,
                                        const TensorFormatSpec& entries) {
  const FormatRule& rule = *FindFormat(config.name);
  std::vector<FormatProblem> problems;
  const std::vector<std::string_view> written = Written(entries);
  for (const std::string_view entry : written) {
    if (TakesEntry(rule, entry)) continue;
    problems.push_back({std::string(entry), fmt::format("{} does not take it: expected {}",
                                                        rule.name, EntryList(rule))});
  }
  bool complete = true;
  for (const std::string_view entry : rule.required) {
    if (absl::c_linear_search(written, entry)) continue;
    complete = false;
    problems.push_back({std::string(entry), fmt::format("missing: {} needs it", rule.name)});
  }
  if (IsMx(rule.name) && entries.block_size.size() > 1) {
    complete = false;
    problems.push_back({"block_size", fmt::format("{} sizes: {} takes one",
                                                  entries.block_size.size(), rule.name)});
  }
  // Of formats with as many bits as their values need, the width is only a word about them.
  if ((rule.name == "binary" || rule.name == "ternary") && entries.width &&
      (*entries.width < 1 || *entries.width > 32)) {
    problems.push_back({"width", fmt::format("{}: expected 1 to 32", *entries.width)});
  }
  if (!complete) return problems;
  for (FormatProblem& problem : graph::CheckRanges(MakeFormat(config, entries, false))) {
    problems.push_back(std::move(problem));
  }
  return problems;
}

NumberFormat MakeFormat(const FormatConfig& config, const TensorFormatSpec& t,
                        bool skip_first_dim) {
  const std::string_view name = config.name;
  const std::int64_t width = t.width.value_or(0);
  const std::int64_t exponent_width = t.exponent_width.value_or(0);
  const graph::Blocks blocks{t.block_size, skip_first_dim};
  if (name == "scale_integer") return graph::ScaleIntegerFormat{width};
  if (name == "binary") {
    return graph::BinaryFormat{t.bipolar.value_or(true), t.stochastic.value_or(false)};
  }
  if (name == "ternary") {
    return graph::TernaryFormat{t.scaling_factor.value_or(false), t.mean, t.median, t.max};
  }
  if (name == "minifloat_ieee" || name == "minifloat_denorm") {
    return graph::MinifloatFormat{name == "minifloat_ieee" ? graph::MinifloatFormat::Kind::kIeee
                                                           : graph::MinifloatFormat::Kind::kDenorm,
                                  width, exponent_width,
                                  t.exponent_bias.value_or(MiddleBias(exponent_width)),
                                  config.semantics};
  }
  if (name == "log") {
    return graph::LogFormat{width, t.exponent_bias.value_or(MiddleBias(width - 1))};
  }
  if (name == "block_fp") {
    return graph::BlockFpFormat{width, exponent_width,
                                t.exponent_bias.value_or(MiddleBias(exponent_width)), blocks};
  }
  if (name == "block_minifloat") {
    return graph::BlockMinifloatFormat{width, exponent_width, t.exponent_bias_width.value_or(0),
                                       blocks, config.semantics};
  }
  if (name == "block_log") {
    return graph::BlockLogFormat{width, t.exponent_bias_width.value_or(0), blocks};
  }
  const std::int64_t block = t.block_size.empty() ? 0 : t.block_size.front();
  if (name == "mxint") return graph::MxintFormat{width, block};
  if (name == "mxfp") {
    return graph::MxfpFormat{exponent_width, t.frac_width.value_or(0), block};
  }
  return graph::IntegerFormat{
      width, t.frac_width.value_or(width / 2), true,
      t.floor.value_or(false) ? graph::Rounding::kFloor : graph::Rounding::kNearestEven};
}

}  // namespace bitsweep::spec
