// SPDX-License-Identifier: Apache-2.0
// Quantization in the canonical JSON of sweeps.
#include "core/spec/quantize_json.h"

#include "core/spec/spec_json.h"
#include "nlohmann/json.hpp"
#include "tests/core/spec/lab1.h"
#include "tests/core/spec/quantize_specs.h"
#include "tests/support/status_matchers.h"

namespace bitsweep::spec {
namespace {

using ::bitsweep::testing::StatusIs;
using ::testing::HasSubstr;
using ::testing::Not;
using Json = nlohmann::json;

SweepSpec With(QuantizeSpec quantization) {
  SweepSpec spec = Lab1();
  spec.quantization = std::move(quantization);
  return spec;
}

TEST(QuantizeJsonTest, SweepsWithoutQuantizationKeepTheirDigests) {
  SweepSpec spec;
  spec.model.builtin = "jsc-tiny";
  spec.dataset.name = "jsc";
  spec.base.learning_rate = 1e-5;
  EXPECT_THAT(ToCanonicalJson(spec), Not(HasSubstr("quantization")));
  EXPECT_EQ(SpecDigest(spec), "d4de812e999eff3ac36b6ecf759682326058229cb7daf35f37d496892e069b03");
  EXPECT_NE(SpecDigest(With(LabReport())), SpecDigest(Lab1()));
}

TEST(QuantizeJsonTest, TextIsCanonical) {
  QuantizeSpec spec = By("type", {{"linear", {.name = "integer", .data_in = Bits(8, -4)}}});
  EXPECT_EQ(QuantizeToJson(spec).dump(),
            R"({"by":"type","default_config":{"bypass":false,"name":"NA",)"
            R"("semantics":"compatible"},"rules":[{"config":{"bypass":false,)"
            R"("data_in":{"frac_width":-4,"width":8},"name":"integer",)"
            R"("semantics":"compatible"},"key":"linear"}]})");
}

TEST(QuantizeJsonTest, RoundTripsEveryField) {
  const TensorFormatSpec every = {.width = 1,
                                  .frac_width = -2,
                                  .exponent_width = 3,
                                  .exponent_bias = -4,
                                  .exponent_bias_width = 5,
                                  .block_size = {-1, 16},
                                  .stochastic = false,
                                  .bipolar = true,
                                  .scaling_factor = true,
                                  .floor = false,
                                  .mean = 0.1,
                                  .median = 1e-300,
                                  .max = 3};
  const SweepSpec spec = With({.by = "regex_name",
                               .default_config = FormatConfig{.name = "log", .bias = every},
                               .rules = {{"a.*",
                                          {.name = "minifloat_ieee",
                                           .bypass = true,
                                           .semantics = graph::Semantics::kExact,
                                           .data_in = every,
                                           .weight = TensorFormatSpec{}}}}});
  ASSERT_OK_AND_ASSIGN(const SweepSpec read, SweepSpecFromJson(ToCanonicalJson(spec)));
  EXPECT_EQ(read, spec);
  const SweepSpec bare = With({.by = "type"});
  EXPECT_EQ(SweepSpecFromJson(ToCanonicalJson(bare)).value(), bare);
}

// That the report's quantization with the value at `pointer` replaced is refused, saying `why`.
void ExpectRefused(const std::string& pointer, Json value, const std::string& why) {
  Json json = Json::parse(ToCanonicalJson(With(LabReport())));
  json[Json::json_pointer("/quantization" + pointer)] = std::move(value);
  EXPECT_THAT(SweepSpecFromJson(json.dump()),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr(why)));
}

TEST(QuantizeJsonTest, RefusesWhatItDoesNotKnow) {
  ExpectRefused("", 1, "spec.quantization: expected an object");
  ExpectRefused("/extra", 1, "spec.quantization.extra: unknown field");
  ExpectRefused("/by", 1, "spec.quantization.by: wrong type");
  ExpectRefused("/rules", 1, "spec.quantization.rules: wrong type");
  ExpectRefused("/rules/1/config/semantics", "ideal", "rules[1].config.semantics: unknown name");
  ExpectRefused("/rules/0/config/weight/width", "8", "rules[0].config.weight.width: wrong type");
  ExpectRefused("/rules/0/config/weight/width", 1.5, "rules[0].config.weight.width: wrong type");
  ExpectRefused("/rules/0/config/weight/colour", 8, "config.weight.colour: unknown field");
  ExpectRefused("/default_config/extra", 8, "default_config.extra: unknown field");
}

}  // namespace
}  // namespace bitsweep::spec
