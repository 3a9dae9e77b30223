// SPDX-License-Identifier: Apache-2.0
#ifndef BITSWEEP_WORKER_TRAIN_LIBTORCH_ENGINE_H_
#define BITSWEEP_WORKER_TRAIN_LIBTORCH_ENGINE_H_

#include <memory>
#include <string>
#include <vector>

#include "worker/train/engine.h"

namespace bitsweep::train {

// The reference: any graph, with LibTorch's operations and autograd, one thread, float32, CPU.
// Sessions throw what ATen throws. Thread-safe.
class LibtorchEngine final : public Engine {
 public:
  std::string name() const override { return "libtorch"; }
  std::string version() const override;
  absl::Status Supports(const graph::Graph& /*graph*/, const spec::Hyperparameters& /*h*/,
                        const data::Dataset& /*dataset*/) const override {
    return absl::OkStatus();
  }
  absl::StatusOr<std::unique_ptr<EngineSession>> Start(
      const graph::Graph& graph, const std::vector<graph::TensorValue>& initial,
      const spec::Hyperparameters& h, const data::Dataset& dataset, std::uint64_t seed) override;
};

}  // namespace bitsweep::train

#endif  // BITSWEEP_WORKER_TRAIN_LIBTORCH_ENGINE_H_
