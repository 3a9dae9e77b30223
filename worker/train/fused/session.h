// SPDX-License-Identifier: Apache-2.0
// Used inside this room.
#ifndef BITSWEEP_WORKER_TRAIN_FUSED_SESSION_H_
#define BITSWEEP_WORKER_TRAIN_FUSED_SESSION_H_

#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <vector>

#include "core/base/random.h"
#include "hwy/aligned_allocator.h"
#include "worker/train/engine.h"
#include "worker/train/fused/kernels.h"
#include "worker/train/fused/program.h"
#include "worker/train/optimizer.h"

namespace bitsweep::train::fused {

// Bytes that a session of this program takes, as a double: it may be more than there are addresses.
double BufferBytes(const Program& program, std::int64_t batch_size, std::int64_t train_rows);

// A training over one program. A batch is one tile where the program needs it whole, else several
// that stay in the cache; tile sizes depend on the program, the batch size and the number of rows.
class Session final : public EngineSession {
 public:
  // `graph` is read here only. The dataset must outlive the session.
  Session(const graph::Graph& graph, Program program,
          const std::vector<graph::TensorValue>& initial, const spec::Hyperparameters& h,
          const data::Dataset& dataset, std::uint64_t seed);

  std::int64_t StepsPerCall(std::int64_t batch_size) const override;
  void Steps(std::span<const std::uint32_t> rows, std::int64_t batch_size, double learning_rate,
             std::span<StepReport> reports) override;
  EvaluationSums Evaluate(std::int64_t batch_size,
                          const std::function<bool()>& should_stop) override;
  std::vector<graph::TensorValue> Tensors() const override;

 private:
  StepReport Step(std::span<const std::uint32_t> rows, std::size_t following, double learning_rate);
  void DrawMasks(std::size_t count);
  float* At(const TensorPlace& place) const;  // of a parameter or a statistic

  const Program program_;
  const data::Dataset& dataset_;
  const std::size_t train_tile_;
  const std::size_t evaluation_tile_;
  std::vector<std::string> names_;  // of the tensors
  Optimizer optimizer_;
  hwy::AlignedFreeUniquePtr<float[]> memory_;  // all that Buffers points to but the masks' table
  Buffers buffers_;                            // stride as the training's
  std::vector<std::int64_t> counters_;
  std::vector<Random> dropout_;  // by drop
  std::vector<float*> masks_;    // by drop
  std::vector<const float*> readable_masks_;
};

}  // namespace bitsweep::train::fused

#endif  // BITSWEEP_WORKER_TRAIN_FUSED_SESSION_H_
