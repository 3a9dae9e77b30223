// SPDX-License-Identifier: Apache-2.0
#ifndef BITSWEEP_TESTS_SERVER_SCHEDULER_SCHEDULER_FIXTURE_H_
#define BITSWEEP_TESTS_SERVER_SCHEDULER_SCHEDULER_FIXTURE_H_

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"
#include "core/base/simulated_clock.h"
#include "gtest/gtest.h"
#include "server/scheduler/scheduler.h"
#include "server/store/store.h"
#include "tests/support/test_paths.h"

namespace bitsweep::scheduler {

// Counts what the scheduler says, and lets a test wait for it. Thread-safe.
class RecordingObserver final : public SchedulerObserver {
 public:
  void OnSubmitted(store::SubmissionKind kind, std::int64_t jobs) override {
    Add(Of(kind, "submitted"), jobs);
  }
  void OnLeased(store::SubmissionKind kind, absl::Duration queue_wait, absl::Duration) override {
    Add(Of(kind, "leased"), 1);
    absl::MutexLock lock(&mu_);
    queue_waits_.push_back(queue_wait);
  }
  void OnFinished(store::SubmissionKind kind, spec::JobState state, std::int64_t jobs) override {
    Add(Of(kind, "finished ") + std::string(spec::Name(state)), jobs);
  }
  void OnTransformSucceeded(const store::TransformOutcome& result) override {
    for (const store::PassResultRecord& pass : result.passes) Add("pass " + pass.pass, 1);
  }
  void OnCommitted(absl::Duration) override { Add("committed", 1); }
  void OnAttemptEnded(store::SubmissionKind kind, std::string_view outcome) override {
    Add(Of(kind, "ended " + std::string(outcome)), 1);
  }
  void OnRetry(spec::FailureReason reason) override {
    Add("retry " + std::string(spec::Name(reason)), 1);
  }
  void OnDead(spec::FailureReason reason) override {
    Add("dead " + std::string(spec::Name(reason)), 1);
  }
  void OnPoison() override { Add("poison", 1); }
  void OnFenced() override { Add("fenced", 1); }
  void OnFalseExpiry() override { Add("false expiry", 1); }
  void OnEpochs(std::int64_t epochs, std::int64_t) override { Add("epochs", epochs); }

  std::int64_t Count(const std::string& what) const;
  // Returns once `what` was counted `count` times.
  void WaitFor(const std::string& what, std::int64_t count);
  std::vector<absl::Duration> queue_waits() const;

 private:
  // What is told of transforms counts under names of its own.
  static std::string Of(store::SubmissionKind kind, const std::string& what) {
    return kind == store::SubmissionKind::kSweep ? what : "transform " + what;
  }
  void Add(const std::string& what, std::int64_t by);

  mutable absl::Mutex mu_;
  std::map<std::string, std::int64_t> counts_ ABSL_GUARDED_BY(mu_);
  std::vector<absl::Duration> queue_waits_ ABSL_GUARDED_BY(mu_);
};

// A scheduler on a real store in a folder of its own, with a clock that only the test moves.
class SchedulerTest : public ::testing::Test {
 protected:
  void SetUp() override;
  // Another scheduler on the same store, as after a restart.
  void Restart();
  void StopScheduler() { scheduler_.reset(); }

  // A sweep of `trials` trials of one epoch; `change` may alter its specification.
  void Submit(const std::string& sweep_id, std::int64_t trials,
              const std::function<void(spec::SweepSpec&)>& change = {});
  // A transform of `jobs` jobs.
  void SubmitTransform(const std::string& transform_id, std::int64_t jobs,
                       std::int64_t priority = 0);
  void Register(const std::string& worker_id, const std::string& instance_id = "first");
  // LeaseJobs without a wait.
  std::vector<store::LeasedJob> Lease(const std::string& worker_id, std::int64_t max_jobs);
  // LeaseJobs with the longest wait; nobody moves the clock meanwhile.
  absl::StatusOr<std::vector<store::LeasedJob>> Wait(const std::string& worker_id,
                                                     const std::string& instance_id = "first");
  // Leases one job and returns it. The test fails when there is none.
  JobRef LeaseOne(const std::string& worker_id);
  // Reports that it has started.
  void StartJob(const JobRef& ref);
  absl::Status Complete(const JobRef& ref);
  // Completes a transform's job that took `seconds`.
  absl::Status CompleteTransform(const JobRef& ref, double seconds = 2);
  absl::StatusOr<spec::JobState> Fail(const JobRef& ref, spec::FailureReason reason);
  Directive Renew(const std::string& worker_id, const JobRef& ref);
  store::TrialRecord Trial(const std::string& sweep_id, std::int64_t number);

  testing::TempDir folder_;
  SimulatedClock clock_;
  RecordingObserver observer_;
  std::unique_ptr<store::Store> store_;
  std::unique_ptr<Scheduler> scheduler_;
};

JobRef RefOf(const store::LeasedJob& job);

}  // namespace bitsweep::scheduler

#endif  // BITSWEEP_TESTS_SERVER_SCHEDULER_SCHEDULER_FIXTURE_H_
