// SPDX-License-Identifier: Apache-2.0
#include "worker/app/worker_metrics.h"

#include <array>
#include <exception>
#include <functional>
#include <map>
#include <vector>

#include "core/base/version.h"
#include "fmt/format.h"
#include "prometheus/counter.h"
#include "prometheus/exposer.h"
#include "prometheus/family.h"
#include "prometheus/gauge.h"
#include "prometheus/histogram.h"
#include "prometheus/registry.h"
#include "prometheus/text_serializer.h"

namespace bitsweep::worker {
namespace {

using prometheus::Counter;
using prometheus::Gauge;
using prometheus::Histogram;

constexpr std::array kOutcomes = {"succeeded", "failed", "cancelled", "lost", "released"};
constexpr std::array kMethods = {"RenewLeases",    "LeaseJobs",       "ReportProgress",
                                 "CompleteJob",    "FailJob",         "ReleaseJobs",
                                 "UploadArtifact", "DownloadArtifact"};
const Histogram::BucketBoundaries kSeconds = {0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1,   2.5,
                                              5,    10,    30,   60,  120,  300, 600, 1800};

}  // namespace

struct WorkerMetrics::Impl {
  using ByLabel = std::map<std::string, Counter*, std::less<>>;

  Gauge& OneGauge(const char* name, const char* help) {
    return prometheus::BuildGauge().Name(name).Help(help).Register(*registry).Add({});
  }
  Counter& OneCounter(const char* name, const char* help) {
    return prometheus::BuildCounter().Name(name).Help(help).Register(*registry).Add({});
  }
  template <typename Values>
  ByLabel CounterEach(const char* name, const char* help, const char* label, const Values& values) {
    auto& family = prometheus::BuildCounter().Name(name).Help(help).Register(*registry);
    ByLabel made;
    for (const char* value : values) made[value] = &family.Add({{label, value}});
    return made;
  }

  const std::shared_ptr<prometheus::Registry> registry = std::make_shared<prometheus::Registry>();
  std::unique_ptr<prometheus::Exposer> exposer;
  Gauge& connected =
      OneGauge("bitsweep_worker_connected", "1 while the server answers, 0 while it does not");
  Gauge& slots = OneGauge("bitsweep_worker_slots", "Trials that this worker runs at the same time");
  Gauge& slots_busy = OneGauge("bitsweep_worker_slots_busy", "Slots that train now");
  Gauge& held =
      OneGauge("bitsweep_worker_jobs_held", "Jobs leased: those that train and those next");
  ByLabel trials =
      CounterEach("bitsweep_worker_trials_total", "Attempts that ended here", "outcome", kOutcomes);
  Histogram& seconds = prometheus::BuildHistogram()
                           .Name("bitsweep_worker_trial_seconds")
                           .Help("Time of an attempt in its slot, transfers included")
                           .Register(*registry)
                           .Add({}, kSeconds);
  Counter& epochs = OneCounter("bitsweep_worker_epochs_total", "Epochs trained");
  Counter& rows = OneCounter("bitsweep_worker_train_rows_total", "Training rows of those epochs");
  ByLabel failures =
      CounterEach("bitsweep_worker_calls_failed_total",
                  "Calls to the server that failed and were tried again", "method", kMethods);
};

WorkerMetrics::WorkerMetrics(std::int64_t slots, const std::string& engine)
    : impl_(std::make_unique<Impl>()) {
  impl_->slots.Set(static_cast<double>(slots));
  prometheus::BuildGauge()
      .Name("bitsweep_worker_build_info")
      .Help("1; the labels say what runs")
      .Register(*impl_->registry)
      .Add({{"version", Version()}, {"revision", Revision()}, {"engine", engine}})
      .Set(1);
}

WorkerMetrics::~WorkerMetrics() = default;

void WorkerMetrics::OnConnected(bool connected) { impl_->connected.Set(connected ? 1 : 0); }
void WorkerMetrics::OnBusySlots(std::int64_t busy) {
  impl_->slots_busy.Set(static_cast<double>(busy));
}
void WorkerMetrics::OnHeld(std::int64_t held) { impl_->held.Set(static_cast<double>(held)); }

void WorkerMetrics::OnEpoch(std::int64_t train_rows) {
  impl_->epochs.Increment();
  impl_->rows.Increment(static_cast<double>(train_rows));
}

void WorkerMetrics::OnTrialEnded(std::string_view outcome, absl::Duration taken) {
  impl_->trials.find(outcome)->second->Increment();
  impl_->seconds.Observe(absl::ToDoubleSeconds(taken));
}

void WorkerMetrics::OnCallFailed(std::string_view method) {
  impl_->failures.find(method)->second->Increment();
}

std::string WorkerMetrics::Text() const {
  return prometheus::TextSerializer().Serialize(impl_->registry->Collect());
}

absl::StatusOr<int> WorkerMetrics::Serve(const std::string& address) {
  try {
    impl_->exposer = std::make_unique<prometheus::Exposer>(address, 2);
    impl_->exposer->RegisterCollectable(impl_->registry);
    const std::vector<int> ports = impl_->exposer->GetListeningPorts();
    return ports.empty() ? 0 : ports.front();
  } catch (const std::exception& error) {
    return absl::UnavailableError(
        fmt::format("cannot serve metrics on {}: {}", address, error.what()));
  }
}

}  // namespace bitsweep::worker
