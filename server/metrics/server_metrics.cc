// SPDX-License-Identifier: Apache-2.0
#include "server/metrics/server_metrics.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <deque>
#include <exception>
#include <functional>
#include <map>

#include "core/spec/transform_spec.h"
#include "fmt/format.h"
#include "prometheus/counter.h"
#include "prometheus/exposer.h"
#include "prometheus/family.h"
#include "prometheus/gauge.h"
#include "prometheus/histogram.h"
#include "prometheus/registry.h"
#include "prometheus/text_serializer.h"

namespace bitsweep::metrics {
namespace {

using prometheus::Counter;
using prometheus::Family;
using prometheus::Gauge;
using prometheus::Histogram;
using Buckets = Histogram::BucketBoundaries;

constexpr std::array kOutcomes = {"succeeded", "failed", "cancelled", "dead"};
constexpr std::array kAttemptEnds = {"succeeded", "failed", "lease_expired", "released",
                                     "cancelled"};
constexpr std::array kRejections = {"store_full", "plan_too_large", "draining"};
// As the grpc_server_* metrics of other languages name them.
constexpr std::array kCodes = {
    "OK",       "Canceled",       "Unknown",          "InvalidArgument",   "DeadlineExceeded",
    "NotFound", "AlreadyExists",  "PermissionDenied", "ResourceExhausted", "FailedPrecondition",
    "Aborted",  "OutOfRange",     "Unimplemented",    "Internal",          "Unavailable",
    "DataLoss", "Unauthenticated"};

const Buckets kSeconds = {0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1,    2.5,
                          5,     10,   30,    60,   120, 300,  600, 1800, 3600};
const Buckets kCallSeconds = {0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05,
                              0.1,    0.25,  0.5,    1,     2.5,  10,    60};
const Buckets kCommitSeconds = {0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005,
                                0.01,   0.025,   0.05,   0.1,   0.25,   1};
const Buckets kCommitOperations = {1, 2, 4, 8, 16, 32, 64, 128, 256};

std::string Lower(std::string_view text) {
  std::string lower(text);
  std::transform(lower.begin(), lower.end(), lower.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return lower;
}

}  // namespace

class ServerMetrics::Rpc {
 public:
  Counter* started = nullptr;
  Counter* received = nullptr;
  Counter* sent = nullptr;
  std::array<Counter*, kCodes.size()> handled{};
  Histogram* seconds = nullptr;
};

struct ServerMetrics::Impl {
  using Labels = std::map<std::string, std::string>;
  using ByLabel = std::map<std::string, Counter*, std::less<>>;

  Family<Counter>& Counters(const char* name, const char* help) {
    return prometheus::BuildCounter().Name(name).Help(help).Register(*registry);
  }
  Counter& OneCounter(const char* name, const char* help) { return Counters(name, help).Add({}); }
  Family<Gauge>& GaugeFamily(const char* name, const char* help) {
    return prometheus::BuildGauge().Name(name).Help(help).Register(*registry);
  }
  Gauge& OneGauge(const char* name, const char* help) { return GaugeFamily(name, help).Add({}); }
  Histogram& OneHistogram(const char* name, const char* help, const Buckets& buckets) {
    return prometheus::BuildHistogram().Name(name).Help(help).Register(*registry).Add({}, buckets);
  }
  template <typename Values>
  ByLabel CounterEach(const char* name, const char* help, const char* label, const Values& values) {
    Family<Counter>& family = Counters(name, help);
    ByLabel made;
    for (const auto& value : values) {
      made[std::string(value)] = &family.Add({{label, std::string(value)}});
    }
    return made;
  }
  std::map<std::string, Histogram*, std::less<>> HistogramEach(
      const char* name, const char* help, const char* label, const std::vector<std::string>& values,
      const Buckets& buckets) {
    Family<Histogram>& family =
        prometheus::BuildHistogram().Name(name).Help(help).Register(*registry);
    std::map<std::string, Histogram*, std::less<>> made;
    for (const std::string& value : values) made[value] = &family.Add({{label, value}}, buckets);
    return made;
  }
  std::map<std::string, Gauge*, std::less<>> GaugeEach(const char* name, const char* help,
                                                       const std::vector<std::string>& states) {
    Family<Gauge>& family = GaugeFamily(name, help);
    std::map<std::string, Gauge*, std::less<>> made;
    for (const std::string& state : states) made[state] = &family.Add({{"state", state}});
    return made;
  }

