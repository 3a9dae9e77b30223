// SPDX-License-Identifier: Apache-2.0
// The fused engine beside the libtorch engine: same graph, initial tensors and order of rows.
#include <cmath>
#include <cstdint>
#include <memory>
#include <ostream>
#include <span>
#include <string>
#include <vector>

#include "core/base/clock.h"
#include "core/base/random.h"
#include "core/graph/zoo.h"
#include "core/spec/quantize_spec.h"
#include "gtest/gtest.h"
#include "tests/worker/train/recording_observer.h"
#include "worker/data/dataset.h"
#include "worker/nn/initialize.h"
#include "worker/train/fused/fused_engine.h"
#include "worker/train/libtorch_engine.h"
#include "worker/train/recipe.h"

namespace bitsweep::train {
namespace {

struct FusedCase {
  std::string name;  // of the test
  std::string model;
  spec::Optimizer optimizer = spec::Optimizer::kAdam;
  std::int64_t batch_size = 64;

  spec::Hyperparameters hyperparameters() const {
    return {.learning_rate = optimizer == spec::Optimizer::kSgd ? 1e-3 : 1e-4,
            .batch_size = batch_size,
            .optimizer = optimizer,
            .weight_decay = optimizer == spec::Optimizer::kAdamW ? 0.01 : 0};
  }
};

void PrintTo(const FusedCase& c, std::ostream* out) { *out << c.name; }

std::vector<FusedCase> Cases() {
  const auto camel = [](const std::string& name) {
    std::string text;
    bool is_start = true;
    for (const char c : name) {
      if (c == '-') {
        is_start = true;
      } else {
        text += is_start ? static_cast<char>(std::toupper(c)) : c;
        is_start = false;
      }
    }
    return text;
  };
  std::vector<FusedCase> cases;
  for (const char* model : {"jsc-tiny", "jsc-toy", "jsc-s", "jsc-three-linear-layers", "jsc-trt",
                            "jsc-rs1923", "jsc-rs1923-relu"}) {
    for (const spec::Optimizer optimizer :
         {spec::Optimizer::kAdam, spec::Optimizer::kAdamW, spec::Optimizer::kSgd}) {
      for (const std::int64_t batch : {16, 50, 256}) {
        cases.push_back({camel(model) + camel(std::string(spec::Name(optimizer))) + "By" +
                             std::to_string(batch),
                         model, optimizer, batch});
      }
    }
  }
  return cases;
}

class FusedEnginesTest : public ::testing::Test {
 protected:
  static void SetUpTestSuite() {
    const spec::DatasetSpec jets{.name = "synthetic-jets", .synthetic_rows = 12000};
    dataset_ =
        new data::Dataset(data::Prepare(data::LoadTable("/nowhere", jets).value(), jets).value());
  }
  static void TearDownTestSuite() {
    delete dataset_;
    dataset_ = nullptr;
  }

