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

#include "core/graph/graph.h"
#include "core/graph/zoo.h"
#include "gtest/gtest.h"
#include "tests/worker/train/fused/reference.h"
#include "tests/worker/train/fused/small_graphs.h"
#include "worker/data/dataset.h"
#include "worker/train/fused/fused_engine.h"

namespace bitsweep::train::fused {
namespace {

constexpr std::uint64_t kSeed = 11;

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
  using graph::Relu;
  using graph::Sigmoid;
  using graph::View;
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
      {"OneFeature", Network({1}, {{"a", Fc(1, 3), {"x"}}})},
      {"LinearWithoutBias", Network({7}, {{"a", Fc(7, 3, false), {"x"}}})},
      {"WideLinear",
       Network({19}, {{"a", Fc(19, 23), {"x"}}, {"r", Relu{}, {"a"}}, {"b", Fc(23, 3), {"r"}}})},
      {"ManyClasses", Network({5}, {{"a", Fc(5, 37), {"x"}}})},
      {"Sigmoid", Network({6}, {{"a", Fc(6, 5), {"x"}},
                                {"s", Sigmoid{}, {"a"}},
                                {"b", Fc(5, 4), {"s"}},
                                {"t", Sigmoid{}, {"b"}}})},
      {"NormFirst",
       Network({6}, {{"n", norm(6), {"x"}}, {"r", Relu{}, {"n"}}, {"a", Fc(6, 3), {"r"}}})},
      {"NormInTheMiddle", Network({6}, {{"a", Fc(6, 9), {"x"}},
                                        {"n", norm(9), {"a"}},
                                        {"r", Relu{}, {"n"}},
                                        {"b", Fc(9, 3), {"r"}},
                                        {"m", norm(3), {"b"}}})},
      {"NormOverPositions", Network({2, 7}, {{"a", conv(2, 5, 3, 1, 1), {"x"}},
                                             {"n", norm(5), {"a"}},
                                             {"r", Relu{}, {"n"}},
                                             {"f", Flatten{}, {"r"}},
                                             {"b", Fc(35, 3), {"f"}}})},
      {"ConvStridePadding", Network({3, 11}, {{"a", conv(3, 4, 5, 2, 3), {"x"}},
                                              {"r", Relu{}, {"a"}},
                                              {"b", conv(4, 2, 3, 3, 0), {"r"}},
                                              {"f", Flatten{}, {"b"}},
                                              {"c", Fc(4, 3), {"f"}}})},
      {"ConvWithoutBiasSkipsInputs", Network({1, 9}, {{"a", conv(1, 3, 2, 4, 0, false), {"x"}},
                                                      {"v", View{.shape = {-1, 6}}, {"a"}},
                                                      {"b", Fc(6, 3), {"v"}}})},
      {"ConvOfPaddingAlone", Network({2, 1}, {{"a", conv(2, 3, 1, 3, 1), {"x"}},
                                              {"f", Flatten{}, {"a"}},
                                              {"b", Fc(3, 3), {"f"}}})},
      {"Residual", Network({6}, {{"a", Fc(6, 8), {"x"}},
                                 {"r", Relu{}, {"a"}},
                                 {"b", Fc(8, 8), {"r"}},
                                 {"s", Add{}, {"b", "r"}},
                                 {"t", Relu{}, {"s"}},
                                 {"c", Fc(8, 3), {"t"}}})},
      {"ResidualConv", Network({2, 5}, {{"a", conv(2, 4, 3, 1, 1), {"x"}},
                                        {"r", Relu{}, {"a"}},
                                        {"b", conv(4, 4, 3, 1, 1), {"r"}},
                                        {"s", Add{}, {"b", "r"}},
                                        {"t", Relu{}, {"s"}},
                                        {"f", Flatten{}, {"t"}},
                                        {"c", Fc(20, 3), {"f"}},
                                        {"o", Sigmoid{}, {"c"}}})},
      {"AddOfOneValueTwice", Network({4}, {{"a", Fc(4, 3), {"x"}}, {"s", Add{}, {"a", "a"}}})},
      {"AddOfTheInput", Network({4}, {{"a", Fc(4, 4), {"x"}}, {"s", Add{}, {"x", "a"}}})},
      {"ReluReadByTwo", Network({4}, {{"a", Fc(4, 5), {"x"}},
                                      {"r", Relu{}, {"a"}},
                                      {"s", Add{}, {"a", "r"}},
                                      {"b", Fc(5, 3), {"s"}}})},
      {"Dropout", Network({6}, {{"a", Fc(6, 10), {"x"}},
                                {"d", Dropout{.p = 0.4}, {"a"}},
                                {"b", Fc(10, 3), {"d"}}})},
      {"Toy", graph::BuildModel("jsc-toy", {}).value()},
  };
}

