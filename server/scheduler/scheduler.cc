// SPDX-License-Identifier: Apache-2.0
// Life-cycle, the dispatcher, and sweeps. What workers call is in scheduler_workers.cc, transforms
// are in scheduler_transforms.cc.
#include "server/scheduler/scheduler.h"

#include <algorithm>

#include "absl/cleanup/cleanup.h"
#include "core/base/errors.h"
#include "core/base/failpoint.h"
#include "core/base/ids.h"
#include "core/base/status_macros.h"
#include "server/scheduler/eta.h"
#include "server/scheduler/job_name.h"
#include "spdlog/spdlog.h"

namespace bitsweep::scheduler {
namespace {

// Work is summed from rows: at most once in this time, for what has many jobs.
constexpr absl::Duration kWorkAge = absl::Seconds(2);
constexpr std::int64_t kManyJobs = 2000;

}  // namespace

Scheduler::Scheduler(store::Store& store, Clock& clock, const SchedulerOptions& options,
                     SchedulerObserver& observer)
    : store_(store), clock_(clock), options_(options), observer_(observer), hub_(clock) {}

Scheduler::~Scheduler() { Stop(); }

absl::Duration Scheduler::renew_interval() const {
  return std::min(absl::Seconds(1), options_.lease_ttl / 3);
}

absl::Status Scheduler::Start() {
  RETURN_IF_ERROR(store_.EndBackoffs());
  ASSIGN_OR_RETURN(const std::vector<store::ActiveLease> active, store_.ActiveLeases());
  ASSIGN_OR_RETURN(const bool paused, store_.IsQueuePaused());
  {
    absl::MutexLock lock(&mu_);
    if (thread_.joinable()) return absl::OkStatus();
    const absl::Time now = clock_.Now();
    for (const store::ActiveLease& lease : active) {
      leases_.Add({.ref = lease.ref,
                   .job_name = JobNameText(lease.submission_name, lease.number),
                   .submission = lease.submission_name,
                   .number = lease.number,
                   .worker_id = lease.worker_id,
                   .deadline = now + options_.lease_ttl,
                   .leased_at = now});
    }
    queue_paused_ = paused;
    thread_ = std::thread([this] { Loop(); });
  }
  if (!active.empty()) spdlog::info("leases taken over from the store leases={}", active.size());
  return absl::OkStatus();
}

void Scheduler::BeginDrain() {
  {
    absl::MutexLock lock(&mu_);
    draining_ = true;
  }
  hub_.Close();
}

void Scheduler::Stop() {
  BeginDrain();
  {
    absl::MutexLock lock(&mu_);
    stopping_ = true;
  }
  if (thread_.joinable()) thread_.join();
}

void Scheduler::WakeDispatcher() {
  absl::MutexLock lock(&mu_);
  work_may_wait_ = true;
}

void Scheduler::Loop() {
  while (true) {
    std::vector<Lease> expired;
    bool dispatch = false;
    {
      absl::MutexLock lock(&mu_);
      const auto ready = [this]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_) {
        return stopping_ || (work_may_wait_ && !polls_.empty() && !queue_paused_ && !draining_);
      };
      // Without leases nothing can expire before something else wakes this thread; new leases are
      // made here.
      absl::Time deadline = leases_.NextDeadline().value_or(absl::InfiniteFuture());
      if (next_ready_) deadline = std::min(deadline, *next_ready_);
      clock_.AwaitUntil(mu_, absl::Condition(&ready), deadline);
      if (stopping_) return;
      const absl::Time now = clock_.Now();
      if (next_ready_ && *next_ready_ <= now) {
        next_ready_.reset();
        work_may_wait_ = true;
      }
      expired = leases_.TakeExpired(now);
      dispatch = work_may_wait_ && !polls_.empty() && !queue_paused_ && !draining_;
    }
    if (!expired.empty()) ExpireLeases(std::move(expired));
    if (dispatch) Dispatch();
  }
}

