// SPDX-License-Identifier: Apache-2.0
// Gradients of quantized tensors pass straight through: against tests/golden/ste_gradients.json.
#include <torch/types.h>

#include <optional>
#include <regex>
#include <string>
#include <vector>

#include "gtest/gtest.h"
#include "nlohmann/json.hpp"
#include "tests/support/test_paths.h"
#include "worker/nn/fake_quantize.h"

namespace bitsweep::nn {
namespace {

std::vector<std::int64_t> Integers(const std::string& text) {
  std::vector<std::int64_t> numbers;
  static const std::regex kNumber("-?[0-9]+");
  for (std::sregex_iterator it(text.begin(), text.end(), kNumber), end; it != end; ++it) {
    numbers.push_back(std::stoll(it->str()));
  }
  return numbers;
}

// "integer(8,4)", "binary bipolar", "block_log(8,4,[16])"; nothing for what it does not know.
std::optional<graph::NumberFormat> ParseQuantizer(const std::string& text) {
  if (text == "binary bipolar") return graph::BinaryFormat{.bipolar = true};
  static const std::regex kCall(R"(([a-z_]+)\(([-0-9, ]*?),?\s*(?:\[([-0-9, ]+)\])?\))");
  std::smatch parts;
  if (!std::regex_match(text, parts, kCall)) return std::nullopt;
  const std::string name = parts[1];
  const std::vector<std::int64_t> n = Integers(parts[2]);
  const graph::Blocks blocks{.size = Integers(parts[3])};
  using Kind = graph::MinifloatFormat::Kind;
  if (name == "integer" && n.size() == 2) {
    return graph::IntegerFormat{.width = n[0], .frac_width = n[1]};
  }
  if (name == "minifloat_ieee" && n.size() == 3) {
    return graph::MinifloatFormat{Kind::kIeee, n[0], n[1], n[2]};
  }
  if (name == "minifloat_denorm" && n.size() == 3) {
    return graph::MinifloatFormat{Kind::kDenorm, n[0], n[1], n[2]};
  }
  if (name == "log" && n.size() == 2) return graph::LogFormat{n[0], n[1]};
  if (name == "block_fp" && n.size() == 3 && !blocks.size.empty()) {
    return graph::BlockFpFormat{n[0], n[1], n[2], blocks};
  }
  if (name == "block_minifloat" && n.size() == 3 && !blocks.size.empty()) {
    return graph::BlockMinifloatFormat{n[0], n[1], n[2], blocks};
  }
  if (name == "block_log" && n.size() == 2 && !blocks.size.empty()) {
    return graph::BlockLogFormat{n[0], n[1], blocks};
  }
  return std::nullopt;
}

TEST(SteGradientsTest, AgreeWithTheGoldenVectors) {
  const nlohmann::json golden = bitsweep::testing::ReadGolden("ste_gradients.json");
  bitsweep::testing::ExpectKnownKeys(golden, {"description", "cases"}, "ste_gradients.json");
  ASSERT_FALSE(golden.at("cases").empty());
  for (const nlohmann::json& entry : golden.at("cases")) {
    const std::string quantizer = entry.at("quantizer");
    bitsweep::testing::ExpectKnownKeys(entry, {"quantizer", "input", "upstream", "grad_input"},
                                       "ste_gradients.json: " + quantizer);
    const std::optional<graph::NumberFormat> format = ParseQuantizer(quantizer);
    ASSERT_TRUE(format) << "no such quantizer: " << quantizer;
    const auto input = entry.at("input").get<std::vector<float>>();
    const auto upstream = entry.at("upstream").get<std::vector<float>>();
    at::Tensor x = at::tensor(input).set_requires_grad(true);
    Random random(1, RandomStream::kQuantize);
    FakeQuantize(x, *format, random).backward(at::tensor(upstream));
    const at::Tensor gradient = x.grad().contiguous();
    const float* values = gradient.data_ptr<float>();
    EXPECT_EQ(std::vector<float>(values, values + gradient.numel()),
              entry.at("grad_input").get<std::vector<float>>())
        << quantizer;
  }
}

TEST(SteGradientsTest, PassThroughEveryFormat) {
  const std::vector<graph::NumberFormat> formats = {
      graph::IntegerFormat{},
      graph::ScaleIntegerFormat{},
      graph::BinaryFormat{},
      graph::BinaryFormat{.bipolar = true, .stochastic = true},
      graph::TernaryFormat{},
      graph::MinifloatFormat{},
      graph::LogFormat{},
      graph::BlockFpFormat{},
      graph::BlockMinifloatFormat{},
      graph::BlockLogFormat{},
      graph::MxintFormat{.block_size = 2},
      graph::MxfpFormat{.block_size = 2}};
  for (const graph::NumberFormat& format : formats) {
    at::Tensor x = at::tensor({0.03F, -0.5F, 100.0F, 0.0F}).reshape({2, 2}).set_requires_grad(true);
    Random random(1, RandomStream::kQuantize);
    const at::Tensor upstream = at::tensor({1.0F, -2.0F, 0.5F, 3.0F}).reshape({2, 2});
    FakeQuantize(x, format, random).backward(upstream);
    EXPECT_TRUE(x.grad().equal(upstream)) << graph::FormatName(format);
  }
}

}  // namespace
}  // namespace bitsweep::nn
