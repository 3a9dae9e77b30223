// SPDX-License-Identifier: Apache-2.0
#ifndef BITSWEEP_SERVER_SCHEDULER_SCHEDULER_H_
#define BITSWEEP_SERVER_SCHEDULER_SCHEDULER_H_

#include <cstdint>
#include <functional>
#include <list>
#include <map>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/statusor.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "core/base/clock.h"
#include "core/spec/retry_policy.h"
#include "server/scheduler/lease_table.h"
#include "server/scheduler/observer.h"
#include "server/scheduler/queue_policy.h"
#include "server/scheduler/watch_hub.h"
#include "server/store/store.h"

namespace bitsweep::scheduler {

struct SchedulerOptions {
  absl::Duration lease_ttl = absl::Seconds(15);
  absl::Duration max_wait = absl::Seconds(30);  // of one LeaseJobs
  spec::RetryLimits retry;
};

// One attempt at one job, as a worker names it: `id` tells the job from one of the same name in a
// deleted sweep or transform.
struct JobRef {
  std::string job_name;
  std::int64_t attempt = 0;
  JobId id;
  std::string worker_id;  // who says so
};
enum class Directive { kContinue, kCancel, kLost, kDrain };

struct RenewAnswer {
  std::vector<Directive> jobs;
  Directive worker = Directive::kContinue;
};
struct JobReport {
  JobRef ref;
  bool started = false;
  std::string data_digest;
  std::int64_t train_rows = 0;
  std::vector<spec::EpochPoint> points;
};
struct ReportAnswer {
  Directive directive = Directive::kContinue;
  std::string data_mismatch;
};

// A worker process as the scheduler knows it now.
struct LiveWorker {
  store::WorkerRecord record;
  bool draining = false;
  bool lost = false;  // not heard of for longer than a lease lives
  std::int64_t busy_slots = 0;
  std::int64_t leases = 0;
};

// Hands out jobs, keeps leases, ends what was not renewed, and changes sweeps and transforms: the
// mechanism between the API and the store. Which job goes where is queue_policy.h's to say, what
// follows a failure retry_policy.h's.
//
// Life-cycle: Start loads the leases that a former process had given (each gets a full ttl) and
// starts the dispatcher thread; BeginDrain ends all waiting; Stop joins. Both are idempotent.
// Thread-safe. The store, clock and observer are not owned and must outlive it.
// Errors: those of the store; NotFound / WORKER_NOT_FOUND for a worker that has not registered (it
// should, again), FailedPrecondition / WORKER_SUPERSEDED for a process whose name another has
// taken, Unavailable / SERVER_DRAINING.
class Scheduler {
 public:
  Scheduler(store::Store& store, Clock& clock, const SchedulerOptions& options,
            SchedulerObserver& observer);
  ~Scheduler();

  absl::Status Start();
  void BeginDrain();
  void Stop();

  // Sweeps.
  absl::StatusOr<store::SubmitOutcome> SubmitSweep(const store::NewSweep& sweep);
  absl::StatusOr<store::SweepRecord> PauseSweep(const std::string& sweep_id);
  absl::StatusOr<store::SweepRecord> ResumeSweep(const std::string& sweep_id);
  absl::StatusOr<store::ChangeOutcome> CancelSweep(const std::string& sweep_id);
  absl::StatusOr<store::ChangeOutcome> RetrySweep(const std::string& sweep_id,
                                                  const std::vector<spec::JobState>& states);
  absl::Status DeleteSweep(const std::string& sweep_id);

  // Transforms.
  absl::StatusOr<store::SubmitTransformOutcome> SubmitTransform(
      const store::NewTransform& transform);
  absl::StatusOr<store::ChangeTransformOutcome> CancelTransform(const std::string& transform_id);
  absl::Status DeleteTransform(const std::string& transform_id);
  // Nothing while nothing is known; at most two seconds old for what has many jobs.
  std::optional<absl::Duration> Eta(const store::SweepRecord& sweep);
  std::optional<absl::Duration> Eta(const store::TransformRecord& transform);

