// SPDX-License-Identifier: Apache-2.0
// One slot's work, call by call, against the real server. Its clock stands still unless a test
// moves it.
#include "worker/agent/job_runner.h"

#include "core/base/ids.h"
#include "core/base/sha256.h"
#include "core/base/simulated_clock.h"
#include "gmock/gmock.h"
#include "tests/support/local_server.h"
#include "tests/support/status_matchers.h"
#include "tests/worker/agent/scripted_executor.h"

namespace bitsweep::worker {
namespace {

using ::bitsweep::testing::IsOk;
using ::bitsweep::testing::StatusIs;
using ::testing::HasSubstr;

// Keeps what is told of an attempt beside its end.
class Overheads final : public AgentObserver {
 public:
  void OnSetUp(absl::Duration taken) override { setups.push_back(taken); }
  void OnSteps(std::int64_t count, double seconds) override {
    steps += count;
    step_seconds += seconds;
  }
  void OnReported(absl::Duration taken) override { reports.push_back(taken); }

  std::vector<absl::Duration> setups, reports;
  std::int64_t steps = 0;
  double step_seconds = 0;
};

class JobRunnerTest : public ::testing::Test {
 protected:
  JobRunnerTest() : api_(server_.address(), nullptr, "workers/alpha", "p-1") {}

  // A sweep of `trials` trials with `max_epochs` epochs each, and this worker.
  void Submit(int trials, std::int64_t max_epochs = 2) {
    v1::SubmitSweepRequest request;
    request.set_sweep_id("lab-1");
    v1::Sweep* sweep = request.mutable_sweep();
    sweep->mutable_model()->set_builtin("jsc-tiny");
    sweep->mutable_dataset()->set_name("synthetic-jets");
    sweep->mutable_base()->set_max_epochs(max_epochs);
    sweep->set_keep_models(v1::KEEP_MODELS_ALL);
    sweep->set_repeats(trials);
    server_.Call(server_.sweeps(), &v1::SweepService::Stub::SubmitSweep, request);
    ASSERT_THAT(api_.Register(1, "0.1.0", {"scripted 1"}, "host-1"), IsOk());
  }
  LeasedJob Lease() {
    auto jobs = api_.Lease(1, absl::ZeroDuration());
    if (!jobs.ok() || jobs->size() != 1) throw std::runtime_error("no trial to lease");
    return jobs->front();
  }
  // Runs it as a slot would; `before` may do something to the job first.
  std::string Run(
      const LeasedJob& leased, ScriptedExecutor::Script script,
      const std::function<void(HeldJob&)>& before = [](HeldJob&) {}) {
    ScriptedExecutor executor(std::move(script));
    JobRunner runner(api_, jobs_, executor, SystemClock(), observer_);
    jobs_.Add({leased});
    const HeldJobs::Ptr job = jobs_.Take();
    before(*job);
    const std::string outcome = runner.Run(*job);
    jobs_.Remove(job, absl::Seconds(1));
    return outcome;
  }
  v1::Trial Trial(int number) {
    v1::GetTrialRequest request;
    request.set_name(TrialNameText("lab-1", number));
    return server_.Call(server_.sweeps(), &v1::SweepService::Stub::GetTrial, request).trial();
  }
  // Moves the server's time past the lease of trial 0, and waits until it has noticed.
  void ExpireLease() {
    clock_.Advance(absl::Seconds(16));
    const absl::Time give_up = absl::Now() + kLong;
    const int last = Trial(0).attempts_size() - 1;
    while (Trial(0).attempts(last).outcome().empty() && absl::Now() < give_up) {
    }
    ASSERT_EQ(Trial(0).attempts(last).outcome(), "LEASE_EXPIRED");
  }

  static TrialOutcome TrainWell(const spec::TrialSpec& trial, const std::string&,
                                TrialObserver& observer) {
    return Train(trial, observer);
  }

