// SPDX-License-Identifier: Apache-2.0
// Whole trials on files: what a worker's slot runs.
#include <fstream>
#include <string>
#include <thread>
#include <variant>
#include <vector>

#include "core/base/simulated_clock.h"
#include "core/graph/checkpoint.h"
#include "core/graph/graph_json.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/support/status_matchers.h"
#include "tests/support/test_paths.h"
#include "tests/worker/train/recording_observer.h"
#include "tests/worker/train/small_training.h"
#include "worker/train/libtorch_engine.h"
#include "worker/train/torch_executor.h"

namespace bitsweep::train {
namespace {

using ::testing::HasSubstr;
using ::testing::SizeIs;
using worker::TrialOutcome;
using worker::TrialStopped;
using worker::TrialSuccess;

spec::TrialSpec Jets(const std::string& model, std::int64_t rows = 400) {
  spec::TrialSpec spec{.model = {.builtin = model},
                       .dataset = {.name = "synthetic-jets", .synthetic_rows = rows},
                       .seed = 31};
  spec.hyperparameters = {.max_epochs = 2, .learning_rate = 0.01, .batch_size = 64};
  return spec;
}

class TorchExecutorTest : public ::testing::Test {
 protected:
  void Write(const std::string& name, const std::string& text) {
    std::ofstream(folder_.path() / name, std::ios::binary) << text;
  }
  TrialOutcome Run(const spec::TrialSpec& spec, const std::string& checkpoint = "") {
    return executor_.Run(spec, checkpoint, observer_);
  }
  TrialSuccess Succeed(const spec::TrialSpec& spec, const std::string& checkpoint = "") {
    TrialOutcome outcome = Run(spec, checkpoint);
    if (const auto* failure = std::get_if<spec::JobFailure>(&outcome)) {
      ADD_FAILURE() << failure->message;
    }
    return std::get<TrialSuccess>(std::move(outcome));
  }
  void ExpectFailure(const spec::TrialSpec& spec, spec::FailureReason reason,
                     const std::string& message, const std::string& checkpoint = "") {
    const TrialOutcome outcome = Run(spec, checkpoint);
    const auto* failure = std::get_if<spec::JobFailure>(&outcome);
    ASSERT_NE(failure, nullptr) << message;
    EXPECT_EQ(spec::Name(failure->reason), spec::Name(reason)) << failure->message;
    EXPECT_THAT(failure->message, HasSubstr(message));
  }

