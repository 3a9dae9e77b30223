// SPDX-License-Identifier: Apache-2.0
#include "core/spec/quantize_json.h"

#include <cstdint>
#include <utility>
#include <vector>

#include "core/spec/json_reader.h"
#include "fmt/format.h"
#include "nlohmann/json.hpp"

namespace bitsweep::spec {
namespace {

using Json = nlohmann::json;

// Calls f(key, member) for each optional entry of a tensor's format, integers, flags and numbers.
template <typename Tensor, typename F>
void ForEachEntry(Tensor& t, F f) {
  f("width", t.width);
  f("frac_width", t.frac_width);
  f("exponent_width", t.exponent_width);
  f("exponent_bias", t.exponent_bias);
  f("exponent_bias_width", t.exponent_bias_width);
  f("stochastic", t.stochastic);
  f("bipolar", t.bipolar);
  f("scaling_factor", t.scaling_factor);
  f("floor", t.floor);
  f("mean", t.mean);
  f("median", t.median);
  f("max", t.max);
}

Json ToJson(const TensorFormatSpec& tensor) {
  Json json = Json::object();
  ForEachEntry(tensor, [&](const char* key, const auto& value) {
    if (value) json[key] = *value;
  });
  if (!tensor.block_size.empty()) json["block_size"] = tensor.block_size;
  return json;
}

TensorFormatSpec ReadTensor(const Json& json, const std::string& path) {
  JsonReader r(json, path);
  TensorFormatSpec tensor;
  ForEachEntry(tensor, [&](const char* key, auto& value) {
    value = r.Maybe<typename std::remove_reference_t<decltype(value)>::value_type>(key);
  });
  if (r.Has("block_size")) tensor.block_size = r.Get<std::vector<std::int64_t>>("block_size");
  r.Done();
  return tensor;
}

Json ToJson(const FormatConfig& config) {
  const bool exact = config.semantics == graph::Semantics::kExact;
  Json json = {{"name", config.name},
               {"bypass", config.bypass},
               {"semantics", exact ? "exact" : "compatible"}};
  if (config.data_in) json["data_in"] = ToJson(*config.data_in);
  if (config.weight) json["weight"] = ToJson(*config.weight);
  if (config.bias) json["bias"] = ToJson(*config.bias);
  return json;
}

std::optional<graph::Semantics> ParseSemantics(std::string_view name) {
  if (name == "exact") return graph::Semantics::kExact;
  if (name == "compatible") return graph::Semantics::kCompatible;
  return std::nullopt;
}

FormatConfig ReadConfig(const Json& json, const std::string& path) {
  JsonReader r(json, path);
  FormatConfig config;
  config.name = r.Get<std::string>("name");
  config.bypass = r.Get<bool>("bypass");
  config.semantics = r.Named("semantics", ParseSemantics);
  const auto tensor = [&](const char* key) -> std::optional<TensorFormatSpec> {
    if (!r.Has(key)) return std::nullopt;
    return ReadTensor(r.Child(key), r.PathOf(key));
  };
  config.data_in = tensor("data_in");
  config.weight = tensor("weight");
  config.bias = tensor("bias");
  r.Done();
  return config;
}

}  // namespace

Json QuantizeToJson(const QuantizeSpec& spec) {
  Json rules = Json::array();
  for (const QuantizationRule& rule : spec.rules) {
    rules.push_back({{"key", rule.key}, {"config", ToJson(rule.config)}});
  }
  Json json = {{"by", spec.by}, {"rules", std::move(rules)}};
  if (spec.default_config) json["default_config"] = ToJson(*spec.default_config);
  return json;
}

QuantizeSpec ReadQuantize(const Json& json, const std::string& path) {
  JsonReader r(json, path);
  QuantizeSpec spec;
  spec.by = r.Get<std::string>("by");
  if (r.Has("default_config")) {
    spec.default_config = ReadConfig(r.Child("default_config"), r.PathOf("default_config"));
  }
  const Json& rules = r.Child("rules");
  if (!rules.is_array()) r.Fail("rules", "wrong type");
  for (std::size_t i = 0; i < rules.size(); ++i) {
    JsonReader rule(rules[i], fmt::format("{}[{}]", r.PathOf("rules"), i));
    spec.rules.push_back(
        {rule.Get<std::string>("key"), ReadConfig(rule.Child("config"), rule.PathOf("config"))});
    rule.Done();
  }
  r.Done();
  return spec;
}

}  // namespace bitsweep::spec
