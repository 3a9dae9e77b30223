// SPDX-License-Identifier: Apache-2.0
#ifndef BITSWEEP_SERVER_SCHEDULER_WATCH_HUB_H_
#define BITSWEEP_SERVER_SCHEDULER_WATCH_HUB_H_

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "core/base/clock.h"
#include "core/spec/trial.h"

namespace bitsweep::scheduler {

// The latest epoch of a trial under way.
struct LivePoint {
  std::int64_t trial = 0;  // number
  std::int64_t attempt = 0;
  spec::EpochPoint point;
  double rows_per_second = 0;  // training rows over the epoch's wall time
  std::uint64_t version = 0;
};

// Tells watchers that a sweep or a transform has changed; both go by their names ("sweeps/lab-1",
// "transforms/t-1"). Keeps one number for each and one point a running trial: nothing is buffered
// for a watcher, a slow one sees fewer and newer points. The end of a job makes no entry, so that
// what was forgotten stays so.
//
// Thread-safe.
class WatchHub {
 public:
  explicit WatchHub(Clock& clock) : clock_(clock) {}

  void Changed(const std::string& submission);
  void Started(const std::string& submission, std::int64_t number, std::int64_t train_rows);
  void Epoch(const std::string& submission, std::int64_t number, std::int64_t attempt,
             const spec::EpochPoint& point);
  // The job is no longer under way.
  void Ended(const std::string& submission, std::int64_t number);
  // Of what has ended or was deleted. Also a change.
  void Forget(const std::string& submission);
  // Wakes every watcher; WaitForChange returns at once from now on.
  void Close();
  bool closed() const;

  // The version now; grows with every change. What has no entry shares one.
  std::uint64_t Version(const std::string& submission) const;
  // Waits until the version differs from `seen`, until `deadline`, Close, or `cancelled` (asked at
  // least each second) says so. Returns the version.
  std::uint64_t WaitForChange(const std::string& submission, std::uint64_t seen,
                              absl::Time deadline, const std::function<bool()>& cancelled);
  // Points newer than `version`.
  std::vector<LivePoint> PointsAfter(const std::string& submission, std::uint64_t version) const;
  // Sum over the trials under way.
  double RowsPerSecond(const std::string& submission) const;

 private:
  struct Live {
    std::int64_t train_rows = 0;
    LivePoint point;
  };
  struct Entry {
    std::uint64_t version = 0;
    std::map<std::int64_t, Live> live;
  };

  std::uint64_t VersionOf(const std::string& submission) const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);

  Clock& clock_;
  mutable absl::Mutex mu_;
  std::uint64_t next_version_ ABSL_GUARDED_BY(mu_) = 1;
  // Version of what has no entry.
  std::uint64_t forgotten_version_ ABSL_GUARDED_BY(mu_) = 0;
  bool closed_ ABSL_GUARDED_BY(mu_) = false;
  std::map<std::string, Entry> entries_ ABSL_GUARDED_BY(mu_);
};

}  // namespace bitsweep::scheduler

#endif  // BITSWEEP_SERVER_SCHEDULER_WATCH_HUB_H_
