// SPDX-License-Identifier: Apache-2.0
// The agent's threads: leases, heartbeat, reports, and the life-cycle around them. What a slot does
// with one job is in job_runner.cc.
#include "worker/agent/agent.h"

#include <algorithm>
#include <thread>
#include <utility>
#include <vector>

#include "core/base/errors.h"
#include "core/base/ids.h"
#include "core/base/status_macros.h"
#include "core/base/version.h"
#include "spdlog/spdlog.h"
#include "worker/agent/held_jobs.h"
#include "worker/agent/job_runner.h"
#include "worker/agent/server_api.h"

namespace bitsweep::worker {
namespace {

constexpr absl::Duration kReportPeriod = absl::Milliseconds(200);
constexpr absl::Duration kLastWord = absl::Seconds(2);  // to give back what was cut short

}  // namespace

struct Agent::Impl {
  Impl(const AgentOptions& given, Executor& executor, Clock& given_clock, AgentObserver& given_obs)
      : options(given),
        engines(executor.Engines()),
        clock(given_clock),
        observer(given_obs),
        api(options.server, options.channel, WorkerName(options.name), GenerateResourceId("p")),
        jobs(clock, options.slots, options.prefetch),
        runner(api, jobs, executor, clock, observer) {}

  const AgentOptions options;
  const std::vector<std::string> engines;
  Clock& clock;
  AgentObserver& observer;
  ServerApi api;
  HeldJobs jobs;
  JobRunner runner;

  absl::Mutex mu;
  bool draining ABSL_GUARDED_BY(mu) = false;
  bool stopping ABSL_GUARDED_BY(mu) = false;  // the threads end
  absl::Status fatal ABSL_GUARDED_BY(mu);
  absl::Duration renew_interval ABSL_GUARDED_BY(mu) = absl::Seconds(1);

  absl::Status RegisterOnce();
  absl::Status RegisterUntilAccepted();
  void LeaseLoop();
  void HeartbeatLoop();
  void ReportLoop();
  void SlotLoop();
  void Drain();

