// SPDX-License-Identifier: Apache-2.0
// Forward passes in evaluation mode against vectors from PyTorch, with parameters made by formula.
#include <cmath>
#include <map>
#include <set>
#include <string>
#include <variant>
#include <vector>

#include "core/graph/zoo.h"
#include "core/spec/quantize_spec.h"
#include "gtest/gtest.h"
#include "nlohmann/json.hpp"
#include "tests/support/test_paths.h"
#include "tests/worker/nn/module_run.h"

namespace bitsweep::nn {
namespace {

using graph::OutputActivation;

// The vectors' formula: element i of parameter number l.
float Element(std::int64_t i, std::int64_t l) {
  return static_cast<float>((i * 37 + 11 * l) % 257 - 128) / 512;
}

std::vector<graph::TensorValue> FormulaTensors(const graph::Graph& graph) {
  std::vector<graph::TensorValue> values;
  std::int64_t parameter = 0;
  for (const graph::TensorInfo& info : graph.tensors()) {
    graph::TensorValue value{.name = info.name};
    const std::int64_t count = graph::ElementCount(info.shape);
    const bool is_gamma = info.name.ends_with(".weight") &&
                          std::holds_alternative<graph::BatchNorm1d>(
                              graph.nodes()[static_cast<std::size_t>(graph.Find(info.node))].op);
    for (std::int64_t i = 0; i < count; ++i) {
      if (info.is_int64) {
        value.i64.push_back(0);
      } else if (info.role == graph::TensorRole::kParameter) {
        value.f32.push_back(Element(i, parameter) + (is_gamma ? 1.0F : 0.0F));
      } else if (info.name.ends_with("running_mean")) {
        value.f32.push_back(Element(i, 91));
      } else {
        value.f32.push_back(std::abs(Element(i, 92)) + 0.5F);
      }
    }
    if (info.role == graph::TensorRole::kParameter) ++parameter;
    values.push_back(std::move(value));
  }
  return values;
}

// The same network without the activation before its output.
graph::Graph WithoutLastActivation(const graph::Graph& graph) {
  std::vector<graph::Node> nodes = graph.nodes();
  const graph::Node activation = nodes[nodes.size() - 2];
  nodes.erase(nodes.end() - 2);
  nodes.back().inputs = activation.inputs;
  return graph::Graph::Create(graph.name(), nodes).value();
}

graph::Graph Variant(const std::string& model, const std::string& key) {
  const auto build = [&](std::optional<OutputActivation> activation) {
    return graph::BuildModel(model, {.output_activation = activation}).value();
  };
  if (key.starts_with("output_relu_")) return build(OutputActivation::kRelu);
  if (key.starts_with("output_sigmoid_")) return build(OutputActivation::kSigmoid);
  if (key.starts_with("output_")) return build(std::nullopt);
  return WithoutLastActivation(build(std::nullopt));  // pre_activation_..., logits_...
}

// Every op of `ops` as integer (8, 4).
graph::Graph Integer84(const graph::Graph& graph, const std::vector<std::string>& ops) {
  const spec::TensorFormatSpec format{.width = 8, .frac_width = 4};
  spec::QuantizeSpec quantization{.by = "type", .default_config = spec::FormatConfig{.name = "NA"}};
  for (const std::string& op : ops) {
    quantization.rules.push_back(
        {.key = op,
         .config = {.name = "integer", .data_in = format, .weight = format, .bias = format}});
  }
  return spec::Quantize(graph, quantization).value();
}

std::vector<float> Inputs(std::int64_t elements) {
  std::vector<float> x;
  for (std::int64_t i = 0; i < elements; ++i) {
    x.push_back(static_cast<float>((i * 53 + 7) % 193 - 96) / 32);
  }
  return x;
}

TEST(ModelForwardTest, AgreesWithTheGoldenVectors) {
  const nlohmann::json golden = bitsweep::testing::ReadGolden("model_forward.json");
  int compared = 0;
  for (const auto& [model, entry] : golden.items()) {
    if (model == "description") continue;
    ASSERT_TRUE(graph::IsBuiltinModel(model)) << "model_forward.json: no such model: " << model;
    const std::int64_t rows = entry.at("input_shape").at(0);
    std::int64_t elements = 1;
    for (const std::int64_t size : entry.at("input_shape")) elements *= size;
    const std::vector<float> x = Inputs(elements);
    for (const auto& [key, expected] : entry.items()) {
      if (!key.ends_with("_fp32")) {
        static const std::set<std::string> kOthers = {"input_shape", "quantized", "cross_checked"};
        EXPECT_TRUE(kOthers.contains(key) || key.ends_with("_quantized"))
            << model << ": \"" << key << "\" is not understood";
        continue;
      }
      const graph::Graph graph = Variant(model, key);
      GraphModule module(graph, FormulaTensors(graph), 0);
      const std::vector<float> got = Outputs(module, x, rows, Mode::kEvaluate);
      const auto wanted = expected.get<std::vector<std::vector<double>>>();
      ASSERT_EQ(wanted.size(), static_cast<std::size_t>(rows)) << model << " " << key;
      ASSERT_EQ(got.size(), wanted.size() * wanted[0].size()) << model << " " << key;
      for (std::size_t i = 0; i < got.size(); ++i) {
        EXPECT_NEAR(got[i], wanted[i / wanted[0].size()][i % wanted[0].size()], 1e-4)
            << model << " " << key << " element " << i;
      }
      ++compared;
    }
  }
  EXPECT_GE(compared, 5);
}

// Layers on grids of 1/16 give exact multiples of 1/256; a sigmoid after them rounds.
TEST(ModelForwardTest, AgreesWithTheGoldenVectorsWhenQuantized) {
  const nlohmann::json golden = bitsweep::testing::ReadGolden("model_forward.json");
  int compared = 0;
  for (const auto& [model, entry] : golden.items()) {
    if (model == "description" || !entry.contains("quantized")) continue;
    ASSERT_TRUE(graph::IsBuiltinModel(model)) << "model_forward.json: no such model: " << model;
    const std::int64_t rows = entry.at("input_shape").at(0);
    std::int64_t elements = 1;
    for (const std::int64_t size : entry.at("input_shape")) elements *= size;
    for (const auto& [key, expected] : entry.items()) {
      if (!key.ends_with("_quantized")) continue;
      const graph::Graph graph =
          Integer84(Variant(model, key), entry.at("quantized").get<std::vector<std::string>>());
      GraphModule module(graph, FormulaTensors(graph), 0);
      const std::vector<float> got = Outputs(module, Inputs(elements), rows, Mode::kEvaluate);
      const auto wanted = expected.get<std::vector<std::vector<double>>>();
      ASSERT_EQ(got.size(), wanted.size() * wanted[0].size()) << model << " " << key;
      const bool rounds = key.find("sigmoid") != std::string::npos;
      for (std::size_t i = 0; i < got.size(); ++i) {
        EXPECT_NEAR(got[i], wanted[i / wanted[0].size()][i % wanted[0].size()], rounds ? 1e-6 : 0)
            << model << " " << key << " element " << i;
      }
      ++compared;
    }
  }
  EXPECT_GE(compared, 5);
}

}  // namespace
}  // namespace bitsweep::nn
