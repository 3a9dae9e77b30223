// SPDX-License-Identifier: Apache-2.0
// The engine against PyTorch: make_baselines.py trains the same networks with Debian's
// python3-torch from the same initial weights, in the same order of rows. BITSWEEP_PYTHON names
// another Python, for another LibTorch: of different versions, Adam makes different steps of a
// gradient that is 0 but for rounding.
#include <cmath>
#include <cstdlib>
#include <fstream>
#include <optional>
#include <ostream>
#include <span>
#include <string>
#include <vector>

#include "core/base/clock.h"
#include "core/graph/zoo.h"
#include "gtest/gtest.h"
#include "nlohmann/json.hpp"
#include "tests/support/test_paths.h"
#include "tests/worker/train/recording_observer.h"
#include "worker/nn/initialize.h"
#include "worker/train/libtorch_engine.h"
#include "worker/train/recipe.h"

namespace bitsweep::train {
namespace {

std::string Python() {
  const char* const given = std::getenv("BITSWEEP_PYTHON");
  return given != nullptr ? given : "/usr/bin/python3";
}

using graph::OutputActivation;
using nlohmann::json;

struct ParityCase {
  std::string name;  // of the test
  std::string model;
  std::optional<OutputActivation> output_activation;
  spec::Hyperparameters hyperparameters;
  std::uint64_t seed = 0;
};

// Whether values that decide nothing may go their own way: PyTorch 2 moves Adam's first moment by
// lerp, which rounds differently from the recipe's (PyTorch 1's). Where the gradient is nothing but
// rounding, as that of a bias before a norm is without decay, Adam makes steps of full size of it.
bool MayWander(const ParityCase& c) {
  return !LibtorchEngine().version().starts_with("libtorch 1.") && c.model == "jsc-toy" &&
         (c.hyperparameters.optimizer == spec::Optimizer::kAdamW ||
          (c.hyperparameters.optimizer == spec::Optimizer::kAdam &&
           c.hyperparameters.weight_decay == 0));
}

void PrintTo(const ParityCase& c, std::ostream* out) { *out << c.name; }

std::vector<ParityCase> Cases() {
  struct Model {
    std::string name;
    std::string model;
    std::optional<OutputActivation> output_activation;
  };
  const Model models[] = {{"Tiny", "jsc-tiny", std::nullopt},
                          {"Toy", "jsc-toy", std::nullopt},
                          {"Rs1923Sigmoid", "jsc-rs1923", OutputActivation::kSigmoid},
                          {"Rs1923Relu", "jsc-rs1923", OutputActivation::kRelu}};
  // 790 training rows: each epoch has 12 batches of 64 and one of 22.
  const auto hyperparameters = [](spec::Optimizer optimizer, double rate, double decay) {
    return spec::Hyperparameters{.max_epochs = 3,
                                 .learning_rate = rate,
                                 .batch_size = 64,
                                 .optimizer = optimizer,
                                 .weight_decay = decay,
                                 .schedule = spec::Schedule::kCosine};
  };
  std::vector<ParityCase> cases;
  for (const Model& m : models) {
    const auto add = [&](const std::string& name, const spec::Hyperparameters& h) {
      cases.push_back({m.name + name, m.model, m.output_activation, h, 100 + cases.size()});
    };
    add("Adam", hyperparameters(spec::Optimizer::kAdam, 1e-3, 0));
    add("AdamWithDecay", hyperparameters(spec::Optimizer::kAdam, 1e-3, 1e-3));
    add("AdamW", hyperparameters(spec::Optimizer::kAdamW, 1e-3, 1e-2));
    add("Sgd", hyperparameters(spec::Optimizer::kSgd, 1e-2, 0));
  }
  return cases;
}

graph::Graph ModelOf(const ParityCase& c) {
  return graph::BuildModel(c.model, {.output_activation = c.output_activation}).value();
}

json TensorsAsJson(const std::vector<graph::TensorValue>& tensors) {
  json object;
  for (const graph::TensorValue& tensor : tensors) {
    if (tensor.i64.empty()) {
      object[tensor.name] = tensor.f32;
    } else {
      object[tensor.name] = tensor.i64;
    }
  }
  return object;
}

json RowsAsJson(std::span<const float> x, std::span<const std::int32_t> y, std::size_t features) {
  json rows = json::array();
  for (std::size_t r = 0; r < y.size(); ++r) {
    const auto row = x.subspan(r * features, features);
    rows.push_back(std::vector<double>(row.begin(), row.end()));
  }
  return {{"x", rows}, {"y", std::vector<std::int32_t>(y.begin(), y.end())}};
}

class ParityTest : public ::testing::TestWithParam<ParityCase> {
 protected:
  static void SetUpTestSuite() {
    const spec::DatasetSpec jets{.name = "jsc1k_raw.csv", .validation_fraction = 0.21};
    const auto table = data::LoadTable(bitsweep::testing::TestDataDir().string(), jets);
    ASSERT_TRUE(table.ok()) << table.status();
    dataset_ = new data::Dataset(data::Prepare(*table, jets).value());
    json request = {{"train", RowsAsJson(dataset_->train_x, dataset_->train_y, 16)},
                    {"validation", RowsAsJson(dataset_->val_x, dataset_->val_y, 16)}};
    for (const ParityCase& c : Cases()) {
      json entry = {
          {"model", c.model},
          {"output_activation",
           std::string(graph::Name(c.output_activation.value_or(OutputActivation::kNone)))},
          {"optimizer", std::string(spec::Name(c.hyperparameters.optimizer))},
          {"learning_rate", c.hyperparameters.learning_rate},
          {"weight_decay", c.hyperparameters.weight_decay},
          {"epochs", c.hyperparameters.max_epochs},
          {"batch_size", c.hyperparameters.batch_size},
          {"tensors", TensorsAsJson(nn::InitialTensors(ModelOf(c), c.seed))}};
      for (std::int64_t epoch = 0; epoch < c.hyperparameters.max_epochs; ++epoch) {
        entry["order"].push_back(RowOrder(c.seed, epoch, dataset_->train_rows()));
      }
      request["cases"].push_back(std::move(entry));
    }
    const bitsweep::testing::TempDir folder;
    const std::string asked = folder.path() / "request.json";
    const std::string answer = folder.path() / "baselines.json";
    std::ofstream(asked) << request;
    const std::string command =
        Python() + " tests/worker/train/make_baselines.py '" + asked + "' '" + answer + "'";
    ASSERT_EQ(std::system(command.c_str()), 0)
        << command << "\nThis test needs python3-torch: deploy/install-deps.sh --dev";
    std::ifstream in(answer);
    baselines_ = new json(json::parse(in).at("cases"));
    ASSERT_EQ(baselines_->size(), Cases().size());
  }

