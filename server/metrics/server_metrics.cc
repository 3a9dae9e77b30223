// SPDX-License-Identifier: Apache-2.0
#include "server/metrics/server_metrics.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <deque>
#include <exception>
#include <utility>

#include "fmt/format.h"
#include "prometheus/exposer.h"
#include "prometheus/text_serializer.h"
#include "server/metrics/job_series.h"
#include "server/metrics/server_series.h"

namespace bitsweep::metrics {
namespace {

using prometheus::Counter;
using prometheus::Gauge;
using prometheus::Histogram;

// As the grpc_server_* metrics of other languages name them.
constexpr std::array kCodes = {
    "OK",       "Canceled",       "Unknown",          "InvalidArgument",   "DeadlineExceeded",
    "NotFound", "AlreadyExists",  "PermissionDenied", "ResourceExhausted", "FailedPrecondition",
    "Aborted",  "OutOfRange",     "Unimplemented",    "Internal",          "Unavailable",
    "DataLoss", "Unauthenticated"};

constexpr double kExactDecibels =
    200;  // what an infinite ratio counts as, or the sum would be none

std::size_t Index(JobKind kind) { return static_cast<std::size_t>(kind); }

double UnixSeconds(absl::Time time) { return absl::ToDoubleSeconds(time - absl::UnixEpoch()); }

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
  const std::shared_ptr<prometheus::Registry> registry = std::make_shared<prometheus::Registry>();
  JobSeries jobs{*registry};
  ServerSeries server{*registry};
  std::deque<Rpc> rpcs;
  std::unique_ptr<prometheus::Exposer> exposer;
};

ServerMetrics::ServerMetrics(const BuildInfo& build) : impl_(std::make_unique<Impl>()) {
  impl_->server.Gauges("bitsweep_build_info", "1; the labels say what runs")
      .Add({{"version", build.version},
            {"revision", build.revision},
            {"sqlite", build.sqlite},
            {"grpc", build.grpc}})
      .Set(1);
}

ServerMetrics::~ServerMetrics() = default;

void ServerMetrics::Submitted(JobKind kind, std::int64_t jobs) {
  impl_->jobs.submitted[Index(kind)]->Increment(static_cast<double>(jobs));
  if (kind == JobKind::kTransform) impl_->jobs.transforms_submitted.Increment();
}

void ServerMetrics::Finished(JobKind kind, spec::JobState state, std::int64_t jobs,
                             absl::Time now) {
  impl_->jobs.finished[Index(kind)].at(Lower(Name(state)))->Increment(static_cast<double>(jobs));
  impl_->jobs.last_finished.Set(UnixSeconds(now));
}

void ServerMetrics::TrialSucceeded(const spec::TrialResult& result) {
  impl_->jobs.run_seconds[Index(JobKind::kTrial)]->Observe(result.seconds);
  impl_->jobs.val_acc.Observe(result.val_acc);
}

void ServerMetrics::EpochsTrained(std::int64_t epochs, std::int64_t train_rows) {
  impl_->jobs.epochs.Increment(static_cast<double>(epochs));
  impl_->jobs.train_rows.Increment(static_cast<double>(epochs) * static_cast<double>(train_rows));
}

void ServerMetrics::TransformJobSucceeded(double seconds) {
  impl_->jobs.run_seconds[Index(JobKind::kTransform)]->Observe(seconds);
}

void ServerMetrics::PassRan(std::string_view pass, double seconds) {
  const auto known = impl_->jobs.pass_seconds.find(pass);
  if (known != impl_->jobs.pass_seconds.end()) known->second->Observe(seconds);
}

void ServerMetrics::TensorQuantized(std::string_view role, std::int64_t elements,
                                    std::int64_t saturated, double sqnr_db) {
  JobSeries& jobs = impl_->jobs;
  const auto known = jobs.quant_tensors.find(role);
  if (known == jobs.quant_tensors.end()) return;
  known->second->Increment();
  jobs.quant_elements.find(role)->second->Increment(static_cast<double>(elements));
  jobs.quant_saturated.find(role)->second->Increment(static_cast<double>(saturated));
  if (std::isnan(sqnr_db)) return;
  jobs.quant_sqnr.find(role)->second->Observe(std::clamp(sqnr_db, -kExactDecibels, kExactDecibels));
}

void ServerMetrics::Leased(JobKind kind, absl::Duration queue_wait, absl::Duration taken) {
  impl_->jobs.queue_wait[Index(kind)]->Observe(absl::ToDoubleSeconds(queue_wait));
  impl_->jobs.lease_overhead.Observe(absl::ToDoubleSeconds(taken));
}

void ServerMetrics::ResultStored(absl::Duration taken) {
  impl_->jobs.commit_overhead.Observe(absl::ToDoubleSeconds(taken));
}

void ServerMetrics::AttemptEnded(JobKind kind, std::string_view outcome) {
  impl_->jobs.attempts[Index(kind)].at(Lower(outcome))->Increment();
  if (outcome == "LEASE_EXPIRED") impl_->jobs.expired.Increment();
}

void ServerMetrics::Retried(spec::FailureReason reason) {
  impl_->jobs.retries.at(Lower(Name(reason)))->Increment();
}

void ServerMetrics::Died(spec::FailureReason reason) {
  impl_->jobs.deaths.at(Lower(Name(reason)))->Increment();
}

void ServerMetrics::PoisonFound() { impl_->jobs.poison.Increment(); }
void ServerMetrics::LeaseFenced() { impl_->jobs.fenced.Increment(); }
void ServerMetrics::LeaseExpiredFalsely() { impl_->jobs.false_expiries.Increment(); }

void ServerMetrics::StoreWrote(std::string_view op, absl::Duration taken, std::int64_t rows) {
  ServerSeries& server = impl_->server;
  if (server.tx_seconds.find(op) == server.tx_seconds.end()) op = "other";
  server.tx_seconds.find(op)->second->Observe(absl::ToDoubleSeconds(taken));
  server.tx_rows.find(op)->second->Observe(static_cast<double>(rows));
}

void ServerMetrics::StoreSynced(absl::Duration taken) {
  impl_->server.fsync_seconds.Observe(absl::ToDoubleSeconds(taken));
}

void ServerMetrics::StoreCommitted(std::int64_t operations, absl::Duration taken) {
  impl_->server.commit_operations.Observe(static_cast<double>(operations));
  impl_->server.commit_seconds.Observe(absl::ToDoubleSeconds(taken));
}

void ServerMetrics::StoreCheckpointed(absl::Duration taken, bool is_held_up) {
  impl_->server.checkpoint_seconds.Observe(absl::ToDoubleSeconds(taken));
  if (is_held_up) impl_->server.checkpoint_busy.Increment();
}

void ServerMetrics::StoreBusy() { impl_->server.busy.Increment(); }
void ServerMetrics::IntegrityChecked(bool ok) { impl_->server.integrity_ok.Set(ok ? 1 : 0); }

void ServerMetrics::PlanViolated(std::int64_t problems) {
  impl_->server.violations.Increment(static_cast<double>(problems));
}

void ServerMetrics::Set(const Gauges& gauges) {
  JobSeries& jobs = impl_->jobs;
  ServerSeries& server = impl_->server;
  for (const spec::JobState state : spec::kAllJobStates) {
    const std::string name = Lower(Name(state));
    jobs.trials[Index(JobKind::kTrial)].at(name)->Set(static_cast<double>(gauges.trials.Of(state)));
    jobs.trials[Index(JobKind::kTransform)].at(name)->Set(
        static_cast<double>(gauges.transform_jobs.Of(state)));
  }
  const std::pair<Gauge*, std::int64_t> values[] = {
      {jobs.leases.at("active"), gauges.leases_active},
      {jobs.leases.at("suspect"), gauges.leases_suspect},
      {server.workers.at("idle"), gauges.workers_idle},
      {server.workers.at("busy"), gauges.workers_busy},
      {server.workers.at("draining"), gauges.workers_draining},
      {server.workers.at("lost"), gauges.workers_lost},
      {&server.slots, gauges.slots},
      {&server.slots_busy, gauges.slots_busy},
      {&server.db_bytes, gauges.db_bytes},
      {&server.wal_bytes, gauges.wal_bytes},
      {&server.free_bytes, gauges.free_bytes},
      {&server.resident_bytes, gauges.process.resident_bytes},
      {&server.open_fds, gauges.process.open_fds}};
  for (const auto& [gauge, value] : values) gauge->Set(static_cast<double>(value));
  server.heartbeat_age.Set(absl::ToDoubleSeconds(gauges.heartbeat_age));
  jobs.oldest_queued.Set(gauges.oldest_queued ? UnixSeconds(*gauges.oldest_queued) : 0);
  jobs.ready.Set(static_cast<double>(gauges.ready));
  impl_->server.last_backup.Set(gauges.last_backup ? UnixSeconds(*gauges.last_backup) : 0);
  server.queue_paused.Set(gauges.queue_paused ? 1 : 0);
  server.start_time.Set(gauges.process.start_time_seconds);
  server.cpu_seconds.Increment(
      std::max(0.0, gauges.process.cpu_seconds - server.cpu_seconds.Value()));
}

void ServerMetrics::SetSubmissions(JobKind kind,
                                   const std::map<spec::SweepState, std::int64_t>& counts) {
  const auto& gauges = kind == JobKind::kTrial ? impl_->jobs.sweeps : impl_->jobs.transforms;
  for (const spec::SweepState state : spec::kAllSweepStates) {
    const auto count = counts.find(state);
    gauges.at(Lower(Name(state)))
        ->Set(count == counts.end() ? 0 : static_cast<double>(count->second));
  }
}

void ServerMetrics::Rejected(Rejection reason) {
  const std::string& name = impl_->server.rejections[static_cast<std::size_t>(reason)];
  impl_->server.rejected.at(name)->Increment();
}

ServerMetrics::Rpc* ServerMetrics::Declare(const RpcMethod& method) {
  const Families::Labels labels = {
      {"grpc_service", method.service}, {"grpc_method", method.method}, {"grpc_type", method.type}};
  ServerSeries& server = impl_->server;
  Rpc& rpc = impl_->rpcs.emplace_back();
  rpc.started = &server.rpc_started.Add(labels);
  rpc.received = &server.rpc_received.Add(labels);
  rpc.sent = &server.rpc_sent.Add(labels);
  rpc.seconds = &server.rpc_seconds.Add(labels, kCallSeconds);
  for (std::size_t code = 0; code < kCodes.size(); ++code) {
    Families::Labels with_code = labels;
    with_code["grpc_code"] = kCodes[code];
    rpc.handled[code] = &server.rpc_handled.Add(with_code);
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

void ServerMetrics::WatchStreams(int change) { impl_->server.subscribers.Increment(change); }
void ServerMetrics::WatchFellBehind() { impl_->server.dropped.Increment(); }

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
