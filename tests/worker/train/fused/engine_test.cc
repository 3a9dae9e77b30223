// SPDX-License-Identifier: Apache-2.0
// What the fused engine supports and promises, seen from outside.
#include <cmath>
#include <cstdint>
#include <limits>
#include <map>
#include <span>
#include <string>
#include <vector>

#include "core/graph/zoo.h"
#include "core/spec/quantize_spec.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "hwy/targets.h"
#include "tests/worker/train/fused/small_graphs.h"
#include "worker/train/fused/flush_denormals.h"
#include "worker/train/fused/fused_engine.h"

namespace bitsweep::train::fused {
namespace {

using ::testing::HasSubstr;

constexpr std::uint64_t kTrialSeed = 5;

struct Trained {
  std::vector<StepReport> reports;
  std::vector<graph::TensorValue> tensors;
  EvaluationSums sums;
};

// Steps over all rows in order, `calls` calls.
Trained TrainOnce(const graph::Graph& graph, const data::Dataset& dataset, std::int64_t batch,
                  std::size_t calls) {
  const auto session = FusedEngine()
                           .Start(graph, RandomTensors(graph, 1),
                                  {.learning_rate = 0.01, .batch_size = batch}, dataset, kTrialSeed)
                           .value();
  const std::vector<std::uint32_t> order = InOrder(dataset.train_rows());
  const std::size_t rows = order.size();
  const std::size_t size = static_cast<std::size_t>(batch);
  const std::size_t steps = (rows + size - 1) / size;
  const std::size_t steps_a_call = (steps + calls - 1) / calls;
  Trained trained;
  for (std::size_t first = 0; first < rows; first += steps_a_call * size) {
    const auto some = std::span(order).subspan(first, std::min(steps_a_call * size, rows - first));
    std::vector<StepReport> reports((some.size() + size - 1) / size);
    session->Steps(some, batch, 0.01, reports);
    trained.reports.insert(trained.reports.end(), reports.begin(), reports.end());
  }
  trained.tensors = session->Tensors();
  trained.sums = session->Evaluate(batch, [] { return false; });
  return trained;
}

void ExpectSame(const Trained& a, const Trained& b) {
  EXPECT_EQ(a.tensors, b.tensors);
  EXPECT_EQ(a.sums.loss_sum, b.sums.loss_sum);
  EXPECT_EQ(a.sums.correct, b.sums.correct);
  ASSERT_EQ(a.reports.size(), b.reports.size());
  for (std::size_t i = 0; i < a.reports.size(); ++i) {
    EXPECT_EQ(a.reports[i].loss, b.reports[i].loss) << "step " << i;
    EXPECT_EQ(a.reports[i].correct, b.reports[i].correct) << "step " << i;
  }
}

TEST(FusedEngineTest, SameBitsHoweverManyStepsACallDoes) {
  for (const char* model : {"jsc-toy", "jsc-trt", "jsc-rs1923"}) {
    const graph::Graph graph = graph::BuildModel(model, {}).value();
    const data::Dataset dataset = RandomRows(graph, 500, 2);
    const Trained once = TrainOnce(graph, dataset, 30, 1);
    ExpectSame(once, TrainOnce(graph, dataset, 30, 1));
    ExpectSame(once, TrainOnce(graph, dataset, 30, 17));
  }
}

TEST(FusedEngineTest, ABatchLargerThanTheSetIsOneBatchOfAll) {
  const graph::Graph graph = graph::BuildModel("jsc-toy", {}).value();
  const data::Dataset dataset = RandomRows(graph, 37, 2);
  ExpectSame(TrainOnce(graph, dataset, 1 << 24, 1), TrainOnce(graph, dataset, 37, 1));
}

TEST(FusedEngineTest, OneRowTrainsWhereThereIsNoNorm) {
  const graph::Graph graph = Network({1}, {{"a", Fc(1, 3), {"x"}}});
  const data::Dataset dataset = RandomRows(graph, 1, 2);
  const Trained trained = TrainOnce(graph, dataset, 1, 1);
  ASSERT_EQ(trained.reports.size(), 1U);
  EXPECT_GT(trained.reports[0].loss, 0);
  EXPECT_EQ(trained.sums.rows, 1);
}

TEST(FusedEngineTest, WhatIsNoNumberShowsInTheLoss) {
  const graph::Graph graph = graph::BuildModel("jsc-tiny", {}).value();
  data::Dataset dataset = RandomRows(graph, 64, 2);
  dataset.train_x[16 * 20] = std::numeric_limits<float>::quiet_NaN();
  const Trained trained = TrainOnce(graph, dataset, 16, 1);
  EXPECT_TRUE(std::isfinite(trained.reports[0].loss));
  EXPECT_TRUE(std::isnan(trained.reports[1].loss));
}

// Losses of one row with the given output weight times 1.
double LossOf(const graph::Op& op, float output, std::int32_t label) {
  const graph::Graph graph = Network({1}, {{"a", Fc(1, 2), {"x"}}, {"o", op, {"a"}}});
  data::Dataset dataset{.features = 1, .classes = 2, .validates_on_training_rows = true};
  dataset.train_x = {1.0F};
  dataset.train_y = {label};
  const std::vector<graph::TensorValue> tensors = {{.name = "a.weight", .f32 = {0.0F, output}},
                                                   {.name = "a.bias", .f32 = {0.0F, 0.0F}}};
  return FusedEngine()
      .Start(graph, tensors, {.batch_size = 1}, dataset, 1)
      .value()
      ->Evaluate(1, [] { return false; })
      .loss_sum;
}

TEST(FusedEngineTest, ExponentialsHoldForAllOutputs) {
  const float infinity = std::numeric_limits<float>::infinity();
  for (const float x : {0.0F, 1.0F, -1.0F, 20.0F, 80.0F, 87.5F, 88.0F, 88.5F, 89.0F, 103.0F, 104.0F,
                        105.0F, 150.0F, 178.0F, 178.5F, 200.0F, 1e4F, 3e38F, infinity}) {
    for (const float sign : {1.0F, -1.0F}) {
      const double o = 1 / (1 + std::exp(-static_cast<double>(sign * x)));
      EXPECT_NEAR(LossOf(graph::Sigmoid{}, sign * x, 0),
                  std::log(std::exp(0.5) + std::exp(o)) - 0.5, 1e-6)
          << "sigmoid of " << sign * x;
      if (x > 1e30F) continue;
      const double wrong = static_cast<double>(sign * x);
      const double loss = std::max(wrong, 0.0) + std::log1p(std::exp(-std::abs(wrong)));
      EXPECT_NEAR(LossOf(graph::Dropout{.p = 0}, sign * x, 0), loss, 1e-6 * (1 + loss)) << wrong;
    }
  }
}

TEST(FusedEngineTest, OneOutputThatIsNoNumberMakesTheLossNone) {
  const float nan = std::numeric_limits<float>::quiet_NaN();
  EXPECT_TRUE(std::isnan(LossOf(graph::Dropout{.p = 0}, nan, 0)));
  EXPECT_TRUE(std::isnan(LossOf(graph::Dropout{.p = 0}, nan, 1)));
  EXPECT_TRUE(std::isnan(LossOf(graph::Sigmoid{}, nan, 0)));
}

// Of a channel with mean far from 0, against float64.
TEST(FusedEngineTest, RunningStatisticsMoveTowardsTheBatchs) {
  const graph::Graph graph =
      Network({1}, {{"n", graph::BatchNorm1d{.num_features = 1}, {"x"}}, {"a", Fc(1, 2), {"n"}}});
  data::Dataset dataset = RandomRows(graph, 37, 2);
  for (float& x : dataset.train_x) x = 1000.0F + x;
  double mean = 0;
  double variance = 0;
  for (const float x : dataset.train_x) mean += static_cast<double>(x) / 37;
  for (const float x : dataset.train_x) variance += std::pow(static_cast<double>(x) - mean, 2) / 36;
  const std::vector<graph::TensorValue> before = RandomTensors(graph, 1);
  const auto after = TrainOnce(graph, dataset, 37, 1).tensors;
  ASSERT_EQ(after[2].name, "n.running_mean");
  EXPECT_NEAR(after[2].f32[0], 0.9 * static_cast<double>(before[2].f32[0]) + 0.1 * mean, 1e-4);
  EXPECT_NEAR(after[3].f32[0], 0.9 * static_cast<double>(before[3].f32[0]) + 0.1 * variance, 1e-5);
  EXPECT_EQ(after[4].i64[0], 4);
}

TEST(FusedEngineTest, AConstantChannelIsTakenAway) {
  const graph::Graph graph = Network(
      {1},
      {{"n", graph::BatchNorm1d{.num_features = 1, .eps = 1e-50}, {"x"}}, {"a", Fc(1, 2), {"n"}}});
  data::Dataset dataset = RandomRows(graph, 40, 2);
  dataset.train_x.assign(40, 12345.678F);
  const Trained trained = TrainOnce(graph, dataset, 40, 1);
  EXPECT_TRUE(std::isfinite(trained.reports[0].loss));
}

// A session flushes denormal numbers to zero (flush_denormals.h) and leaves the caller as it was.
TEST(FusedEngineTest, TheCallersDenormalNumbersStay) {
  const graph::Graph graph = graph::BuildModel("jsc-tiny", {}).value();
  TrainOnce(graph, RandomRows(graph, 100, 2), 10, 1);
  volatile float tiny = 1e-40F;
  EXPECT_GT(tiny * 0.5F, 0.0F);
}

TEST(FusedEngineTest, DenormalNumbersAreFlushedInside) {
  volatile float tiny = 1e-40F;
  const fused::FlushDenormals flush;
  const float half = tiny * 0.5F;
  EXPECT_EQ(half, 0.0F);
}

TEST(FusedEngineTest, EvaluationStopsWhenAsked) {
  const graph::Graph graph = graph::BuildModel("jsc-tiny", {}).value();
  const data::Dataset dataset = RandomRows(graph, 100, 2);
  const auto session =
      FusedEngine().Start(graph, RandomTensors(graph, 1), {.batch_size = 10}, dataset, 1).value();
  EXPECT_EQ(session->Evaluate(10, [] { return true; }).rows, 0);
}

TEST(FusedEngineTest, OutputsMayBeMoreThanClasses) {
  const graph::Graph graph = Network({4}, {{"a", Fc(4, 9), {"x"}}});
  data::Dataset dataset = RandomRows(graph, 64, 2);
  for (std::int32_t& label : dataset.train_y) label %= 3;
  dataset.classes = 3;
  EXPECT_GT(TrainOnce(graph, dataset, 16, 1).sums.loss_sum, 0);
}

// Each instruction set of this processor, chosen in turn.
void ExpectSameBitsOnEachSet(const graph::Graph& graph, std::int64_t batch) {
  const data::Dataset dataset = RandomRows(graph, 500, 2);
  std::map<std::string, Trained> by_set;
  const std::vector<std::int64_t> sets = hwy::SupportedAndGeneratedTargets();
  for (const std::int64_t set : sets) {
    hwy::SetSupportedTargetsForTest(set);
    hwy::GetChosenTarget().Update(hwy::SupportedTargets());
    if (!FusedEngine().Supports(graph, {.batch_size = batch}, dataset).ok()) continue;
    by_set.emplace(FusedEngine().version(), TrainOnce(graph, dataset, batch, 1));
  }
  hwy::SetSupportedTargetsForTest(0);
  hwy::GetChosenTarget().Update(hwy::SupportedTargets());

  ASSERT_FALSE(by_set.empty());
  const Trained& best = by_set.at(FusedEngine().version());
  for (const auto& [name, trained] : by_set) {
    if (name == "fused 1 SSE4") {
      EXPECT_NEAR(trained.sums.loss_sum, best.sums.loss_sum, 0.01 * best.sums.loss_sum);
    } else {
      SCOPED_TRACE(name);
      ExpectSame(trained, best);
    }
  }
}

TEST(FusedEngineTest, InstructionSetsThatFuseMultiplyAndAddGiveTheSameBits) {
  for (const char* model : {"jsc-toy", "jsc-s", "jsc-trt", "jsc-rs1923"}) {
    for (const std::int64_t batch : {16, 50, 300}) {
      SCOPED_TRACE(testing::Message() << model << " batch " << batch);
      ExpectSameBitsOnEachSet(graph::BuildModel(model, {}).value(), batch);
    }
  }
}

TEST(FusedEngineTest, InstructionSetsThatFuseMultiplyAndAddRoundAlike) {
  const spec::TensorFormatSpec format{.width = 8, .frac_width = 4};
  const spec::QuantizeSpec quantize{
      .by = "type",
      .default_config = spec::FormatConfig{
          .name = "integer", .data_in = format, .weight = format, .bias = format}};
  for (const char* model : {"jsc-toy", "jsc-rs1923"}) {
    SCOPED_TRACE(model);
    ExpectSameBitsOnEachSet(spec::Quantize(graph::BuildModel(model, {}).value(), quantize).value(),
                            50);
  }
}

std::string WhyNot(const graph::Graph& graph, std::int64_t batch = 64) {
  const data::Dataset dataset = RandomRows(graph, 64, 2);
  const absl::Status status = FusedEngine().Supports(graph, {.batch_size = batch}, dataset);
  EXPECT_TRUE(absl::IsUnimplemented(status)) << status;
  return std::string(status.message());
}

TEST(FusedEngineTest, WhatItDoesNotSupportIsNamed) {
  const graph::NodeQuantization log{.format = "log", .weight = graph::LogFormat{}};
  EXPECT_THAT(WhyNot(Network({4}, {{"a", Fc(4, 3), {"x"}, log}})),
              HasSubstr("a: the number format log"));
  EXPECT_THAT(
      WhyNot(Network({4}, {{"a", Fc(4, 4), {"x"}}, {"b", Fc(4, 4), {"a"}, std::nullopt, "a"}})),
      HasSubstr("b: calls a a second time"));
  EXPECT_THAT(WhyNot(Network({4}, {{"dead", Fc(4, 4), {"x"}}, {"a", Fc(4, 4), {"x"}}})),
              HasSubstr("dead: its result does not reach the output"));
}

TEST(FusedEngineTest, ABatchThatWouldTakeTooMuchMemoryIsLeftToLibtorch) {
  const graph::Graph graph = graph::BuildModel("jsc-s", {}).value();
  data::Dataset dataset = RandomRows(graph, 2, 2);
  dataset.train_y.assign(3'000'000, 0);
  const absl::Status status = FusedEngine().Supports(graph, {.batch_size = 1 << 24}, dataset);
  EXPECT_THAT(std::string(status.message()), HasSubstr("MiB of buffers, at most 512"));
  EXPECT_TRUE(FusedEngine().Supports(graph, {.batch_size = 1024}, dataset).ok());
}

TEST(FusedEngineTest, ABypassedQuantizationRunsInFullPrecision) {
  graph::NodeQuantization bypass{.format = "log", .bypass = true, .weight = graph::LogFormat{}};
  const graph::Graph plain = Network({4}, {{"a", Fc(4, 3), {"x"}}});
  const graph::Graph marked = Network({4}, {{"a", Fc(4, 3), {"x"}, bypass}});
  const data::Dataset dataset = RandomRows(plain, 40, 2);
  ExpectSame(TrainOnce(plain, dataset, 16, 1), TrainOnce(marked, dataset, 16, 1));
}

TEST(FusedEngineTest, GraphAndDataMustFit) {
  const graph::Graph graph = Network({4}, {{"a", Fc(4, 3), {"x"}}});
  const data::Dataset other = RandomRows(Network({5}, {{"a", Fc(5, 3), {"x"}}}), 8, 2);
  const auto session = FusedEngine().Start(graph, RandomTensors(graph, 1), {}, other, 1);
  EXPECT_THAT(std::string(session.status().message()), HasSubstr("takes 4 features"));
}

}  // namespace
}  // namespace bitsweep::train::fused