  SimulatedClock clock_;
  testing::LocalServer server_{clock_};
  ServerApi api_;
  HeldJobs jobs_{SystemClock(), 1, 0};
  Overheads observer_;
};

TEST_F(JobRunnerTest, BringsResultAndEpochsBack) {
  Submit(1, 3);
  EXPECT_EQ(Run(Lease(), TrainWell), "succeeded");
  const v1::Trial trial = Trial(0);
  EXPECT_EQ(trial.state(), v1::Trial::STATE_SUCCEEDED);
  EXPECT_EQ(trial.epochs_size(), 3);
  EXPECT_EQ(trial.result().val_acc(), 0.5);
  EXPECT_EQ(trial.model(), "");
}

TEST_F(JobRunnerTest, TellsWhatASuccessTakesBesideItsWork) {
  Submit(1);
  Run(Lease(), [](const spec::TrialSpec& trial, const std::string&, TrialObserver& observer) {
    observer.OnSteps(8, 0.25);
    observer.OnSteps(8, 0.5);
    return Train(trial, observer);
  });
  ASSERT_EQ(observer_.setups.size(), 1U);
  EXPECT_GT(observer_.setups[0], absl::ZeroDuration());
  ASSERT_EQ(observer_.reports.size(), 1U);
  EXPECT_GT(observer_.reports[0], absl::ZeroDuration());
  EXPECT_EQ(observer_.steps, 16);
  EXPECT_EQ(observer_.step_seconds, 0.75);
}

TEST_F(JobRunnerTest, AFailuresReportIsNotTimed) {
  Submit(1);
  EXPECT_EQ(Run(Lease(),
                [](const spec::TrialSpec&, const std::string&, TrialObserver& observer) {
                  observer.OnStart(kDigest, 100);
                  return spec::JobFailure{spec::FailureReason::kNanLoss, "nan"};
                }),
            "failed");
  EXPECT_EQ(observer_.setups.size(), 1U);
  EXPECT_EQ(observer_.reports.size(), 0U);
}

TEST_F(JobRunnerTest, GivesTheExecutorTheTrialAsLeased) {
  Submit(1, 7);
  const LeasedJob leased = Lease();
  spec::TrialSpec seen;
  Run(leased, [&](const spec::TrialSpec& trial, const std::string&, TrialObserver& observer) {
    seen = trial;
    return Train(trial, observer);
  });
  EXPECT_EQ(seen.hyperparameters.max_epochs, 7);
  EXPECT_EQ(seen.model.builtin, "jsc-tiny");
  EXPECT_EQ(static_cast<std::int64_t>(seen.seed), Trial(0).seed());
}

TEST_F(JobRunnerTest, UploadsTheCheckpointBeforeTheResult) {
  Submit(1);
  const std::string bytes(1'300'000, 'b');  // more than two chunks
  EXPECT_EQ(Run(Lease(), [&](const spec::TrialSpec& trial, const std::string&,
                             TrialObserver& observer) { return Train(trial, observer, bytes); }),
            "succeeded");
  EXPECT_EQ(Trial(0).model(), "models/lab-1-0");
  EXPECT_EQ(Trial(0).result().artifact(), ArtifactName(Sha256Hex(bytes)));
  ASSERT_OK_AND_ASSIGN(const std::string stored, api_.Download(Sha256Hex(bytes)));
  EXPECT_EQ(stored, bytes);
}

TEST_F(JobRunnerTest, FetchesTheCheckpointThatTheTrialStartsFrom) {
  Submit(1);
  const std::string bytes = "a trained network";
  ASSERT_THAT(api_.Upload(Sha256Hex(bytes), bytes), IsOk());
  LeasedJob leased = Lease();
  std::get<spec::TrialSpec>(*leased.work).model_artifact = Sha256Hex(bytes);
  std::string seen;
  EXPECT_EQ(Run(leased,
                [&](const spec::TrialSpec& trial, const std::string& checkpoint,
                    TrialObserver& observer) {
                  seen = checkpoint;
                  return Train(trial, observer);
                }),
            "succeeded");
  EXPECT_EQ(seen, bytes);
}

TEST_F(JobRunnerTest, FailsATrialWhoseCheckpointIsNotThere) {
  Submit(1);
  LeasedJob leased = Lease();
  std::get<spec::TrialSpec>(*leased.work).model_artifact = Sha256Hex("nobody has this");
  EXPECT_EQ(Run(leased, TrainWell), "failed");
  EXPECT_EQ(Trial(0).attempts(0).failure_reason(), v1::FAILURE_REASON_ARTIFACT_FAILED);
}

TEST_F(JobRunnerTest, TellsWhyATrialFailed) {
  Submit(1);
  EXPECT_EQ(Run(Lease(),
                [](const spec::TrialSpec&, const std::string&, TrialObserver&) -> TrialOutcome {
                  return spec::JobFailure{spec::FailureReason::kInvalidDataset,
                                          "jets.csv: row 17, column pt: NaN"};
                }),
            "failed");
  const v1::Trial trial = Trial(0);
  EXPECT_EQ(trial.state(), v1::Trial::STATE_FAILED);
  EXPECT_EQ(trial.failure_reason(), v1::FAILURE_REASON_INVALID_DATASET);
  EXPECT_EQ(trial.failure_message(), "jets.csv: row 17, column pt: NaN");
}

TEST_F(JobRunnerTest, FailsWorkThatItDoesNotUnderstand) {
  Submit(1);
  LeasedJob leased = Lease();
  leased.work = absl::UnimplementedError("a kind of job that this worker does not know");
  EXPECT_EQ(Run(leased, TrainWell), "failed");
  EXPECT_THAT(Trial(0).attempts(0).failure_message(), HasSubstr("does not know"));
}

TEST_F(JobRunnerTest, FailsAResultThatTheServerRefuses) {
  Submit(1);
  EXPECT_EQ(Run(Lease(),
                [](const spec::TrialSpec& trial, const std::string&,
                   TrialObserver& observer) -> TrialOutcome {
                  observer.OnStart(kDigest, 100);
                  return SuccessOf(trial);  // without its epochs
                }),
            "failed");
  EXPECT_EQ(Trial(0).attempts(0).failure_reason(), v1::FAILURE_REASON_EXCEPTION);
  EXPECT_THAT(Trial(0).attempts(0).failure_message(), HasSubstr("refused the result"));
}

TEST_F(JobRunnerTest, TellsMoreEpochsThanOneMessageHolds) {
  const auto epochs = 2 * static_cast<std::int64_t>(HeldJobs::kMaxPoints);
  Submit(1, epochs);
  EXPECT_EQ(Run(Lease(), TrainWell), "succeeded");
  EXPECT_EQ(Trial(0).epochs_done(), epochs);
}

TEST_F(JobRunnerTest, RunsNothingOfAJobThatWasCancelledWhileItWaited) {
  Submit(1);
  bool ran = false;
  EXPECT_EQ(Run(
                Lease(),
                [&](const spec::TrialSpec&, const std::string&, TrialObserver&) -> TrialOutcome {
                  ran = true;
                  return TrialStopped{};
                },
                [](HeldJob& job) { job.Stop(StopReason::kCancelled); }),
            "cancelled");
  EXPECT_FALSE(ran);
}

// Or a job that ends its worker while it is being prepared would be given out for ever.
TEST_F(JobRunnerTest, TellsTheStartOfAnotherAttemptBeforeItDoesAnything) {
  Submit(1);
  const LeasedJob first = Lease();
  EXPECT_EQ(Run(first,
                [&](const spec::TrialSpec&, const std::string&, TrialObserver&) -> TrialOutcome {
                  EXPECT_EQ(Trial(0).state(), v1::Trial::STATE_LEASED);
                  jobs_.StopAll(StopReason::kDrain);
                  return TrialStopped{};
                }),
            "released");
  EXPECT_EQ(Run(Lease(),
                [&](const spec::TrialSpec&, const std::string&, TrialObserver&) -> TrialOutcome {
                  EXPECT_EQ(Trial(0).state(), v1::Trial::STATE_RUNNING);
                  ExpireLease();  // as when the process has gone
                  return TrialStopped{};
                }),
            "lost");
  EXPECT_EQ(Trial(0).attempts(1).outcome(), "LEASE_EXPIRED");
}

TEST_F(JobRunnerTest, DropsAResultWhoseLeaseHasExpired) {
  Submit(1);
  const LeasedJob leased = Lease();
  EXPECT_EQ(Run(leased,
                [&](const spec::TrialSpec& trial, const std::string&, TrialObserver& observer) {
                  TrialOutcome outcome = Train(trial, observer);
                  ExpireLease();
                  return outcome;
                }),
            "lost");
  EXPECT_FALSE(Trial(0).has_result());
  EXPECT_NE(Trial(0).state(), v1::Trial::STATE_FAILED);
}

TEST_F(JobRunnerTest, DropsAFailureWhoseLeaseHasExpired) {
  Submit(1);
  EXPECT_EQ(Run(Lease(),
                [&](const spec::TrialSpec&, const std::string&, TrialObserver&) -> TrialOutcome {
                  ExpireLease();
                  return spec::JobFailure{spec::FailureReason::kNanLoss, "epoch 1"};
                }),
            "lost");
  EXPECT_EQ(Trial(0).attempts(0).outcome(), "LEASE_EXPIRED");
}

TEST_F(JobRunnerTest, GivesAStoppedTrialBackWhenDraining) {
  Submit(1);
  EXPECT_EQ(
      Run(Lease(),
          [&](const spec::TrialSpec&, const std::string&, TrialObserver& observer) -> TrialOutcome {
            observer.OnStart(kDigest, 100);
            jobs_.StopAll(StopReason::kDrain);
            EXPECT_TRUE(observer.ShouldStop());
            return TrialStopped{};
          }),
      "released");
  EXPECT_EQ(Trial(0).state(), v1::Trial::STATE_QUEUED);
  EXPECT_EQ(Trial(0).attempts(0).outcome(), "RELEASED");
}

TEST_F(JobRunnerTest, KeepsWhatFinishedAlthoughADrainStoppedIt) {
  Submit(1);
  EXPECT_EQ(Run(Lease(),
                [&](const spec::TrialSpec& trial, const std::string&, TrialObserver& observer) {
                  TrialOutcome outcome = Train(trial, observer);
                  jobs_.StopAll(StopReason::kDrain);
                  return outcome;
                }),
            "succeeded");
  EXPECT_EQ(Trial(0).state(), v1::Trial::STATE_SUCCEEDED);
}

TEST_F(JobRunnerTest, RefusesToTrainOnOtherBytesThanTheSweeps) {
  Submit(2);
  ASSERT_EQ(Run(Lease(), TrainWell), "succeeded");
  EXPECT_EQ(
      Run(Lease(),
          [](const spec::TrialSpec&, const std::string&, TrialObserver& observer) -> TrialOutcome {
            EXPECT_FALSE(observer.OnStart(std::string(64, 'e'), 100));
            return TrialStopped{};
          }),
      "failed");
  EXPECT_EQ(Trial(1).attempts(0).failure_reason(), v1::FAILURE_REASON_DATASET_MISMATCH);
  EXPECT_THAT(Trial(1).attempts(0).failure_message(), HasSubstr(std::string(64, 'e')));
}

// Two trials that were leased before the sweep's digest was known, and the second too short for its
// start to be reported by itself.
TEST_F(JobRunnerTest, ReportsOtherBytesAlsoOfATrialThatWasTooShortToBeStopped) {
  Submit(2);
  const LeasedJob first = Lease();
  const LeasedJob second = Lease();
  ASSERT_EQ(Run(first, TrainWell), "succeeded");
  EXPECT_EQ(Run(second,
                [](const spec::TrialSpec& trial, const std::string&,
                   TrialObserver& observer) -> TrialOutcome {
                  const std::string other(64, 'e');
                  observer.OnStart(other, 100);
                  observer.OnEpoch({.epoch = 0});
                  observer.OnEpoch({.epoch = 1});
                  return SuccessOf(trial, "", other);
                }),
            "failed");
  EXPECT_EQ(Trial(1).attempts(0).failure_reason(), v1::FAILURE_REASON_DATASET_MISMATCH);
}

TEST_F(JobRunnerTest, ReportsOtherBytesAlsoWhenTheExecutorDidNotStopForThem) {
  Submit(1);
  EXPECT_EQ(Run(Lease(),
                [&](const spec::TrialSpec& trial, const std::string&, TrialObserver& observer) {
                  TrialOutcome outcome = Train(trial, observer);
                  JobRunner::Apply({.data_mismatch = "other bytes"}, *jobs_.All().front());
                  return outcome;
                }),
            "failed");
  EXPECT_EQ(Trial(0).attempts(0).failure_reason(), v1::FAILURE_REASON_DATASET_MISMATCH);
  EXPECT_EQ(Trial(0).attempts(0).failure_message(), "other bytes");
}

}  // namespace
}  // namespace bitsweep::worker
