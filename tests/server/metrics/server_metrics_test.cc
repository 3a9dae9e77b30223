// SPDX-License-Identifier: Apache-2.0
// The names, types, labels and help of the metrics are an interface: metrics.golden.txt holds them.
#include "server/metrics/server_metrics.h"

#include <cmath>
#include <fstream>
#include <limits>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_split.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace bitsweep::metrics {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::UnorderedElementsAre;

constexpr char kGolden[] = "tests/server/metrics/metrics.golden.txt";

using Labels = std::map<std::string, std::string>;

struct Family {
  std::string type;
  std::string help;
  std::map<Labels, double> series;  // of a histogram: its count
};

// The text format, as far as this server writes it: no label value holds a comma or a quote.
std::map<std::string, Family> Parse(const std::string& text) {
  std::map<std::string, Family> families;
  for (const std::string& line : std::vector<std::string>(absl::StrSplit(text, '\n'))) {
    if (line.empty()) continue;
    if (absl::StartsWith(line, "# ")) {
      const std::vector<std::string> words = absl::StrSplit(line, absl::MaxSplits(' ', 3));
      Family& family = families[words[2]];
      (words[1] == "TYPE" ? family.type : family.help) = words[3];
      continue;
    }
    const std::size_t space = line.rfind(' ');
    std::string name = line.substr(0, space);
    Labels labels;
    if (const std::size_t brace = name.find('{'); brace != std::string::npos) {
      const std::string inner = name.substr(brace + 1, name.size() - brace - 2);
      for (const std::string& label : std::vector<std::string>(absl::StrSplit(inner, ','))) {
        const std::size_t equals = label.find('=');
        labels[label.substr(0, equals)] =
            label.substr(equals + 2, label.size() - equals - 3);  // without quotes
      }
      name = name.substr(0, brace);
    }
    if (!families.contains(name)) {  // a part of a histogram
      if (!absl::EndsWith(name, "_count")) continue;
      name = name.substr(0, name.size() - 6);
    }
    families.at(name).series[labels] = std::stod(line.substr(space + 1));
  }
  return families;
}

std::set<std::string> LabelNames(const Family& family) {
  std::set<std::string> names;
  for (const auto& [labels, value] : family.series) {
    for (const auto& [name, label] : labels) names.insert(name);
  }
  return names;
}

std::set<std::string> LabelValues(const Family& family, const std::string& name) {
  std::set<std::string> values;
  for (const auto& [labels, value] : family.series) values.insert(labels.at(name));
  return values;
}

class ServerMetricsTest : public ::testing::Test {
 protected:
  std::map<std::string, Family> Live() const { return Parse(metrics_.Text()); }
  double Value(const std::string& name, const Labels& labels = {}) const {
    return Live().at(name).series.at(labels);
  }

  ServerMetrics metrics_{{.version = "1.2.3", .revision = "abc", .sqlite = "3", .grpc = "1"}};
  ServerMetrics::Rpc* rpc_ = metrics_.Declare({"bitsweep.v1.SweepService", "SubmitSweep", "unary"});
};

TEST_F(ServerMetricsTest, NamesTypesLabelsAndHelpAreAsPublished) {
  std::vector<std::string> live;
  for (const auto& [name, family] : Live()) {
    std::string labels;
    for (const std::string& label : LabelNames(family))
      labels += (labels.empty() ? "" : ",") + label;
    live.push_back(name + " | " + family.type + " | " + labels + " | " + family.help);
  }
  std::vector<std::string> golden;
  std::ifstream file(kGolden);
  for (std::string line; std::getline(file, line);) {
    if (!line.empty() && line[0] != '#') golden.push_back(line);
  }
  EXPECT_EQ(live, golden) << "a published metric has changed: see " << kGolden;
}

TEST_F(ServerMetricsTest, CountersEndInTotalAndTimesAreInSeconds) {
  for (const auto& [name, family] : Live()) {
    EXPECT_EQ(family.type == "counter", absl::EndsWith(name, "_total")) << name;
    EXPECT_FALSE(family.help.empty()) << name;
    EXPECT_TRUE(absl::StartsWith(name, "bitsweep_") || absl::StartsWith(name, "grpc_server_") ||
                absl::StartsWith(name, "process_"))
        << name;
  }
}

