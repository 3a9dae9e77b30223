// SPDX-License-Identifier: Apache-2.0
// Every case of every number-format file of the golden folder, bit for bit.
#include <bit>
#include <cmath>
#include <limits>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "fmt/format.h"
#include "gtest/gtest.h"
#include "nlohmann/json.hpp"
#include "tests/support/test_paths.h"
#include "worker/quant/kernels.h"
#include "worker/quant/quantize.h"

namespace bitsweep::quant {
namespace {

using graph::NumberFormat;
using graph::Semantics;
using Json = nlohmann::json;

float Number(const Json& json) {
  if (!json.is_string()) return json.get<float>();
  const std::string text = json;
  if (text == "nan") return std::numeric_limits<float>::quiet_NaN();
  if (text == "inf") return std::numeric_limits<float>::infinity();
  if (text == "-inf") return -std::numeric_limits<float>::infinity();
  ADD_FAILURE() << "no number: " << text;
  return 0;
}

void Flatten(const Json& json, std::vector<float>& values) {
  if (json.is_array()) {
    for (const Json& item : json) Flatten(item, values);
  } else {
    values.push_back(Number(json));
  }
}

std::vector<float> Numbers(const Json& json) {
  std::vector<float> values;
  Flatten(json, values);
  return values;
}

// The parameters of a case; what is left at the end was not understood.
class Parameters {
 public:
  explicit Parameters(const Json& json) : json_(json) {
    for (const auto& [key, value] : json.items()) left_.insert(key);
  }
  const Json* Find(const std::string& key) {
    left_.erase(key);
    const auto found = json_.find(key);
    return found == json_.end() || found->is_null() ? nullptr : &*found;
  }
  std::int64_t Integer(const std::string& key, std::int64_t unset) {
    const Json* value = Find(key);
    return value == nullptr ? unset : value->get<std::int64_t>();
  }
  bool Flag(const std::string& key, bool unset) {
    const Json* value = Find(key);
    return value == nullptr ? unset : value->get<bool>();
  }
  const std::set<std::string>& left() const { return left_; }

