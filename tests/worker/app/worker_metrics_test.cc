// SPDX-License-Identifier: Apache-2.0
// The names, types, labels and help of the metrics are an interface: metrics.golden.txt holds them.
#include "worker/app/worker_metrics.h"

#include <fstream>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_split.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "httplib.h"
#include "tests/support/status_matchers.h"

namespace bitsweep::worker {
namespace {

using ::testing::Contains;
using ::testing::HasSubstr;
using ::testing::Not;
using testing::StatusIs;

constexpr char kGolden[] = "tests/worker/app/metrics.golden.txt";

std::vector<std::string> Lines(const WorkerMetrics& metrics) {
  return absl::StrSplit(metrics.Text(), '\n');
}

// "name | type | labels | help" of every metric, sorted by name; `le` belongs to the format.
std::vector<std::string> Published(const WorkerMetrics& metrics) {
  struct Family {
    std::string type;
    std::string help;
    std::set<std::string> labels;
  };
  std::map<std::string, Family> families;
  std::string current;
  for (const std::string& line : Lines(metrics)) {
    if (absl::StartsWith(line, "# ")) {
      const std::vector<std::string> words = absl::StrSplit(line, absl::MaxSplits(' ', 3));
      current = words[2];
      (words[1] == "TYPE" ? families[current].type : families[current].help) = words[3];
    } else if (const std::size_t brace = line.find('{'); brace != std::string::npos) {
      const std::string inner = line.substr(brace + 1, line.rfind('}') - brace - 1);
      for (const auto& label : absl::StrSplit(inner, ',')) {
        const std::string name(label.substr(0, label.find('=')));
        if (name != "le") families[current].labels.insert(name);
      }
    }
  }
  std::vector<std::string> published;
  for (const auto& [name, family] : families) {
    std::string labels;
    for (const std::string& label : family.labels) labels += (labels.empty() ? "" : ",") + label;
    published.push_back(name + " | " + family.type + " | " + labels + " | " + family.help);
  }
  return published;
}

TEST(WorkerMetricsTest, NamesTypesLabelsAndHelpAreAsPublished) {
  const WorkerMetrics metrics(2, "libtorch 1.13.1");
  std::vector<std::string> golden;
  std::ifstream file(kGolden);
  for (std::string line; std::getline(file, line);) {
    if (!line.empty() && line[0] != '#') golden.push_back(line);
  }
  EXPECT_EQ(Published(metrics), golden) << "a published metric has changed: see " << kGolden;
}

TEST(WorkerMetricsTest, GaugesShowTheLatestValue) {
  WorkerMetrics metrics(3, "libtorch 1.13.1");
  metrics.OnConnected(true);
  metrics.OnBusySlots(3);
  metrics.OnBusySlots(2);
  metrics.OnHeld(5);
  const std::vector<std::string> lines = Lines(metrics);
  EXPECT_THAT(lines, Contains("bitsweep_worker_slots 3"));
  EXPECT_THAT(lines, Contains("bitsweep_worker_connected 1"));
  EXPECT_THAT(lines, Contains("bitsweep_worker_slots_busy 2"));
  EXPECT_THAT(lines, Contains("bitsweep_worker_jobs_held 5"));
  metrics.OnConnected(false);
  EXPECT_THAT(Lines(metrics), Contains("bitsweep_worker_connected 0"));
}

TEST(WorkerMetricsTest, EpochsAndTheirRowsAddUp) {
  WorkerMetrics metrics(1, "libtorch 1.13.1");
  metrics.OnEpoch(800);
  metrics.OnEpoch(200);
  EXPECT_THAT(Lines(metrics), Contains("bitsweep_worker_epochs_total 2"));
  EXPECT_THAT(Lines(metrics), Contains("bitsweep_worker_train_rows_total 1000"));
}

TEST(WorkerMetricsTest, EveryOutcomeOfAnAttemptIsCountedAndTimed) {
  WorkerMetrics metrics(1, "libtorch 1.13.1");
  for (const char* outcome : {"succeeded", "failed", "cancelled", "lost", "released"}) {
    const std::string series =
        "bitsweep_worker_trials_total{outcome=\"" + std::string(outcome) + "\"} ";
    EXPECT_THAT(Lines(metrics), Contains(series + "0"));
    metrics.OnTrialEnded(outcome, absl::Seconds(2));
    EXPECT_THAT(Lines(metrics), Contains(series + "1"));
  }
  EXPECT_THAT(Lines(metrics), Contains("bitsweep_worker_trial_seconds_count 5"));
  EXPECT_THAT(Lines(metrics), Contains("bitsweep_worker_trial_seconds_sum 10"));
  EXPECT_THAT(Lines(metrics), Contains("bitsweep_worker_trial_seconds_bucket{le=\"1\"} 0"));
  EXPECT_THAT(Lines(metrics), Contains("bitsweep_worker_trial_seconds_bucket{le=\"2.5\"} 5"));
}

TEST(WorkerMetricsTest, EveryCallThatIsTriedAgainIsCountedByItsMethod) {
  WorkerMetrics metrics(1, "libtorch 1.13.1");
  for (const char* method : {"RenewLeases", "LeaseJobs", "ReportProgress", "CompleteJob", "FailJob",
                             "ReleaseJobs", "UploadArtifact", "DownloadArtifact"}) {
    const std::string series =
        "bitsweep_worker_calls_failed_total{method=\"" + std::string(method) + "\"} ";
    EXPECT_THAT(Lines(metrics), Contains(series + "0"));
    metrics.OnCallFailed(method);
    EXPECT_THAT(Lines(metrics), Contains(series + "1"));
  }
}

TEST(WorkerMetricsTest, NamesThatAreNotPublishedAreRefused) {
  WorkerMetrics metrics(1, "libtorch 1.13.1");
  EXPECT_THROW(metrics.OnCallFailed("SubmitSweep"), std::out_of_range);
  EXPECT_THROW(metrics.OnTrialEnded("vanished", absl::Seconds(1)), std::out_of_range);
  EXPECT_THAT(metrics.Text(), Not(HasSubstr("SubmitSweep")));
}

TEST(WorkerMetricsTest, ServesTheTextOverHttp) {
  WorkerMetrics metrics(4, "libtorch 1.13.1");
  ASSERT_OK_AND_ASSIGN(const int port, metrics.Serve("127.0.0.1:0"));
  httplib::Client client("127.0.0.1", port);
  const httplib::Result answer = client.Get("/metrics");
  ASSERT_TRUE(answer);
  EXPECT_EQ(answer->status, 200);
  EXPECT_EQ(answer->body, metrics.Text());
  EXPECT_THAT(answer->get_header_value("Content-Type"), HasSubstr("text/plain; version=0.0.4"));
}

TEST(WorkerMetricsTest, AnAddressThatCannotBeServedIsAnError) {
  for (const char* address : {"127.0.0.1", "127.0.0.1:", "127.0.0.1:x", "127.0.0.1:70000"}) {
    WorkerMetrics metrics(1, "libtorch 1.13.1");
    EXPECT_THAT(metrics.Serve(address), StatusIs(absl::StatusCode::kInvalidArgument)) << address;
  }
}

}  // namespace
}  // namespace bitsweep::worker