TEST_F(ServerMetricsTest, EverySeriesStartsAtZero) {
  for (const auto& [name, family] : Live()) {
    EXPECT_FALSE(family.series.empty()) << name;
    for (const auto& [labels, value] : family.series) {
      EXPECT_EQ(value, name == "bitsweep_build_info" ? 1 : 0) << name;
    }
  }
}

TEST_F(ServerMetricsTest, EveryLabelValueIsThereFromTheStart) {
  const std::map<std::string, Family> live = Live();
  EXPECT_THAT(LabelValues(live.at("bitsweep_trials"), "state"),
              UnorderedElementsAre("queued", "leased", "running", "succeeded", "failed",
                                   "cancelled", "dead"));
  for (const char* name : {"bitsweep_trials", "bitsweep_trials_submitted_total",
                           "bitsweep_trials_finished_total", "bitsweep_trial_attempts_total",
                           "bitsweep_trial_queue_wait_seconds", "bitsweep_trial_run_seconds"}) {
    EXPECT_THAT(LabelValues(live.at(name), "kind"), UnorderedElementsAre("trial", "transform"));
  }
  for (const char* name : {"bitsweep_sweeps", "bitsweep_transforms"}) {
    EXPECT_THAT(LabelValues(live.at(name), "state"),
                UnorderedElementsAre("queued", "running", "paused", "succeeded",
                                     "partially_succeeded", "failed", "cancelled"));
  }
  for (const char* name : {"bitsweep_quant_tensors_total", "bitsweep_quant_elements_total",
                           "bitsweep_quant_saturated_elements_total", "bitsweep_quant_sqnr_db"}) {
    EXPECT_THAT(LabelValues(live.at(name), "role"), UnorderedElementsAre("weight", "bias"));
  }
  for (const char* name : {"bitsweep_store_tx_seconds", "bitsweep_store_tx_rows"}) {
    EXPECT_THAT(
        LabelValues(live.at(name), "op"),
        UnorderedElementsAre("submit", "lease", "report", "complete", "fail", "expire", "release",
                             "cancel", "retry", "delete", "pause", "artifact", "worker", "other"));
  }
  EXPECT_THAT(LabelValues(live.at("bitsweep_trial_overhead_seconds"), "phase"),
              UnorderedElementsAre("lease", "commit"));
  EXPECT_THAT(LabelValues(live.at("bitsweep_leases"), "state"),
              UnorderedElementsAre("active", "suspect"));
  EXPECT_THAT(LabelValues(live.at("bitsweep_trials_finished_total"), "outcome"),
              UnorderedElementsAre("succeeded", "failed", "cancelled", "dead"));
  EXPECT_THAT(
      LabelValues(live.at("bitsweep_trial_attempts_total"), "end_reason"),
      UnorderedElementsAre("succeeded", "failed", "lease_expired", "released", "cancelled"));
  EXPECT_THAT(LabelValues(live.at("bitsweep_workers"), "state"),
              UnorderedElementsAre("idle", "busy", "draining", "lost"));
  EXPECT_THAT(LabelValues(live.at("bitsweep_admission_rejected_total"), "reason"),
              UnorderedElementsAre("store_full", "plan_too_large", "draining"));
  for (const char* name : {"bitsweep_retries_total", "bitsweep_dead_letters_total"}) {
    EXPECT_THAT(LabelValues(live.at(name), "cause"),
                UnorderedElementsAre("exception", "nan_loss", "out_of_memory", "timeout",
                                     "worker_lost", "dataset_not_found", "invalid_dataset",
                                     "dataset_mismatch", "invalid_model", "artifact_failed"));
  }
  EXPECT_THAT(
      LabelValues(live.at("grpc_server_handled_total"), "grpc_code"),
      UnorderedElementsAre("OK", "Canceled", "Unknown", "InvalidArgument", "DeadlineExceeded",
                           "NotFound", "AlreadyExists", "PermissionDenied", "ResourceExhausted",
                           "FailedPrecondition", "Aborted", "OutOfRange", "Unimplemented",
                           "Internal", "Unavailable", "DataLoss", "Unauthenticated"));
}

