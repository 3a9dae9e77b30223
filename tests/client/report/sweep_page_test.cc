// SPDX-License-Identifier: Apache-2.0
#include "client/report/sweep_page.h"

#include <map>

#include "client/report/axis_charts.h"
#include "client/report/chart_axis.h"
#include "client/report/compare_sweeps.h"
#include "client/report/fields.h"
#include "client/report/html.h"
#include "fmt/format.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "nlohmann/json.hpp"

namespace bitsweep::report {
namespace {

using nlohmann::json;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

v1::Hyperparameters Hyperparameters(double learning_rate, std::int64_t batch_size) {
  v1::Hyperparameters h;
  h.set_max_epochs(10);
  h.set_learning_rate(learning_rate);
  h.set_batch_size(batch_size);
  h.set_optimizer(v1::OPTIMIZER_ADAM);
  h.set_weight_decay(0);
  h.set_schedule(v1::SCHEDULE_COSINE);
  return h;
}

// Adds a configuration whose repeats have these accuracies.
void AddConfiguration(SweepResults& results, const v1::Hyperparameters& h,
                      const std::vector<double>& accuracies) {
  const auto number = static_cast<std::int64_t>(results.configurations.size());
  v1::Configuration& c = results.configurations.emplace_back();
  c.set_name(fmt::format("sweeps/lab-1/configurations/{}", number));
  *c.mutable_hyperparameters() = h;
  const Sample sample = SampleOf(accuracies);
  c.mutable_val_acc()->set_n(sample.n);
  if (sample.n > 0) c.mutable_val_acc()->set_mean(sample.mean);
  if (sample.sd) c.mutable_val_acc()->set_sd(*sample.sd);
  std::int64_t repeat = 0;
  for (const double accuracy : accuracies) {
    v1::Trial trial;
    trial.set_name(fmt::format("sweeps/lab-1/trials/{}", results.outcomes.size()));
    trial.set_configuration(c.name());
    trial.set_repeat(repeat++);
    trial.set_state(v1::Trial::STATE_SUCCEEDED);
    trial.mutable_result()->set_val_acc(accuracy);
    trial.mutable_result()->set_seconds(1);
    trial.mutable_result()->set_rows_per_second(1000);
    trial.mutable_result()->set_engine("fused");
    trial.mutable_result()->set_engine_version("fused 1");
    results.Add(trial);
  }
  results.sweep.set_configuration_count(number + 1);
}

// Base 1e-5 and 256; rates 1e-4 and 1e-3; batch size 16.
SweepResults OneAtATime() {
  SweepResults results;
  results.sweep.set_name("sweeps/lab-1");
  results.sweep.mutable_base()->set_max_epochs(10);
  results.sweep.mutable_base()->set_batch_size(256);  // the rate is the recipe's: 1e-5
  results.sweep.mutable_one_at_a_time();
  results.sweep.add_varying("learning_rate");
  results.sweep.add_varying("batch_size");
  AddConfiguration(results, Hyperparameters(1e-5, 256), {0.5, 0.52});
  AddConfiguration(results, Hyperparameters(1e-4, 256), {0.6, 0.61});
  AddConfiguration(results, Hyperparameters(1e-3, 256), {0.7, 0.71});
  AddConfiguration(results, Hyperparameters(1e-5, 16), {0.55});
  return results;
}

json SpecOf(const Page& page, const std::string& id) {
  for (const Section& section : page.sections) {
    for (const Block& block : section.blocks) {
      const Chart* chart = std::get_if<Chart>(&block);
      if (chart != nullptr && chart->id == id) return json::parse(chart->vega_lite);
    }
  }
  return nullptr;
}

TEST(AxisTest, ChoosesTheScaleOnWhichValuesLieEvenly) {
  const auto kind = [](const std::vector<double>& numbers) {
    std::vector<FieldValue> values;
    for (const double number : numbers) values.push_back({fmt::format("{}", number), number});
    return KindOfAxis(DistinctValues(values));
  };
  EXPECT_EQ(kind({16, 32, 64, 128, 256, 512}), AxisKind::kLog2);
  EXPECT_EQ(kind({1e-2, 1e-6, 1e-5, 1e-4, 1e-3}), AxisKind::kLog10);
  EXPECT_EQ(kind({1e-3, 3e-3, 1e-2}), AxisKind::kLog10);
  EXPECT_EQ(kind({10, 50, 100}), AxisKind::kLinear);
  EXPECT_EQ(kind({1, 2, 3, 4, 5}), AxisKind::kLinear);
  EXPECT_EQ(kind({7}), AxisKind::kLinear);
  EXPECT_EQ(kind({0, 1e-4, 1e-3, 1e-2}), AxisKind::kDiscrete);
  EXPECT_EQ(KindOfAxis({{"adam", std::nullopt}, {"sgd", std::nullopt}}), AxisKind::kDiscrete);
}

TEST(SweepResultsTest, FindsTheBaseWithTheRecipesDefaults) {
  const SweepResults results = OneAtATime();
  EXPECT_EQ(results.Base(), 0);
  EXPECT_EQ(results.LabelOf(0), "0: base");
  EXPECT_EQ(results.LabelOf(3), "3: batch 16");
  EXPECT_THAT(results.BestFirst(), ElementsAre(2, 1, 3, 0));
  EXPECT_THAT(MembersOfAxis(results, "learning_rate"), ElementsAre(0, 1, 2));
  EXPECT_THAT(MembersOfAxis(results, "batch_size"), ElementsAre(0, 3));
}

TEST(SweepPageTest, DrawsEachRepeatAndTheMeanOfEachValue) {
  const json spec = SpecOf(BuildSweepPage(OneAtATime(), {}, "now"), "axis-learning_rate");
  ASSERT_FALSE(spec.is_null());
  EXPECT_EQ(spec["datasets"]["points"].size(), 6u);
  const json& means = spec["datasets"]["means"];
  ASSERT_EQ(means.size(), 3u);
  EXPECT_EQ(means[0]["x"], 1e-5);
  EXPECT_EQ(means[0]["y"], 0.51);
  EXPECT_EQ(means[0]["n"], 2);
  // t(1) sd / sqrt(2) = 12.7062 * 0.0141421 / 1.4142136 = 0.127062
  EXPECT_NEAR(means[0]["low"].get<double>(), 0.51 - 0.127062, 1e-5);
  EXPECT_EQ(spec["layer"][0]["encoding"]["x"]["scale"]["type"], "log");
  EXPECT_EQ(spec["width"], "container");
}

TEST(SweepPageTest, HasNoIntervalOfOneRepeat) {
  const json spec = SpecOf(BuildSweepPage(OneAtATime(), {}, "now"), "axis-batch_size");
  EXPECT_FALSE(spec["datasets"]["means"][0].contains("low"));  // 16
  EXPECT_TRUE(spec["datasets"]["means"][1].contains("low"));   // 256
}

TEST(SweepPageTest, SaysSoWhenThereIsNothing) {
  SweepResults results;
  results.sweep.set_name("sweeps/lab-1");
  results.sweep.mutable_end_time()->set_seconds(1);
  v1::Trial failed;
  failed.set_name("sweeps/lab-1/trials/0");
  failed.set_configuration("sweeps/lab-1/configurations/0");
  failed.set_state(v1::Trial::STATE_FAILED);
  failed.set_failure_reason(v1::FAILURE_REASON_NAN_LOSS);
  failed.set_failure_message("the loss is not a number");
  results.Add(failed);
  const std::string html = RenderHtml(BuildSweepPage(results, {}, "now"));
  EXPECT_THAT(html, HasSubstr("No trial has a result"));
  EXPECT_THAT(html, HasSubstr("the loss is not a number"));
  EXPECT_THAT(html, HasSubstr("failed, nan_loss"));
}

TEST(CurveBuilderTest, AveragesRepeatsAndKeepsTheLastEpochWhenThinned) {
  CurveBuilder builder(3);
  for (const double offset : {0.0, 0.1}) {
    v1::Trial trial;
    trial.set_state(v1::Trial::STATE_SUCCEEDED);
    for (int epoch = 0; epoch < 10; ++epoch) {
      v1::EpochPoint* point = trial.add_epochs();
      point->set_epoch(epoch);
      point->set_val_acc(0.1 * epoch + offset);
      point->set_learning_rate(0.5);
    }
    builder.Add(trial);
  }
  v1::Trial running;
  running.set_state(v1::Trial::STATE_RUNNING);
  running.add_epochs()->set_val_acc(99);
  builder.Add(running);
  const Curve whole = builder.Finish(100);
  ASSERT_EQ(whole.points.size(), 10u);
  EXPECT_NEAR(whole.points[4].val_acc.mean, 0.45, 1e-12);
  EXPECT_EQ(whole.points[4].val_acc.n, 2);
  const Curve thinned = builder.Finish(4);
  ASSERT_LE(thinned.points.size(), 4u);
  EXPECT_EQ(thinned.points.back().epoch, 9);
}

// 5,000 configurations with 2 repeats: every picture is bounded, the table has all.
TEST(SweepPageTest, StaysSmallForManyConfigurations) {
  SweepResults results;
  results.sweep.set_name("sweeps/lab-1");
  results.sweep.mutable_random()->set_count(5000);
  results.sweep.add_varying("learning_rate");
  results.sweep.add_varying("batch_size");
  for (int i = 0; i < 5000; ++i) {
    AddConfiguration(results, Hyperparameters(1e-5 * (1 + i), 16 << (i % 4)),
                     {0.5 + i * 1e-5, 0.6 - i * 1e-5});
  }
  const Page page = BuildSweepPage(results, {}, "now");
  std::int64_t trials = 0;
  const json cells = SpecOf(page, "axis-learning_rate");
  for (const json& cell : cells["datasets"]["cells"]) trials += cell["n"].get<std::int64_t>();
  EXPECT_EQ(trials, 10000);
  EXPECT_LE(cells["datasets"]["cells"].size(), 1200u);
  EXPECT_EQ(SpecOf(page, "parallel")["datasets"]["lines"].size(), 300u * 3);
  EXPECT_LT(RenderHtml(page).size(), 3'000'000u);
  EXPECT_THAT(ConfigurationsToDraw(results).size(), 8u);
}

TEST(ChartTest, IsJsonWhateverBytesAreInIt) {
  const json rows = {{{"c", "\xff \xe2\x80\xa8 </script>"}}};
  EXPECT_TRUE(json::accept(LayeredChart(10, {{"rows", rows}}, json::array())));
}

TEST(MatchTest, PairsEqualHyperparametersWithResults) {
  const SweepResults a = OneAtATime();
  SweepResults b;
  b.sweep.add_varying("learning_rate");
  AddConfiguration(b, Hyperparameters(1e-3, 256), {0.8, 0.81});
  AddConfiguration(b, Hyperparameters(1e-4, 256), {});
  AddConfiguration(b, Hyperparameters(1, 256), {0.2});
  const Matching matching = Match(a, b);
  ASSERT_EQ(matching.pairs.size(), 1u);
  EXPECT_EQ(matching.pairs[0].a, 2);
  EXPECT_EQ(matching.pairs[0].b, 0);
  EXPECT_NEAR(matching.pairs[0].difference.value, 0.1, 1e-12);
  EXPECT_THAT(matching.only_a, ElementsAre(0, 1, 3));
  EXPECT_THAT(matching.only_b, ElementsAre(1, 2));
  EXPECT_THAT(Match(b, b).only_a, ElementsAre(1));
}

}  // namespace
}  // namespace bitsweep::report