  static std::vector<std::string> TrialStates() {
    std::vector<std::string> states;
    for (const spec::JobState state : spec::kAllJobStates) states.push_back(Lower(Name(state)));
    return states;
  }
  static std::vector<std::string> PassNames() {
    std::vector<std::string> names;
    for (const spec::PassTraits& pass : spec::Passes()) names.emplace_back(pass.name);
    return names;
  }
  static std::vector<std::string> Causes() {
    std::vector<std::string> causes;
    for (const spec::FailureReason reason : spec::kAllFailureReasons) {
      causes.push_back(Lower(Name(reason)));
    }
    return causes;
  }

  const std::shared_ptr<prometheus::Registry> registry = std::make_shared<prometheus::Registry>();
  std::unique_ptr<prometheus::Exposer> exposer;
  std::deque<Rpc> rpcs;

  // Trials.
  std::map<std::string, Gauge*, std::less<>> trials =
      GaugeEach("bitsweep_trials", "Trials and transform jobs by state, from the store's counters",
                TrialStates());
  Counter& submitted =
      OneCounter("bitsweep_trials_submitted_total", "Trials of the plans that were stored");
  ByLabel finished = CounterEach("bitsweep_trials_finished_total",
                                 "Trials that reached a terminal state", "outcome", kOutcomes);
  ByLabel attempts =
      CounterEach("bitsweep_trial_attempts_total", "Attempts that ended, by how they did",
                  "end_reason", kAttemptEnds);
  Histogram& queue_wait = OneHistogram("bitsweep_trial_queue_wait_seconds",
                                       "Time from queued to leased of each attempt", kSeconds);
  Histogram& run_seconds = OneHistogram(
      "bitsweep_trial_run_seconds", "Training and evaluation time of succeeded trials", kSeconds);
  Counter& train_rows = OneCounter("bitsweep_train_rows_total", "Training rows of stored epochs");
  Counter& epochs = OneCounter("bitsweep_epochs_total", "Epochs that were stored");
  Gauge& last_finished =
      OneGauge("bitsweep_last_trial_finished_timestamp_seconds",
               "When the latest trial or transform job ended since the start; 0 before the first");

  // Transforms.
  Counter& transforms = OneCounter("bitsweep_transforms_submitted_total", "Transforms stored");
  Counter& transform_jobs =
      OneCounter("bitsweep_transform_jobs_submitted_total", "Jobs of the transforms stored");
  ByLabel transform_jobs_finished =
      CounterEach("bitsweep_transform_jobs_finished_total",
                  "Transform jobs that reached a terminal state", "outcome", kOutcomes);
  Histogram& transform_job_seconds = OneHistogram("bitsweep_transform_job_run_seconds",
                                                  "Time of succeeded transform jobs", kSeconds);
  std::map<std::string, Histogram*, std::less<>> pass_seconds =
      HistogramEach("bitsweep_pass_seconds", "Time of each pass of succeeded transform jobs",
                    "pass", PassNames(), kSeconds);

  Gauge& oldest_queued =
      OneGauge("bitsweep_oldest_queued_timestamp_seconds",
               "Since when the trial that is next in some sweep waits, the oldest; 0: none waits");

  // Leases and retries.
  Gauge& leases = OneGauge("bitsweep_leases", "Leases in force");
  Counter& expired = OneCounter("bitsweep_leases_expired_total",
                                "Leases that ended because they were not renewed");
  Counter& fenced = OneCounter(
      "bitsweep_leases_fenced_total",
      "Writes and renewals that were refused because the lease was no longer the worker's");
  ByLabel retries =
      CounterEach("bitsweep_retries_total", "Attempts that were followed by another, by cause",
                  "cause", Causes());
  ByLabel deaths = CounterEach("bitsweep_dead_letters_total",
                               "Jobs whose tries are used up, by last cause", "cause", Causes());

  // Workers.
  std::map<std::string, Gauge*, std::less<>> workers =
      GaugeEach("bitsweep_workers", "Workers by state", {"idle", "busy", "draining", "lost"});
  Gauge& slots = OneGauge("bitsweep_worker_slots", "Slots of workers that are alive");
  Gauge& slots_busy = OneGauge("bitsweep_worker_slots_busy", "Slots that train now");
  Gauge& heartbeat_age =
      OneGauge("bitsweep_worker_heartbeat_age_seconds",
               "Time since the worker, of those alive, that was silent for longest was heard of");
  Gauge& queue_paused = OneGauge("bitsweep_queue_paused", "1 while PauseQueue is in force");