TEST_F(ServerMetricsTest, NothingThatHappensMakesANewSeries) {
  const auto sizes = [&] {
    std::map<std::string, std::size_t> counts;
    for (const auto& [name, family] : Live()) counts[name] = family.series.size();
    return counts;
  };
  const std::map<std::string, std::size_t> before = sizes();
  metrics_.TrialSucceeded({.seconds = 2});
  metrics_.TransformJobSucceeded(2);
  metrics_.PassRan("no_such_pass", 1);
  metrics_.TensorQuantized("no_such_role", 10, 1, 30);
  for (const JobKind kind : {JobKind::kTrial, JobKind::kTransform}) {
    metrics_.Submitted(kind, 3);
    metrics_.Leased(kind, absl::Seconds(1), absl::Milliseconds(1));
    metrics_.SetSubmissions(kind, {{spec::SweepState::kPaused, 2}});
    for (const spec::JobState state : spec::kAllJobStates) {
      if (spec::IsTerminal(state)) metrics_.Finished(kind, state, 1, absl::FromUnixSeconds(1));
    }
    for (const char* outcome : {"SUCCEEDED", "FAILED", "LEASE_EXPIRED", "RELEASED", "CANCELLED"}) {
      metrics_.AttemptEnded(kind, outcome);
    }
  }
  for (const spec::FailureReason reason : spec::kAllFailureReasons) {
    metrics_.Retried(reason);
    metrics_.Died(reason);
  }
  for (const Rejection reason :
       {Rejection::kStoreFull, Rejection::kPlanTooLarge, Rejection::kDraining}) {
    metrics_.Rejected(reason);
  }
  for (int code = -1; code < 100; ++code) metrics_.RpcHandled(rpc_, code, absl::Seconds(1));
  metrics_.StoreCommitted(4, absl::Milliseconds(2));
  metrics_.StoreWrote("no_such_op", absl::Milliseconds(2), 1);
  EXPECT_EQ(sizes(), before);
}

TEST_F(ServerMetricsTest, CountsWhatItIsTold) {
  metrics_.Submitted(JobKind::kTrial, 12);
  metrics_.Finished(JobKind::kTrial, spec::JobState::kDead, 2, absl::FromUnixMillis(1500));
  metrics_.AttemptEnded(JobKind::kTrial, "LEASE_EXPIRED");
  metrics_.Retried(spec::FailureReason::kWorkerLost);
  metrics_.EpochsTrained(3, 100);
  metrics_.LeaseFenced();
  metrics_.LeaseExpiredFalsely();
  metrics_.PoisonFound();
  metrics_.TrialSucceeded({.val_acc = 0.5, .seconds = 2});
  EXPECT_EQ(Value("bitsweep_trials_submitted_total", {{"kind", "trial"}}), 12);
  EXPECT_EQ(Value("bitsweep_trials_finished_total", {{"kind", "trial"}, {"outcome", "dead"}}), 2);
  EXPECT_EQ(Value("bitsweep_trial_run_seconds", {{"kind", "trial"}}), 1);
  EXPECT_EQ(Value("bitsweep_trial_val_acc"), 1);
  EXPECT_EQ(Value("bitsweep_false_expiries_total"), 1);
  EXPECT_EQ(Value("bitsweep_poison_trials_total"), 1);
  EXPECT_EQ(Value("bitsweep_last_trial_finished_timestamp_seconds"), 1.5);
  EXPECT_EQ(
      Value("bitsweep_trial_attempts_total", {{"kind", "trial"}, {"end_reason", "lease_expired"}}),
      1);
  EXPECT_EQ(Value("bitsweep_leases_expired_total"), 1);
  EXPECT_EQ(Value("bitsweep_retries_total", {{"cause", "worker_lost"}}), 1);
  EXPECT_EQ(Value("bitsweep_epochs_total"), 3);
  EXPECT_EQ(Value("bitsweep_train_rows_total"), 300);
  EXPECT_EQ(Value("bitsweep_leases_fenced_total"), 1);
}

