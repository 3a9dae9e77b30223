// SPDX-License-Identifier: Apache-2.0
// Losses and gradients of every operation against finite differences in float64.
#include <algorithm>
#include <cmath>
#include <cstdint>
#include <memory>
#include <ostream>
#include <string>
#include <utility>
#include <vector>

#include "core/base/random.h"
#include "core/graph/graph.h"
#include "core/graph/graph_json.h"
#include "core/graph/zoo.h"
#include "gtest/gtest.h"
#include "tests/worker/train/fused/reference.h"
#include "worker/data/dataset.h"
#include "worker/train/fused/fused_engine.h"

namespace bitsweep::train::fused {
namespace {

constexpr std::uint64_t kSeed = 11;

// Nodes written as {name, op, inputs}; modules own their tensors.
struct Line {
  std::string name;
  graph::Op op;
  std::vector<std::string> inputs;
};

graph::Graph Network(const graph::Shape& input, const std::vector<Line>& lines) {
  std::vector<graph::Node> nodes = {
      {.name = "x", .kind = graph::NodeKind::kPlaceholder, .target = "x", .sample_shape = input}};
  for (const Line& line : lines) {
    const bool is_add = std::holds_alternative<graph::Add>(line.op);
    const bool is_view = std::holds_alternative<graph::View>(line.op);
    nodes.push_back({.name = line.name,
                     .kind = is_add    ? graph::NodeKind::kCallFunction
                             : is_view ? graph::NodeKind::kCallMethod
                                       : graph::NodeKind::kCallModule,
                     .target = is_add    ? "add"
                               : is_view ? "view"
                                         : line.name,
                     .op = line.op,
                     .inputs = line.inputs});
  }
  nodes.push_back({.name = "output",
                   .kind = graph::NodeKind::kOutput,
                   .target = "output",
                   .inputs = {lines.back().name}});
  return graph::Graph::Create("test", std::move(nodes)).value();
}

// Values that no kink of a relu lies near.
std::vector<graph::TensorValue> RandomTensors(const graph::Graph& graph) {
  Random random(kSeed, RandomStream::kInit);
  std::vector<graph::TensorValue> tensors;
  for (const graph::TensorInfo& info : graph.tensors()) {
    graph::TensorValue value{.name = info.name};
    if (info.is_int64) {
      value.i64 = {3};
    } else {
      const bool is_variance = info.name.ends_with("running_var");
      for (std::int64_t i = 0; i < graph::ElementCount(info.shape); ++i) {
        const float uniform = random.NextFloat();
        value.f32.push_back(is_variance ? 0.5F + uniform : 1.6F * uniform - 0.7F);
      }
    }
    tensors.push_back(std::move(value));
  }
  return tensors;
}

data::Dataset Rows(const graph::Graph& graph, std::int64_t rows) {
  data::Dataset dataset{.features = graph.InputFeatures(), .classes = graph.OutputFeatures()};
  Random random(kSeed, RandomStream::kSynthetic);
  for (std::int64_t r = 0; r < rows; ++r) {
    for (std::int64_t f = 0; f < dataset.features; ++f) {
      dataset.train_x.push_back(3 * random.NextFloat() - 1.5F);
    }
    dataset.train_y.push_back(
        static_cast<std::int32_t>(random.NextBelow(static_cast<std::uint64_t>(dataset.classes))));
  }
  dataset.validates_on_training_rows = true;
  return dataset;
}

struct GradientCase {
  std::string name;
  graph::Graph graph;
};

void PrintTo(const GradientCase& c, std::ostream* out) { *out << c.name; }

std::vector<GradientCase> Cases() {
  using graph::Add;
  using graph::BatchNorm1d;
  using graph::Conv1d;
  using graph::Dropout;
  using graph::Flatten;
  using graph::Linear;
  using graph::Relu;
  using graph::Sigmoid;
  using graph::View;
  const auto linear = [](std::int64_t in, std::int64_t out, bool bias = true) {
    return Linear{.in_features = in, .out_features = out, .bias = bias};
  };
  const auto conv = [](std::int64_t in, std::int64_t out, std::int64_t kernel, std::int64_t stride,
                       std::int64_t padding, bool bias = true) {
    return Conv1d{.in_channels = in,
                  .out_channels = out,
                  .kernel_size = kernel,
                  .stride = stride,
                  .padding = padding,
                  .bias = bias};
  };
  const auto norm = [](std::int64_t n) { return BatchNorm1d{.num_features = n}; };
  return {
      {"OneFeature", Network({1}, {{"a", linear(1, 3), {"x"}}})},
      {"LinearWithoutBias", Network({7}, {{"a", linear(7, 3, false), {"x"}}})},
      {"WideLinear",
       Network({19},
               {{"a", linear(19, 23), {"x"}}, {"r", Relu{}, {"a"}}, {"b", linear(23, 3), {"r"}}})},
      {"ManyClasses", Network({5}, {{"a", linear(5, 37), {"x"}}})},
      {"Sigmoid", Network({6}, {{"a", linear(6, 5), {"x"}},
                                {"s", Sigmoid{}, {"a"}},
                                {"b", linear(5, 4), {"s"}},
                                {"t", Sigmoid{}, {"b"}}})},
      {"NormFirst",
       Network({6}, {{"n", norm(6), {"x"}}, {"r", Relu{}, {"n"}}, {"a", linear(6, 3), {"r"}}})},
      {"NormInTheMiddle", Network({6}, {{"a", linear(6, 9), {"x"}},
                                        {"n", norm(9), {"a"}},
                                        {"r", Relu{}, {"n"}},
                                        {"b", linear(9, 3), {"r"}},
                                        {"m", norm(3), {"b"}}})},
      {"NormOverPositions", Network({2, 7}, {{"a", conv(2, 5, 3, 1, 1), {"x"}},
                                             {"n", norm(5), {"a"}},
                                             {"r", Relu{}, {"n"}},
                                             {"f", Flatten{}, {"r"}},
                                             {"b", linear(35, 3), {"f"}}})},
      {"ConvStridePadding", Network({3, 11}, {{"a", conv(3, 4, 5, 2, 3), {"x"}},
                                              {"r", Relu{}, {"a"}},
                                              {"b", conv(4, 2, 3, 3, 0), {"r"}},
                                              {"f", Flatten{}, {"b"}},
                                              {"c", linear(4, 3), {"f"}}})},
      {"ConvWithoutBiasSkipsInputs", Network({1, 9}, {{"a", conv(1, 3, 2, 4, 0, false), {"x"}},
                                                      {"v", View{.shape = {-1, 6}}, {"a"}},
                                                      {"b", linear(6, 3), {"v"}}})},
      {"Residual", Network({6}, {{"a", linear(6, 8), {"x"}},
                                 {"r", Relu{}, {"a"}},
                                 {"b", linear(8, 8), {"r"}},
                                 {"s", Add{}, {"b", "r"}},
                                 {"t", Relu{}, {"s"}},
                                 {"c", linear(8, 3), {"t"}}})},
      {"ResidualConv", Network({2, 5}, {{"a", conv(2, 4, 3, 1, 1), {"x"}},
                                        {"r", Relu{}, {"a"}},
                                        {"b", conv(4, 4, 3, 1, 1), {"r"}},
                                        {"s", Add{}, {"b", "r"}},
                                        {"t", Relu{}, {"s"}},
                                        {"f", Flatten{}, {"t"}},
                                        {"c", linear(20, 3), {"f"}},
                                        {"o", Sigmoid{}, {"c"}}})},
      {"AddOfOneValueTwice", Network({4}, {{"a", linear(4, 3), {"x"}}, {"s", Add{}, {"a", "a"}}})},
      {"AddOfTheInput", Network({4}, {{"a", linear(4, 4), {"x"}}, {"s", Add{}, {"x", "a"}}})},
      {"ReluReadByTwo", Network({4}, {{"a", linear(4, 5), {"x"}},
                                      {"r", Relu{}, {"a"}},
                                      {"s", Add{}, {"a", "r"}},
                                      {"b", linear(5, 3), {"s"}}})},
      {"Dropout", Network({6}, {{"a", linear(6, 10), {"x"}},
                                {"d", Dropout{.p = 0.4}, {"a"}},
                                {"b", linear(10, 3), {"d"}}})},
      {"Toy", graph::BuildModel("jsc-toy", {}).value()},
  };
}

class GradientTest : public ::testing::TestWithParam<GradientCase> {};

TEST_P(GradientTest, LossAndGradientsAreThoseOfFiniteDifferences) {
  const graph::Graph& graph = GetParam().graph;
  const auto tensors = RandomTensors(graph);
  const Doubles exact = ToDoubles(tensors);
  for (const std::int64_t rows : {2, 15, 16, 17, 35}) {
    const data::Dataset dataset = Rows(graph, rows);
    const auto session =
        FusedEngine()
            .Start(graph, tensors, {.batch_size = rows, .optimizer = spec::Optimizer::kSgd},
                   dataset, kSeed)
            .value();
    std::vector<std::uint32_t> order(static_cast<std::size_t>(rows));
    for (std::size_t i = 0; i < order.size(); ++i) order[i] = static_cast<std::uint32_t>(i);
    std::vector<StepReport> report(1);
    session->Steps(order, rows, 1.0, report);

    EXPECT_NEAR(
        report[0].loss,
        ReferenceLoss(graph, exact, dataset.train_x, dataset.train_y, ReferenceMode::kTrain, kSeed),
        1e-5)
        << rows << " rows";
    const Doubles gradients =
        ReferenceGradients(graph, exact, dataset.train_x, dataset.train_y, kSeed);
    const auto stepped = session->Tensors();
    for (std::size_t t = 0; t < gradients.size(); ++t) {
      for (std::size_t i = 0; i < gradients[t].size(); ++i) {
        // The first step of SGD with rate 1: w - 1.9 (g + 5e-4 w).
        const double w = exact[t][i];
        const double g = (w - static_cast<double>(stepped[t].f32[i])) / 1.9 - 5e-4 * w;
        EXPECT_NEAR(g, gradients[t][i], 3e-6 + 1e-4 * std::abs(gradients[t][i]))
            << tensors[t].name << " element " << i << ", " << rows << " rows";
      }
    }
  }
}

TEST_P(GradientTest, EvaluationIsThatOfFloat64) {
  const graph::Graph& graph = GetParam().graph;
  const auto tensors = RandomTensors(graph);
  const data::Dataset dataset = Rows(graph, 35);
  const auto session =
      FusedEngine().Start(graph, tensors, {.batch_size = 10}, dataset, kSeed).value();
  const EvaluationSums sums = session->Evaluate(10, [] { return false; });
  EXPECT_EQ(sums.rows, 35);
  EXPECT_NEAR(sums.loss_sum / 35,
              ReferenceLoss(graph, ToDoubles(tensors), dataset.train_x, dataset.train_y,
                            ReferenceMode::kEvaluate, kSeed),
              1e-5);
  ASSERT_EQ(sums.batch_mean_loss.size(), 4U);
  const double mean_of_all = (10 * sums.batch_mean_loss[0] + 10 * sums.batch_mean_loss[1] +
                              10 * sums.batch_mean_loss[2] + 5 * sums.batch_mean_loss[3]) /
                             35;
  EXPECT_NEAR(mean_of_all, sums.loss_sum / 35, 1e-12);
}

INSTANTIATE_TEST_SUITE_P(Operations, GradientTest, ::testing::ValuesIn(Cases()),
                         [](const auto& c) { return c.param.name; });

}  // namespace
}  // namespace bitsweep::train::fused
