// SPDX-License-Identifier: Apache-2.0
#ifndef BITSWEEP_WORKER_TRAIN_FUSED_FUSED_ENGINE_H_
#define BITSWEEP_WORKER_TRAIN_FUSED_FUSED_ENGINE_H_

#include <memory>
#include <string>
#include <vector>

#include "worker/train/engine.h"

namespace bitsweep::train {

// Small networks at the speed of their arithmetic: the graph compiled once into operations over
// feature-major rows (program.h), derivatives by hand, float32, one thread. The losses and tensors
// of the libtorch engine up to rounding; the same dropout masks.
//
// Supports linear, conv1d, batch norm, relu, sigmoid, add, view, flatten and dropout, integer
// formats, and batches whose activations fit in kMaxBytes. The result is a function of the graph,
// the data and the instruction set, which the version names. Thread-safe; a session belongs to one
// thread and its steps allocate nothing.
class FusedEngine final : public Engine {
 public:
  static constexpr std::size_t kMaxBytes = std::size_t{1} << 29;  // of one session's buffers

  std::string name() const override { return "fused"; }
  std::string version() const override;  // "fused 1 AVX2"
  absl::Status Supports(const graph::Graph& graph, const spec::Hyperparameters& h,
                        const data::Dataset& dataset) const override;
  absl::StatusOr<std::unique_ptr<EngineSession>> Start(
      const graph::Graph& graph, const std::vector<graph::TensorValue>& initial,
      const spec::Hyperparameters& h, const data::Dataset& dataset, std::uint64_t seed) override;
};

}  // namespace bitsweep::train

#endif  // BITSWEEP_WORKER_TRAIN_FUSED_FUSED_ENGINE_H_