  const bitsweep::testing::TempDir folder_;
  SimulatedClock clock_;
  TorchExecutor executor_{folder_.path().string(), clock_};
  RecordingObserver observer_;
};

TEST_F(TorchExecutorTest, TheFastestEngineThatSupportsTheModelIsTaken) {
  spec::TrialSpec spec = Jets("jsc-toy");
  const TrialSuccess success = Succeed(spec);
  EXPECT_EQ(success.result.engine, "fused");
  EXPECT_THAT(success.result.engine_version, HasSubstr("fused 1 "));
  spec.engine = spec::EngineChoice::kFused;
  EXPECT_EQ(Succeed(spec).result.val_loss, success.result.val_loss);
}

TEST_F(TorchExecutorTest, AModelThatTheFusedEngineDoesNotSupportRunsOnLibtorch) {
  spec::TrialSpec spec = Jets("jsc-toy");
  spec.quantization =
      spec::QuantizeSpec{.by = "type",
                         .default_config = spec::FormatConfig{.name = "NA"},
                         .rules = {{.key = "linear",
                                    .config = {.name = "log",
                                               .data_in = spec::TensorFormatSpec{.width = 8},
                                               .weight = spec::TensorFormatSpec{.width = 8},
                                               .bias = spec::TensorFormatSpec{.width = 8}}}}};
  EXPECT_EQ(Succeed(spec).result.engine, "libtorch");
  spec.engine = spec::EngineChoice::kFused;
  ExpectFailure(spec, spec::FailureReason::kInvalidModel, "seq_blocks_2: the number format log");
}

TEST_F(TorchExecutorTest, ASuccessSaysWhatRanOnWhat) {
  spec::TrialSpec spec = Jets("jsc-toy");
  spec.engine = spec::EngineChoice::kLibtorch;
  const TrialSuccess success = Succeed(spec);
  EXPECT_EQ(success.result.engine, "libtorch");
  EXPECT_THAT(success.result.engine_version, HasSubstr(LibtorchEngine().version()));
  EXPECT_EQ(success.result.graph_name, "jsc-toy");
  EXPECT_EQ(success.result.parameter_count, 327);
  EXPECT_EQ(success.result.train_rows, 320);
  EXPECT_EQ(success.result.validation_rows, 80);
  EXPECT_EQ(success.result.steps, 10);
  ASSERT_OK_AND_ASSIGN(const data::Table table, data::LoadTable("/", Jets("jsc-toy").dataset));
  EXPECT_EQ(success.result.data_digest, table.digest);
}

TEST_F(TorchExecutorTest, TheObserverHearsOfTheDataOnceAndOfEveryEpoch) {
  const TrialSuccess success = Succeed(Jets("jsc-tiny"));
  EXPECT_EQ(observer_.starts, 1);
  EXPECT_EQ(observer_.digest, success.result.data_digest);
  EXPECT_EQ(observer_.train_rows, 320);
  ASSERT_THAT(observer_.points, SizeIs(2));
  EXPECT_EQ(observer_.points[1].val_acc, success.result.val_acc);
}

TEST_F(TorchExecutorTest, TheCheckpointHoldsTheNetworkAsTrained) {
  const TrialSuccess success = Succeed(Jets("jsc-toy"));
  ASSERT_OK_AND_ASSIGN(const graph::Checkpoint read, graph::ParseCheckpoint(success.checkpoint));
  EXPECT_EQ(read.graph.name(), "jsc-toy");
  EXPECT_EQ(read.tensors.size(), read.graph.tensors().size());
  EXPECT_EQ(read.tensors.at(4).i64, std::vector<std::int64_t>{10});  // batches of the first norm
  EXPECT_EQ(read.metadata.at("seed"), "31");
  EXPECT_EQ(read.metadata.at("epochs"), "2");
  EXPECT_EQ(read.metadata.at("data_digest"), success.result.data_digest);
  EXPECT_DOUBLE_EQ(std::stod(read.metadata.at("val_acc")), success.result.val_acc);
}

TEST_F(TorchExecutorTest, TheCheckpointStoresTheClassesOfTextLabels) {
  std::string text = "x,label\n";
  for (int r = 0; r < 30; ++r) {
    text += std::to_string(r) + (r % 3 == 0 ? ",wren\n" : r % 3 == 1 ? ",owl\n" : ",auk \xFF\n");
  }
  Write("birds.csv", text);
  spec::TrialSpec spec = Jets("jsc-tiny");
  spec.dataset = {.name = "birds"};
  const std::string bytes = Succeed(spec).checkpoint;
  ASSERT_OK_AND_ASSIGN(const graph::Checkpoint read, graph::ParseCheckpoint(bytes));
  EXPECT_EQ(read.metadata.at("class_names"), "[\"auk \xEF\xBF\xBD\",\"owl\",\"wren\"]");
}

TEST_F(TorchExecutorTest, NoCheckpointIsMadeWhenNoneIsKept) {
  spec::TrialSpec spec = Jets("jsc-tiny");
  spec.keep_model = false;
  EXPECT_EQ(Succeed(spec).checkpoint, "");
}

TEST_F(TorchExecutorTest, LayersFollowTheDataSetsSizes) {
  std::string text = "a,b,c,label\n";
  for (int r = 0; r < 30; ++r) {
    text += std::to_string(r % 5) + "," + std::to_string(r % 3) + "," + std::to_string(r % 7) +
            (r % 2 == 0 ? ",yes\n" : ",no\n");
  }
  Write("small.csv", text);
  spec::TrialSpec spec = Jets("jsc-tiny");
  spec.dataset = {.name = "small.csv"};
  EXPECT_EQ(Succeed(spec).result.parameter_count, 3 + 3 + 3 * 2 + 2);
}

TEST_F(TorchExecutorTest, ATrialHasTheSameResultOnEveryThread) {
  const spec::TrialSpec spec = Jets("jsc-trt", 1000);  // batch norms, dropout
  const TrialSuccess alone = Succeed(spec);
  std::vector<TrialOutcome> outcomes(4);
  std::vector<std::thread> slots;
  for (std::size_t slot = 0; slot < 4; ++slot) {
    slots.emplace_back([&, slot] {
      RecordingObserver observer;
      if (slot % 2 == 1) {  // another trial on the same slot first
        executor_.Run(Jets("jsc-rs1923"), "", observer);
      }
      outcomes[slot] = executor_.Run(spec, "", observer);
    });
  }
  for (std::thread& slot : slots) slot.join();
  for (const TrialOutcome& outcome : outcomes) {
    const auto& got = std::get<TrialSuccess>(outcome);
    EXPECT_EQ(got.checkpoint, alone.checkpoint);
    EXPECT_EQ(got.result.val_acc, alone.result.val_acc);
    EXPECT_EQ(got.result.val_loss, alone.result.val_loss);
    EXPECT_EQ(got.result.val_loss_batch_mean, alone.result.val_loss_batch_mean);
    EXPECT_EQ(got.result.train_acc_last_step, alone.result.train_acc_last_step);
    EXPECT_EQ(got.result.train_loss_last_step, alone.result.train_loss_last_step);
    EXPECT_EQ(got.result.best_epoch, alone.result.best_epoch);
  }
}

TEST_F(TorchExecutorTest, AnotherSeedIsAnotherTraining) {
  spec::TrialSpec spec = Jets("jsc-tiny");
  const TrialSuccess one = Succeed(spec);
  spec.seed = 32;
  EXPECT_NE(Succeed(spec).result.val_loss, one.result.val_loss);
}

TEST_F(TorchExecutorTest, StartsFromAStoredCheckpoint) {
  const TrialSuccess first = Succeed(Jets("jsc-rs1923"));
  spec::TrialSpec spec = Jets("");
  spec.model = {.stored = "models/m-1"};
  spec.model_artifact = std::string(64, 'a');
  spec.hyperparameters.learning_rate = 1e-30;  // nothing moves: what comes out is what went in
  spec.hyperparameters.optimizer = spec::Optimizer::kSgd;
  const TrialSuccess second = Succeed(spec, first.checkpoint);
  EXPECT_EQ(second.result.graph_name, "jsc-rs1923");
  EXPECT_EQ(second.result.val_loss, first.result.val_loss);
  EXPECT_EQ(graph::ParseCheckpoint(second.checkpoint)->tensors,
            graph::ParseCheckpoint(first.checkpoint)->tensors);
}

TEST_F(TorchExecutorTest, StopsWhenTheObserverSaysSo) {
  observer_.stop_at = 0;
  EXPECT_TRUE(std::holds_alternative<TrialStopped>(Run(Jets("jsc-tiny"))));
  EXPECT_EQ(observer_.starts, 0);
  observer_ = RecordingObserver();
  observer_.may_start = false;
  EXPECT_TRUE(std::holds_alternative<TrialStopped>(Run(Jets("jsc-tiny"))));
  EXPECT_EQ(observer_.starts, 1);
  observer_ = RecordingObserver();
  observer_.stop_at = 2;
  EXPECT_TRUE(std::holds_alternative<TrialStopped>(Run(Jets("jsc-tiny"))));
  EXPECT_THAT(observer_.points, SizeIs(0));
}

TEST_F(TorchExecutorTest, WrongDataFailsWithAReasonAndAPlace) {
  spec::TrialSpec spec = Jets("jsc-tiny");
  spec.dataset = {.name = "none.csv"};
  ExpectFailure(spec, spec::FailureReason::kDatasetNotFound, "no data set none.csv");
  Write("nan.csv", "x,label\n1,0\n2,1\nnan,1\n");
  spec.dataset = {.name = "nan.csv"};
  ExpectFailure(spec, spec::FailureReason::kInvalidDataset, "nan.csv:4: column \"x\"");
  spec.dataset = {.name = "../nan.csv"};
  ExpectFailure(spec, spec::FailureReason::kInvalidDataset, "../nan.csv");
  EXPECT_EQ(observer_.starts, 0);
}

TEST_F(TorchExecutorTest, AGraphThatDoesNotFitTheDataSaysBothSizes) {
  spec::TrialSpec spec = Jets("");
  spec.model = {.graph_json = graph::ToJson(LinearModel(4, 5))};
  ExpectFailure(spec, spec::FailureReason::kInvalidModel,
                "the model linear takes 4 features, the data set has 16");
  spec.model = {.graph_json = graph::ToJson(LinearModel(16, 3))};
  ExpectFailure(spec, spec::FailureReason::kInvalidModel,
                "the model linear has 3 outputs, the data set has 5 classes");
  EXPECT_EQ(observer_.starts, 0);
}

TEST_F(TorchExecutorTest, AGraphWithNothingToTrainIsRefused) {
  std::vector<graph::Node> nodes = LinearModel(16, 5).nodes();
  nodes[1].op = graph::Relu{};
  spec::TrialSpec spec = Jets("");
  spec.model = {.graph_json = graph::ToJson(graph::Graph::Create("relu", nodes).value())};
  ExpectFailure(spec, spec::FailureReason::kInvalidModel, "the model relu has no parameters");
}

TEST_F(TorchExecutorTest, ABadCheckpointIsAnInvalidModel) {
  std::string bytes = Succeed(Jets("jsc-tiny")).checkpoint;
  bytes[bytes.size() / 2] = static_cast<char>(bytes[bytes.size() / 2] ^ 1);
  spec::TrialSpec spec = Jets("");
  spec.model = {.stored = "models/m-1"};
  spec.model_artifact = std::string(64, 'a');
  ExpectFailure(spec, spec::FailureReason::kInvalidModel, "digest", bytes);
}

TEST_F(TorchExecutorTest, ABatchOfOneRowIsRefusedWhereThereIsABatchNorm) {
  spec::TrialSpec spec = Jets("jsc-tiny", 400);  // 320 training rows
  spec.hyperparameters.batch_size = 29;          // 11 * 29 + 1
  ExpectFailure(spec, spec::FailureReason::kInvalidModel,
                "seq_blocks_0: batch norm cannot train on a batch of one row, and 320 training "
                "rows in batches of 29 leave one");
  spec.hyperparameters.batch_size = 1;
  ExpectFailure(spec, spec::FailureReason::kInvalidModel, "320 training rows in batches of 1");
  spec.model = {.builtin = "jsc-rs1923"};  // no batch norm
  spec.hyperparameters.batch_size = 29;
  EXPECT_EQ(Succeed(spec).result.steps, 2 * 12);
}

TEST_F(TorchExecutorTest, ADivergingTrialFailsWithNanLoss) {
  std::string text = "x,label\n";
  for (int r = 0; r < 20; ++r)
    text += std::to_string(r % 2) + "e38," + std::to_string(r % 2) + "\n";
  Write("large.csv", text);
  spec::TrialSpec spec = Jets("");
  spec.model = {.graph_json = graph::ToJson(LinearModel(1, 2))};
  spec.dataset = {.name = "large.csv", .scaler = spec::Scaler::kNone};
  spec.hyperparameters = {.max_epochs = 9, .learning_rate = 1e5, .batch_size = 4};
  ExpectFailure(spec, spec::FailureReason::kNanLoss, "in epoch 0");
}

TEST_F(TorchExecutorTest, TrainingRowsCanBeValidatedOn) {
  spec::TrialSpec spec = Jets("jsc-tiny");
  spec.dataset.validation = spec::Validation::kTrainingRows;
  EXPECT_EQ(Succeed(spec).result.validation_rows, 320);
}

}  // namespace
}  // namespace bitsweep::train
