// SPDX-License-Identifier: Apache-2.0
// The names, types, labels and help of the metrics are an interface: metrics.golden.txt holds them.
#include "server/metrics/server_metrics.h"

#include <fstream>
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
    EXPECT_TRUE(absl::StartsWith(name, "bitsweep_") || absl::StartsWith(name, "grpc_server_"))
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
  metrics_.Submitted(3);
  metrics_.Leased(absl::Seconds(1));
  metrics_.Succeeded({.seconds = 2});
  metrics_.TransformSubmitted(4);
  metrics_.TransformJobSucceeded(2);
  metrics_.PassRan("no_such_pass", 1);
  for (const spec::JobState state : spec::kAllJobStates) {
    if (!spec::IsTerminal(state)) continue;
    metrics_.Finished(state, 1, absl::FromUnixSeconds(1));
    metrics_.TransformJobsFinished(state, 1, absl::FromUnixSeconds(1));
  }
  for (const char* outcome : {"SUCCEEDED", "FAILED", "LEASE_EXPIRED", "RELEASED", "CANCELLED"}) {
    metrics_.AttemptEnded(outcome);
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
  EXPECT_EQ(sizes(), before);
}

TEST_F(ServerMetricsTest, CountsWhatItIsTold) {
  metrics_.Submitted(12);
  metrics_.Finished(spec::JobState::kDead, 2, absl::FromUnixMillis(1500));
  metrics_.AttemptEnded("LEASE_EXPIRED");
  metrics_.Retried(spec::FailureReason::kWorkerLost);
  metrics_.EpochsTrained(3, 100);
  metrics_.LeaseFenced();
  EXPECT_EQ(Value("bitsweep_trials_submitted_total"), 12);
  EXPECT_EQ(Value("bitsweep_trials_finished_total", {{"outcome", "dead"}}), 2);
  EXPECT_EQ(Value("bitsweep_last_trial_finished_timestamp_seconds"), 1.5);
  EXPECT_EQ(Value("bitsweep_trial_attempts_total", {{"end_reason", "lease_expired"}}), 1);
  EXPECT_EQ(Value("bitsweep_leases_expired_total"), 1);
  EXPECT_EQ(Value("bitsweep_retries_total", {{"cause", "worker_lost"}}), 1);
  EXPECT_EQ(Value("bitsweep_epochs_total"), 3);
  EXPECT_EQ(Value("bitsweep_train_rows_total"), 300);
  EXPECT_EQ(Value("bitsweep_leases_fenced_total"), 1);
}

TEST_F(ServerMetricsTest, CountsTransformsApartFromTrials) {
  metrics_.TransformSubmitted(400);
  metrics_.TransformJobsFinished(spec::JobState::kSucceeded, 2, absl::FromUnixMillis(2500));
  metrics_.TransformJobSucceeded(0.5);
  metrics_.PassRan("count_ops", 0.25);
  EXPECT_EQ(Value("bitsweep_transforms_submitted_total"), 1);
  EXPECT_EQ(Value("bitsweep_transform_jobs_submitted_total"), 400);
  EXPECT_EQ(Value("bitsweep_transform_jobs_finished_total", {{"outcome", "succeeded"}}), 2);
  EXPECT_EQ(Value("bitsweep_transform_job_run_seconds"), 1);
  EXPECT_EQ(Value("bitsweep_pass_seconds", {{"pass", "count_ops"}}), 1);
  EXPECT_EQ(Value("bitsweep_pass_seconds", {{"pass", "evaluate"}}), 0);
  EXPECT_EQ(Value("bitsweep_last_trial_finished_timestamp_seconds"), 2.5);
  EXPECT_EQ(Value("bitsweep_trials_submitted_total"), 0);
  EXPECT_EQ(Value("bitsweep_trials_finished_total", {{"outcome", "succeeded"}}), 0);
}

TEST_F(ServerMetricsTest, GaugesHoldTheLatestState) {
  metrics_.Set({.leases = 9});
  metrics_.Set({.trials = {.queued = 5, .running = 2},
                .leases = 4,
                .workers_busy = 1,
                .slots = 8,
                .slots_busy = 3,
                .heartbeat_age = absl::Milliseconds(2500),
                .oldest_queued = absl::FromUnixMillis(1500),
                .queue_paused = true,
                .wal_bytes = 77});
  EXPECT_EQ(Value("bitsweep_trials", {{"state", "queued"}}), 5);
  EXPECT_EQ(Value("bitsweep_trials", {{"state", "running"}}), 2);
  EXPECT_EQ(Value("bitsweep_leases"), 4);
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