void Scheduler::Dispatch() {
  const absl::Cleanup looked = [this] {
    absl::MutexLock lock(&mu_);
    for (Poll* poll : polls_) poll->looked = poll->looked || poll->in_dispatch;
  };
  std::vector<LeaseRequest> requests;
  {
    absl::MutexLock lock(&mu_);
    work_may_wait_ = false;
    for (Poll* poll : polls_) {
      if (poll->done) continue;
      poll->in_dispatch = true;
      requests.push_back({poll->worker_id, poll->wanted});
    }
  }
  const absl::Time now = clock_.Now();
  const absl::StatusOr<std::vector<store::QueueSource>> sources = store_.Sources(now);
  std::vector<store::Allocation> allocations;
  if (sources.ok()) allocations = Allocate(*sources, requests);
  absl::StatusOr<std::vector<store::LeasedJob>> leased = std::vector<store::LeasedJob>{};
  if (!allocations.empty()) leased = store_.Lease(allocations, now);
  const absl::Status status = sources.ok() ? leased.status() : sources.status();
  if (!status.ok()) {
    spdlog::error("leasing failed error=\"{}\"", std::string(status.message()));
    absl::MutexLock lock(&mu_);
    next_ready_ = clock_.Now() + absl::Seconds(1);  // look again
    return;
  }
  if (leased->empty()) {
    // What is queued is in back-off, or over a limit that a completion will lift.
    const absl::StatusOr<std::optional<absl::Time>> next = store_.NextReadyTime(now);
    absl::MutexLock lock(&mu_);
    next_ready_ = next.ok() ? *next : std::optional<absl::Time>(now + absl::Seconds(1));
    return;
  }
  Failpoint("scheduler.after_lease");
  const absl::Duration taken = clock_.Now() - now;
  std::vector<Lease> homeless;
  {
    absl::MutexLock lock(&mu_);
    for (store::LeasedJob& job : *leased) {
      observer_.OnLeased(KindOf(job.submission_name), now - job.queued_since, taken);
      Lease lease{.ref = job.ref,
                  .job_name = JobNameText(job.submission_name, job.number),
                  .submission = job.submission_name,
                  .number = job.number,
                  .worker_id = job.worker_id,
                  .deadline = now + options_.lease_ttl,
                  .leased_at = now};
      const auto poll = std::find_if(polls_.begin(), polls_.end(), [&](const Poll* p) {
        return p->worker_id == job.worker_id && !p->done &&
               static_cast<std::int64_t>(p->jobs.size()) < p->wanted;
      });
      if (poll == polls_.end()) {
        homeless.push_back(std::move(lease));
        continue;
      }
      // It may have been cancelled since the store leased it.
      if (leases_.Add(std::move(lease))) (*poll)->jobs.push_back(std::move(job));
    }
    for (Poll* poll : polls_) poll->done = poll->done || !poll->jobs.empty();
    work_may_wait_ = true;  // there may be more, and others may wait
  }
  if (!homeless.empty()) {
    std::vector<store::LeaseRef> refs;
    for (const Lease& lease : homeless) refs.push_back(lease.ref);
    const absl::StatusOr<std::int64_t> released = store_.Release(refs, "CALLER_GONE", clock_.Now());
    if (!released.ok()) {
      spdlog::error("releasing failed error=\"{}\"", released.status().ToString());
      EndSoon(std::move(homeless));
    }
  }
  for (const store::Allocation& allocation : allocations) {
    for (const store::QueueSource& source : *sources) {
      if (source.submission == allocation.submission) hub_.Changed(source.name);
    }
  }
}

void Scheduler::ExpireLeases(std::vector<Lease> expired) {
  std::vector<store::LeaseRef> refs;
  for (const Lease& lease : expired) {
    refs.push_back(lease.ref);
    spdlog::warn("lease expired job={} attempt={} worker={}", lease.job_name, lease.ref.attempt,
                 lease.worker_id);
  }
  const absl::StatusOr<std::vector<std::optional<store::FailOutcome>>> outcomes =
      store_.Expire(refs, options_.retry, clock_.Now());
  if (!outcomes.ok()) {
    spdlog::error("expiring leases failed error=\"{}\"", outcomes.status().ToString());
    EndSoon(std::move(expired));
    return;
  }
  for (std::size_t i = 0; i < expired.size(); ++i) {
    const std::optional<store::FailOutcome>& outcome = (*outcomes)[i];
    if (!outcome) continue;  // it had ended otherwise, and was counted then
    observer_.OnAttemptEnded(KindOf(expired[i].submission), "LEASE_EXPIRED");
    NoteFailure(expired[i], spec::FailureReason::kWorkerLost, *outcome);
  }
  WakeDispatcher();
}

void Scheduler::EndSoon(std::vector<Lease> leases) {
  absl::MutexLock lock(&mu_);
  for (Lease& lease : leases) {
    lease.deadline = clock_.Now() + absl::Seconds(1);
    leases_.Add(std::move(lease));
  }
}

void Scheduler::NoteFailure(const Lease& lease, spec::FailureReason reason,
                            const store::FailOutcome& outcome) {
  spdlog::info("attempt failed job={} attempt={} worker={} reason={} state={}", lease.job_name,
               lease.ref.attempt, lease.worker_id, spec::Name(reason), spec::Name(outcome.state));
  const store::SubmissionKind kind = KindOf(lease.submission);
  if (outcome.state == spec::JobState::kQueued) observer_.OnRetry(reason);
  if (outcome.state == spec::JobState::kDead) {
    observer_.OnDead(reason);
    if (outcome.worker_deaths >= options_.retry.max_worker_deaths) observer_.OnPoison();
  }
  if (spec::IsTerminal(outcome.state)) observer_.OnFinished(kind, outcome.state, 1);
  NoteRevoked(kind, outcome.revoked);
  if (outcome.cancelled_trials > 0) {  // its failure policy stopped it
    observer_.OnFinished(kind, spec::JobState::kCancelled, outcome.cancelled_trials);
  }
  hub_.Ended(lease.submission, lease.number);
  if (outcome.submission_ended) hub_.Forget(lease.submission);
  if (outcome.ready_time) {
    absl::MutexLock lock(&mu_);
    next_ready_ = std::min(next_ready_.value_or(absl::InfiniteFuture()), *outcome.ready_time);
  }
}