  // Waits; returns false when draining (or stopping) cuts it short.
  bool PauseUnlessDraining(absl::Duration pause) {
    absl::MutexLock lock(&mu);
    return !clock.AwaitUntil(mu, absl::Condition(&draining), clock.Now() + pause);
  }
  // Deals with an error of a worker's call; returns the pause before the next.
  absl::Duration AfterError(const char* method, const absl::Status& status, absl::Duration pause);
  void Die(const absl::Status& status);
};

absl::Status Agent::Impl::RegisterOnce() {
  absl::StatusOr<Registration> registration =
      api.Register(options.slots, Version(), engines, options.host);
  if (!registration.ok()) return registration.status();
  observer.OnConnected(true);
  absl::MutexLock lock(&mu);
  renew_interval = registration->renew_interval;
  return absl::OkStatus();
}

absl::Status Agent::Impl::RegisterUntilAccepted() {
  absl::Duration pause = kFirstPause;
  bool told = false;
  while (true) {
    const absl::Status status = RegisterOnce();
    if (status.ok()) {
      spdlog::info("registered worker={} server={} slots={}", options.name, options.server,
                   options.slots);
      return status;
    }
    if (!IsTransient(status) || IsDenied(status)) return status;
    if (!std::exchange(told, true)) {
      spdlog::warn("the server does not answer; trying again server={} message=\"{}\"",
                   options.server, std::string(status.message()));
    }
    if (!PauseUnlessDraining(pause)) return absl::CancelledError("draining");
    pause = std::min(pause * 2, kLongestPause);
  }
}

void Agent::Impl::Die(const absl::Status& status) {
  spdlog::error("giving up worker={} message=\"{}\"", options.name, std::string(status.message()));
  jobs.StopAll(StopReason::kLost);
  absl::MutexLock lock(&mu);
  if (fatal.ok()) fatal = status;
  draining = true;
}

absl::Duration Agent::Impl::AfterError(const char* method, const absl::Status& status,
                                       absl::Duration pause) {
  {
    absl::MutexLock lock(&mu);
    if (stopping) return pause;  // it was cut short
  }
  observer.OnCallFailed(method);
  const std::string reason = ReasonOf(status);
  if (reason == "WORKER_SUPERSEDED") {
    Die(status);
  } else if (reason == "WORKER_NOT_FOUND") {  // the server has restarted
    const absl::Status registered = RegisterOnce();
    if (registered.ok()) {
      spdlog::info("registered again worker={}", options.name);
      return kFirstPause;
    }
  } else {
    observer.OnConnected(false);
    if (pause == kFirstPause) {
      spdlog::warn("call failed method={} message=\"{}\"", method, std::string(status.message()));
    }
  }
  return std::min(pause * 2, kLongestPause);
}

void Agent::Impl::LeaseLoop() {
  absl::Duration pause = kFirstPause;
  while (const std::int64_t room = jobs.WaitForRoom()) {
    absl::StatusOr<std::vector<LeasedJob>> leased = api.Lease(room, options.lease_wait);
    if (leased.ok()) {
      observer.OnConnected(true);
      jobs.Add(*std::move(leased));
      observer.OnHeld(jobs.held());
      pause = kFirstPause;
      continue;
    }
    {
      absl::MutexLock lock(&mu);
      if (draining) return;
    }
    const absl::Duration wait = pause;
    pause = AfterError("LeaseJobs", leased.status(), pause);
    if (!PauseUnlessDraining(wait)) return;
  }
}

void Agent::Impl::HeartbeatLoop() {
  absl::Duration pause = kFirstPause;
  absl::Duration interval;
  while (true) {
    {
      absl::MutexLock lock(&mu);
      interval = renew_interval;
      if (clock.AwaitUntil(mu, absl::Condition(&stopping), clock.Now() + interval)) return;
    }
    const std::vector<HeldJobs::Ptr> held = jobs.All();
    std::vector<JobRef> refs;
    for (const HeldJobs::Ptr& job : held) refs.push_back(job->leased.ref);
    const absl::StatusOr<Renewal> renewal =
        api.Renew(refs, jobs.busy(), std::max(interval * 2, absl::Seconds(2)));
    if (!renewal.ok()) {
      pause = AfterError("RenewLeases", renewal.status(), pause);
      continue;
    }
    observer.OnConnected(true);
    pause = kFirstPause;
    for (std::size_t i = 0; i < held.size(); ++i) {
      if (renewal->jobs[i] == Directive::kCancel) held[i]->Stop(StopReason::kCancelled);
      if (renewal->jobs[i] == Directive::kLost) held[i]->Stop(StopReason::kLost);
    }
    if (renewal->worker == Directive::kDrain) {
      absl::MutexLock lock(&mu);
      if (!draining) spdlog::info("draining on the server's request worker={}", options.name);
      draining = true;
    }
  }
}

void Agent::Impl::ReportLoop() {
  absl::Duration pause = kFirstPause;
  while (true) {
    std::vector<std::pair<HeldJobs::Ptr, Report>> reports =
        jobs.WaitForReports(clock.Now() + kReportPeriod);
    if (reports.empty()) {
      absl::MutexLock lock(&mu);
      if (stopping) return;
      continue;
    }
    std::vector<Report> messages;
    for (const auto& [job, report] : reports) messages.push_back(report);
    const absl::StatusOr<std::vector<ReportAnswer>> answers = api.ReportProgress(messages);
    if (answers.ok()) {
      for (std::size_t i = 0; i < reports.size(); ++i) {
        JobRunner::Apply((*answers)[i], *reports[i].first);
      }
    }
    jobs.ReportsDone(reports, answers.ok());
    if (answers.ok()) {
      pause = kFirstPause;
      continue;
    }
    const absl::Duration wait = pause;
    pause = AfterError("ReportProgress", answers.status(), pause);
    absl::MutexLock lock(&mu);
    if (clock.AwaitUntil(mu, absl::Condition(&stopping), clock.Now() + wait)) return;
  }
}

void Agent::Impl::SlotLoop() {
  while (const HeldJobs::Ptr job = jobs.Take()) {
    runner.TellBusySlots();
    const absl::Time start = clock.Now();
    const std::string outcome = runner.Run(*job);
    const absl::Duration taken = clock.Now() - start;
    jobs.Remove(job, taken);
    observer.OnTrialEnded(outcome, taken);
    observer.OnHeld(jobs.held());
  }
}

void Agent::Impl::Drain() {
  const std::vector<JobRef> waiting = jobs.CloseQueue();
  spdlog::info("draining worker={} running={} given_back={}", options.name, jobs.held(),
               waiting.size());
  if (!waiting.empty()) {
    const absl::Status status = api.Release(waiting, "WORKER_DRAINING");
    if (!status.ok()) {  // they come back when their leases expire
      spdlog::warn("could not give back jobs={} message=\"{}\"", waiting.size(),
                   std::string(status.message()));
    }
  }
  if (jobs.WaitUntilIdle(clock.Now() + options.grace)) return;
  jobs.StopAll(StopReason::kDrain);
  const absl::Time give_up = clock.Now() + options.goodbye;
  runner.GiveUpRetriesAt(give_up);
  if (jobs.WaitUntilIdle(give_up)) return;
  api.CutShort(kLastWord);
  jobs.WaitUntilIdle(absl::InfiniteFuture());  // engines that are still to see that they must stop
}

Agent::Agent(const AgentOptions& options, Executor& executor, Clock& clock, AgentObserver& observer)
    : impl_(std::make_unique<Impl>(options, executor, clock, observer)) {}

Agent::~Agent() = default;

absl::Status Agent::Run() {
  Impl& impl = *impl_;
  const absl::Status registered = impl.RegisterUntilAccepted();
  if (absl::IsCancelled(registered)) return absl::OkStatus();
  RETURN_IF_ERROR(registered);

  std::thread lease([&] { impl.LeaseLoop(); });
  std::thread heartbeat([&] { impl.HeartbeatLoop(); });
  std::thread report([&] { impl.ReportLoop(); });
  // More threads than slots: while a job is computed, another's result may be under way.
  // HeldJobs::Take lets no more compute than there are slots.
  std::vector<std::thread> slots;
  for (std::int64_t i = 0; i < HeldJobs::kThreadsPerSlot * impl.options.slots; ++i) {
    slots.emplace_back([&] { impl.SlotLoop(); });
  }
  {
    absl::MutexLock lock(&impl.mu);
    impl.mu.Await(absl::Condition(&impl.draining));
  }
  impl.api.CancelWait();
  impl.jobs.CloseLeasing();
  lease.join();
  impl.Drain();
  for (std::thread& slot : slots) slot.join();
  {
    absl::MutexLock lock(&impl.mu);
    impl.stopping = true;
  }
  impl.jobs.CloseReports();
  impl.api.CutShort(kLastWord);
  report.join();
  heartbeat.join();
  absl::MutexLock lock(&impl.mu);
  return impl.fatal;
}

void Agent::BeginDrain() {
  absl::MutexLock lock(&impl_->mu);
  impl_->draining = true;
}

}  // namespace bitsweep::worker
