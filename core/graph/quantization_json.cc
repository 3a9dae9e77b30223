// SPDX-License-Identifier: Apache-2.0
#include "core/graph/quantization_json.h"

#include <optional>
#include <utility>

#include "core/graph/json_object.h"
#include "nlohmann/json.hpp"

namespace bitsweep::graph {
namespace {

using Json = nlohmann::json;

void PutBlocks(const Blocks& blocks, Json& json) {
  json["block_size"] = blocks.size;
  json["skip_first_dim"] = blocks.skip_first_dim;
}

Json ToJson(const NumberFormat& format) {
  struct Visitor {
    Json operator()(const IntegerFormat& f) const {
      return {{"width", f.width},
              {"frac_width", f.frac_width},
              {"signed", f.is_signed},
              {"floor", f.rounding == Rounding::kFloor}};
    }
    Json operator()(const ScaleIntegerFormat& f) const { return {{"width", f.width}}; }
    Json operator()(const BinaryFormat& f) const {
      return {{"bipolar", f.bipolar}, {"stochastic", f.stochastic}};
    }
    Json operator()(const TernaryFormat& f) const {
      Json json = {{"scaling_factor", f.scaling_factor}};
      if (f.mean) json["mean"] = *f.mean;
      if (f.median) json["median"] = *f.median;
      if (f.max) json["max"] = *f.max;
      return json;
    }
    Json operator()(const MinifloatFormat& f) const {
      return {{"width", f.width},
              {"exponent_width", f.exponent_width},
              {"exponent_bias", f.exponent_bias},
              {"exact", f.semantics == Semantics::kExact}};
    }
    Json operator()(const LogFormat& f) const {
      return {{"width", f.width}, {"exponent_bias", f.exponent_bias}};
    }
    Json operator()(const BlockFpFormat& f) const {
      Json json = {{"width", f.width},
                   {"exponent_width", f.exponent_width},
                   {"exponent_bias", f.exponent_bias}};
      PutBlocks(f.blocks, json);
      return json;
    }
    Json operator()(const BlockMinifloatFormat& f) const {
      Json json = {{"width", f.width},
                   {"exponent_width", f.exponent_width},
                   {"exponent_bias_width", f.exponent_bias_width},
                   {"exact", f.semantics == Semantics::kExact}};
      PutBlocks(f.blocks, json);
      return json;
    }
    Json operator()(const BlockLogFormat& f) const {
      Json json = {{"width", f.width}, {"exponent_bias_width", f.exponent_bias_width}};
      PutBlocks(f.blocks, json);
      return json;
    }
    Json operator()(const MxintFormat& f) const {
      return {{"width", f.width}, {"block_size", f.block_size}};
    }
    Json operator()(const MxfpFormat& f) const {
      return {{"exponent_width", f.exponent_width},
              {"frac_width", f.frac_width},
              {"block_size", f.block_size}};
    }
  };
  return std::visit(Visitor{}, format);
}

Semantics ReadSemantics(JsonObject& o) {
  return o.Flag("exact", false) ? Semantics::kExact : Semantics::kCompatible;
}

Blocks ReadBlocks(JsonObject& o) {
  return {o.Integers("block_size"), o.Flag("skip_first_dim", false)};
}

// Fields are read in the order of the braces.
NumberFormat ReadFields(const std::string& name, JsonObject& o, const std::string& where) {
  if (name == "integer") {
    IntegerFormat f{o.Integer("width"), o.Integer("frac_width"), o.Flag("signed", true)};
    if (o.Flag("floor", false)) f.rounding = Rounding::kFloor;
    return f;
  }
  if (name == "scale_integer") return ScaleIntegerFormat{o.Integer("width")};
  if (name == "binary") return BinaryFormat{o.Flag("bipolar", true), o.Flag("stochastic", false)};
  if (name == "ternary") {
    return TernaryFormat{o.Flag("scaling_factor", false), o.MaybeNumber("mean"),
                         o.MaybeNumber("median"), o.MaybeNumber("max")};
  }
  if (name == "minifloat_ieee" || name == "minifloat_denorm") {
    return MinifloatFormat{
        name == "minifloat_ieee" ? MinifloatFormat::Kind::kIeee : MinifloatFormat::Kind::kDenorm,
        o.Integer("width"), o.Integer("exponent_width"), o.Integer("exponent_bias"),
        ReadSemantics(o)};
  }
  if (name == "log") return LogFormat{o.Integer("width"), o.Integer("exponent_bias")};
  if (name == "block_fp") {
    return BlockFpFormat{o.Integer("width"), o.Integer("exponent_width"),
                         o.Integer("exponent_bias"), ReadBlocks(o)};
  }
  if (name == "block_minifloat") {
    return BlockMinifloatFormat{o.Integer("width"), o.Integer("exponent_width"),
                                o.Integer("exponent_bias_width"), ReadBlocks(o), ReadSemantics(o)};
  }
  if (name == "block_log") {
    return BlockLogFormat{o.Integer("width"), o.Integer("exponent_bias_width"), ReadBlocks(o)};
  }
  if (name == "mxint") return MxintFormat{o.Integer("width"), o.Integer("block_size")};
  if (name == "mxfp") {
    return MxfpFormat{o.Integer("exponent_width"), o.Integer("frac_width"),
                      o.Integer("block_size")};
  }
  json_object::Fail(where, "unknown number format " + Quoted(name));
}

std::optional<NumberFormat> ReadFormat(JsonObject& node, const std::string& key,
                                       const std::string& name) {
  const Json* json = node.Find(key);
  if (json == nullptr) return std::nullopt;
  const std::string where = node.where() + " " + key;
  JsonObject o(*json, where);
  NumberFormat format = ReadFields(name, o, where);
  o.Done();
  return format;
}

}  // namespace

Json QuantizationToJson(const NodeQuantization& quantization) {
  Json json = {{"format", quantization.format}, {"bypass", quantization.bypass}};
  if (quantization.data_in) json["data_in"] = ToJson(*quantization.data_in);
  if (quantization.weight) json["weight"] = ToJson(*quantization.weight);
  if (quantization.bias) json["bias"] = ToJson(*quantization.bias);
  return json;
}

NodeQuantization ReadQuantization(const Json& json, const std::string& where) {
  JsonObject o(json, where);
  NodeQuantization quantization;
  quantization.format = o.Text("format");
  quantization.bypass = o.Flag("bypass", false);
  const std::string name = quantization.format == "fixed" ? "integer" : quantization.format;
  quantization.data_in = ReadFormat(o, "data_in", name);
  quantization.weight = ReadFormat(o, "weight", name);
  quantization.bias = ReadFormat(o, "bias", name);
  o.Done();
  return quantization;
}

}  // namespace bitsweep::graph