void Scheduler::NoteRevoked(store::SubmissionKind kind,
                            const std::vector<store::LeaseRef>& revoked) {
  absl::MutexLock lock(&mu_);
  const absl::Time until = clock_.Now() + options_.lease_ttl;
  for (const store::LeaseRef& ref : revoked) {
    leases_.Cancel(ref, until);
    observer_.OnAttemptEnded(kind, "CANCELLED");
  }
}

absl::StatusOr<store::SubmitOutcome> Scheduler::SubmitSweep(const store::NewSweep& sweep) {
  RETURN_IF_ERROR(CheckServing());
  ASSIGN_OR_RETURN(store::SubmitOutcome outcome, store_.Submit(sweep, clock_.Now()));
  if (!outcome.deduplicated) {
    observer_.OnSubmitted(store::SubmissionKind::kSweep, outcome.sweep.trial_count);
    spdlog::info("sweep submitted sweep={} configurations={} trials={}", outcome.sweep.sweep_id,
                 outcome.sweep.configuration_count, outcome.sweep.trial_count);
    hub_.Changed(SweepName(outcome.sweep.sweep_id));
    WakeDispatcher();
  }
  return outcome;
}

absl::StatusOr<store::SweepRecord> Scheduler::PauseSweep(const std::string& sweep_id) {
  ASSIGN_OR_RETURN(store::SweepRecord sweep, store_.PauseSweep(sweep_id, clock_.Now()));
  hub_.Changed(SweepName(sweep_id));
  return sweep;
}

absl::StatusOr<store::SweepRecord> Scheduler::ResumeSweep(const std::string& sweep_id) {
  ASSIGN_OR_RETURN(store::SweepRecord sweep, store_.ResumeSweep(sweep_id, clock_.Now()));
  hub_.Changed(SweepName(sweep_id));
  WakeDispatcher();
  return sweep;
}

absl::StatusOr<store::ChangeOutcome> Scheduler::CancelSweep(const std::string& sweep_id) {
  ASSIGN_OR_RETURN(store::ChangeOutcome outcome, store_.CancelSweep(sweep_id, clock_.Now()));
  NoteRevoked(store::SubmissionKind::kSweep, outcome.revoked);
  spdlog::info("sweep cancelled sweep={} trials={}", sweep_id, outcome.changed_trials);
  if (outcome.changed_trials > 0) {
    observer_.OnFinished(store::SubmissionKind::kSweep, spec::JobState::kCancelled,
                         outcome.changed_trials);
  }
  hub_.Forget(SweepName(sweep_id));
  return outcome;
}

absl::StatusOr<store::ChangeOutcome> Scheduler::RetrySweep(
    const std::string& sweep_id, const std::vector<spec::JobState>& states) {
  ASSIGN_OR_RETURN(store::ChangeOutcome outcome, store_.RetrySweep(sweep_id, states, clock_.Now()));
  if (outcome.changed_trials > 0) hub_.Changed(SweepName(sweep_id));
  WakeDispatcher();
  return outcome;
}

absl::Status Scheduler::DeleteSweep(const std::string& sweep_id) {
  RETURN_IF_ERROR(store_.DeleteSweep(sweep_id, clock_.Now()));
  hub_.Forget(SweepName(sweep_id));
  return absl::OkStatus();
}

std::optional<absl::Duration> Scheduler::Eta(const store::SweepRecord& sweep) {
  return EtaOf(sweep.row, sweep.counts, sweep.flags);
}

std::optional<absl::Duration> Scheduler::Eta(const store::TransformRecord& transform) {
  return EtaOf(transform.row, transform.counts, transform.flags);
}

std::optional<absl::Duration> Scheduler::EtaOf(SubmissionId row, const spec::JobCounts& counts,
                                               const spec::SweepFlags& flags) {
  if (counts.Terminal() == counts.Planned() || flags.paused) return std::nullopt;
  const absl::Time now = clock_.Now();
  const std::int64_t parallel = counts.leased + counts.running;
  const bool is_large = counts.Planned() >= kManyJobs;
  if (is_large) {
    absl::MutexLock lock(&mu_);
    const auto cached = work_.find(row.value);
    if (cached != work_.end() && now - cached->second.time < kWorkAge) {
      return EstimateEta(cached->second.work, parallel);
    }
  }
  const absl::StatusOr<store::WorkSummary> work = store_.SummarizeWork(row);
  if (!work.ok()) {
    spdlog::warn("no estimate submission={} error=\"{}\"", row.value, work.status().ToString());
    return std::nullopt;
  }
  if (is_large) {
    absl::MutexLock lock(&mu_);
    if (work_.size() > 100) work_.clear();
    work_[row.value] = {now, *work};
  }
  return EstimateEta(*work, parallel);
}

}  // namespace bitsweep::scheduler
