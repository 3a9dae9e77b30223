// SPDX-License-Identifier: Apache-2.0
#include "worker/agent/held_jobs.h"

#include <algorithm>
#include <iterator>
#include <utility>

namespace bitsweep::worker {
namespace {

// Jobs are held ready only while trials are shorter than this: a long one that waits here could
// run elsewhere.
constexpr absl::Duration kShortTrial = absl::Seconds(2);

}  // namespace

std::int64_t HeldJobs::Room() const {
  const std::int64_t ready = typical_ < kShortTrial ? prefetch_ : 0;
  const std::int64_t can_start = std::min(slots_ - busy_, kThreadsPerSlot * slots_ - taken_);
  return can_start + ready - static_cast<std::int64_t>(queue_.size());
}

std::int64_t HeldJobs::WaitForRoom() {
  absl::MutexLock lock(&mu_);
  const auto has_room = [this]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_) {
    return leasing_closed_ || Room() > 0;
  };
  mu_.Await(absl::Condition(&has_room));
  return leasing_closed_ ? 0 : Room();
}

void HeldJobs::Add(std::vector<LeasedJob> jobs) {
  absl::MutexLock lock(&mu_);
  for (LeasedJob& job : jobs) {
    auto held = std::make_shared<HeldJob>(std::move(job));
    held_[held->leased.ref] = held;
    queue_.push_back(std::move(held));
  }
}

HeldJobs::Ptr HeldJobs::Take() {
  absl::MutexLock lock(&mu_);
  const auto can_go = [this]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_) {
    if (queue_closed_) return true;
    if (queue_.empty() || busy_ == slots_) return false;
    return queue_.front()->leased.ref.attempt == 1 || taken_ == busy_;
  };
  mu_.Await(absl::Condition(&can_go));
  if (queue_closed_) return nullptr;
  Ptr job = std::move(queue_.front());
  queue_.pop_front();
  job->has_slot = true;
  ++busy_;
  ++taken_;
  return job;
}

void HeldJobs::Free(HeldJob& job) {
  if (std::exchange(job.has_slot, false)) --busy_;
}

void HeldJobs::FreeSlot(HeldJob& job) {
  absl::MutexLock lock(&mu_);
  Free(job);
}

void HeldJobs::Remove(const Ptr& job, absl::Duration taken) {
  absl::MutexLock lock(&mu_);
  held_.erase(job->leased.ref);
  Free(*job);
  --taken_;
  typical_ = typical_ == absl::InfiniteDuration() ? taken : typical_ * 0.8 + taken * 0.2;
}

void HeldJobs::CloseLeasing() {
  absl::MutexLock lock(&mu_);
  leasing_closed_ = true;
}

std::vector<JobRef> HeldJobs::CloseQueue() {
  absl::MutexLock lock(&mu_);
  queue_closed_ = true;
  std::vector<JobRef> waiting;
  for (const Ptr& job : queue_) {
    waiting.push_back(job->leased.ref);
    held_.erase(job->leased.ref);
  }
  queue_.clear();
  return waiting;
}

bool HeldJobs::WaitUntilIdle(absl::Time deadline) {
  absl::MutexLock lock(&mu_);
  const auto is_idle = [this]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_) { return taken_ == 0; };
  return clock_.AwaitUntil(mu_, absl::Condition(&is_idle), deadline);
}

void HeldJobs::StopAll(StopReason reason) {
  absl::MutexLock lock(&mu_);
  for (const auto& [ref, job] : held_) job->Stop(reason);
}

std::vector<HeldJobs::Ptr> HeldJobs::All() const {
  absl::MutexLock lock(&mu_);
  std::vector<Ptr> jobs;
  for (const auto& [ref, job] : held_) jobs.push_back(job);
  return jobs;
}

std::int64_t HeldJobs::busy() const {
  absl::MutexLock lock(&mu_);
  return busy_;
}

std::int64_t HeldJobs::held() const {
  absl::MutexLock lock(&mu_);
  return static_cast<std::int64_t>(held_.size());
}

void HeldJobs::Started(HeldJob& job, const std::string& data_digest, std::int64_t train_rows) {
  absl::MutexLock lock(&mu_);
  job.data_digest = data_digest;
  job.train_rows = train_rows;
  job.start_pending = true;
  start_waits_ = true;
}

void HeldJobs::Epoch(HeldJob& job, const spec::EpochPoint& point) {
  absl::MutexLock lock(&mu_);
  job.points.push_back(point);
}

std::vector<std::pair<HeldJobs::Ptr, Report>> HeldJobs::WaitForReports(absl::Time deadline) {
  absl::MutexLock lock(&mu_);
  const auto is_urgent = [this]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_) {
    return start_waits_ || reports_closed_;
  };
  clock_.AwaitUntil(mu_, absl::Condition(&is_urgent), deadline);
  start_waits_ = false;
  std::vector<std::pair<Ptr, Report>> reports;
  std::size_t room = kMaxPoints;
  for (const auto& [ref, job] : held_) {
    if (job->is_closed || job->is_reporting || !(job->start_pending || !job->points.empty())) {
      continue;
    }
    const std::size_t count = std::min(room, job->points.size());
    room -= count;
    const auto end = job->points.begin() + static_cast<std::ptrdiff_t>(count);
    Report report{.ref = job->leased.ref,
                  .started = true,
                  .data_digest = job->data_digest,
                  .train_rows = job->train_rows,
                  .points = {job->points.begin(), end}};
    job->points.erase(job->points.begin(), end);
    job->is_reporting = true;
    reports.emplace_back(job, std::move(report));
  }
  return reports;
}

void HeldJobs::ReportsDone(std::vector<std::pair<Ptr, Report>>& reports, bool ok) {
  absl::MutexLock lock(&mu_);
  for (auto& [job, report] : reports) {
    job->is_reporting = false;
    if (ok) {
      job->start_pending = false;
      job->start_reported = true;
    } else {
      job->points.insert(job->points.begin(), std::make_move_iterator(report.points.begin()),
                         std::make_move_iterator(report.points.end()));
    }
  }
}

void HeldJobs::CloseReports() {
  absl::MutexLock lock(&mu_);
  reports_closed_ = true;
}

Report HeldJobs::CloseJob(HeldJob& job) {
  absl::MutexLock lock(&mu_);
  job.is_closed = true;
  const auto is_quiet = [&job] { return !job.is_reporting; };
  mu_.Await(absl::Condition(&is_quiet));
  const std::size_t count = std::min(kMaxPoints, job.points.size());
  const auto end = job.points.begin() + static_cast<std::ptrdiff_t>(count);
  Report report{.ref = job.leased.ref,
                .started = true,
                .data_digest = job.data_digest,
                .train_rows = job.train_rows,
                .points = {job.points.begin(), end}};
  job.points.erase(job.points.begin(), end);
  return report;
}

}  // namespace bitsweep::worker
