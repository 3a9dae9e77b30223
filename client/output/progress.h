// SPDX-License-Identifier: Apache-2.0
#ifndef BITSWEEP_CLIENT_OUTPUT_PROGRESS_H_
#define BITSWEEP_CLIENT_OUTPUT_PROGRESS_H_

#include <cstdint>
#include <optional>
#include <ostream>
#include <string>

#include "absl/time/time.h"

namespace bitsweep::client {

// What a progress line tells.
struct Progress {
  std::int64_t ended = 0;  // in any terminal state
  std::int64_t planned = 0;
  std::int64_t running = 0;
  std::int64_t without_result = 0;  // failed, dead or cancelled
  std::string state;                // "RUNNING"
  double rows_per_second = 0;
  std::optional<absl::Duration> eta;
  std::optional<double> best_val_acc;  // of the epochs seen
};

// "1h 02m", "3m 07s", "12s".
std::string ShortDuration(absl::Duration duration);
// "950", "12.3 k", "4.56 M".
std::string FormatCount(double count);
// One line without a line break, at most `width` characters where the bar can give way: a bar,
// "58/120", and what is known. Pure.
std::string FormatProgress(const Progress& progress, int width);

// Shows progress on a stream: a line that redraws itself on a terminal, else a line now and then
// (when a twentieth of the plan has ended since the last, or its state has changed). Not
// thread-safe.
class ProgressDisplay {
 public:
  ProgressDisplay(std::ostream& stream, bool is_terminal, int width)
      : stream_(stream), is_terminal_(is_terminal), width_(width) {}
  ~ProgressDisplay() { Finish(); }

  void Show(const Progress& progress);
  // A line of its own, above the progress on a terminal.
  void Say(const std::string& line);
  // Leaves the last line standing.
  void Finish();

 private:
  std::ostream& stream_;
  const bool is_terminal_;
  const int width_;
  std::string line_;  // on the terminal now
  std::int64_t shown_ended_ = -1;
  std::string shown_state_;
};

}  // namespace bitsweep::client

#endif  // BITSWEEP_CLIENT_OUTPUT_PROGRESS_H_
