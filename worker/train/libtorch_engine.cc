// SPDX-License-Identifier: Apache-2.0
#include "worker/train/libtorch_engine.h"

#include <torch/types.h>
#include <torch/version.h>

#include <algorithm>
#include <cstring>
#include <utility>

#include "core/base/status_macros.h"
#include "fmt/format.h"
#include "worker/nn/graph_module.h"
#include "worker/passes/row_loss.h"
#include "worker/train/optimizer.h"

namespace bitsweep::train {
namespace {

constexpr std::int64_t kEvaluationRows = 4096;         // of one forward pass, at most
constexpr std::int64_t kEvaluationElements = 1 << 22;  // of its largest activation

class Session final : public EngineSession {
 public:
  Session(const graph::Graph& graph, const std::vector<graph::TensorValue>& initial,
          const spec::Hyperparameters& h, const data::Dataset& dataset, std::uint64_t seed)
      : dataset_(dataset),
        module_(graph, initial, seed),
        optimizer_(h.optimizer, h.weight_decay, module_.parameters().size()),
        outputs_(static_cast<std::size_t>(graph.OutputFeatures())) {
    std::int64_t largest = 1;
    for (const graph::Shape& shape : graph.sample_shapes()) {
      largest = std::max(largest, graph::ElementCount(shape));
    }
    evaluation_rows_ = std::clamp<std::int64_t>(kEvaluationElements / largest, 1, kEvaluationRows);
  }

  std::int64_t StepsPerCall(std::int64_t /*batch_size*/) const override { return 1; }

  void Steps(std::span<const std::uint32_t> rows, std::int64_t batch_size, double learning_rate,
             std::span<StepReport> reports) override {
    for (StepReport& report : reports) {
      const std::size_t count = std::min(static_cast<std::size_t>(batch_size), rows.size());
      report = Step(rows.first(count), learning_rate);
      rows = rows.subspan(count);
    }
  }

  EvaluationSums Evaluate(std::int64_t batch_size,
                          const std::function<bool()>& should_stop) override {
    const c10::InferenceMode no_gradients;
    const std::span<const float> x = dataset_.validation_x();
    const std::span<const std::int32_t> y = dataset_.validation_y();
    EvaluationSums sums;
    double batch_loss = 0;
    std::int64_t batch_rows = 0;
    const std::int64_t all = static_cast<std::int64_t>(y.size());
    while (sums.rows < all && !should_stop()) {
      const std::int64_t count = std::min(evaluation_rows_, all - sums.rows);
      const at::Tensor input =
          at::from_blob(const_cast<float*>(x.data()) + sums.rows * dataset_.features,
                        {count, dataset_.features}, at::kFloat);
      const at::Tensor output = module_.Forward(input, nn::Mode::kEvaluate).contiguous();
      const float* values = output.data_ptr<float>();
      for (std::int64_t i = 0; i < count; ++i, ++sums.rows) {
        const std::span<const float> row(values + i * static_cast<std::int64_t>(outputs_),
                                         outputs_);
        const std::int32_t label = y[static_cast<std::size_t>(sums.rows)];
        sums.correct += passes::ArgMax(row) == label;
        const double loss = passes::CrossEntropy(row, label);
        sums.loss_sum += loss;
        batch_loss += loss;
        ++batch_rows;
        if (batch_rows == batch_size || sums.rows + 1 == all) {
          sums.batch_mean_loss.push_back(batch_loss / static_cast<double>(batch_rows));
          batch_loss = 0;
          batch_rows = 0;
        }
      }
    }
    return sums;
  }

  std::vector<graph::TensorValue> Tensors() const override { return module_.Values(); }

 private:
  StepReport Step(std::span<const std::uint32_t> rows, double learning_rate) {
    Gather(rows);
    const std::int64_t count = static_cast<std::int64_t>(rows.size());
    const at::Tensor x = at::from_blob(x_.data(), {count, dataset_.features}, at::kFloat);
    const at::Tensor y = at::from_blob(y_.data(), {count}, at::kLong);
    const at::Tensor output = module_.Forward(x, nn::Mode::kTrain);
    const at::Tensor loss = at::cross_entropy_loss(output, y);
    std::fill(module_.gradients().begin(), module_.gradients().end(), 0.0F);
    loss.backward();
    optimizer_.Step(module_.parameters(), module_.gradients(), learning_rate);

    StepReport report{.loss = loss.item<float>()};
    const at::Tensor dense = output.detach().contiguous();
    const float* values = dense.data_ptr<float>();
    for (std::size_t i = 0; i < rows.size(); ++i) {
      report.correct += passes::ArgMax({values + i * outputs_, outputs_}) == y_[i];
    }
    return report;
  }

  void Gather(std::span<const std::uint32_t> rows) {
    const std::size_t features = static_cast<std::size_t>(dataset_.features);
    x_.resize(rows.size() * features);
    y_.resize(rows.size());
    for (std::size_t i = 0; i < rows.size(); ++i) {
      std::memcpy(x_.data() + i * features, dataset_.train_x.data() + rows[i] * features,
                  features * sizeof(float));
      y_[i] = dataset_.train_y[rows[i]];
    }
  }

  const data::Dataset& dataset_;
  nn::GraphModule module_;
  Optimizer optimizer_;
  const std::size_t outputs_;
  std::int64_t evaluation_rows_ = kEvaluationRows;
  std::vector<float> x_;
  std::vector<std::int64_t> y_;
};

}  // namespace

std::string LibtorchEngine::version() const { return fmt::format("libtorch {}", TORCH_VERSION); }

absl::StatusOr<std::unique_ptr<EngineSession>> LibtorchEngine::Start(
    const graph::Graph& graph, const std::vector<graph::TensorValue>& initial,
    const spec::Hyperparameters& h, const data::Dataset& dataset, std::uint64_t seed) {
  RETURN_IF_ERROR(CheckFit(graph, dataset));
  return std::make_unique<Session>(graph, initial, h, dataset, seed);
}

}  // namespace bitsweep::train
