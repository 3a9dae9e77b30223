// SPDX-License-Identifier: Apache-2.0
#include "server/app/upkeep.h"

#include <algorithm>
#include <array>
#include <string>
#include <vector>

#include "core/base/process_usage.h"
#include "server/app/metrics_observer.h"
#include "spdlog/spdlog.h"

namespace bitsweep::server {
namespace {

void LogFailure(const char* what, const absl::Status& status) {
  if (!status.ok()) spdlog::error("{} failed message=\"{}\"", what, std::string(status.message()));
}

}  // namespace

Upkeep::Upkeep(scheduler::Scheduler& scheduler, store::Store& store,
               metrics::ServerMetrics& metrics, Clock& clock)
    : scheduler_(scheduler), store_(store), metrics_(metrics), clock_(clock) {
  RefreshGauges();
  CountSubmissions();
  thread_ = std::thread([this, start = clock_.Now()] { Loop(start); });
}

Upkeep::~Upkeep() {
  {
    absl::MutexLock lock(&mu_);
    stopping_ = true;
  }
  thread_.join();
}

void Upkeep::Loop(absl::Time start) {
  struct Chore {
    absl::Duration period;
    void (Upkeep::*run)();
    absl::Time next;
  };
  std::array chores = {Chore{absl::Seconds(1), &Upkeep::RefreshGauges, absl::Time()},
                       Chore{absl::Seconds(10), &Upkeep::CountSubmissions, absl::Time()},
                       Chore{absl::Seconds(10), &Upkeep::TouchWorkers, absl::Time()},
                       Chore{absl::Minutes(1), &Upkeep::CheckCounters, absl::Time()},
                       Chore{absl::Hours(1), &Upkeep::CollectGarbage, absl::Time()}};
  for (Chore& chore : chores) chore.next = start + chore.period;
  while (true) {
    absl::Time first = absl::InfiniteFuture();
    for (const Chore& chore : chores) first = std::min(first, chore.next);
    {
      absl::MutexLock lock(&mu_);
      clock_.AwaitUntil(mu_, absl::Condition(&stopping_), first);
      if (stopping_) return;
    }
    for (Chore& chore : chores) {
      if (clock_.Now() < chore.next) continue;
      (this->*chore.run)();
      chore.next = clock_.Now() + chore.period;
    }
  }
}

void Upkeep::RefreshGauges() {
  const absl::StatusOr<store::StoreInfo> info = store_.Info();
  if (!info.ok()) return LogFailure("reading the store's state", info.status());
  const scheduler::LeaseCounts leases = scheduler_.Leases();
  metrics::Gauges gauges{.transform_jobs = info->transform_counts,
                         .leases_active = leases.active,
                         .leases_suspect = leases.suspect,
                         .db_bytes = info->store_bytes,
                         .wal_bytes = info->wal_bytes,
                         .free_bytes = info->free_bytes};
  for (const spec::JobState state : spec::kAllJobStates) {
    gauges.trials.Of(state) = info->counts.Of(state) - info->transform_counts.Of(state);
  }
  gauges.process = ReadProcessUsage();
  gauges.oldest_queued = info->oldest_queued;
  gauges.last_backup = info->last_backup;
  gauges.queue_paused = scheduler_.IsQueuePaused();
  gauges.ready = gauges.queue_paused ? 0 : info->ready;
  for (const scheduler::LiveWorker& worker : scheduler_.Workers()) {
    if (worker.lost) {
      ++gauges.workers_lost;
      continue;
    }
    gauges.slots += worker.record.slots;
    gauges.slots_busy += worker.busy_slots;
    gauges.heartbeat_age =
        std::max(gauges.heartbeat_age, clock_.Now() - worker.record.last_seen_time);
    ++(worker.draining         ? gauges.workers_draining
       : worker.busy_slots > 0 ? gauges.workers_busy
                               : gauges.workers_idle);
  }
  metrics_.Set(gauges);
}

void Upkeep::CountSubmissions() {
  using store::SubmissionKind;
  for (const SubmissionKind kind : {SubmissionKind::kSweep, SubmissionKind::kTransform}) {
    const absl::StatusOr<store::SubmissionCounts> counts = store_.CountSubmissions(kind);
    if (!counts.ok()) return LogFailure("counting sweeps and transforms", counts.status());
    metrics_.SetSubmissions(MetricsObserver::KindOf(kind), *counts);
  }
}

void Upkeep::TouchWorkers() {
  std::vector<std::string> ids;
  for (const scheduler::LiveWorker& worker : scheduler_.Workers()) {
    if (!worker.lost) ids.push_back(worker.record.worker_id);
  }
  if (!ids.empty()) LogFailure("stamping workers", store_.TouchWorkers(ids, clock_.Now()));
}

void Upkeep::CheckCounters() {
  const absl::StatusOr<store::VerifyReport> report = store_.Verify(store::VerifyDepth::kCounters);
  if (!report.ok()) return LogFailure("checking counters", report.status());
  for (const store::StoreProblem& problem : report->problems) {
    spdlog::error("store problem check={} description=\"{}\"", problem.check, problem.description);
  }
  if (report->problems.empty()) return;  // other checks may have found what this one does not see
  metrics_.PlanViolated(static_cast<std::int64_t>(report->problems.size()));
  metrics_.IntegrityChecked(false);
}

void Upkeep::CollectGarbage() {
  const absl::StatusOr<std::int64_t> removed = store_.CollectGarbage(clock_.Now() - absl::Hours(1));
  if (!removed.ok()) return LogFailure("collecting artifacts", removed.status());
  if (*removed > 0) spdlog::info("artifacts collected artifacts={}", *removed);
}

}  // namespace bitsweep::server