TEST_F(ServerMetricsTest, CountsTransformsApartFromTrials) {
  metrics_.Submitted(JobKind::kTransform, 400);
  metrics_.Finished(JobKind::kTransform, spec::JobState::kSucceeded, 2, absl::FromUnixMillis(2500));
  metrics_.TransformJobSucceeded(0.5);
  metrics_.PassRan("count_ops", 0.25);
  EXPECT_EQ(Value("bitsweep_transforms_submitted_total"), 1);
  EXPECT_EQ(Value("bitsweep_trials_submitted_total", {{"kind", "transform"}}), 400);
  EXPECT_EQ(
      Value("bitsweep_trials_finished_total", {{"kind", "transform"}, {"outcome", "succeeded"}}),
      2);
  EXPECT_EQ(Value("bitsweep_trial_run_seconds", {{"kind", "transform"}}), 1);
  EXPECT_EQ(Value("bitsweep_pass_seconds", {{"pass", "count_ops"}}), 1);
  EXPECT_EQ(Value("bitsweep_pass_seconds", {{"pass", "evaluate"}}), 0);
  EXPECT_EQ(Value("bitsweep_last_trial_finished_timestamp_seconds"), 2.5);
  EXPECT_EQ(Value("bitsweep_trials_submitted_total", {{"kind", "trial"}}), 0);
  EXPECT_EQ(Value("bitsweep_trials_finished_total", {{"kind", "trial"}, {"outcome", "succeeded"}}),
            0);
}

TEST_F(ServerMetricsTest, QuantizedTensorsAddUpByRole) {
  metrics_.TensorQuantized("weight", 100, 4, 32.5);
  metrics_.TensorQuantized("weight", 60, 0, std::numeric_limits<double>::infinity());
  metrics_.TensorQuantized("bias", 5, 1, -3);
  metrics_.TensorQuantized("bias", 5, 0, std::nan(""));
  EXPECT_EQ(Value("bitsweep_quant_tensors_total", {{"role", "weight"}}), 2);
  EXPECT_EQ(Value("bitsweep_quant_elements_total", {{"role", "weight"}}), 160);
  EXPECT_EQ(Value("bitsweep_quant_saturated_elements_total", {{"role", "weight"}}), 4);
  EXPECT_EQ(Value("bitsweep_quant_elements_total", {{"role", "bias"}}), 10);
  EXPECT_EQ(Value("bitsweep_quant_sqnr_db", {{"role", "bias"}}), 1);
  EXPECT_THAT(metrics_.Text(), HasSubstr("bitsweep_quant_sqnr_db_sum{role=\"weight\"} 232.5"));
}

TEST_F(ServerMetricsTest, TellsWhatTheStoreDoes) {
  metrics_.StoreWrote("lease", absl::Milliseconds(1), 40);
  metrics_.StoreSynced(absl::Milliseconds(3));
  metrics_.StoreCommitted(7, absl::Milliseconds(4));
  metrics_.StoreCheckpointed(absl::Milliseconds(20), true);
  metrics_.StoreCheckpointed(absl::Milliseconds(20), false);
  metrics_.StoreBusy();
  Gauges gauges;
  gauges.last_backup = absl::FromUnixMillis(1500);
  gauges.ready = 3;
  metrics_.Set(gauges);
  EXPECT_EQ(Value("bitsweep_jobs_ready", {}), 3);
  metrics_.IntegrityChecked(true);
  EXPECT_EQ(Value("bitsweep_store_tx_seconds", {{"op", "lease"}}), 1);
  EXPECT_THAT(metrics_.Text(), HasSubstr("bitsweep_store_tx_rows_sum{op=\"lease\"} 40"));
  EXPECT_EQ(Value("bitsweep_store_fsync_seconds"), 1);
  EXPECT_EQ(Value("bitsweep_store_commit_seconds"), 1);
  EXPECT_EQ(Value("bitsweep_store_checkpoint_seconds"), 2);
  EXPECT_EQ(Value("bitsweep_store_checkpoint_busy_total"), 1);
  EXPECT_EQ(Value("bitsweep_store_busy_total"), 1);
  EXPECT_EQ(Value("bitsweep_store_last_backup_timestamp_seconds"), 1.5);
  EXPECT_EQ(Value("bitsweep_store_integrity_ok"), 1);
  metrics_.IntegrityChecked(false);
  EXPECT_EQ(Value("bitsweep_store_integrity_ok"), 0);
}

TEST_F(ServerMetricsTest, TellsWhatTheServerAddsToAJob) {
  metrics_.Leased(JobKind::kTrial, absl::Seconds(2), absl::Milliseconds(3));
  metrics_.ResultStored(absl::Milliseconds(3));
  metrics_.ResultStored(absl::Milliseconds(5));
  EXPECT_EQ(Value("bitsweep_trial_queue_wait_seconds", {{"kind", "trial"}}), 1);
  EXPECT_EQ(Value("bitsweep_trial_overhead_seconds", {{"phase", "lease"}}), 1);
  EXPECT_EQ(Value("bitsweep_trial_overhead_seconds", {{"phase", "commit"}}), 2);
}