  static void TearDownTestSuite() {
    delete dataset_;
    delete baselines_;
    dataset_ = nullptr;
    baselines_ = nullptr;
  }

  void SetUp() override {
    ASSERT_NE(baselines_, nullptr);
    const ParityCase& c = GetParam();
    expected_ = baselines_->at(c.seed - 100);
    const graph::Graph graph = ModelOf(c);
    LibtorchEngine engine;
    auto session = engine.Start(graph, nn::InitialTensors(graph, c.seed), c.hyperparameters,
                                *dataset_, c.seed);
    ASSERT_TRUE(session.ok()) << session.status();
    const auto outcome =
        Train(**session, c.hyperparameters, *dataset_, c.seed, SystemClock(), observer_,
              [this](const StepReport& report) { losses_.push_back(report.loss); });
    ASSERT_TRUE(std::holds_alternative<spec::TrialResult>(outcome));
    tensors_ = (*session)->Tensors();
  }

  static data::Dataset* dataset_;
  static json* baselines_;
  json expected_;
  RecordingObserver observer_;
  std::vector<double> losses_;
  std::vector<graph::TensorValue> tensors_;
};

data::Dataset* ParityTest::dataset_ = nullptr;
json* ParityTest::baselines_ = nullptr;

TEST_P(ParityTest, EveryStepHasPyTorchsLoss) {
  const auto expected = expected_.at("losses").get<std::vector<double>>();
  ASSERT_EQ(losses_.size(), 39U);
  ASSERT_EQ(expected.size(), losses_.size());
  for (std::size_t step = 0; step < losses_.size(); ++step) {
    EXPECT_NEAR(losses_[step], expected[step], 1e-5 * expected[step]) << "step " << step;
  }
}

TEST_P(ParityTest, TheFinalTensorsArePyTorchs) {
  const double tolerance = MayWander(GetParam()) ? 2e-2 : 1e-5;  // 39 steps of 1e-3 at most
  for (const graph::TensorValue& tensor : tensors_) {
    const auto expected = expected_.at("tensors").at(tensor.name).get<std::vector<double>>();
    ASSERT_EQ(expected.size(), tensor.f32.size() + tensor.i64.size());
    for (std::size_t i = 0; i < expected.size(); ++i) {
      const double value = tensor.i64.empty() ? tensor.f32[i] : static_cast<double>(tensor.i64[i]);
      EXPECT_NEAR(value, expected[i], tolerance) << tensor.name << " element " << i;
    }
  }
}

TEST_P(ParityTest, EveryEpochHasPyTorchsLearningRateAndValidation) {
  // Running means follow such a bias late.
  const double acc_tolerance = MayWander(GetParam()) ? 0.02 : 1e-9;
  const double tolerance = MayWander(GetParam()) ? 2e-2 : 2e-5;
  ASSERT_EQ(observer_.points.size(), 3U);
  for (std::size_t epoch = 0; epoch < 3; ++epoch) {
    const spec::EpochPoint& point = observer_.points[epoch];
    const double rate = expected_.at("learning_rates").at(epoch);
    EXPECT_NEAR(point.learning_rate, rate, 1e-12 * rate);
    EXPECT_NEAR(point.val_acc, expected_.at("val_acc").at(epoch).get<double>(), acc_tolerance);
    EXPECT_NEAR(point.val_loss, expected_.at("val_loss").at(epoch).get<double>(), tolerance);
    EXPECT_NEAR(point.val_loss_batch_mean,
                expected_.at("val_loss_batch_mean").at(epoch).get<double>(), tolerance);
  }
}

INSTANTIATE_TEST_SUITE_P(Recipes, ParityTest, ::testing::ValuesIn(Cases()),
                         [](const auto& parity) { return parity.param.name; });

}  // namespace
}  // namespace bitsweep::train
