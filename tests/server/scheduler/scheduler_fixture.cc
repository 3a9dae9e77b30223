// SPDX-License-Identifier: Apache-2.0
#include "tests/server/scheduler/scheduler_fixture.h"

#include "core/spec/plan.h"
#include "core/spec/spec_json.h"
#include "server/scheduler/job_name.h"
#include "server/store/sqlite/open.h"
#include "tests/support/status_matchers.h"

namespace bitsweep::scheduler {

using testing::IsOk;

std::int64_t RecordingObserver::Count(const std::string& what) const {
  absl::MutexLock lock(&mu_);
  const auto entry = counts_.find(what);
  return entry == counts_.end() ? 0 : entry->second;
}

void RecordingObserver::WaitFor(const std::string& what, std::int64_t count) {
  absl::MutexLock lock(&mu_);
  const auto reached = [&]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_) { return counts_[what] >= count; };
  mu_.Await(absl::Condition(&reached));
}

std::vector<absl::Duration> RecordingObserver::queue_waits() const {
  absl::MutexLock lock(&mu_);
  return queue_waits_;
}

void RecordingObserver::Add(const std::string& what, std::int64_t by) {
  absl::MutexLock lock(&mu_);
  counts_[what] += by;
}

void SchedulerTest::SetUp() {
  auto opened = store::OpenSqliteStore(
      {.data_dir = folder_.path().string(), .readers = 2, .min_free_bytes = 0});
  ASSERT_THAT(opened, IsOk());
  store_ = *std::move(opened);
  Restart();
}

void SchedulerTest::Restart() {
  scheduler_.reset();
  scheduler_ = std::make_unique<Scheduler>(
      *store_, clock_, SchedulerOptions{.lease_ttl = absl::Seconds(15)}, observer_);
  ASSERT_THAT(scheduler_->Start(), IsOk());
}

void SchedulerTest::Submit(const std::string& sweep_id, std::int64_t trials,
                           const std::function<void(spec::SweepSpec&)>& change) {
  spec::SweepSpec spec;
  spec.model.builtin = "jsc-tiny";
  spec.dataset.name = std::string(spec::kSyntheticJets);
  spec.base.max_epochs = 1;
  spec.repeats = trials;
  if (change) change(spec);
  const absl::StatusOr<spec::Plan> plan = spec::ExpandPlan(spec);
  ASSERT_THAT(plan, IsOk());
  ASSERT_THAT(scheduler_->SubmitSweep({.sweep_id = sweep_id,
                                       .spec = spec,
                                       .plan = *plan,
                                       .spec_digest = spec::SpecDigest(spec)}),
              IsOk());
}

void SchedulerTest::SubmitTransform(const std::string& transform_id, std::int64_t jobs,
                                    std::int64_t priority) {
  ASSERT_THAT(scheduler_->SubmitTransform(
                  {.transform_id = transform_id,
                   .model = "jsc-tiny",
                   .spec = "{}",
                   .spec_digest = std::string(64, 'd'),
                   .priority = priority,
                   .assignments = std::vector<std::string>(static_cast<std::size_t>(jobs), "[]")}),
              IsOk());
}

void SchedulerTest::Register(const std::string& worker_id, const std::string& instance_id) {
  ASSERT_THAT(
      scheduler_->RegisterWorker({.worker_id = worker_id, .instance_id = instance_id, .slots = 4}),
      IsOk());
}

std::vector<store::LeasedJob> SchedulerTest::Lease(const std::string& worker_id,
                                                   std::int64_t max_jobs) {
  auto jobs = scheduler_->LeaseJobs(worker_id, "first", max_jobs, absl::ZeroDuration(),
                                    [] { return false; });
  EXPECT_THAT(jobs, IsOk());
  return jobs.ok() ? *std::move(jobs) : std::vector<store::LeasedJob>{};
}

absl::StatusOr<std::vector<store::LeasedJob>> SchedulerTest::Wait(const std::string& worker_id,
                                                                  const std::string& instance_id) {
  return scheduler_->LeaseJobs(worker_id, instance_id, 1, absl::Seconds(30), [] { return false; });
}

JobRef SchedulerTest::LeaseOne(const std::string& worker_id) {
  const std::vector<store::LeasedJob> jobs = Lease(worker_id, 1);
  EXPECT_EQ(jobs.size(), 1u);
  return jobs.empty() ? JobRef{} : RefOf(jobs[0]);
}

void SchedulerTest::StartJob(const JobRef& ref) {
  const auto answers =
      scheduler_->ReportProgress({{.ref = ref, .started = true, .data_digest = "d1"}});
  ASSERT_THAT(answers, IsOk());
  ASSERT_EQ((*answers)[0].directive, Directive::kContinue);
}

absl::Status SchedulerTest::Complete(const JobRef& ref) {
  const spec::EpochPoint epoch{.epoch = 0, .learning_rate = 1e-5, .train_loss = 1, .val_acc = 0.5};
  return scheduler_->CompleteJob(
      ref, {epoch},
      {.val_acc = 0.5, .epochs = 1, .steps = 4, .engine = "libtorch", .data_digest = "d1"});
}

absl::Status SchedulerTest::CompleteTransform(const JobRef& ref, double seconds) {
  return scheduler_->CompleteTransformJob(
      ref, {.passes = {{.pass = "count_ops", .result = "{}", .seconds = seconds}},
            .metrics = {.accuracy = 0.5, .bitops = 79680},
            .seconds = seconds,
            .graph_name = "jsc-tiny"});
}

absl::StatusOr<spec::JobState> SchedulerTest::Fail(const JobRef& ref, spec::FailureReason reason) {
  return scheduler_->FailJob(ref, {reason, "as the test says"});
}

Directive SchedulerTest::Renew(const std::string& worker_id, const JobRef& ref) {
  const auto answer = scheduler_->RenewLeases(worker_id, "first", {ref}, 1);
  EXPECT_THAT(answer, IsOk());
  return answer.ok() ? answer->jobs[0] : Directive::kLost;
}

store::TrialRecord SchedulerTest::Trial(const std::string& sweep_id, std::int64_t number) {
  auto trial = store_->GetTrial(sweep_id, number);
  EXPECT_THAT(trial, IsOk());
  return trial.ok() ? *std::move(trial) : store::TrialRecord{};
}

JobRef RefOf(const store::LeasedJob& job) {
  return {JobNameText(job.submission_name, job.number), job.ref.attempt, job.ref.job,
          job.worker_id};
}

}  // namespace bitsweep::scheduler
