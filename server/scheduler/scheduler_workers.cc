// SPDX-License-Identifier: Apache-2.0
// What workers call.
#include <algorithm>

#include "core/base/errors.h"
#include "core/base/ids.h"
#include "core/base/status_macros.h"
#include "fmt/format.h"
#include "server/scheduler/job_name.h"
#include "server/scheduler/scheduler.h"
#include "spdlog/spdlog.h"

namespace bitsweep::scheduler {
namespace {

absl::Status Draining() {
  return ErrorWithDetails(absl::StatusCode::kUnavailable, "the server is shutting down",
                          {.reason = "SERVER_DRAINING", .retry_after = absl::Seconds(1)});
}

bool IsLeaseLost(const absl::Status& status) { return status.code() == absl::StatusCode::kAborted; }

}  // namespace

absl::Status Scheduler::CheckWorker(const std::string& worker_id, const std::string& instance_id) {
  const auto worker = workers_.find(worker_id);
  if (worker == workers_.end()) return NotFoundError("worker", WorkerName(worker_id));
  if (worker->second.record.instance_id != instance_id) {
    return ErrorWithDetails(
        absl::StatusCode::kFailedPrecondition,
        fmt::format("another process has registered as {}", WorkerName(worker_id)),
        {.reason = "WORKER_SUPERSEDED", .metadata = {{"worker", WorkerName(worker_id)}}});
  }
  worker->second.record.last_seen_time = clock_.Now();
  return absl::OkStatus();
}

absl::Status Scheduler::CheckServing() const {
  absl::MutexLock lock(&mu_);
  return draining_ ? Draining() : absl::OkStatus();
}

void Scheduler::EndPolls(const std::string& worker_id) {
  for (Poll* poll : polls_) poll->done = poll->done || poll->worker_id == worker_id;
}

absl::Status Scheduler::RegisterWorker(store::WorkerRecord record) {
  const absl::Time now = clock_.Now();
  record.register_time = now;
  record.last_seen_time = now;
  std::vector<Lease> orphaned;
  {
    absl::MutexLock lock(&mu_);
    if (draining_) return Draining();
    const auto known = workers_.find(record.worker_id);
    const bool same =
        known != workers_.end() && known->second.record.instance_id == record.instance_id;
    // A name seen for the first time since this server started may be the process that holds the
    // leases found in the store: those are its own to renew, or run out.
    if (known != workers_.end() && !same) {
      orphaned = leases_.TakeWorker(record.worker_id);
      EndPolls(record.worker_id);
    }
    LiveWorker& worker = workers_[record.worker_id];
    if (!same) worker = LiveWorker{};
    worker.record = record;
  }
  spdlog::info("worker registered worker={} slots={} host={} version={}", record.worker_id,
               record.slots, record.host, record.version);
  if (!orphaned.empty()) ExpireLeases(std::move(orphaned));
  return store_.PutWorker(record);
}

absl::StatusOr<std::vector<store::LeasedJob>> Scheduler::LeaseJobs(
    const std::string& worker_id, const std::string& instance_id, std::int64_t max_jobs,
    absl::Duration wait, const std::function<bool()>& cancelled) {
  Poll poll{.worker_id = worker_id, .wanted = max_jobs};
  {
    absl::MutexLock lock(&mu_);
    if (draining_) return Draining();
    RETURN_IF_ERROR(CheckWorker(worker_id, instance_id));
    if (workers_[worker_id].draining) return std::vector<store::LeasedJob>{};
    polls_.push_back(&poll);
    work_may_wait_ = true;
    const absl::Time deadline =
        clock_.Now() + std::clamp(wait, absl::ZeroDuration(), options_.max_wait);
    const bool no_wait = deadline <= clock_.Now();
    const auto ended = [&]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_) {
      return poll.done || draining_ || (no_wait && (poll.looked || queue_paused_));
    };
    // A call that does not want to wait still gives the dispatcher one look.
    const absl::Time first = no_wait ? deadline + absl::Seconds(1) : deadline;
    while (!clock_.AwaitUntil(mu_, absl::Condition(&ended),
                              std::min(first, clock_.Now() + absl::Seconds(1)))) {
      if (clock_.Now() >= first || cancelled()) break;
    }
    polls_.remove(&poll);
    if (draining_ && poll.jobs.empty()) return Draining();
  }
  if (!poll.jobs.empty() && cancelled()) {
    std::vector<store::LeaseRef> refs;
    for (const store::LeasedJob& job : poll.jobs) refs.push_back(job.ref);
    // When this fails, the leases stay in force until they expire.
    RETURN_IF_ERROR(store_.Release(refs, "CALLER_GONE", clock_.Now()).status());
    {
      absl::MutexLock lock(&mu_);
      for (const store::LeaseRef& ref : refs) leases_.Remove(ref);
    }
    WakeDispatcher();
    return absl::CancelledError("the caller has gone");
  }
  for (const store::LeasedJob& job : poll.jobs) {
    spdlog::debug("job leased job={} attempt={} worker={}",
                  JobNameText(job.submission_name, job.number), job.ref.attempt, worker_id);
  }
  return std::move(poll.jobs);
}

