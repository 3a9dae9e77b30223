// SPDX-License-Identifier: Apache-2.0
#ifndef BITSWEEP_TESTS_WORKER_AGENT_SCRIPTED_EXECUTOR_H_
#define BITSWEEP_TESTS_WORKER_AGENT_SCRIPTED_EXECUTOR_H_

#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "absl/synchronization/notification.h"
#include "absl/time/clock.h"
#include "worker/executor/executor.h"

namespace bitsweep::worker {

inline constexpr absl::Duration kLong =
    absl::Seconds(20);  // a test that waits this long has failed

inline const std::string kDigest = std::string(64, 'd');

// An executor that does what the test says instead of arithmetic.
class ScriptedExecutor final : public Executor {
 public:
  using Script = std::function<TrialOutcome(
      const spec::TrialSpec& trial, const std::string& checkpoint, TrialObserver& observer)>;
  using TransformScript = std::function<TransformOutcome(
      const spec::TransformWork& work, const std::string& checkpoint, TrialObserver& observer)>;
  explicit ScriptedExecutor(Script script, TransformScript transform_script = nullptr)
      : script_(std::move(script)), transform_script_(std::move(transform_script)) {}

  TrialOutcome Run(const spec::TrialSpec& trial, const std::string& initial_checkpoint,
                   TrialObserver& observer) override {
    return script_(trial, initial_checkpoint, observer);
  }
  TransformOutcome RunTransform(const spec::TransformWork& work,
                                const std::string& initial_checkpoint,
                                TrialObserver& observer) override {
    if (!transform_script_) {
      return spec::JobFailure{spec::FailureReason::kException, "no transform is expected"};
    }
    return transform_script_(work, initial_checkpoint, observer);
  }
  std::vector<std::string> Engines() const override { return {"scripted 1"}; }

 private:
  const Script script_;
  const TransformScript transform_script_;
};

// The result of a training as long as the trial says; val_acc is 0.5.
inline TrialSuccess SuccessOf(const spec::TrialSpec& trial, const std::string& checkpoint = "",
                              const std::string& digest = kDigest) {
  spec::TrialResult result;
  result.val_acc = 0.5;
  result.best_val_acc = 0.5;
  result.epochs = trial.hyperparameters.max_epochs;
  result.steps = 10;
  result.train_rows = 100;
  result.validation_rows = 20;
  result.seconds = 1;
  result.engine = "scripted";
  result.engine_version = "scripted 1";
  result.data_digest = digest;
  return {result, checkpoint};
}

// Starts, tells every epoch and succeeds.
inline TrialOutcome Train(const spec::TrialSpec& trial, TrialObserver& observer,
                          const std::string& checkpoint = "") {
  if (!observer.OnStart(kDigest, 100)) return TrialStopped{};
  for (std::int64_t epoch = 0; epoch < trial.hyperparameters.max_epochs; ++epoch) {
    observer.OnEpoch({.epoch = epoch, .val_acc = 0.5, .seconds = 0.1});
  }
  return SuccessOf(trial, checkpoint);
}

// Is asked every few milliseconds, as an engine asks after some batches; false when nobody stopped
// it for long.
inline bool WaitToBeStopped(TrialObserver& observer) {
  const absl::Notification never;
  const absl::Time give_up = absl::Now() + kLong;
  while (!observer.ShouldStop()) {
    if (absl::Now() > give_up) return false;
    never.WaitForNotificationWithTimeout(absl::Milliseconds(5));
  }
  return true;
}

}  // namespace bitsweep::worker

#endif  // BITSWEEP_TESTS_WORKER_AGENT_SCRIPTED_EXECUTOR_H_
