// SPDX-License-Identifier: Apache-2.0
#ifndef BITSWEEP_TESTS_WORKER_TRAIN_RECORDING_OBSERVER_H_
#define BITSWEEP_TESTS_WORKER_TRAIN_RECORDING_OBSERVER_H_

#include <cstdint>
#include <limits>
#include <string>
#include <vector>

#include "worker/executor/executor.h"

namespace bitsweep::train {

// Keeps what a trial tells, and asks it to stop at the given question.
class RecordingObserver : public worker::TrialObserver {
 public:
  bool ShouldStop() override { return asked++ >= stop_at; }
  bool OnStart(const std::string& data_digest, std::int64_t rows) override {
    digest = data_digest;
    train_rows = rows;
    ++starts;
    return may_start;
  }
  void OnSteps(std::int64_t count, double seconds) override {
    steps.push_back(count);
    step_seconds += seconds;
  }
  void OnEpoch(const spec::EpochPoint& point) override { points.push_back(point); }

  std::int64_t stop_at = std::numeric_limits<std::int64_t>::max();  // questions from 0
  bool may_start = true;
  std::int64_t asked = 0;
  int starts = 0;
  std::string digest;
  std::int64_t train_rows = 0;
  std::vector<spec::EpochPoint> points;
  std::vector<std::int64_t> steps;  // of each epoch
  double step_seconds = 0;
};

}  // namespace bitsweep::train

#endif  // BITSWEEP_TESTS_WORKER_TRAIN_RECORDING_OBSERVER_H_