absl::StatusOr<RenewAnswer> Scheduler::RenewLeases(const std::string& worker_id,
                                                   const std::string& instance_id,
                                                   const std::vector<JobRef>& jobs,
                                                   std::int64_t busy_slots) {
  absl::MutexLock lock(&mu_);
  RETURN_IF_ERROR(CheckWorker(worker_id, instance_id));
  LiveWorker& worker = workers_[worker_id];
  worker.busy_slots = busy_slots;
  RenewAnswer answer{.worker = worker.draining ? Directive::kDrain : Directive::kContinue};
  const absl::Time deadline = clock_.Now() + options_.lease_ttl;
  for (const JobRef& job : jobs) {
    const store::LeaseRef ref{job.id, job.attempt};
    if (leases_.Renew(ref, worker_id, deadline)) {
      answer.jobs.push_back(Directive::kContinue);
    } else if (leases_.WasCancelled(ref)) {
      answer.jobs.push_back(Directive::kCancel);
    } else {
      answer.jobs.push_back(Directive::kLost);
      observer_.OnFenced();
      if (leases_.TakeFalseExpiry(ref)) observer_.OnFalseExpiry();
    }
  }
  return answer;
}

absl::StatusOr<Lease> Scheduler::Resolve(const JobRef& ref) {
  ASSIGN_OR_RETURN(const JobName name, ParseJobName(ref.job_name));
  const store::LeaseRef lease_ref{ref.id, ref.attempt};
  {
    absl::MutexLock lock(&mu_);
    const Lease* lease = leases_.Find(lease_ref);
    if (lease != nullptr && lease->job_name == ref.job_name) {
      if (lease->worker_id == ref.worker_id) return *lease;
      return LeaseLostError(ref.job_name, ref.attempt, "is leased to another worker");
    }
  }
  const absl::StatusOr<JobId> job = store_.FindJob(ref.job_name);
  if (!job.ok() && !absl::IsNotFound(job.status())) return job.status();
  if (!job.ok() || *job != ref.id) {
    return LeaseLostError(ref.job_name, ref.attempt, "is no job any more: it was deleted");
  }
  return Lease{.ref = lease_ref,
               .job_name = ref.job_name,
               .submission = name.submission,
               .number = name.number,
               .worker_id = ref.worker_id};
}