  // Store.
  Histogram& commit_seconds = OneHistogram(
      "bitsweep_store_commit_seconds", "Time of one group commit, fsync included", kCommitSeconds);
  Histogram& commit_operations = OneHistogram("bitsweep_store_commit_operations",
                                              "Writes that shared one commit", kCommitOperations);
  Gauge& db_bytes = OneGauge("bitsweep_store_db_bytes", "Size of the store's file");
  Gauge& wal_bytes = OneGauge("bitsweep_store_wal_bytes", "Size of the write-ahead log");
  Gauge& free_bytes = OneGauge("bitsweep_store_free_bytes", "Free space where the store lies");
  Counter& violations = OneCounter(
      "bitsweep_plan_invariant_violations_total",
      "Sweeps and transforms whose counters were found to differ from their plan or rows: "
      "must stay 0");
  ByLabel rejected = CounterEach("bitsweep_admission_rejected_total",
                                 "Submits that were refused, by reason", "reason", kRejections);

  // Calls.
  Gauge& watch_streams =
      OneGauge("bitsweep_watch_streams", "WatchSweep and WatchTransform calls under way");
  Family<Counter>& rpc_started =
      Counters("grpc_server_started_total", "RPCs started on the server");
  Family<Counter>& rpc_handled =
      Counters("grpc_server_handled_total",
               "RPCs completed on the server, regardless of success or failure");
  Family<Counter>& rpc_received =
      Counters("grpc_server_msg_received_total", "RPC messages received on the server");
  Family<Counter>& rpc_sent =
      Counters("grpc_server_msg_sent_total", "gRPC messages sent by the server");
  Family<Histogram>& rpc_seconds = prometheus::BuildHistogram()
                                       .Name("grpc_server_handling_seconds")
                                       .Help("Time until an RPC was answered by the server")
                                       .Register(*registry);
};

ServerMetrics::ServerMetrics(const BuildInfo& build) : impl_(std::make_unique<Impl>()) {
  impl_->GaugeFamily("bitsweep_build_info", "1; the labels say what runs")
      .Add({{"version", build.version},
            {"revision", build.revision},
            {"sqlite", build.sqlite},
            {"grpc", build.grpc}})
      .Set(1);
}

ServerMetrics::~ServerMetrics() = default;

void ServerMetrics::Submitted(std::int64_t trials) {
  impl_->submitted.Increment(static_cast<double>(trials));
}

void ServerMetrics::Leased(absl::Duration queue_wait) {
  impl_->queue_wait.Observe(absl::ToDoubleSeconds(queue_wait));
}

void ServerMetrics::Finished(spec::JobState state, std::int64_t trials, absl::Time now) {
  impl_->finished.at(Lower(Name(state)))->Increment(static_cast<double>(trials));
  impl_->last_finished.Set(static_cast<double>(absl::ToUnixMillis(now)) / 1e3);
}

void ServerMetrics::Succeeded(const spec::TrialResult& result) {
  impl_->run_seconds.Observe(result.seconds);
}

void ServerMetrics::TransformSubmitted(std::int64_t jobs) {
  impl_->transforms.Increment();
  impl_->transform_jobs.Increment(static_cast<double>(jobs));
}

void ServerMetrics::TransformJobsFinished(spec::JobState state, std::int64_t jobs, absl::Time now) {
  impl_->transform_jobs_finished.at(Lower(Name(state)))->Increment(static_cast<double>(jobs));
  impl_->last_finished.Set(static_cast<double>(absl::ToUnixMillis(now)) / 1e3);
}

void ServerMetrics::TransformJobSucceeded(double seconds) {
  impl_->transform_job_seconds.Observe(seconds);
}

void ServerMetrics::PassRan(std::string_view pass, double seconds) {
  const auto known = impl_->pass_seconds.find(pass);
  if (known != impl_->pass_seconds.end()) known->second->Observe(seconds);
}

void ServerMetrics::AttemptEnded(std::string_view outcome) {
  impl_->attempts.at(Lower(outcome))->Increment();
  if (outcome == "LEASE_EXPIRED") impl_->expired.Increment();
}

void ServerMetrics::Retried(spec::FailureReason reason) {
  impl_->retries.at(Lower(Name(reason)))->Increment();
}

void ServerMetrics::Died(spec::FailureReason reason) {
  impl_->deaths.at(Lower(Name(reason)))->Increment();
}

void ServerMetrics::LeaseFenced() { impl_->fenced.Increment(); }

void ServerMetrics::EpochsTrained(std::int64_t epochs, std::int64_t train_rows) {
  impl_->epochs.Increment(static_cast<double>(epochs));
  impl_->train_rows.Increment(static_cast<double>(epochs) * static_cast<double>(train_rows));
}

void ServerMetrics::StoreCommitted(std::int64_t operations, absl::Duration taken) {
  impl_->commit_operations.Observe(static_cast<double>(operations));
  impl_->commit_seconds.Observe(absl::ToDoubleSeconds(taken));
}

void ServerMetrics::PlanViolated(std::int64_t problems) {
  impl_->violations.Increment(static_cast<double>(problems));
}

void ServerMetrics::Set(const Gauges& gauges) {
  for (const spec::JobState state : spec::kAllJobStates) {
    impl_->trials.at(Lower(Name(state)))->Set(static_cast<double>(gauges.trials.Of(state)));
  }
  const std::pair<Gauge*, std::int64_t> values[] = {
      {&impl_->leases, gauges.leases},
      {impl_->workers.at("idle"), gauges.workers_idle},
      {impl_->workers.at("busy"), gauges.workers_busy},
      {impl_->workers.at("draining"), gauges.workers_draining},
      {impl_->workers.at("lost"), gauges.workers_lost},
      {&impl_->slots, gauges.slots},
      {&impl_->slots_busy, gauges.slots_busy},
      {&impl_->db_bytes, gauges.db_bytes},
      {&impl_->wal_bytes, gauges.wal_bytes},
      {&impl_->free_bytes, gauges.free_bytes}};
  for (const auto& [gauge, value] : values) gauge->Set(static_cast<double>(value));
  impl_->heartbeat_age.Set(absl::ToDoubleSeconds(gauges.heartbeat_age));
  impl_->oldest_queued.Set(
      gauges.oldest_queued ? absl::ToDoubleSeconds(*gauges.oldest_queued - absl::UnixEpoch()) : 0);
  impl_->queue_paused.Set(gauges.queue_paused ? 1 : 0);
}

void ServerMetrics::Rejected(Rejection reason) {
  impl_->rejected.at(kRejections[static_cast<std::size_t>(reason)])->Increment();
}

ServerMetrics::Rpc* ServerMetrics::Declare(const RpcMethod& method) {
  const Impl::Labels labels = {
      {"grpc_service", method.service}, {"grpc_method", method.method}, {"grpc_type", method.type}};
  Rpc& rpc = impl_->rpcs.emplace_back();
  rpc.started = &impl_->rpc_started.Add(labels);
  rpc.received = &impl_->rpc_received.Add(labels);
  rpc.sent = &impl_->rpc_sent.Add(labels);
  rpc.seconds = &impl_->rpc_seconds.Add(labels, kCallSeconds);
  for (std::size_t code = 0; code < kCodes.size(); ++code) {
    Impl::Labels with_code = labels;
    with_code["grpc_code"] = kCodes[code];
    rpc.handled[code] = &impl_->rpc_handled.Add(with_code);
  }
  return &rpc;
}

void ServerMetrics::RpcStarted(Rpc* rpc) { rpc->started->Increment(); }
void ServerMetrics::RpcMessageReceived(Rpc* rpc) { rpc->received->Increment(); }
void ServerMetrics::RpcMessageSent(Rpc* rpc) { rpc->sent->Increment(); }

void ServerMetrics::RpcHandled(Rpc* rpc, int code, absl::Duration taken) {
  const bool known = code >= 0 && code < static_cast<int>(kCodes.size());
  rpc->handled[known ? static_cast<std::size_t>(code) : 2]->Increment();
  rpc->seconds->Observe(absl::ToDoubleSeconds(taken));
}

void ServerMetrics::WatchStreams(int change) { impl_->watch_streams.Increment(change); }

std::string ServerMetrics::Text() const {
  return prometheus::TextSerializer().Serialize(impl_->registry->Collect());
}

absl::StatusOr<int> ServerMetrics::Serve(const std::string& address) {
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

}  // namespace bitsweep::metrics
