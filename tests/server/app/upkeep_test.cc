// SPDX-License-Identifier: Apache-2.0
// What the server reads from time to time, on a real store, with a clock that only the test moves.
#include "server/app/upkeep.h"

#include <memory>
#include <thread>

#include "absl/time/clock.h"
#include "core/base/simulated_clock.h"
#include "core/spec/plan.h"
#include "core/spec/spec_json.h"
#include "gtest/gtest.h"
#include "server/app/metrics_observer.h"
#include "server/store/sqlite/open.h"
#include "tests/server/store/raw_sqlite.h"
#include "tests/support/status_matchers.h"
#include "tests/support/test_paths.h"

namespace bitsweep::server {
namespace {

using testing::IsOk;

class UpkeepTest : public ::testing::Test {
 protected:
  void SetUp() override {
    auto opened = store::OpenSqliteStore(
        {.data_dir = folder_.path().string(), .min_free_bytes = 0, .observer = &observer_});
    ASSERT_THAT(opened, IsOk());
    store_ = *std::move(opened);
    scheduler_ = std::make_unique<scheduler::Scheduler>(
        *store_, clock_, scheduler::SchedulerOptions{.lease_ttl = absl::Seconds(15)}, observer_);
    ASSERT_THAT(scheduler_->Start(), IsOk());
  }
  void Submit(const std::string& sweep_id, std::int64_t trials) {
    spec::SweepSpec spec;
    spec.model.builtin = "jsc-tiny";
    spec.dataset.name = std::string(spec::kSyntheticJets);
    spec.repeats = trials;
    const absl::StatusOr<spec::Plan> plan = spec::ExpandPlan(spec);
    ASSERT_THAT(plan, IsOk());
    ASSERT_THAT(scheduler_->SubmitSweep({.sweep_id = sweep_id,
                                         .spec = spec,
                                         .plan = *plan,
                                         .spec_digest = spec::SpecDigest(spec)}),
                IsOk());
  }
  // The value of `series`, "name{label="value"}"; -1: there is none.
  double Metric(const std::string& series) {
    const std::string text = metrics_.Text();
    const std::string line = "\n" + series + " ";
    const std::size_t at = text.find(line);
    return at == std::string::npos ? -1 : std::stod(text.substr(at + line.size()));
  }
  // Whether `series` comes to have `value`.
  bool Becomes(const std::string& series, double value) {
    const absl::Time give_up = absl::Now() + absl::Seconds(20);
    while (Metric(series) != value) {
      if (absl::Now() > give_up) return false;
      std::this_thread::yield();
    }
    return true;
  }

  testing::TempDir folder_;
  SimulatedClock clock_;
  metrics::ServerMetrics metrics_{{}};
  MetricsObserver observer_{metrics_, clock_};
  std::unique_ptr<store::Store> store_;
  std::unique_ptr<scheduler::Scheduler> scheduler_;
};

TEST_F(UpkeepTest, GaugesAreThereAtOnce) {
  Submit("lab-1", 3);
  const Upkeep upkeep(*scheduler_, *store_, metrics_, clock_);
  EXPECT_EQ(Metric(R"(bitsweep_trials{kind="trial",state="queued"})"), 3);
  EXPECT_EQ(Metric(R"(bitsweep_trials{kind="transform",state="queued"})"), 0);
  EXPECT_EQ(Metric(R"(bitsweep_sweeps{state="queued"})"), 1);
  EXPECT_EQ(Metric(R"(bitsweep_transforms{state="queued"})"), 0);
  EXPECT_GT(Metric("bitsweep_store_db_bytes"), 0);
  EXPECT_GT(Metric("process_cpu_seconds_total"), 0);
  EXPECT_GT(Metric("process_resident_memory_bytes"), 0);
  EXPECT_GT(Metric("process_open_fds"), 0);
  EXPECT_GT(Metric("process_start_time_seconds"), 0);
}

TEST_F(UpkeepTest, ALeaseBecomesSuspectWithTime) {
  Submit("lab-1", 1);
  ASSERT_THAT(scheduler_->RegisterWorker({.worker_id = "worker-1", .instance_id = "p", .slots = 1}),
              IsOk());
  ASSERT_THAT(scheduler_->LeaseJobs("worker-1", "p", 1, absl::ZeroDuration(), [] { return false; }),
              IsOk());
  const Upkeep upkeep(*scheduler_, *store_, metrics_, clock_);
  EXPECT_EQ(Metric(R"(bitsweep_leases{state="active"})"), 1);
  clock_.Advance(absl::Seconds(8));
  EXPECT_TRUE(Becomes(R"(bitsweep_leases{state="suspect"})", 1));
  EXPECT_EQ(Metric(R"(bitsweep_leases{state="active"})"), 0);
}

TEST_F(UpkeepTest, SweepsAreCountedEachTenSeconds) {
  const Upkeep upkeep(*scheduler_, *store_, metrics_, clock_);
  Submit("lab-1", 3);
  clock_.Advance(absl::Seconds(10));
  EXPECT_TRUE(Becomes(R"(bitsweep_sweeps{state="queued"})", 1));
}

TEST_F(UpkeepTest, CountersThatDifferFromTheirRowsAreFoundEachMinute) {
  Submit("lab-1", 3);
  metrics_.IntegrityChecked(true);
  const Upkeep upkeep(*scheduler_, *store_, metrics_, clock_);
  store::RawSql((folder_.path() / "bitsweep.db").string(),
                "UPDATE counters SET jobs = jobs + 1 WHERE state = 'QUEUED'");
  clock_.Advance(absl::Minutes(1));
  EXPECT_TRUE(Becomes("bitsweep_store_integrity_ok", 0));
  EXPECT_GT(Metric("bitsweep_plan_invariant_violations_total"), 0);
}

TEST_F(UpkeepTest, EveryKindOfWriteIsPublishedUnderItsName) {
  for (const store::WriteOp op : store::kAllWriteOps) {
    const std::string series = "bitsweep_store_tx_rows_count{op=\"" + std::string(Name(op)) + "\"}";
    const double before = Metric(series);
    observer_.OnWrite(op, absl::Milliseconds(1), 1);
    EXPECT_EQ(Metric(series), before + 1) << series;
  }
}

}  // namespace
}  // namespace bitsweep::server
