// SPDX-License-Identifier: Apache-2.0
// The seam for training engines: libtorch (the reference, any graph) today, fused kernels later.
#ifndef BITSWEEP_WORKER_TRAIN_ENGINE_H_
#define BITSWEEP_WORKER_TRAIN_ENGINE_H_

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "core/graph/checkpoint.h"
#include "core/graph/graph.h"
#include "core/spec/hyperparameters.h"
#include "worker/data/dataset.h"

namespace bitsweep::train {

// Sums over the rows of one evaluation; merged by the recipe, so that engines may chunk as they
// like.
struct EvaluationSums {
  std::int64_t rows = 0;
  std::int64_t correct = 0;
  double loss_sum = 0;                  // sum of the rows' losses
  std::vector<double> batch_mean_loss;  // one a batch of `batch_size` rows, in order
};

struct StepReport {
  double loss = 0;           // mean over the batch, before the update
  std::int64_t correct = 0;  // rows of the batch classified right by the same forward pass
};

// One training under way: a graph with its tensors and optimizer state. Owned by one thread.
class EngineSession {
 public:
  virtual ~EngineSession() = default;
  // One optimizer step on the given training rows (indices into dataset.train_*), in this order.
  virtual StepReport Step(std::span<const std::uint32_t> rows, double learning_rate) = 0;
  // Forward only, eval mode, over all validation rows in order; `batch_size` rows a batch, the last
  // may be short. Stops early (rows < all) when `should_stop` says so.
  virtual EvaluationSums Evaluate(std::int64_t batch_size,
                                  const std::function<bool()>& should_stop) = 0;
  // Current parameters and buffers, in the order of graph.tensors().
  virtual std::vector<graph::TensorValue> Tensors() const = 0;
};

// Makes sessions. Thread-safe.
class Engine {
 public:
  virtual ~Engine() = default;
  virtual std::string name() const = 0;     // "libtorch"
  virtual std::string version() const = 0;  // "libtorch 1.13.1"
  // True when Start can run this graph with these hyper-parameters.
  virtual bool Supports(const graph::Graph& graph, const spec::Hyperparameters& h) const = 0;
  // `initial` in the order of graph.tensors(); `seed` is the trial's (dropout draws from it). The
  // dataset must outlive the session. InvalidArgument when graph and data do not fit, or there is
  // nothing to train.
  virtual absl::StatusOr<std::unique_ptr<EngineSession>> Start(
      const graph::Graph& graph, const std::vector<graph::TensorValue>& initial,
      const spec::Hyperparameters& h, const data::Dataset& dataset, std::uint64_t seed) = 0;
};

}  // namespace bitsweep::train

#endif  // BITSWEEP_WORKER_TRAIN_ENGINE_H_
