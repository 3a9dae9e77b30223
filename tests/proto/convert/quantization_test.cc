// SPDX-License-Identifier: Apache-2.0
#include "proto/convert/quantization.h"

#include "gmock/gmock.h"
#include "google/protobuf/util/json_util.h"
#include "google/protobuf/util/message_differencer.h"
#include "gtest/gtest.h"

namespace bitsweep::convert {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

v1::Quantization Parse(const std::string& json) {
  v1::Quantization proto;
  const auto status = google::protobuf::util::JsonStringToMessage(json, &proto);
  EXPECT_TRUE(status.ok()) << status.ToString();
  return proto;
}

spec::QuantizeSpec Read(const std::string& json) {
  std::vector<FieldViolation> violations;
  spec::QuantizeSpec spec = FromProto(Parse(json), "q", violations);
  EXPECT_THAT(violations, IsEmpty());
  return spec;
}

TEST(QuantizationConvertTest, ReadsEveryEntryOfATensor) {
  const spec::QuantizeSpec spec = Read(R"({"by": "name", "rules": [{"key": "fc", "config": {
      "name": "integer", "bypass": true, "semantics": "SEMANTICS_EXACT",
      "data_in": {"width": 8, "frac_width": -3, "exponent_width": 4, "exponent_bias": 7,
                  "exponent_bias_width": 5, "block_size": [1, 16], "stochastic": true,
                  "bipolar": false, "scaling_factor": true, "mean": 0.5, "median": 0.25, "max": 2,
                  "floor": true}}}]})");
  ASSERT_EQ(spec.rules.size(), 1u);
  const spec::FormatConfig& config = spec.rules[0].config;
  EXPECT_EQ(spec.by, "name");
  EXPECT_EQ(spec.rules[0].key, "fc");
  EXPECT_EQ(config.name, "integer");
  EXPECT_TRUE(config.bypass);
  EXPECT_EQ(config.semantics, graph::Semantics::kExact);
  const spec::TensorFormatSpec expected{.width = 8,
                                        .frac_width = -3,
                                        .exponent_width = 4,
                                        .exponent_bias = 7,
                                        .exponent_bias_width = 5,
                                        .block_size = {1, 16},
                                        .stochastic = true,
                                        .bipolar = false,
                                        .scaling_factor = true,
                                        .floor = true,
                                        .mean = 0.5,
                                        .median = 0.25,
                                        .max = 2};
  EXPECT_EQ(config.data_in, expected);
  EXPECT_EQ(config.weight, std::nullopt);
}

TEST(QuantizationConvertTest, WhatIsNotWrittenStaysUnset) {
  const spec::QuantizeSpec spec =
      Read(R"({"by": "type", "rules": [{"key": "relu", "config": {"name": "integer",
               "data_in": {"width": 8}}}]})");
  EXPECT_EQ(spec.default_config, std::nullopt);
  const spec::FormatConfig& config = spec.rules[0].config;
  EXPECT_EQ(config.semantics, graph::Semantics::kCompatible);
  EXPECT_EQ(config.data_in, spec::TensorFormatSpec{.width = 8});
  EXPECT_EQ(config.bias, std::nullopt);
}

TEST(QuantizationConvertTest, GoesThereAndBackUnchanged) {
  const spec::QuantizeSpec spec = Read(R"({"by": "regex_name",
      "default_config": {"name": "NA"},
      "rules": [{"key": "seq_.*", "config": {"name": "block_fp", "semantics": "SEMANTICS_EXACT",
                   "data_in": {"width": 6, "exponent_width": 8, "block_size": [1, 16]},
                   "weight": {"width": 6, "exponent_width": 8, "block_size": [16, -1]},
                   "bias": {"width": 6, "exponent_width": 8, "block_size": [16]}}},
                {"key": "fc", "config": {"name": "ternary",
                   "weight": {"scaling_factor": true, "median": 0.1}}}]})");
  std::vector<FieldViolation> violations;
  EXPECT_EQ(FromProto(ToProto(spec), "q", violations), spec);
  EXPECT_THAT(violations, IsEmpty());
}

TEST(QuantizationConvertTest, AnUnknownSemanticsIsRefusedByName) {
  v1::Quantization proto = Parse(R"({"by": "type", "rules": [{}, {"key": "relu"}]})");
  proto.mutable_rules(1)->mutable_config()->set_semantics(static_cast<v1::Semantics>(7));
  std::vector<FieldViolation> violations;
  FromProto(proto, "transform.passes[2].quantize.quantization", violations);
  EXPECT_THAT(violations, ElementsAre(FieldViolation{
                              "transform.passes[2].quantize.quantization.rules[1].config.semantics",
                              "unknown value 7"}));
}

}  // namespace
}  // namespace bitsweep::convert