absl::StatusOr<std::vector<ReportAnswer>> Scheduler::ReportProgress(
    const std::vector<JobReport>& reports) {
  std::vector<ReportAnswer> answers(reports.size());
  std::vector<store::ProgressReport> known;
  std::vector<std::size_t> positions;
  for (std::size_t i = 0; i < reports.size(); ++i) {
    const absl::StatusOr<Lease> lease = Resolve(reports[i].ref);
    if (!lease.ok()) {
      // A name that cannot be is no reason to refuse the other reports.
      if (!IsLeaseLost(lease.status()) && !absl::IsInvalidArgument(lease.status())) {
        return lease.status();
      }
      answers[i].directive = Directive::kLost;
      NoteFenced({reports[i].ref.id, reports[i].ref.attempt});
      continue;
    }
    known.push_back({lease->ref, reports[i].started, reports[i].data_digest, reports[i].points});
    positions.push_back(i);
  }
  ASSIGN_OR_RETURN(const std::vector<store::ProgressOutcome> outcomes,
                   store_.Progress(known, clock_.Now()));
  for (std::size_t k = 0; k < outcomes.size(); ++k) {
    const JobReport& report = reports[positions[k]];
    ReportAnswer& answer = answers[positions[k]];
    switch (outcomes[k].verdict) {
      case store::ProgressVerdict::kContinue: {
        ASSIGN_OR_RETURN(const JobName name, ParseJobName(report.ref.job_name));
        if (report.started && report.train_rows > 0) {
          hub_.Started(name.submission, name.number, report.train_rows);
        } else if (report.started) {  // a transform's job, or its data has still to be read
          hub_.Changed(name.submission);
        }
        if (!report.points.empty()) {
          hub_.Epoch(name.submission, name.number, report.ref.attempt, report.points.back());
          observer_.OnEpochs(static_cast<std::int64_t>(report.points.size()), report.train_rows);
        }
        break;
      }
      case store::ProgressVerdict::kCancelled:
        answer.directive = Directive::kCancel;
        break;
      case store::ProgressVerdict::kLost:
        answer.directive = Directive::kLost;
        NoteFenced({report.ref.id, report.ref.attempt});
        break;
      case store::ProgressVerdict::kDataMismatch:
        answer.data_mismatch = outcomes[k].detail;
        break;
      case store::ProgressVerdict::kInvalid:
        spdlog::error("report refused job={} attempt={} worker={} error=\"{}\"",
                      report.ref.job_name, report.ref.attempt, report.ref.worker_id,
                      outcomes[k].detail);
        answer.directive = Directive::kLost;
        break;
    }
  }
  return answers;
}

absl::Status Scheduler::CompleteJob(const JobRef& ref, const std::vector<spec::EpochPoint>& points,
                                    const spec::TrialResult& result) {
  const absl::StatusOr<Lease> lease = Resolve(ref);
  const absl::Time start = clock_.Now();
  const absl::StatusOr<store::CompleteOutcome> outcome =
      lease.ok() ? store_.Complete(lease->ref, points, result, start) : lease.status();
  if (!outcome.ok()) {
    if (IsLeaseLost(outcome.status())) NoteFenced({ref.id, ref.attempt});
    return outcome.status();
  }
  if (outcome->repeated) return absl::OkStatus();  // it has been counted
  spdlog::info("trial succeeded job={} attempt={} worker={} val_acc={:.4f} seconds={:.3f}",
               lease->job_name, ref.attempt, lease->worker_id, result.val_acc, result.seconds);
  observer_.OnCommitted(clock_.Now() - start);
  NoteSuccess(*lease, *outcome);
  observer_.OnSucceeded(result);
  observer_.OnEpochs(static_cast<std::int64_t>(points.size()), result.train_rows);
  return absl::OkStatus();
}

void Scheduler::NoteFenced(const store::LeaseRef& ref) {
  observer_.OnFenced();
  absl::MutexLock lock(&mu_);
  if (leases_.TakeFalseExpiry(ref)) observer_.OnFalseExpiry();
}

void Scheduler::NoteSuccess(const Lease& lease, const store::CompleteOutcome& outcome) {
  {
    absl::MutexLock lock(&mu_);
    leases_.Remove(lease.ref);
    work_may_wait_ = true;  // a limit of parallel jobs may have room again
  }
  observer_.OnAttemptEnded(KindOf(lease.submission), "SUCCEEDED");
  observer_.OnFinished(KindOf(lease.submission), spec::JobState::kSucceeded, 1);
  hub_.Ended(lease.submission, lease.number);
  if (outcome.submission_ended) hub_.Forget(lease.submission);
}

