// SPDX-License-Identifier: Apache-2.0
#include <cmath>
#include <vector>

#include "core/base/simulated_clock.h"
#include "gtest/gtest.h"
#include "nlohmann/json.hpp"
#include "tests/support/test_paths.h"
#include "tests/worker/train/recording_observer.h"
#include "tests/worker/train/small_training.h"
#include "worker/train/recipe.h"

namespace bitsweep::train {
namespace {

TEST(ScheduleTest, EveryEpochTrainsWithTheGoldenLearningRate) {
  const nlohmann::json golden = bitsweep::testing::ReadGolden("training.json");
  ASSERT_FALSE(golden.at("cosine").empty());
  const data::Dataset dataset = Corners(6, 3);
  const graph::Graph graph = LinearModel(4, 3);
  for (const nlohmann::json& entry : golden.at("cosine")) {
    const double eta_min = entry.at("eta_min");
    ASSERT_TRUE(eta_min == 0 || eta_min == 1e-6) << eta_min;
    const spec::Hyperparameters h{
        .max_epochs = entry.at("T_max"),
        .learning_rate = entry.at("lr0"),
        .batch_size = 4,
        .optimizer = eta_min == 0 ? spec::Optimizer::kSgd : spec::Optimizer::kAdam,
        .schedule = spec::Schedule::kCosine};
    RecordingSession session(graph, h, dataset, 1);
    RecordingObserver observer;
    SimulatedClock clock;
    Train(session, h, dataset, 1, clock, observer);
    const auto expected = entry.at("lr_per_epoch").get<std::vector<double>>();
    ASSERT_EQ(observer.points.size(), expected.size());
    for (std::size_t epoch = 0; epoch < expected.size(); ++epoch) {
      const double tolerance = 1e-9 * std::abs(expected[epoch]) + 1e-18;
      EXPECT_NEAR(observer.points[epoch].learning_rate, expected[epoch], tolerance);
      EXPECT_NEAR(session.learning_rates[2 * epoch], expected[epoch], tolerance);
      EXPECT_NEAR(session.learning_rates[2 * epoch + 1], expected[epoch], tolerance);
    }
  }
}

}  // namespace
}  // namespace bitsweep::train
