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

const std::vector<std::string> kEngines = {"fused 1 AVX2", "libtorch 1.13.1"};
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
  const WorkerMetrics metrics(2, kEngines);
  std::vector<std::string> golden;
  std::ifstream file(kGolden);
  for (std::string line; std::getline(file, line);) {
    if (!line.empty() && line[0] != '#') golden.push_back(line);
  }
  EXPECT_EQ(Published(metrics), golden) << "a published metric has changed: see " << kGolden;
}

TEST(WorkerMetricsTest, GaugesShowTheLatestValue) {
  WorkerMetrics metrics(3, kEngines);
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
  WorkerMetrics metrics(1, kEngines);
  metrics.OnEpoch(800);
  metrics.OnEpoch(200);
  EXPECT_THAT(Lines(metrics), Contains("bitsweep_worker_epochs_total 2"));
  EXPECT_THAT(Lines(metrics), Contains("bitsweep_worker_train_rows_total 1000"));
}

TEST(WorkerMetricsTest, StepsAreCountedAndTimedByEpoch) {
  WorkerMetrics metrics(1, kEngines);
  metrics.OnSteps(100, 0.05);
  metrics.OnSteps(20, 0.02);
  metrics.OnSteps(0, 0.01);
  const std::vector<std::string> lines = Lines(metrics);
  EXPECT_THAT(lines, Contains("bitsweep_worker_train_batches_total 120"));
  EXPECT_THAT(lines, Contains("bitsweep_worker_train_step_seconds_count 2"));
  EXPECT_THAT(lines, Contains("bitsweep_worker_train_step_seconds_bucket{le=\"0.0005\"} 1"));
  EXPECT_THAT(lines, Contains("bitsweep_worker_train_step_seconds_bucket{le=\"0.001\"} 2"));
}

TEST(WorkerMetricsTest, TellsWhatAnAttemptTakesBesideItsWork) {
  WorkerMetrics metrics(1, kEngines);
  metrics.OnSetUp(absl::Milliseconds(500));
  metrics.OnReported(absl::Milliseconds(250));
  metrics.OnReported(absl::Milliseconds(250));
  const std::string name = "bitsweep_worker_trial_overhead_seconds";
  EXPECT_THAT(Lines(metrics), Contains(name + "_sum{phase=\"setup\"} 0.5"));
  EXPECT_THAT(Lines(metrics), Contains(name + "_count{phase=\"report\"} 2"));
}

TEST(WorkerMetricsTest, SaysWhatRuns) {
  EXPECT_THAT(WorkerMetrics(1, kEngines).Text(),
              HasSubstr("engine=\"fused 1 AVX2\",libtorch=\"1.13.1\""));
  EXPECT_THAT(WorkerMetrics(1, {"scripted 1"}).Text(),
              HasSubstr("engine=\"scripted 1\",libtorch=\"\""));
}

TEST(WorkerMetricsTest, TellsWhatTheProcessUses) {
  const std::string text = WorkerMetrics(1, kEngines).Text();
  for (const char* name : {"process_cpu_seconds_total", "process_resident_memory_bytes",
                           "process_open_fds", "process_start_time_seconds",
                           "bitsweep_worker_cpu_seconds_total", "bitsweep_worker_rss_bytes"}) {
    const std::string line = std::string("\n") + name + " ";
    ASSERT_THAT(text, HasSubstr(line));
    EXPECT_GT(std::stod(text.substr(text.find(line) + line.size())), 0) << name;
  }
}

TEST(WorkerMetricsTest, EveryOutcomeOfAnAttemptIsCountedAndTimed) {
  WorkerMetrics metrics(1, kEngines);
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
  WorkerMetrics metrics(1, kEngines);
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
  WorkerMetrics metrics(1, kEngines);
  EXPECT_THROW(metrics.OnCallFailed("SubmitSweep"), std::out_of_range);
  EXPECT_THROW(metrics.OnTrialEnded("vanished", absl::Seconds(1)), std::out_of_range);
  EXPECT_THAT(metrics.Text(), Not(HasSubstr("SubmitSweep")));
}

TEST(WorkerMetricsTest, ServesTheTextOverHttp) {
  WorkerMetrics metrics(4, kEngines);
  ASSERT_OK_AND_ASSIGN(const int port, metrics.Serve("127.0.0.1:0"));
  httplib::Client client("127.0.0.1", port);
  const httplib::Result answer = client.Get("/metrics");
  ASSERT_TRUE(answer);
  EXPECT_EQ(answer->status, 200);
  EXPECT_THAT(answer->body, HasSubstr("\nbitsweep_worker_slots 4\n"));
  EXPECT_THAT(answer->get_header_value("Content-Type"), HasSubstr("text/plain; version=0.0.4"));
}

TEST(WorkerMetricsTest, IsHealthyWhileTheServerAnswers) {
  WorkerMetrics metrics(4, kEngines);
  ASSERT_OK_AND_ASSIGN(const int port, metrics.Serve("127.0.0.1:0"));
  httplib::Client client("127.0.0.1", port);
  const auto status = [&] {
    const httplib::Result answer = client.Get("/healthz");
    return answer ? std::to_string(answer->status) + " " + answer->body : "no answer";
  };
  EXPECT_EQ(status(), "503 the server does not answer");  // it has not yet
  metrics.OnConnected(true);
  EXPECT_EQ(status(), "200 ok");
  metrics.OnConnected(false);
  EXPECT_EQ(status(), "503 the server does not answer");
}

TEST(WorkerMetricsTest, AnAddressThatCannotBeServedIsAnError) {
  for (const char* address : {"127.0.0.1", "127.0.0.1:", "127.0.0.1:x", "127.0.0.1:70000"}) {
    WorkerMetrics metrics(1, kEngines);
    EXPECT_THAT(metrics.Serve(address), StatusIs(absl::StatusCode::kInvalidArgument)) << address;
  }
}

}  // namespace
}  // namespace bitsweep::worker