absl::StatusOr<spec::JobState> Scheduler::FailJob(const JobRef& ref,
                                                  const spec::JobFailure& failure) {
  const absl::StatusOr<Lease> lease = Resolve(ref);
  const absl::StatusOr<store::FailOutcome> outcome =
      lease.ok() ? store_.Fail(lease->ref, failure, options_.retry, clock_.Now()) : lease.status();
  if (!outcome.ok()) {
    if (IsLeaseLost(outcome.status())) NoteFenced({ref.id, ref.attempt});
    return outcome.status();
  }
  if (!outcome->repeated) {
    {
      absl::MutexLock lock(&mu_);
      leases_.Remove(lease->ref);
    }
    observer_.OnAttemptEnded(KindOf(lease->submission), "FAILED");
    NoteFailure(*lease, failure.reason, *outcome);
    WakeDispatcher();
  }
  return outcome->state;
}

absl::StatusOr<std::int64_t> Scheduler::ReleaseJobs(const std::vector<JobRef>& refs,
                                                    const std::string& cause) {
  std::vector<store::LeaseRef> known;
  std::vector<Lease> held;
  for (const JobRef& ref : refs) {
    const absl::StatusOr<Lease> lease = Resolve(ref);
    if (IsLeaseLost(lease.status())) continue;
    RETURN_IF_ERROR(lease.status());
    known.push_back(lease->ref);
    absl::MutexLock lock(&mu_);
    if (leases_.Find(lease->ref) != nullptr) held.push_back(*lease);
  }
  ASSIGN_OR_RETURN(const std::int64_t released, store_.Release(known, cause, clock_.Now()));
  {
    absl::MutexLock lock(&mu_);
    for (const store::LeaseRef& ref : known) leases_.Remove(ref);
    work_may_wait_ = true;
  }
  for (const Lease& lease : held) {
    observer_.OnAttemptEnded(KindOf(lease.submission), "RELEASED");
    hub_.Ended(lease.submission, lease.number);
  }
  return released;
}

LiveWorker Scheduler::Describe(const LiveWorker& worker) const {
  LiveWorker copy = worker;
  copy.lost = clock_.Now() - worker.record.last_seen_time > options_.lease_ttl;
  copy.leases = leases_.CountOf(worker.record.worker_id);
  if (copy.lost) copy.busy_slots = 0;
  return copy;
}

absl::StatusOr<LiveWorker> Scheduler::DrainWorker(const std::string& worker_id) {
  absl::MutexLock lock(&mu_);
  const auto worker = workers_.find(worker_id);
  if (worker == workers_.end()) return NotFoundError("worker", WorkerName(worker_id));
  worker->second.draining = true;
  EndPolls(worker_id);
  return Describe(worker->second);
}

absl::Status Scheduler::SetQueuePaused(bool paused) {
  RETURN_IF_ERROR(store_.SetQueuePaused(paused, clock_.Now()));
  absl::MutexLock lock(&mu_);
  queue_paused_ = paused;
  work_may_wait_ = true;
  return absl::OkStatus();
}

bool Scheduler::IsQueuePaused() const {
  absl::MutexLock lock(&mu_);
  return queue_paused_;
}

std::vector<LiveWorker> Scheduler::Workers() const {
  absl::MutexLock lock(&mu_);
  std::vector<LiveWorker> workers;
  for (const auto& [id, worker] : workers_) workers.push_back(Describe(worker));
  return workers;
}

LeaseCounts Scheduler::Leases() const {
  absl::MutexLock lock(&mu_);
  return leases_.Counts(clock_.Now(), options_.lease_ttl);
}

std::int64_t Scheduler::LeaseCount() const {
  absl::MutexLock lock(&mu_);
  return leases_.size();
}

}  // namespace bitsweep::scheduler
