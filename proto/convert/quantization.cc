// SPDX-License-Identifier: Apache-2.0
#include "proto/convert/quantization.h"

#include "fmt/format.h"

namespace bitsweep::convert {
namespace {

using Violations = std::vector<FieldViolation>;

spec::TensorFormatSpec FromProto(const v1::TensorFormat& proto) {
  spec::TensorFormatSpec format;
  if (proto.has_width()) format.width = proto.width();
  if (proto.has_frac_width()) format.frac_width = proto.frac_width();
  if (proto.has_exponent_width()) format.exponent_width = proto.exponent_width();
  if (proto.has_exponent_bias()) format.exponent_bias = proto.exponent_bias();
  if (proto.has_exponent_bias_width()) format.exponent_bias_width = proto.exponent_bias_width();
  format.block_size.assign(proto.block_size().begin(), proto.block_size().end());
  if (proto.has_stochastic()) format.stochastic = proto.stochastic();
  if (proto.has_bipolar()) format.bipolar = proto.bipolar();
  if (proto.has_scaling_factor()) format.scaling_factor = proto.scaling_factor();
  if (proto.has_mean()) format.mean = proto.mean();
  if (proto.has_median()) format.median = proto.median();
  if (proto.has_max()) format.max = proto.max();
  if (proto.has_floor()) format.floor = proto.floor();
  return format;
}

v1::TensorFormat ToProto(const spec::TensorFormatSpec& format) {
  v1::TensorFormat proto;
  if (format.width) proto.set_width(*format.width);
  if (format.frac_width) proto.set_frac_width(*format.frac_width);
  if (format.exponent_width) proto.set_exponent_width(*format.exponent_width);
  if (format.exponent_bias) proto.set_exponent_bias(*format.exponent_bias);
  if (format.exponent_bias_width) proto.set_exponent_bias_width(*format.exponent_bias_width);
  proto.mutable_block_size()->Add(format.block_size.begin(), format.block_size.end());
  if (format.stochastic) proto.set_stochastic(*format.stochastic);
  if (format.bipolar) proto.set_bipolar(*format.bipolar);
  if (format.scaling_factor) proto.set_scaling_factor(*format.scaling_factor);
  if (format.mean) proto.set_mean(*format.mean);
  if (format.median) proto.set_median(*format.median);
  if (format.max) proto.set_max(*format.max);
  if (format.floor) proto.set_floor(*format.floor);
  return proto;
}

graph::Semantics FromProto(v1::Semantics semantics, const std::string& field,
                           Violations& violations) {
  switch (semantics) {
    case v1::SEMANTICS_UNSPECIFIED:
    case v1::SEMANTICS_COMPATIBLE:
      return graph::Semantics::kCompatible;
    case v1::SEMANTICS_EXACT:
      return graph::Semantics::kExact;
    default:
      violations.push_back({field, fmt::format("unknown value {}", static_cast<int>(semantics))});
      return graph::Semantics::kCompatible;
  }
}

spec::FormatConfig FromProto(const v1::QuantizationConfig& proto, const std::string& field,
                             Violations& violations) {
  spec::FormatConfig config;
  config.name = proto.name();
  config.bypass = proto.bypass();
  config.semantics = FromProto(proto.semantics(), field + ".semantics", violations);
  if (proto.has_data_in()) config.data_in = FromProto(proto.data_in());
  if (proto.has_weight()) config.weight = FromProto(proto.weight());
  if (proto.has_bias()) config.bias = FromProto(proto.bias());
  return config;
}

v1::QuantizationConfig ToProto(const spec::FormatConfig& config) {
  v1::QuantizationConfig proto;
  proto.set_name(config.name);
  proto.set_bypass(config.bypass);
  proto.set_semantics(config.semantics == graph::Semantics::kExact ? v1::SEMANTICS_EXACT
                                                                   : v1::SEMANTICS_COMPATIBLE);
  if (config.data_in) *proto.mutable_data_in() = ToProto(*config.data_in);
  if (config.weight) *proto.mutable_weight() = ToProto(*config.weight);
  if (config.bias) *proto.mutable_bias() = ToProto(*config.bias);
  return proto;
}

}  // namespace

spec::QuantizeSpec FromProto(const v1::Quantization& proto, const std::string& field,
                             Violations& violations) {
  spec::QuantizeSpec spec;
  spec.by = proto.by();
  if (proto.has_default_config()) {
    spec.default_config = FromProto(proto.default_config(), field + ".default_config", violations);
  }
  for (int i = 0; i < proto.rules_size(); ++i) {
    spec::QuantizationRule rule;
    rule.key = proto.rules(i).key();
    rule.config = FromProto(proto.rules(i).config(), fmt::format("{}.rules[{}].config", field, i),
                            violations);
    spec.rules.push_back(std::move(rule));
  }
  return spec;
}

v1::Quantization ToProto(const spec::QuantizeSpec& spec) {
  v1::Quantization proto;
  proto.set_by(spec.by);
  if (spec.default_config) *proto.mutable_default_config() = ToProto(*spec.default_config);
  for (const spec::QuantizationRule& rule : spec.rules) {
    v1::QuantizationRule* entry = proto.add_rules();
    entry->set_key(rule.key);
    *entry->mutable_config() = ToProto(rule.config);
  }
  return proto;
}

}  // namespace bitsweep::convert
