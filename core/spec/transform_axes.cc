// SPDX-License-Identifier: Apache-2.0
// The axes of a transform: every combination, and a combination put into the passes.
#include <algorithm>
#include <array>
#include <utility>

#include "core/base/errors.h"
#include "core/base/text.h"
#include "core/spec/tensor_format.h"
#include "core/spec/transform_spec.h"
#include "fmt/format.h"
#include "nlohmann/json.hpp"

namespace bitsweep::spec {
namespace {

using Json = nlohmann::json;

using TensorMember = std::optional<TensorFormatSpec> FormatConfig::*;
constexpr std::array<std::pair<std::string_view, TensorMember>, 3> kTensors = {{
    {"data_in_", &FormatConfig::data_in},
    {"weight_", &FormatConfig::weight},
    {"bias_", &FormatConfig::bias},
}};

// "linear.weight_width" taken apart.
struct Target {
  std::string_view key;  // of one rule; empty: of all
  TensorMember tensor = nullptr;
  std::string_view entry;
};

std::optional<Target> ParseTarget(std::string_view text) {
  Target target;
  if (const std::size_t dot = text.rfind('.'); dot != std::string_view::npos) {
    target.key = text.substr(0, dot);
    text.remove_prefix(dot + 1);
    if (target.key.empty()) return std::nullopt;
  }
  for (const auto& [prefix, member] : kTensors) {
    if (!text.starts_with(prefix)) continue;
    target.tensor = member;
    target.entry = text.substr(prefix.size());
    if (FindIntegerEntry(target.entry) != nullptr || target.entry == "block_size") return target;
  }
  return std::nullopt;
}

// Puts the value into the configuration if it has the tensor and its format takes the entry.
bool PutInto(FormatConfig& config, const Target& target, std::int64_t value) {
  const FormatRule* rule = FindFormat(config.name);
  if (rule == nullptr || !TakesEntry(*rule, target.entry)) return false;
  std::optional<TensorFormatSpec>& tensor = config.*target.tensor;
  if (!tensor) return false;
  if (const IntegerEntry member = FindIntegerEntry(target.entry)) {
    (*tensor).*member = value;
  } else {
    tensor->block_size = {value};
  }
  return true;
}

bool PutInto(QuantizeSpec& spec, const Target& target, std::int64_t value) {
  bool fits = false;
  bool key_is_rule = false;
  for (QuantizationRule& rule : spec.rules) {
    if (!target.key.empty() && rule.key != target.key) continue;
    key_is_rule = true;
    fits = PutInto(rule.config, target, value) || fits;
  }
  const bool is_default = target.key.empty() || (target.key == "default" && !key_is_rule);
  if (is_default && spec.default_config) {
    fits = PutInto(*spec.default_config, target, value) || fits;
  }
  return fits;
}

}  // namespace

absl::StatusOr<std::vector<Assignment>> ExpandAxes(const TransformSpec& spec) {
  double count = 1;
  for (const QuantizationAxis& axis : spec.axes) count *= static_cast<double>(axis.values.size());
  if (count > static_cast<double>(kMaxTransformJobs)) {
    return ErrorWithDetails(
        absl::StatusCode::kInvalidArgument,
        fmt::format("the axes have {:.0f} combinations; at most {} jobs are accepted", count,
                    kMaxTransformJobs),
        {.reason = "PLAN_TOO_LARGE", .metadata = {{"limit", std::to_string(kMaxTransformJobs)}}});
  }
  std::vector<Assignment> assignments = {{}};
  for (const QuantizationAxis& axis : spec.axes) {
    std::vector<Assignment> longer;
    longer.reserve(assignments.size() * axis.values.size());
    for (const Assignment& assignment : assignments) {
      for (const std::int64_t value : axis.values) {
        longer.push_back(assignment);
        longer.back().push_back({axis.entry, value});
      }
    }
    assignments = std::move(longer);
  }
  return assignments;
}

absl::StatusOr<std::vector<PassSpec>> ApplyAssignment(const std::vector<PassSpec>& passes,
                                                      const Assignment& assignment) {
  std::vector<PassSpec> applied = passes;
  for (const AxisValue& value : assignment) {
    const std::optional<Target> target = ParseTarget(value.entry);
    if (!target) {
      return absl::InvalidArgumentError(fmt::format(
          "\"{}\": expected an entry such as data_in_width, weight_frac_width or bias_block_size, "
          "or one of a rule, linear.weight_width",
          ToValidUtf8(value.entry, 200)));
    }
    bool fits = false;
    for (PassSpec& pass : applied) {
      auto* quantize = std::get_if<QuantizePass>(&pass);
      if (quantize != nullptr) {
        fits = PutInto(quantize->quantization, *target, value.value) || fits;
      }
    }
    if (!fits) {
      return absl::InvalidArgumentError(fmt::format(
          "\"{}\": no quantize pass has a {} with this tensor whose format takes {}",
          ToValidUtf8(value.entry, 200),
          target->key.empty() ? std::string("rule or default")
                              : fmt::format("rule \"{}\"", ToValidUtf8(target->key, 200)),
          target->entry));
    }
  }
  return applied;
}

std::string_view TensorOfAxis(std::string_view entry) {
  const std::optional<Target> target = ParseTarget(entry);
  for (const auto& [prefix, member] : kTensors) {
    if (target && target->tensor == member) return prefix.substr(0, prefix.size() - 1);
  }
  return "";
}

std::string ToJson(const Assignment& assignment) {
  Json list = Json::array();
  for (const AxisValue& value : assignment) {
    list.push_back({{"entry", value.entry}, {"value", value.value}});
  }
  return list.dump(-1, ' ', false, Json::error_handler_t::replace);
}

absl::StatusOr<Assignment> AssignmentFromJson(std::string_view text) {
  const Json json = Json::parse(text, nullptr, /*allow_exceptions=*/false);
  const absl::Status bad = absl::InvalidArgumentError(
      "assignment: expected a list of {\"entry\": text, \"value\": integer}");
  if (!json.is_array()) return bad;
  Assignment assignment;
  for (const Json& item : json) {
    if (!item.is_object() || item.size() != 2 || !item.contains("entry") ||
        !item["entry"].is_string() || !item.contains("value") ||
        !item["value"].is_number_integer() ||
        (item["value"].is_number_unsigned() && item["value"].get<std::uint64_t>() > INT64_MAX)) {
      return bad;
    }
    assignment.push_back({item["entry"].get<std::string>(), item["value"].get<std::int64_t>()});
  }
  return assignment;
}

}  // namespace bitsweep::spec
