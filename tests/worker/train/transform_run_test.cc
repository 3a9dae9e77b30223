// SPDX-License-Identifier: Apache-2.0
// Whole transforms, and trainings with quantization: what a worker's slot runs.
#include <cmath>
#include <string>
#include <variant>
#include <vector>

#include "core/base/simulated_clock.h"
#include "core/graph/checkpoint.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "nlohmann/json.hpp"
#include "tests/support/test_paths.h"
#include "tests/worker/train/recording_observer.h"
#include "worker/train/torch_executor.h"

namespace bitsweep::train {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using worker::TransformOutcome;
using worker::TransformSuccess;
using worker::TrialStopped;
using worker::TrialSuccess;

const spec::DatasetSpec kJets{.name = "synthetic-jets", .synthetic_rows = 2000};

spec::QuantizeSpec Integer(std::int64_t width, std::int64_t frac_width) {
  const spec::TensorFormatSpec format{.width = width, .frac_width = frac_width};
  return {.by = "type",
          .default_config = spec::FormatConfig{.name = "NA"},
          .rules = {{.key = "linear",
                     .config = {.name = "integer", .data_in = format, .weight = format}}}};
}

class TransformRunTest : public ::testing::Test {
 protected:
  TransformSuccess Succeed(const spec::TransformWork& work, const std::string& checkpoint = "") {
    TransformOutcome outcome = executor_.RunTransform(work, checkpoint, observer_);
    if (const auto* failure = std::get_if<spec::JobFailure>(&outcome)) {
      ADD_FAILURE() << failure->message;
    }
    return std::get<TransformSuccess>(std::move(outcome));
  }
  TrialSuccess Train(const std::optional<spec::QuantizeSpec>& quantization,
                     const std::string& checkpoint = "") {
    spec::TrialSpec trial{.model = {.builtin = "jsc-tiny"}, .dataset = kJets, .seed = 31};
    trial.hyperparameters = {.max_epochs = 3, .learning_rate = 0.01, .batch_size = 64};
    trial.quantization = quantization;
    if (!checkpoint.empty()) trial.model_artifact = std::string(64, 'a');
    return std::get<TrialSuccess>(executor_.Run(trial, checkpoint, observer_));
  }
  static nlohmann::json Result(const TransformSuccess& success, const std::string& pass,
                               const std::string& field) {
    for (const worker::PassReport& report : success.passes) {
      if (report.pass == pass) return nlohmann::json::parse(report.json).at(field);
    }
    return nullptr;
  }
  static spec::TransformWork OnStored(std::vector<spec::PassSpec> passes) {
    return {.model = {.stored = "models/m-1"},
            .model_artifact = std::string(64, 'a'),
            .dataset = kJets,
            .passes = std::move(passes)};
  }

