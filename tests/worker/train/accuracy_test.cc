// SPDX-License-Identifier: Apache-2.0
#include <vector>

#include "gtest/gtest.h"
#include "nlohmann/json.hpp"
#include "tests/support/test_paths.h"
#include "tests/worker/train/small_training.h"

namespace bitsweep::train {
namespace {

// A row's features are 1 at its predicted class and the network copies them to its outputs.
TEST(AccuracyTest, IsTheGoldenMicroAccuracy) {
  const nlohmann::json golden = bitsweep::testing::ReadGolden("training.json").at("accuracy");
  const auto labels = golden.at("labels").get<std::vector<std::int32_t>>();
  const auto predictions = golden.at("predictions").get<std::vector<std::size_t>>();
  const auto classes = golden.at("num_classes").get<std::size_t>();
  ASSERT_EQ(labels.size(), predictions.size());
  data::Dataset dataset{.features = static_cast<std::int64_t>(classes),
                        .classes = static_cast<std::int64_t>(classes)};
  dataset.val_y.assign(labels.begin(), labels.end());
  dataset.val_x.assign(labels.size() * classes, 0);
  for (std::size_t r = 0; r < labels.size(); ++r) dataset.val_x[r * classes + predictions[r]] = 1;

  const graph::Graph graph = LinearModel(dataset.features, dataset.classes);
  std::vector<graph::TensorValue> identity = nn::InitialTensors(graph, 0);
  identity[0].f32.assign(classes * classes, 0);
  identity[1].f32.assign(classes, 0);
  for (std::size_t c = 0; c < classes; ++c) identity[0].f32[c * (classes + 1)] = 1;
  const auto session = LibtorchEngine().Start(graph, identity, {}, dataset, 0).value();
  const EvaluationSums sums = session->Evaluate(4, [] { return false; });
  EXPECT_EQ(sums.rows, static_cast<std::int64_t>(labels.size()));
  EXPECT_DOUBLE_EQ(static_cast<double>(sums.correct) / static_cast<double>(sums.rows),
                   golden.at("micro").get<double>());
}

}  // namespace
}  // namespace bitsweep::train