class GradientTest : public ::testing::TestWithParam<GradientCase> {};

TEST_P(GradientTest, LossAndGradientsAreThoseOfFiniteDifferences) {
  const graph::Graph& graph = GetParam().graph;
  const auto tensors = RandomTensors(graph, kSeed);
  const Doubles exact = ToDoubles(tensors);
  for (const std::int64_t rows : {2, 15, 16, 17, 35}) {
    const data::Dataset dataset = RandomRows(graph, rows, kSeed);
    const auto session =
        FusedEngine()
            .Start(graph, tensors, {.batch_size = rows, .optimizer = spec::Optimizer::kSgd},
                   dataset, kSeed)
            .value();
    std::vector<StepReport> report(1);
    session->Steps(InOrder(rows), rows, 1.0, report);

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
  const auto tensors = RandomTensors(graph, kSeed);
  const data::Dataset dataset = RandomRows(graph, 35, kSeed);
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

// A graph without norms runs a batch in tiles: dropout goes on where the tile before ended.
TEST(GradientOverTilesTest, SumsOverAllTiles) {
  std::vector<Line> lines;
  std::string last = "x";
  for (int i = 0; i < 12; ++i) {  // wide enough that 600 samples are several tiles
    const std::string name = "a" + std::to_string(i);
    lines.push_back({name, Fc(i == 0 ? 2 : 40, i == 11 ? 3 : 40), {last}});
    last = name;
    if (i != 5) continue;
    lines.push_back({"d", graph::Dropout{.p = 0.5}, {last}});
    last = "d";
  }
  const graph::Graph graph = Network({2}, lines);
  std::vector<graph::TensorValue> tensors = RandomTensors(graph, kSeed);
  for (graph::TensorValue& t : tensors) {
    for (float& v : t.f32) v *= 0.3F;
  }
  const Doubles exact = ToDoubles(tensors);
  const data::Dataset dataset = RandomRows(graph, 600, kSeed);
  const auto session =
      FusedEngine()
          .Start(graph, tensors, {.batch_size = 600, .optimizer = spec::Optimizer::kSgd}, dataset,
                 kSeed)
          .value();
  std::vector<StepReport> report(1);
  session->Steps(InOrder(600), 600, 1.0, report);
  const auto loss = [&](const Doubles& at) {
    return ReferenceLoss(graph, at, dataset.train_x, dataset.train_y, ReferenceMode::kTrain, kSeed);
  };
  EXPECT_NEAR(report[0].loss, loss(exact), 1e-5);
  const auto stepped = session->Tensors();
  for (std::size_t t = 0; t < exact.size(); t += 11) {  // some: each takes two passes the slow way
    Doubles moved = exact;
    moved[t][1] += 1e-5;
    const double above = loss(moved);
    moved[t][1] -= 2e-5;
    const double slope = (above - loss(moved)) / 2e-5;
    const double w = exact[t][1];
    EXPECT_NEAR((w - static_cast<double>(stepped[t].f32[1])) / 1.9 - 5e-4 * w, slope,
                3e-6 + 1e-4 * std::abs(slope))
        << tensors[t].name;
  }
}

INSTANTIATE_TEST_SUITE_P(Operations, GradientTest, ::testing::ValuesIn(Cases()),
                         [](const auto& c) { return c.param.name; });

}  // namespace
}  // namespace bitsweep::train::fused