  const bitsweep::testing::TempDir folder_;
  SimulatedClock clock_;
  TorchExecutor executor_{folder_.path().string(), clock_};
  RecordingObserver observer_;
};

TEST_F(TransformRunTest, EvaluateIsWhatTrainingMeasured) {
  const TrialSuccess trained = Train(std::nullopt);
  const TransformSuccess success =
      Succeed(OnStored({spec::EvaluatePass{.batch_size = 64}}), trained.checkpoint);
  EXPECT_EQ(success.original_accuracy, trained.result.val_acc);
  EXPECT_EQ(success.accuracy, trained.result.val_acc);
  const nlohmann::json original = Result(success, "evaluate", "evaluation").at("original");
  EXPECT_NEAR(original.at("loss").get<double>(), trained.result.val_loss, 1e-7);
  EXPECT_NEAR(original.at("loss_batch_mean").get<double>(), trained.result.val_loss_batch_mean,
              1e-7);
  EXPECT_EQ(success.data_digest, trained.result.data_digest);
  EXPECT_EQ(success.checkpoint, "");
}

TEST_F(TransformRunTest, EachPassSeesTheGraphAsTheOnesBeforeLeftIt) {
  const TransformSuccess success =
      Succeed({.model = {.builtin = "jsc-tiny"},
               .passes = {spec::CompareGraphsPass{}, spec::QuantizePass{Integer(8, 4)},
                          spec::CompareGraphsPass{}}});
  std::vector<int> changed;
  for (const worker::PassReport& report : success.passes) {
    if (report.pass != "compare_graphs") continue;
    const nlohmann::json result = nlohmann::json::parse(report.json);
    int count = 0;
    for (const auto& node : result.at("comparison").at("nodes")) {
      count += node.value("changed", false) ? 1 : 0;
    }
    changed.push_back(count);
  }
  EXPECT_THAT(changed, ElementsAre(0, 1));
  const auto stored = graph::ParseCheckpoint(success.checkpoint);
  ASSERT_TRUE(stored.ok()) << stored.status();
  EXPECT_TRUE(stored->graph.nodes()[3].quantization.has_value());
}

TEST_F(TransformRunTest, KeepsNoModelWhereNoneIsWanted) {
  EXPECT_EQ(Succeed({.model = {.builtin = "jsc-tiny"},
                     .passes = {spec::QuantizePass{Integer(8, 4)}},
                     .keep_model = false})
                .checkpoint,
            "");
}

// The report's optional task: 8 rows, 8 bits.
TEST_F(TransformRunTest, CountsAsTheReport) {
  const TransformSuccess success =
      Succeed({.model = {.builtin = "jsc-tiny"},
               .passes = {spec::QuantizePass{Integer(8, 4)},
                          spec::CountOpsPass{.batch_size = 8,
                                             .conventions = {spec::CountConvention::kLabReport}}}});
  EXPECT_EQ(success.flops, 1833);
  EXPECT_EQ(success.bitops, 79680);
}

TEST_F(TransformRunTest, TheSameWorkGivesTheSameNumbers) {
  const spec::TransformWork work{
      .model = {.builtin = "jsc-toy"},
      .dataset = kJets,
      .passes = {spec::QuantizePass{Integer(6, 3)}, spec::VerifyQuantizationPass{},
                 spec::PrunePass{.method = "random", .sparsity = 0.5}, spec::EvaluatePass{}},
      .seed = 4};
  const TransformSuccess first = Succeed(work);
  const TransformSuccess second = Succeed(work);
  EXPECT_EQ(first.checkpoint, second.checkpoint);
  for (std::size_t i = 0; i < first.passes.size(); ++i) {
    EXPECT_EQ(first.passes[i].json, second.passes[i].json);
  }
}

// What was measured on other rows of the same data set is no answer.
TEST_F(TransformRunTest, AnotherSplitIsEvaluatedAnew) {
  const std::string checkpoint = Train(std::nullopt).checkpoint;
  const auto accuracy = [&](TorchExecutor& executor, std::int64_t split_seed) {
    spec::TransformWork work = OnStored({spec::EvaluatePass{}});
    work.dataset->split_seed = split_seed;
    work.dataset->validation_fraction = 0.05;
    return std::get<TransformSuccess>(executor.RunTransform(work, checkpoint, observer_))
        .original_accuracy;
  };
  accuracy(executor_, 1);
  TorchExecutor fresh(folder_.path().string(), clock_);
  EXPECT_EQ(accuracy(executor_, 2), accuracy(fresh, 2));
  EXPECT_NE(accuracy(fresh, 1), accuracy(fresh, 2));
}

// A number that was measured before a rewrite says nothing of the last graph.
TEST_F(TransformRunTest, HeadlinesAreThoseOfTheLastGraph) {
  const TransformSuccess success = Succeed(
      {.model = {.builtin = "jsc-tiny"},
       .dataset = kJets,
       .passes = {spec::EvaluatePass{}, spec::CountOpsPass{}, spec::QuantizePass{Integer(4, 2)},
                  spec::CountOpsPass{.conventions = {spec::CountConvention::kMacs}}}});
  EXPECT_EQ(success.accuracy, std::nullopt);
  EXPECT_NE(success.original_accuracy, std::nullopt);
  EXPECT_EQ(success.bitops, 80 * 4 * 4);
}

TEST_F(TransformRunTest, AFailureNamesThePass) {
  const TransformOutcome outcome = executor_.RunTransform(
      {.model = {.builtin = "jsc-tiny"},
       .passes = {spec::ReportGraphPass{}, spec::EvaluatePass{}}},  // without a data set
      "", observer_);
  const auto* failure = std::get_if<spec::JobFailure>(&outcome);
  ASSERT_NE(failure, nullptr);
  EXPECT_EQ(failure->reason, spec::FailureReason::kInvalidModel);
  EXPECT_THAT(failure->message, HasSubstr("pass 1 (evaluate)"));
}

TEST_F(TransformRunTest, StopsWhenAsked) {
  observer_.stop_at = 0;
  const TransformOutcome outcome = executor_.RunTransform(
      {.model = {.builtin = "jsc-tiny"}, .passes = {spec::ReportGraphPass{}}}, "", observer_);
  EXPECT_TRUE(std::holds_alternative<TrialStopped>(outcome));
}

TEST_F(TransformRunTest, TrainsAQuantizedGraphWithFloatWeights) {
  const TrialSuccess trained = Train(Integer(4, 2));
  const auto stored = graph::ParseCheckpoint(trained.checkpoint);
  ASSERT_TRUE(stored.ok()) << stored.status();
  EXPECT_TRUE(stored->graph.nodes()[3].quantization.has_value());
  int off_grid = 0;
  for (const float w : stored->tensors[5].f32) off_grid += w * 4 != std::round(w * 4) ? 1 : 0;
  EXPECT_EQ(stored->tensors[5].name, "seq_blocks.2.weight");
  EXPECT_GT(off_grid, 40);
  // What was trained with quantization is evaluated with it.
  EXPECT_EQ(Succeed(OnStored({spec::EvaluatePass{}}), trained.checkpoint).accuracy,
            trained.result.val_acc);
}

TEST_F(TransformRunTest, FineTunesAFloatModelBeyondRoundingIt) {
  const TrialSuccess trained = Train(std::nullopt);
  const spec::QuantizeSpec coarse = Integer(3, 1);
  const TransformSuccess rounded =
      Succeed(OnStored({spec::QuantizePass{coarse}, spec::EvaluatePass{}}), trained.checkpoint);
  const TrialSuccess tuned = Train(coarse, trained.checkpoint);
  EXPECT_GT(tuned.result.val_acc, *rounded.accuracy);
}

}  // namespace
}  // namespace bitsweep::train