  static data::Dataset* dataset_;
};

data::Dataset* FusedEnginesTest::dataset_ = nullptr;

class FusedParityTest : public FusedEnginesTest, public ::testing::WithParamInterface<FusedCase> {};

TEST_P(FusedParityTest, StepsAndTensorsAreThoseOfLibtorch) {
  const FusedCase& c = GetParam();
  const std::uint64_t seed = 7;
  const graph::Graph graph = graph::BuildModel(c.model, {}).value();
  const spec::Hyperparameters h = c.hyperparameters();
  const auto initial = nn::InitialTensors(graph, seed);
  LibtorchEngine libtorch;
  FusedEngine fused;
  const auto expected = libtorch.Start(graph, initial, h, *dataset_, seed).value();
  const auto session = fused.Start(graph, initial, h, *dataset_, seed).value();

  // 100 steps, the last of fewer rows.
  constexpr std::size_t steps = 100;
  std::vector<std::uint32_t> rows;
  for (std::int64_t epoch = 0; rows.size() < steps * static_cast<std::size_t>(c.batch_size);
       ++epoch) {
    const std::vector<std::uint32_t> order = RowOrder(seed, epoch, dataset_->train_rows());
    rows.insert(rows.end(), order.begin(), order.end());
  }
  rows.resize(steps * static_cast<std::size_t>(c.batch_size) - 5);
  std::vector<StepReport> wanted(steps);
  std::vector<StepReport> reports(steps);
  expected->Steps(rows, c.batch_size, h.learning_rate, wanted);
  session->Steps(rows, c.batch_size, h.learning_rate, reports);
  // Adam divides a gradient by its own size. In jsc-s units of the layer before the last norm are
  // on for all samples of a batch: the norm takes their bias away, its gradient is nothing but
  // rounding, and the step of full size that Adam makes of it shows where the unit is off again.
  const bool is_noisy = c.model == "jsc-s" && c.optimizer != spec::Optimizer::kSgd;
  const double tolerance = is_noisy ? 5e-3 : 1e-4;
  double sum = 0;
  double wanted_sum = 0;
  for (std::size_t i = 0; i < steps; ++i) {
    ASSERT_NEAR(reports[i].loss, wanted[i].loss, tolerance * wanted[i].loss) << "step " << i;
    if (!is_noisy) {
      EXPECT_LE(std::abs(reports[i].correct - wanted[i].correct), 1) << "step " << i;
    }
    sum += reports[i].loss;
    wanted_sum += wanted[i].loss;
  }
  EXPECT_NEAR(reports[0].loss, wanted[0].loss, 1e-6 * wanted[0].loss);
  EXPECT_NEAR(sum, wanted_sum, (is_noisy ? 5e-4 : 1e-5) * wanted_sum);
  const auto tensors = session->Tensors();
  const auto wanted_tensors = expected->Tensors();
  ASSERT_EQ(tensors.size(), wanted_tensors.size());
  for (std::size_t t = 0; t < tensors.size(); ++t) {
    EXPECT_EQ(tensors[t].name, wanted_tensors[t].name);
    EXPECT_EQ(tensors[t].i64, wanted_tensors[t].i64);
    ASSERT_EQ(tensors[t].f32.size(), wanted_tensors[t].f32.size());
    if (c.optimizer != spec::Optimizer::kSgd) continue;  // Adam: see above, and below
    for (std::size_t i = 0; i < tensors[t].f32.size(); ++i) {
      EXPECT_NEAR(tensors[t].f32[i], wanted_tensors[t].f32[i],
                  1e-5 + 1e-4 * std::abs(wanted_tensors[t].f32[i]))
          << tensors[t].name << " element " << i;
    }
  }
}

// Both evaluate the same tensors. After a training they need not be the same: the gradient of a
// bias before a batch norm is 0 but for rounding, and Adam makes steps of full size of it, which
// the running mean follows late.
TEST_P(FusedParityTest, EvaluationIsThatOfLibtorch) {
  const FusedCase& c = GetParam();
  const graph::Graph graph = graph::BuildModel(c.model, {}).value();
  const spec::Hyperparameters h = c.hyperparameters();
  LibtorchEngine libtorch;
  FusedEngine fused;
  const auto expected =
      libtorch.Start(graph, nn::InitialTensors(graph, 8), h, *dataset_, 8).value();
  std::vector<StepReport> reports(4);
  const std::vector<std::uint32_t> rows = RowOrder(8, 0, dataset_->train_rows());
  expected->Steps(std::span(rows).first(4 * static_cast<std::size_t>(c.batch_size)), c.batch_size,
                  h.learning_rate, reports);
  const auto session = fused.Start(graph, expected->Tensors(), h, *dataset_, 8).value();

  const auto go_on = [] { return false; };
  const EvaluationSums sums = session->Evaluate(c.batch_size, go_on);
  const EvaluationSums wanted = expected->Evaluate(c.batch_size, go_on);
  EXPECT_EQ(sums.rows, wanted.rows);
  EXPECT_NEAR(sums.loss_sum, wanted.loss_sum, 1e-6 * wanted.loss_sum);
  EXPECT_NEAR(static_cast<double>(sums.correct), static_cast<double>(wanted.correct), 1);
  ASSERT_EQ(sums.batch_mean_loss.size(), wanted.batch_mean_loss.size());
  for (std::size_t i = 0; i < sums.batch_mean_loss.size(); ++i) {
    EXPECT_NEAR(sums.batch_mean_loss[i], wanted.batch_mean_loss[i],
                1e-6 * wanted.batch_mean_loss[i]);
  }
}

// The loss of each step of 3 epochs with a cosine rate.
TEST_F(FusedEnginesTest, LossesStayTogetherForEpochs) {
  LibtorchEngine libtorch;
  FusedEngine fused;
  for (const FusedCase& c : {FusedCase{"", "jsc-tiny", spec::Optimizer::kAdam},
                             FusedCase{"", "jsc-tiny", spec::Optimizer::kSgd},
                             FusedCase{"", "jsc-toy", spec::Optimizer::kAdam},
                             FusedCase{"", "jsc-toy", spec::Optimizer::kSgd},
                             FusedCase{"", "jsc-s", spec::Optimizer::kSgd},
                             FusedCase{"", "jsc-trt", spec::Optimizer::kAdam},
                             FusedCase{"", "jsc-rs1923-relu", spec::Optimizer::kAdam}}) {
    const graph::Graph graph = graph::BuildModel(c.model, {}).value();
    spec::Hyperparameters h = c.hyperparameters();
    h.max_epochs = 3;
    const auto losses_of = [&](Engine& engine) {
      std::vector<double> losses;
      RecordingObserver observer;
      const auto session =
          engine.Start(graph, nn::InitialTensors(graph, 3), h, *dataset_, 3).value();
      Train(*session, h, *dataset_, 3, SystemClock(), observer,
            [&](const StepReport& report) { losses.push_back(report.loss); });
      return losses;
    };
    const std::vector<double> wanted = losses_of(libtorch);
    const std::vector<double> losses = losses_of(fused);
    ASSERT_EQ(losses.size(), 450U);
    ASSERT_EQ(wanted.size(), losses.size());
    for (std::size_t i = 0; i < losses.size(); ++i) {
      ASSERT_NEAR(losses[i], wanted[i], 1e-3 * wanted[i])
          << c.model << " " << spec::Name(c.optimizer) << " step " << i;
    }
  }
}

// A graph whose values are rounded on the way: straight-through gradients, on and off the range.
TEST_F(FusedEnginesTest, QuantizedTrainingsAreAlike) {
  const spec::TensorFormatSpec format{.width = 6, .frac_width = 4};  // from -2 to 1.9375
  const spec::QuantizeSpec quantize{
      .by = "type",
      .default_config = spec::FormatConfig{
          .name = "integer", .data_in = format, .weight = format, .bias = format}};
  LibtorchEngine libtorch;
  FusedEngine fused;
  for (const char* model : {"jsc-tiny", "jsc-toy", "jsc-rs1923"}) {
    const graph::Graph graph =
        spec::Quantize(graph::BuildModel(model, {}).value(), quantize).value();
    const spec::Hyperparameters h{
        .learning_rate = 1e-2, .batch_size = 64, .optimizer = spec::Optimizer::kSgd};
    const auto initial = nn::InitialTensors(graph, 5);
    const auto expected = libtorch.Start(graph, initial, h, *dataset_, 5).value();
    const auto session = fused.Start(graph, initial, h, *dataset_, 5).value();
    const std::vector<std::uint32_t> rows = RowOrder(5, 0, dataset_->train_rows());
    std::vector<StepReport> wanted(20);
    std::vector<StepReport> reports(20);
    const auto some = std::span(rows).first(20 * 64);
    expected->Steps(some, 64, h.learning_rate, wanted);
    session->Steps(some, 64, h.learning_rate, reports);
    // A value at the edge of two steps of the grid may fall to either side.
    for (std::size_t i = 0; i < reports.size(); ++i) {
      ASSERT_NEAR(reports[i].loss, wanted[i].loss, 1e-3 * wanted[i].loss) << model << " step " << i;
    }
    EXPECT_NEAR(reports[0].loss, wanted[0].loss, 1e-6 * wanted[0].loss) << model;
    EXPECT_LT(reports.back().loss, 0.999 * reports[0].loss) << model;
  }
}

// Whole trainings: 3 epochs of 10 seeds, the mean of each engine's last accuracies and losses.
TEST_F(FusedEnginesTest, TrainingsEndAlike) {
  for (const char* model : {"jsc-tiny", "jsc-toy", "jsc-s", "jsc-rs1923-relu"}) {
    const graph::Graph graph = graph::BuildModel(model, {}).value();
    const spec::Hyperparameters h{.max_epochs = 3, .learning_rate = 1e-3, .batch_size = 64};
    LibtorchEngine libtorch;
    FusedEngine fused;
    const auto mean_of = [&](Engine& engine) {
      spec::TrialResult mean;
      for (std::uint64_t seed = 0; seed < 10; ++seed) {
        RecordingObserver observer;
        const auto session =
            engine.Start(graph, nn::InitialTensors(graph, seed), h, *dataset_, seed).value();
        const auto outcome = Train(*session, h, *dataset_, seed, SystemClock(), observer);
        const auto& result = std::get<spec::TrialResult>(outcome);
        mean.val_acc += result.val_acc / 10;
        mean.val_loss += result.val_loss / 10;
      }
      return mean;
    };
    const spec::TrialResult wanted = mean_of(libtorch);
    const spec::TrialResult mean = mean_of(fused);
    EXPECT_NEAR(mean.val_acc, wanted.val_acc, 0.003) << model;
    // jsc-s: see StepsAndTensorsAreThoseOfLibtorch.
    const double tolerance = std::string(model) == "jsc-s" ? 5e-3 : 1e-3;
    EXPECT_NEAR(mean.val_loss, wanted.val_loss, tolerance * wanted.val_loss) << model;
  }
}

INSTANTIATE_TEST_SUITE_P(Zoo, FusedParityTest, ::testing::ValuesIn(Cases()),
                         [](const auto& c) { return c.param.name; });

}  // namespace
}  // namespace bitsweep::train
