// SPDX-License-Identifier: Apache-2.0
#ifndef BITSWEEP_WORKER_AGENT_HELD_JOBS_H_
#define BITSWEEP_WORKER_AGENT_HELD_JOBS_H_

#include <atomic>
#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"
#include "core/base/clock.h"
#include "worker/agent/server_api.h"

namespace bitsweep::worker {

// Why a job is to stop. The first reason that is given stays.
enum class StopReason { kNone, kCancelled, kLost, kDataMismatch, kDrain };

// A job that this worker holds the lease of.
struct HeldJob {
  explicit HeldJob(LeasedJob job) : leased(std::move(job)) {}

  const LeasedJob leased;
  std::atomic<StopReason> stop{StopReason::kNone};
  // Guarded by HeldJobs' mutex.
  bool has_slot = false;       // a slot computes it
  bool is_closed = false;      // its end is being told: the reporter leaves it alone
  bool is_reporting = false;   // a report is under way
  bool start_pending = false;  // started, and not yet told so
  bool start_reported = false;
  std::string data_digest;
  std::int64_t train_rows = 0;
  std::vector<spec::EpochPoint> points;  // not told yet
  std::string mismatch;                  // with kDataMismatch

  void Stop(StopReason reason) {
    StopReason none = StopReason::kNone;
    stop.compare_exchange_strong(none, reason);
  }
};

// What waits for a slot, what runs, and what is to be told of it. Thread-safe.
class HeldJobs {
 public:
  using Ptr = std::shared_ptr<HeldJob>;

  HeldJobs(Clock& clock, std::int64_t slots, std::int64_t prefetch)
      : clock_(clock), slots_(slots), prefetch_(prefetch) {}

  // Waits until another job can be taken; returns how many, 0 after CloseLeasing.
  std::int64_t WaitForRoom();
  void Add(std::vector<LeasedJob> jobs);
  // The next job, which then has a slot; waits for a job and a free slot. One that has been tried
  // before waits until no result is under way as well: it may end the process, and a job whose
  // result is lost by that would count as tried, too. Nothing after CloseQueue.
  Ptr Take();
  // The job has been computed, its result is still to be brought: its slot is free for another.
  void FreeSlot(HeldJob& job);
  // The job has ended. `taken` tells how long trials are.
  void Remove(const Ptr& job, absl::Duration taken);
  // WaitForRoom returns 0 from now on.
  void CloseLeasing();
  // No job is taken any more; after CloseLeasing. Returns those that waited, which are no longer
  // held.
  std::vector<JobRef> CloseQueue();
  // Waits until nothing runs or is still to be brought, or `deadline`; returns whether nothing is.
  bool WaitUntilIdle(absl::Time deadline);
  void StopAll(StopReason reason);

  std::vector<Ptr> All() const;
  std::int64_t busy() const;  // slots that compute
  std::int64_t held() const;

  // Progress of a running job.
  void Started(HeldJob& job, const std::string& data_digest, std::int64_t train_rows);
  void Epoch(HeldJob& job, const spec::EpochPoint& point);
  // Waits until there is a start to report, or `deadline` has come and there is anything, or
  // CloseReports. Returns reports of at most kMaxPoints points, with their jobs.
  std::vector<std::pair<Ptr, Report>> WaitForReports(absl::Time deadline);
  // The reports were answered (`ok`) or are to be sent again.
  void ReportsDone(std::vector<std::pair<Ptr, Report>>& reports, bool ok);
  void CloseReports();
  // The job's end is to be told next: waits for a report under way, then returns at most kMaxPoints
  // points that were not told; call again while points are returned in full.
  Report CloseJob(HeldJob& job);

  static constexpr std::size_t kMaxPoints = 10000;
  // Threads that call Take, for each slot: one computes, one brings the result before.
  static constexpr std::int64_t kThreadsPerSlot = 2;

 private:
  std::int64_t Room() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  void Free(HeldJob& job) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);

  Clock& clock_;
  const std::int64_t slots_;
  const std::int64_t prefetch_;
  mutable absl::Mutex mu_;
  std::deque<Ptr> queue_ ABSL_GUARDED_BY(mu_);
  std::map<JobRef, Ptr> held_ ABSL_GUARDED_BY(mu_);
  std::int64_t busy_ ABSL_GUARDED_BY(mu_) = 0;
  std::int64_t taken_ ABSL_GUARDED_BY(mu_) = 0;  // and not removed
  bool leasing_closed_ ABSL_GUARDED_BY(mu_) = false;
  bool queue_closed_ ABSL_GUARDED_BY(mu_) = false;
  bool reports_closed_ ABSL_GUARDED_BY(mu_) = false;
  bool start_waits_ ABSL_GUARDED_BY(mu_) = false;
  absl::Duration typical_ ABSL_GUARDED_BY(mu_) = absl::InfiniteDuration();
};

}  // namespace bitsweep::worker

#endif  // BITSWEEP_WORKER_AGENT_HELD_JOBS_H_