 private:
  const Json& json_;
  std::set<std::string> left_;
};

graph::Blocks BlocksOf(Parameters& p) {
  graph::Blocks blocks;
  if (const Json* size = p.Find("block_size")) blocks.size = size->get<std::vector<std::int64_t>>();
  blocks.skip_first_dim = p.Flag("skip_first_dim", false);
  return blocks;
}

std::int64_t Middle(std::int64_t bits) { return (std::int64_t{1} << (bits - 1)) - 1; }

// The format that a case of `file` names; nothing for a file of another kind.
std::optional<NumberFormat> FormatOf(const std::string& file, Parameters& p, Semantics semantics) {
  if (file == "integer" || file == "integer_unsigned" || file == "integer_floor" ||
      file == "seed_examples") {
    const std::int64_t width = p.Integer("width", 0);
    return graph::IntegerFormat{.width = width,
                                .frac_width = p.Integer("frac_width", width / 2),
                                .is_signed = p.Flag("signed", true),
                                .rounding = file == "integer_floor" || p.Flag("floor", false)
                                                ? graph::Rounding::kFloor
                                                : graph::Rounding::kNearestEven};
  }
  if (file == "scale_integer") {
    EXPECT_TRUE(p.Flag("signed", true)) << "scale_integer is signed";
    p.Find("scale");  // words
    return graph::ScaleIntegerFormat{.width = p.Integer("width", 0)};
  }
  if (file == "binary") {
    p.Find("u");
    const Json* threshold = p.Find("threshold");
    EXPECT_TRUE(threshold == nullptr || *threshold == 0.0) << "another threshold than 0";
    return graph::BinaryFormat{.bipolar = p.Flag("bipolar", true),
                               .stochastic = p.Flag("stochastic", false)};
  }
  if (file == "ternary") {
    graph::TernaryFormat format{.scaling_factor = p.Flag("scaling_factor", false)};
    p.Find("delta");  // words
    if (const Json* threshold = p.Find("threshold")) {
      format.mean = threshold->get<double>() / 0.75;  // the given threshold itself
    }
    return format;
  }
  if (file == "minifloat_ieee" || file == "minifloat_denorm") {
    graph::MinifloatFormat format{.kind = file == "minifloat_ieee"
                                              ? graph::MinifloatFormat::Kind::kIeee
                                              : graph::MinifloatFormat::Kind::kDenorm,
                                  .width = p.Integer("width", 0),
                                  .exponent_width = p.Integer("exponent_width", 0),
                                  .semantics = semantics};
    format.exponent_bias = p.Integer("exponent_bias", Middle(format.exponent_width));
    return format;
  }
  if (file == "log") {
    graph::LogFormat format{.width = p.Integer("width", 0)};
    format.exponent_bias = p.Integer("exponent_bias", Middle(format.width - 1));
    return format;
  }
  if (file == "block_fp") {
    graph::BlockFpFormat format{.width = p.Integer("width", 0),
                                .exponent_width = p.Integer("exponent_width", 8)};
    format.exponent_bias = p.Integer("exponent_bias", Middle(format.exponent_width));
    format.blocks = BlocksOf(p);
    return format;
  }
  if (file == "block_minifloat") {
    graph::BlockMinifloatFormat format{.width = p.Integer("width", 0),
                                       .exponent_width = p.Integer("exponent_width", 0),
                                       .exponent_bias_width = p.Integer("exponent_bias_width", 0),
                                       .semantics = semantics};
    format.blocks = BlocksOf(p);
    return format;
  }
  if (file == "block_log") {
    graph::BlockLogFormat format{.width = p.Integer("width", 0),
                                 .exponent_bias_width = p.Integer("exponent_bias_width", 0)};
    format.blocks = BlocksOf(p);
    return format;
  }
  if (file == "mxint") {
    EXPECT_EQ(p.Integer("scale_bits", 8), 8);
    return graph::MxintFormat{.width = p.Integer("element_bits", 0),
                              .block_size = p.Integer("block_size", 0)};
  }
  if (file == "mxfp_ocp") {
    return graph::MxfpFormat{.exponent_width = p.Integer("element_exp_bits", 0),
                             .frac_width = p.Integer("element_frac_bits", 0),
                             .block_size = p.Integer("block_size", 0)};
  }
  return std::nullopt;
}

bool SignOfZeroCounts(const std::string& file) {
  return !file.starts_with("block_") && !file.starts_with("mx");
}

// Bit patterns such as "0x3f800000".
std::vector<float> Bits(const Json& json) {
  std::vector<float> values;
  for (const Json& text : json) {
    const unsigned long bits = std::stoul(text.get<std::string>(), nullptr, 16);
    values.push_back(std::bit_cast<float>(static_cast<std::uint32_t>(bits)));
  }
  return values;
}

void ExpectSame(const std::vector<float>& got, const std::vector<float>& wanted,
                bool sign_of_zero_counts, const std::string& where) {
  ASSERT_EQ(got.size(), wanted.size()) << where;
  for (std::size_t i = 0; i < got.size(); ++i) {
    const bool same = std::isnan(wanted[i]) ? std::isnan(got[i])
                                            : got[i] == wanted[i] &&
                                                  (!sign_of_zero_counts ||
                                                   std::signbit(got[i]) == std::signbit(wanted[i]));
    EXPECT_TRUE(same) << where << " element " << i << ": got " << fmt::format("{}", got[i])
                      << ", expected " << fmt::format("{}", wanted[i]);
  }
}

// What `expected` holds, computed.
std::vector<float> Compute(const NumberFormat& format, const Json& entry,
                           const std::vector<float>& x) {
  std::vector<float> y(x.size());
  const auto* binary = std::get_if<graph::BinaryFormat>(&format);
  if (binary != nullptr && binary->stochastic) {
    Binary(*binary, x.size(), Numbers(entry.at("params").at("u")), x, y);
    return y;
  }
  const absl::Status status =
      Quantize(format, entry.at("shape").get<graph::Shape>(), x, y, nullptr);
  EXPECT_TRUE(status.ok()) << status;
  return y;
}

class NumberFormatsTest : public ::testing::TestWithParam<std::string> {};

TEST_P(NumberFormatsTest, AgreesWithTheGoldenVectors) {
  const std::string& file = GetParam();
  const Json golden = bitsweep::testing::ReadGolden(file + ".json");
  const std::set<std::string> known = {"id",           "params",         "shape",
                                       "input",        "expected",       "note",
                                       "expected_hex", "expected_ideal", "cross_checked"};
  for (const auto& [key, value] : golden.items()) {
    const std::set<std::string> of_file = {"description", "dtype", "non_finite_as_strings",
                                           "sign_of_zero", "cases"};
    EXPECT_TRUE(of_file.contains(key)) << file << ": no such key: " << key;
  }
  ASSERT_FALSE(golden.at("cases").empty());
  for (const Json& entry : golden.at("cases")) {
    const std::string where = file + ": " + entry.at("id").get<std::string>();
    for (const auto& [key, value] : entry.items()) {
      EXPECT_TRUE(known.contains(key)) << where << ": no such key: " << key;
    }
    const std::vector<float> x = Numbers(entry.at("input"));
    for (const Semantics semantics : {Semantics::kCompatible, Semantics::kExact}) {
      const bool exact = semantics == Semantics::kExact;
      if (exact && !entry.contains("expected_ideal")) continue;
      Parameters parameters(entry.at("params"));
      const std::optional<NumberFormat> format = FormatOf(file, parameters, semantics);
      ASSERT_TRUE(format) << file << " holds a format that this test does not know";
      EXPECT_TRUE(parameters.left().empty()) << where << ": unknown " << *parameters.left().begin();
      const std::vector<float> y = Compute(*format, entry, x);
      ExpectSame(y, Numbers(entry.at(exact ? "expected_ideal" : "expected")),
                 SignOfZeroCounts(file), where + (exact ? " (exact)" : ""));
      if (!exact && entry.contains("expected_hex")) {
        ExpectSame(y, Bits(entry.at("expected_hex")), SignOfZeroCounts(file), where + " (bits)");
      }
    }
  }
}

INSTANTIATE_TEST_SUITE_P(AllFormats, NumberFormatsTest,
                         ::testing::Values("integer", "integer_unsigned", "integer_floor",
                                           "seed_examples", "scale_integer", "binary", "ternary",
                                           "minifloat_denorm", "minifloat_ieee", "log", "block_fp",
                                           "block_minifloat", "block_log", "mxint", "mxfp_ocp"),
                         [](const auto& param) { return param.param; });

}  // namespace
}  // namespace bitsweep::quant
