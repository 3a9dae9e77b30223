// SPDX-License-Identifier: Apache-2.0
// The seam for training engines: libtorch (the reference, any graph) and fused (small networks).
#ifndef BITSWEEP_WORKER_TRAIN_ENGINE_H_
#define BITSWEEP_WORKER_TRAIN_ENGINE_H_

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "absl/status/status.h"
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
  // How many steps of `batch_size` rows a call of Steps should do: about a millisecond's work where
  // steps are short, so that a caller can ask in between whether to go on. At least 1.
  virtual std::int64_t StepsPerCall(std::int64_t batch_size) const = 0;
  // One optimizer step for each `batch_size` of the given training rows (indices into
  // dataset.train_*), in this order, the last with as many as are left; reports[i] is of step i.
  // REQUIRES: as many reports as steps; batch_size at most that of the hyper-parameters.
  virtual void Steps(std::span<const std::uint32_t> rows, std::int64_t batch_size,
                     double learning_rate, std::span<StepReport> reports) = 0;
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
  // OK when Start can run this graph with these hyper-parameters and data; Unimplemented says what
  // it cannot.
  virtual absl::Status Supports(const graph::Graph& graph, const spec::Hyperparameters& h,
                                const data::Dataset& dataset) const = 0;
  // `initial` in the order of graph.tensors(); `seed` is the trial's (dropout draws from it). The
  // dataset must outlive the session. InvalidArgument as CheckFit, Unimplemented as Supports.
  virtual absl::StatusOr<std::unique_ptr<EngineSession>> Start(
      const graph::Graph& graph, const std::vector<graph::TensorValue>& initial,
      const spec::Hyperparameters& h, const data::Dataset& dataset, std::uint64_t seed) = 0;
};

// InvalidArgument when graph and data do not fit, or there is nothing to train. Pure.
absl::Status CheckFit(const graph::Graph& graph, const data::Dataset& dataset);

}  // namespace bitsweep::train

#endif  // BITSWEEP_WORKER_TRAIN_ENGINE_H_