TEST_F(ServerMetricsTest, GaugesHoldTheLatestState) {
  metrics_.Set({.leases_active = 9, .process = {.cpu_seconds = 1.5}});
  metrics_.SetSubmissions(JobKind::kTrial, {{spec::SweepState::kFailed, 1}});
  metrics_.SetSubmissions(JobKind::kTrial, {{spec::SweepState::kPartiallySucceeded, 3}});
  metrics_.Set({.trials = {.queued = 5, .running = 2},
                .transform_jobs = {.queued = 1},
                .leases_active = 4,
                .leases_suspect = 1,
                .workers_busy = 1,
                .slots = 8,
                .slots_busy = 3,
                .heartbeat_age = absl::Milliseconds(2500),
                .oldest_queued = absl::FromUnixMillis(1500),
                .queue_paused = true,
                .wal_bytes = 77,
                .process = {.cpu_seconds = 2.5,
                            .resident_bytes = 1000,
                            .open_fds = 12,
                            .start_time_seconds = 100.5}});
  EXPECT_EQ(Value("bitsweep_trials", {{"kind", "trial"}, {"state", "queued"}}), 5);
  EXPECT_EQ(Value("bitsweep_trials", {{"kind", "trial"}, {"state", "running"}}), 2);
  EXPECT_EQ(Value("bitsweep_trials", {{"kind", "transform"}, {"state", "queued"}}), 1);
  EXPECT_EQ(Value("bitsweep_sweeps", {{"state", "partially_succeeded"}}), 3);
  EXPECT_EQ(Value("bitsweep_sweeps", {{"state", "failed"}}), 0);
  EXPECT_EQ(Value("bitsweep_leases", {{"state", "active"}}), 4);
  EXPECT_EQ(Value("bitsweep_leases", {{"state", "suspect"}}), 1);
  EXPECT_EQ(Value("process_cpu_seconds_total"), 2.5);
  EXPECT_EQ(Value("process_resident_memory_bytes"), 1000);
  EXPECT_EQ(Value("process_open_fds"), 12);
  EXPECT_EQ(Value("process_start_time_seconds"), 100.5);
  EXPECT_EQ(Value("bitsweep_workers", {{"state", "busy"}}), 1);
  EXPECT_EQ(Value("bitsweep_worker_slots"), 8);
  EXPECT_EQ(Value("bitsweep_worker_slots_busy"), 3);
  EXPECT_EQ(Value("bitsweep_worker_heartbeat_age_seconds"), 2.5);
  EXPECT_EQ(Value("bitsweep_oldest_queued_timestamp_seconds"), 1.5);
  EXPECT_EQ(Value("bitsweep_queue_paused"), 1);
  EXPECT_EQ(Value("bitsweep_store_wal_bytes"), 77);
}

TEST_F(ServerMetricsTest, ACodeThatIsNoneCountsAsUnknown) {
  metrics_.RpcHandled(rpc_, 77, absl::Seconds(1));
  EXPECT_EQ(Value("grpc_server_handled_total", {{"grpc_service", "bitsweep.v1.SweepService"},
                                                {"grpc_method", "SubmitSweep"},
                                                {"grpc_type", "unary"},
                                                {"grpc_code", "Unknown"}}),
            1);
}

TEST_F(ServerMetricsTest, SaysWhatRuns) {
  EXPECT_THAT(
      Live().at("bitsweep_build_info").series,
      ElementsAre(std::pair(
          Labels{{"version", "1.2.3"}, {"revision", "abc"}, {"sqlite", "3"}, {"grpc", "1"}}, 1.0)));
}

TEST_F(ServerMetricsTest, ServesOnAFreePort) {
  const absl::StatusOr<int> port = metrics_.Serve("127.0.0.1:0");
  ASSERT_TRUE(port.ok()) << port.status();
  EXPECT_GT(*port, 0);
}

TEST_F(ServerMetricsTest, SaysWhyItCannotServe) {
  const absl::StatusOr<int> port = metrics_.Serve("no such address");
  ASSERT_FALSE(port.ok());
  EXPECT_THAT(std::string(port.status().message()), ::testing::HasSubstr("no such address"));
}

}  // namespace
}  // namespace bitsweep::metrics
