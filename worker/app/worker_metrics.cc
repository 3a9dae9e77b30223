// SPDX-License-Identifier: Apache-2.0
#include "worker/app/worker_metrics.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <map>
#include <thread>
#include <vector>

#include "absl/synchronization/mutex.h"
#include "core/base/process_usage.h"
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
const Histogram::BucketBoundaries kOverheadSeconds = {0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005,
                                                      0.01,   0.025,   0.05,   0.1,   0.25,   1};
const Histogram::BucketBoundaries kStepSeconds = {0.000001, 0.0000025, 0.000005, 0.00001, 0.000025,
                                                  0.00005,  0.0001,    0.00025,  0.0005,  0.001,
                                                  0.0025,   0.01,      0.1,      1};

// "1.13.1" of "libtorch 1.13.1"; empty: no such engine.
std::string LibTorchVersion(const std::vector<std::string>& engines) {
  constexpr std::string_view kName = "libtorch ";
  for (const std::string& engine : engines) {
    if (engine.starts_with(kName)) return engine.substr(kName.size());
  }
  return "";
}

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
  Counter& batches =
      OneCounter("bitsweep_worker_train_batches_total", "Training batches of those epochs");
  Histogram& step_seconds = prometheus::BuildHistogram()
                                .Name("bitsweep_worker_train_step_seconds")
                                .Help("Time of a training step, the mean of each epoch")
                                .Register(*registry)
                                .Add({}, kStepSeconds);
  prometheus::Family<Histogram>& overhead =
      prometheus::BuildHistogram()
          .Name("bitsweep_worker_trial_overhead_seconds")
          .Help(
              "Time that an attempt takes beside its work: from its slot to the start of its "
              "arithmetic (setup), from the end of that until its result is accepted (report)")
          .Register(*registry);
  Histogram& setup = overhead.Add({{"phase", "setup"}}, kOverheadSeconds);
  Histogram& report = overhead.Add({{"phase", "report"}}, kOverheadSeconds);
  ByLabel failures =
      CounterEach("bitsweep_worker_calls_failed_total",
                  "Calls to the server that failed and were tried again", "method", kMethods);

  // The process; the worker's own names are those of the field's list.
  absl::Mutex usage_mu;  // one refresh at a time
  Counter& cpu = OneCounter("bitsweep_worker_cpu_seconds_total",
                            "Processor time of this worker, user and system");
  Gauge& rss = OneGauge("bitsweep_worker_rss_bytes", "Memory of this worker that is in RAM");
  Counter& process_cpu =
      OneCounter("process_cpu_seconds_total", "Processor time of this process, user and system");
  Gauge& process_rss =
      OneGauge("process_resident_memory_bytes", "Memory of this process that is in RAM");
  Gauge& open_fds = OneGauge("process_open_fds", "Files and sockets that this process has open");
  Gauge& start_time = OneGauge("process_start_time_seconds", "When this process started");

  void RefreshUsage() {
    absl::MutexLock lock(&usage_mu);
    const ProcessUsage usage = ReadProcessUsage();
    for (Counter* counter : {&cpu, &process_cpu}) {
      counter->Increment(std::max(0.0, usage.cpu_seconds - counter->Value()));
    }
    for (Gauge* gauge : {&rss, &process_rss}) gauge->Set(static_cast<double>(usage.resident_bytes));
    open_fds.Set(static_cast<double>(usage.open_fds));
    start_time.Set(usage.start_time_seconds);
  }
};

WorkerMetrics::WorkerMetrics(std::int64_t slots, const std::vector<std::string>& engines)
    : impl_(std::make_unique<Impl>()) {
  impl_->slots.Set(static_cast<double>(slots));
  prometheus::BuildGauge()
      .Name("bitsweep_worker_build_info")
      .Help("1; the labels say what runs")
      .Register(*impl_->registry)
      .Add({{"version", Version()},
            {"revision", Revision()},
            {"engine", engines.empty() ? "" : engines.front()},
            {"libtorch", LibTorchVersion(engines)}})
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

void WorkerMetrics::OnSteps(std::int64_t steps, double seconds) {
  impl_->batches.Increment(static_cast<double>(steps));
  if (steps > 0) impl_->step_seconds.Observe(seconds / static_cast<double>(steps));
}

void WorkerMetrics::OnSetUp(absl::Duration taken) {
  impl_->setup.Observe(absl::ToDoubleSeconds(taken));
}

void WorkerMetrics::OnReported(absl::Duration taken) {
  impl_->report.Observe(absl::ToDoubleSeconds(taken));
}

void WorkerMetrics::OnTrialEnded(std::string_view outcome, absl::Duration taken) {
  impl_->trials.at(std::string(outcome))->Increment();
  impl_->seconds.Observe(absl::ToDoubleSeconds(taken));
}

void WorkerMetrics::OnCallFailed(std::string_view method) {
  impl_->failures.at(std::string(method))->Increment();
}

std::string WorkerMetrics::Text() const {
  impl_->RefreshUsage();
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
  http.Get("/healthz", [this](const httplib::Request&, httplib::Response& response) {
    const bool connected = impl_->connected.Value() != 0;
    response.status = connected ? 200 : 503;
    response.set_content(connected ? "ok" : "the server does not answer", "text/plain");
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
