// SPDX-License-Identifier: Apache-2.0
// average_bits.json and the accuracies of training.json.
#include <numeric>
#include <regex>
#include <string>

#include "gtest/gtest.h"
#include "nlohmann/json.hpp"
#include "tests/support/status_matchers.h"
#include "tests/support/test_paths.h"
#include "worker/passes/evaluate.h"
#include "worker/passes/quantize.h"

namespace bitsweep::passes {
namespace {

using Json = nlohmann::json;

TEST(AverageBitsGoldenTest, EveryCaseIsReproduced) {
  const Json file = bitsweep::testing::ReadGolden("average_bits.json");
  for (const auto& [key, value] : file.items()) {
    EXPECT_TRUE(key == "description" || key == "cases" || key == "graph_variant_example")
        << "unknown key " << key;
  }
  ASSERT_FALSE(file.at("cases").empty());
  for (const Json& json : file.at("cases")) {
    std::vector<LinearWidth> layers;
    for (const Json& layer : json.at("layers")) {
      ASSERT_EQ(layer.size(), 3U);
      layers.push_back(
          {.in_features = layer[0], .out_features = layer[1], .weight_bits = layer[2]});
    }
    const double average = AverageBitwidth(layers);
    EXPECT_NEAR(average, json.at("average_bitwidth").get<double>(), 1e-12);
    EXPECT_NEAR(MemoryDensity(average, json.at("compare_to")), json.at("memory_density"), 1e-12);
    EXPECT_EQ(json.size(), 4U) << "a key is not understood";
  }
}

// The tool's other average sums a format's table entries: what reports call its precision.
TEST(AverageBitsGoldenTest, PrecisionSumsToTheToolsGraphAverage) {
  static const std::regex integer(R"(integer \((\d+),(\d+)\).*)");
  const Json file = bitsweep::testing::ReadGolden("average_bits.json");
  for (const auto& [key, value] : file.at("graph_variant_example").items()) {
    SCOPED_TRACE(key);
    std::vector<std::int64_t> precision = {32};
    std::smatch match;
    const std::string name = key;
    if (std::regex_match(name, match, integer)) {
      precision = graph::Precision(
          graph::IntegerFormat{.width = std::stoll(match[1]), .frac_width = std::stoll(match[2])});
    } else {
      ASSERT_EQ(key, "float32");
    }
    const auto sum = std::accumulate(precision.begin(), precision.end(), std::int64_t{0});
    for (const auto& [average, bits] : value.items()) {
      EXPECT_EQ(static_cast<double>(sum), bits.get<double>()) << average;
    }
  }
}

// Answers with the predictions that it is given, row after row.
class ScriptedRunner final : public GraphRunner {
 public:
  ScriptedRunner(std::vector<std::size_t> predictions, std::size_t classes)
      : predictions_(std::move(predictions)), classes_(classes) {}

  absl::StatusOr<std::vector<float>> Forward(std::span<const float>, std::int64_t rows) override {
    std::vector<float> outputs(static_cast<std::size_t>(rows) * classes_, 0.0F);
    for (std::size_t i = 0; i < static_cast<std::size_t>(rows); ++i) {
      outputs[i * classes_ + predictions_.at(next_++)] = 1;
    }
    return outputs;
  }
  absl::Status VisitInputs(std::span<const float>, std::int64_t, const std::vector<std::size_t>&,
                           const std::function<void(const NodeInput&)>&) override {
    return absl::UnimplementedError("not asked");
  }
  absl::StatusOr<std::vector<float>> RunNode(std::size_t, const std::vector<std::vector<float>>&,
                                             std::int64_t) override {
    return absl::UnimplementedError("not asked");
  }

 private:
  const std::vector<std::size_t> predictions_;
  const std::size_t classes_;
  std::size_t next_ = 0;
};

TEST(AccuracyGoldenTest, MicroAndMacroAreReproduced) {
  const Json file = bitsweep::testing::ReadGolden("training.json");
  const Json& accuracy = file.at("accuracy");
  const Json cases = accuracy.is_array() ? accuracy : Json::array({accuracy});
  ASSERT_FALSE(cases.empty());
  for (const Json& json : cases) {
    EXPECT_EQ(json.size(), 5U) << "a key is not understood";
    const auto labels = json.at("labels").get<std::vector<std::int32_t>>();
    const auto classes = json.at("num_classes").get<std::int64_t>();
    ScriptedRunner runner(json.at("predictions").get<std::vector<std::size_t>>(),
                          static_cast<std::size_t>(classes));
    const std::vector<float> x(labels.size(), 0.0F);
    ASSERT_OK_AND_ASSIGN(const EvaluationMetrics metrics,
                         Evaluate(runner, x, labels, classes, 5, nullptr));
    EXPECT_NEAR(metrics.accuracy, json.at("micro").get<double>(), 1e-12);
    EXPECT_NEAR(metrics.macro_accuracy, json.at("macro").get<double>(), 1e-12);
  }
}

}  // namespace
}  // namespace bitsweep::passes