  // Workers. `record` without times: they are filled here.
  absl::Status RegisterWorker(store::WorkerRecord record);
  // Waits up to `wait` for up to `max_jobs` jobs; returns none when time is over or `cancelled`
  // says so. Without a wait it returns as soon as the queue has been looked at. Jobs that a caller
  // that has gone would have got are given back.
  absl::StatusOr<std::vector<store::LeasedJob>> LeaseJobs(const std::string& worker_id,
                                                          const std::string& instance_id,
                                                          std::int64_t max_jobs,
                                                          absl::Duration wait,
                                                          const std::function<bool()>& cancelled);
  absl::StatusOr<RenewAnswer> RenewLeases(const std::string& worker_id,
                                          const std::string& instance_id,
                                          const std::vector<JobRef>& jobs, std::int64_t busy_slots);
  absl::StatusOr<std::vector<ReportAnswer>> ReportProgress(const std::vector<JobReport>& reports);
  absl::Status CompleteJob(const JobRef& ref, const std::vector<spec::EpochPoint>& points,
                           const spec::TrialResult& result);
  absl::Status CompleteTransformJob(const JobRef& ref, const store::TransformOutcome& result);
  absl::StatusOr<spec::JobState> FailJob(const JobRef& ref, const spec::JobFailure& failure);
  absl::StatusOr<std::int64_t> ReleaseJobs(const std::vector<JobRef>& refs,
                                           const std::string& cause);

  // Administration.
  absl::StatusOr<LiveWorker> DrainWorker(const std::string& worker_id);
  absl::Status SetQueuePaused(bool paused);
  bool IsQueuePaused() const;
  std::vector<LiveWorker> Workers() const;
  std::int64_t LeaseCount() const;
  LeaseCounts Leases() const;

  WatchHub& hub() { return hub_; }
  const SchedulerOptions& options() const { return options_; }
  absl::Duration renew_interval() const;

 private:
  // A LeaseJobs call that waits.
  struct Poll {
    std::string worker_id;
    std::int64_t wanted = 0;
    std::vector<store::LeasedJob> jobs;
    bool in_dispatch = false;  // the dispatcher looks for jobs for it now
    bool looked = false;       // it has
    bool done = false;
  };

  void Loop();
  void Dispatch();
  void ExpireLeases(std::vector<Lease> expired);
  // After a write that failed: puts the leases (back) into the table, to expire in a second. None
  // may be forgotten while the store has it.
  void EndSoon(std::vector<Lease> leases) ABSL_LOCKS_EXCLUDED(mu_);
  void WakeDispatcher() ABSL_LOCKS_EXCLUDED(mu_);
  // Ends the waiting of a worker that shall get nothing more.
  void EndPolls(const std::string& worker_id) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  absl::Status CheckServing() const ABSL_LOCKS_EXCLUDED(mu_);
  absl::Status CheckWorker(const std::string& worker_id, const std::string& instance_id)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  LiveWorker Describe(const LiveWorker& worker) const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  // The job that a worker names, as far as known without a write: from the leases in force, else
  // from the store, so that repeating a committed write finds it. Aborted / LEASE_LOST when the
  // lease is another worker's or the name another job's.
  absl::StatusOr<Lease> Resolve(const JobRef& ref);
  // After a completion that was stored: ends the lease, tells observer and watchers.
  void NoteSuccess(const Lease& lease, const store::CompleteOutcome& outcome);
  std::optional<absl::Duration> EtaOf(SubmissionId row, const spec::JobCounts& counts,
                                      const spec::SweepFlags& flags);
  // A write of an attempt that has not the lease any more was refused.
  void NoteFenced(const store::LeaseRef& ref) ABSL_LOCKS_EXCLUDED(mu_);
  void NoteRevoked(store::SubmissionKind kind, const std::vector<store::LeaseRef>& revoked);
  void NoteFailure(const Lease& lease, spec::FailureReason reason,
                   const store::FailOutcome& outcome);

  store::Store& store_;
  Clock& clock_;
  const SchedulerOptions options_;
  SchedulerObserver& observer_;
  WatchHub hub_;

  mutable absl::Mutex mu_;
  LeaseTable leases_ ABSL_GUARDED_BY(mu_);
  std::map<std::string, LiveWorker> workers_ ABSL_GUARDED_BY(mu_);
  std::list<Poll*> polls_ ABSL_GUARDED_BY(mu_);
  bool work_may_wait_ ABSL_GUARDED_BY(mu_) = true;  // something may be leased since the last look
  std::optional<absl::Time> next_ready_ ABSL_GUARDED_BY(mu_);
  bool queue_paused_ ABSL_GUARDED_BY(mu_) = false;
  bool draining_ ABSL_GUARDED_BY(mu_) = false;
  bool stopping_ ABSL_GUARDED_BY(mu_) = false;
  struct CachedWork {
    absl::Time time;
    store::WorkSummary work;
  };
  std::map<std::int64_t, CachedWork> work_ ABSL_GUARDED_BY(mu_);  // of those with many jobs
  std::thread thread_;
};

}  // namespace bitsweep::scheduler

#endif  // BITSWEEP_SERVER_SCHEDULER_SCHEDULER_H_
