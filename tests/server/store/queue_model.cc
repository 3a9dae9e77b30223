// SPDX-License-Identifier: Apache-2.0
#include "tests/server/store/queue_model.h"

#include <algorithm>

namespace bitsweep::store {

using spec::FailureReason;
using spec::JobState;
using spec::SweepState;

std::int64_t ModelSweep::Count(JobState state) const {
  return std::count_if(trials.begin(), trials.end(),
                       [&](const ModelTrial& t) { return t.state == state; });
}

bool ModelSweep::HasEnded() const {
  return std::none_of(trials.begin(), trials.end(), [](const ModelTrial& t) { return t.IsOpen(); });
}

SweepState ModelSweep::State() const {
  const std::int64_t succeeded = Count(JobState::kSucceeded);
  if (HasEnded()) {
    if (cancelled && Count(JobState::kCancelled) > 0) return SweepState::kCancelled;
    if (stopped) return SweepState::kFailed;
    if (succeeded == static_cast<std::int64_t>(trials.size())) return SweepState::kSucceeded;
    return succeeded > 0 ? SweepState::kPartiallySucceeded : SweepState::kFailed;
  }
  if (paused) return SweepState::kPaused;
  return Count(JobState::kQueued) == static_cast<std::int64_t>(trials.size())
             ? SweepState::kQueued
             : SweepState::kRunning;
}

std::vector<std::int64_t> ModelSweep::Lease(std::int64_t count, absl::Time now) {
  std::vector<std::int64_t> numbers;
  if (paused) return numbers;
  for (std::size_t i = 0; i < trials.size(); ++i) {
    if (trials[i].state == JobState::kQueued && trials[i].ready_micros <= absl::ToUnixMicros(now)) {
      numbers.push_back(static_cast<std::int64_t>(i));
    }
  }
  std::stable_sort(numbers.begin(), numbers.end(), [&](std::int64_t a, std::int64_t b) {
    return trials[a].ready_micros < trials[b].ready_micros;
  });
  if (static_cast<std::int64_t>(numbers.size()) > count) numbers.resize(count);
  std::sort(numbers.begin(), numbers.end());
  for (const std::int64_t number : numbers) {
    trials[number].state = JobState::kLeased;
    ++trials[number].attempt;
  }
  return numbers;
}

void ModelSweep::Fail(ModelTrial& trial, FailureReason reason, const std::string& outcome) {
  trial.outcomes[trial.attempt] = outcome;
  ++trial.failures;
  if (reason == FailureReason::kWorkerLost) ++trial.deaths;
  const bool repeatable =
      reason == FailureReason::kException || reason == FailureReason::kOutOfMemory ||
      reason == FailureReason::kTimeout || reason == FailureReason::kWorkerLost ||
      reason == FailureReason::kArtifactFailed;
  if (!repeatable) {
    trial.state = JobState::kFailed;
  } else if (trial.failures >= 3 || trial.deaths >= 2) {
    trial.state = JobState::kDead;
  } else {
    trial.state = JobState::kQueued;
    return;
  }
  const std::int64_t ended_badly = Count(JobState::kFailed) + Count(JobState::kDead);
  if (stop_after > 0 && ended_badly >= stop_after && !HasEnded()) {
    CancelOpen();
    stopped = true;
  }
}

std::int64_t ModelSweep::CancelOpen() {
  std::int64_t changed = 0;
  for (ModelTrial& trial : trials) {
    if (!trial.IsOpen()) continue;
    if (trial.IsHeld()) trial.outcomes[trial.attempt] = "CANCELLED";
    trial.state = JobState::kCancelled;
    ++changed;
  }
  return changed;
}

std::int64_t ModelSweep::Retry(const std::vector<JobState>& states) {
  std::int64_t changed = 0;
  for (ModelTrial& trial : trials) {
    if (std::find(states.begin(), states.end(), trial.state) == states.end()) continue;
    trial.state = JobState::kQueued;
    trial.failures = 0;
    trial.deaths = 0;
    trial.ready_micros = 0;
    ++changed;
  }
  if (changed > 0) cancelled = stopped = false;
  return changed;
}

}  // namespace bitsweep::store
