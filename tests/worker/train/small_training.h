// SPDX-License-Identifier: Apache-2.0
// A data set and a network that a test can compute by hand.
#ifndef BITSWEEP_TESTS_WORKER_TRAIN_SMALL_TRAINING_H_
#define BITSWEEP_TESTS_WORKER_TRAIN_SMALL_TRAINING_H_

#include <cstdint>
#include <memory>
#include <span>
#include <utility>
#include <vector>

#include "core/graph/graph.h"
#include "worker/data/dataset.h"
#include "worker/nn/initialize.h"
#include "worker/train/libtorch_engine.h"

namespace bitsweep::train {

// 4 features, 3 classes: row r is of class r % 3, its features a corner of a cube and some noise.
inline data::Dataset Corners(std::int64_t train_rows, std::int64_t validation_rows) {
  data::Dataset dataset{.features = 4, .classes = 3, .digest = "corners"};
  for (std::int64_t r = 0; r < train_rows + validation_rows; ++r) {
    data::RowVector<float>& x = r < train_rows ? dataset.train_x : dataset.val_x;
    for (std::int64_t f = 0; f < 4; ++f) {
      const float corner = f == r % 3 ? 1.0F : 0.0F;
      x.push_back(corner + static_cast<float>((r * 37 + f * 11) % 17 - 8) / 8);
    }
    (r < train_rows ? dataset.train_y : dataset.val_y).push_back(static_cast<std::int32_t>(r % 3));
  }
  dataset.mean.assign(4, 0);
  dataset.scale.assign(4, 1);
  return dataset;
}

// Logits = W x + b.
inline graph::Graph LinearModel(std::int64_t features, std::int64_t classes) {
  return graph::Graph::Create(
             "linear", {{.name = "x",
                         .kind = graph::NodeKind::kPlaceholder,
                         .target = "x",
                         .sample_shape = {features}},
                        {.name = "fc",
                         .kind = graph::NodeKind::kCallModule,
                         .target = "fc",
                         .op = graph::Linear{.in_features = features, .out_features = classes},
                         .inputs = {"x"}},
                        {.name = "output",
                         .kind = graph::NodeKind::kOutput,
                         .target = "output",
                         .inputs = {"fc"}}})
      .value();
}

// A session of the LibTorch engine that remembers what it was asked.
class RecordingSession final : public EngineSession {
 public:
  RecordingSession(const graph::Graph& graph, const spec::Hyperparameters& h,
                   const data::Dataset& dataset, std::uint64_t seed)
      : session_(LibtorchEngine()
                     .Start(graph, nn::InitialTensors(graph, seed), h, dataset, seed)
                     .value()) {}

  std::int64_t StepsPerCall(std::int64_t /*batch_size*/) const override { return 1; }
  void Steps(std::span<const std::uint32_t> rows, std::int64_t batch_size, double learning_rate,
             std::span<StepReport> done) override {
    batches.emplace_back(rows.begin(), rows.end());
    learning_rates.push_back(learning_rate);
    session_->Steps(rows, batch_size, learning_rate, done);
    reports.insert(reports.end(), done.begin(), done.end());
  }
  EvaluationSums Evaluate(std::int64_t batch_size,
                          const std::function<bool()>& should_stop) override {
    return session_->Evaluate(batch_size, should_stop);
  }
  std::vector<graph::TensorValue> Tensors() const override { return session_->Tensors(); }

  std::vector<std::vector<std::uint32_t>> batches;
  std::vector<double> learning_rates;
  std::vector<StepReport> reports;

 private:
  const std::unique_ptr<EngineSession> session_;
};

}  // namespace bitsweep::train

#endif  // BITSWEEP_TESTS_WORKER_TRAIN_SMALL_TRAINING_H_
