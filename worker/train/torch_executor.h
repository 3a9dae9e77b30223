// SPDX-License-Identifier: Apache-2.0
#ifndef BITSWEEP_WORKER_TRAIN_TORCH_EXECUTOR_H_
#define BITSWEEP_WORKER_TRAIN_TORCH_EXECUTOR_H_

#include <memory>
#include <string>
#include <vector>

#include "core/base/clock.h"
#include "worker/executor/executor.h"

namespace bitsweep::train {

// Runs trials, with the fused engine or LibTorch, and transforms on data below `data_root`: one
// copy of a data set for all slots, one intra-op thread each. As Executor says; `clock` must
// outlive it.
class TorchExecutor final : public worker::Executor {
 public:
  TorchExecutor(std::string data_root, Clock& clock);
  ~TorchExecutor() override;

  worker::TrialOutcome Run(const spec::TrialSpec& spec, const std::string& initial_checkpoint,
                           worker::TrialObserver& observer) override;
  worker::TransformOutcome RunTransform(const spec::TransformWork& work,
                                        const std::string& initial_checkpoint,
                                        worker::TrialObserver& observer) override;
  std::vector<std::string> Engines() const override;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace bitsweep::train

#endif  // BITSWEEP_WORKER_TRAIN_TORCH_EXECUTOR_H_
