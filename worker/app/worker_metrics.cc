// SPDX-License-Identifier: Apache-2.0
#include "worker/app/worker_metrics.h"

#include <array>
#include <charconv>
#include <map>
#include <thread>
#include <vector>

#include "core/base/version.h"
#include "fmt/format.h"
#include "httplib.h"
#include "prometheus/counter.h"
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
  using ByLabel = std::map<std::string, Counter*>;

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
  // Not prometheus-cpp's own server: its threads have stacks of 100 KiB, and LibTorch's
  // thread-local data does not fit in them.
  httplib::Server http;
  std::thread http_thread;
  Gauge& connected =
      OneGauge("bitsweep_worker_connected", "1 while the server answers, 0 while it does not");
  Gauge& slots = OneGauge("bitsweep_worker_slots", "Trials that this worker runs at the same time");
  Gauge& slots_busy = OneGauge("bitsweep_worker_slots_busy", "Slots that train now");
  Gauge& held =
      OneGauge("bitsweep_worker_jobs_held",
               "Jobs leased: those that train, those next, those whose result is under way");
  ByLabel trials =
      CounterEach("bitsweep_worker_trials_total", "Attempts that ended here", "outcome", kOutcomes);
  Histogram& seconds = prometheus::BuildHistogram()
                           .Name("bitsweep_worker_trial_seconds")
                           .Help("Time of an attempt until its end is told, transfers included")
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

WorkerMetrics::~WorkerMetrics() {
  impl_->http.stop();
  if (impl_->http_thread.joinable()) impl_->http_thread.join();
}

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
  impl_->trials.at(std::string(outcome))->Increment();
  impl_->seconds.Observe(absl::ToDoubleSeconds(taken));
}

void WorkerMetrics::OnCallFailed(std::string_view method) {
  impl_->failures.at(std::string(method))->Increment();
}

std::string WorkerMetrics::Text() const {
  return prometheus::TextSerializer().Serialize(impl_->registry->Collect());
}

absl::StatusOr<int> WorkerMetrics::Serve(const std::string& address) {
  const std::size_t colon = address.rfind(':');
  int wanted = -1;
  if (colon != std::string::npos) {
    const char* const end = address.data() + address.size();
    const auto [last, error] = std::from_chars(address.data() + colon + 1, end, wanted);
    if (error != std::errc() || last != end) wanted = -1;
  }
  if (wanted < 0 || wanted > 65535) {
    return absl::InvalidArgumentError(
        fmt::format("cannot serve metrics on {}: expected HOST:PORT", address));
  }
  const std::string host = address.substr(0, colon);
  httplib::Server& http = impl_->http;
  http.new_task_queue = [] { return new httplib::ThreadPool(2); };
  http.Get("/metrics", [this](const httplib::Request&, httplib::Response& response) {
    response.set_content(Text(), "text/plain; version=0.0.4; charset=utf-8");
  });
  const int port = wanted == 0                       ? http.bind_to_any_port(host)
                   : http.bind_to_port(host, wanted) ? wanted
                                                     : -1;
  if (port < 0) {
    return absl::UnavailableError(
        fmt::format("cannot serve metrics on {}: is the address right, and free?", address));
  }
  impl_->http_thread = std::thread([&http] { http.listen_after_bind(); });
  while (!http.is_running()) std::this_thread::yield();  // stop() before that would do nothing
  return port;
}

}  // namespace bitsweep::worker
