// SPDX-License-Identifier: Apache-2.0
#ifndef BITSWEEP_TESTS_SERVER_STORE_QUEUE_MODEL_H_
#define BITSWEEP_TESTS_SERVER_STORE_QUEUE_MODEL_H_

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "absl/time/time.h"
#include "server/store/store.h"

namespace bitsweep::store {

// What a store should hold, in the simplest form: the words of docs/state_machine.md written again
// without SQL. Methods return what the store should answer.
struct ModelTrial {
  spec::JobState state = spec::JobState::kQueued;
  std::int64_t attempt = 0;
  std::int64_t failures = 0;
  std::int64_t deaths = 0;
  std::int64_t ready_micros = 0;  // end of its back-off
  double val_acc = -1;
  std::map<std::int64_t, std::string> outcomes;  // of attempts that ended
  JobId job;                                     // known from the first lease on

  bool IsOpen() const {
    return state == spec::JobState::kQueued || state == spec::JobState::kLeased ||
           state == spec::JobState::kRunning;
  }
  bool IsHeld() const {
    return state == spec::JobState::kLeased || state == spec::JobState::kRunning;
  }
};

struct ModelSweep {
  SubmissionId row;
  std::int64_t stop_after = 0;
  bool paused = false;
  bool cancelled = false;
  bool stopped = false;
  std::vector<ModelTrial> trials;

  std::int64_t Count(spec::JobState state) const;
  bool HasEnded() const;
  spec::SweepState State() const;
  // Numbers that a lease of `count` takes now, in the order of the answer.
  std::vector<std::int64_t> Lease(std::int64_t count, absl::Time now);
  // Ends the current attempt in an error; the caller sets the end of a back-off.
  void Fail(ModelTrial& trial, spec::FailureReason reason, const std::string& outcome);
  std::int64_t CancelOpen();
  std::int64_t Retry(const std::vector<spec::JobState>& states);
};

}  // namespace bitsweep::store

#endif  // BITSWEEP_TESTS_SERVER_STORE_QUEUE_MODEL_H_
