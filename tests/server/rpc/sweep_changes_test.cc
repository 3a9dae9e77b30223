// SPDX-License-Identifier: Apache-2.0
// Reading and changing sweeps and trials, and the errors of names and states.
#include "fmt/format.h"
#include "gmock/gmock.h"
#include "tests/server/rpc/rpc_fixture.h"

namespace bitsweep::rpc {
namespace {

using ::testing::Contains;
using ::testing::HasSubstr;
using ::testing::Key;
using ::testing::Pair;

constexpr char kLab1[] = R"({"name": "sweeps/lab-1"})";

class SweepChangesTest : public RpcTest {
 protected:
  template <typename Method>
  void ExpectNotFound(Method method, const std::string& json, const std::string& thing,
                      const std::string& name) {
    const Error error = Call(method, json).error;
    EXPECT_EQ(error.code, grpc::StatusCode::NOT_FOUND) << name;
    std::string reason = thing + "_NOT_FOUND";
    for (char& c : reason) c = static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
    EXPECT_EQ(error.reason, reason);
    EXPECT_EQ(error.domain, "bitsweep");
    EXPECT_EQ(error.infos, 1);
    EXPECT_THAT(error.metadata, Contains(Pair("name", name)));
    EXPECT_EQ(error.resource.resource_type(), thing);
    EXPECT_EQ(error.resource.resource_name(), name);
    EXPECT_THAT(error.message, HasSubstr(name));
  }

  template <typename Method>
  void ExpectInvalidState(Method method, const std::string& state) {
    const Error error = Call(method, std::string(kLab1)).error;
    EXPECT_EQ(error.code, grpc::StatusCode::FAILED_PRECONDITION);
    EXPECT_EQ(error.reason, "INVALID_STATE");
    EXPECT_EQ(error.domain, "bitsweep");
    EXPECT_THAT(error.metadata, Contains(Pair("name", "sweeps/lab-1")));
    EXPECT_THAT(error.metadata, Contains(Pair("state", state)));
    ASSERT_EQ(error.precondition.violations_size(), 1);
    EXPECT_EQ(error.precondition.violations(0).type(), "INVALID_STATE");
    EXPECT_EQ(error.precondition.violations(0).subject(), "sweeps/lab-1");
    EXPECT_EQ(error.precondition.violations(0).description(), error.message);
  }
};

TEST_F(SweepChangesTest, NothingIsFoundUnderAnUnknownName) {
  const std::string sweep = R"({"name": "sweeps/none"})";
  const std::string parent = R"({"parent": "sweeps/none"})";
  ExpectNotFound(&Sweeps::GetSweep, sweep, "sweep", "sweeps/none");
  ExpectNotFound(&Sweeps::PauseSweep, sweep, "sweep", "sweeps/none");
  ExpectNotFound(&Sweeps::ResumeSweep, sweep, "sweep", "sweeps/none");
  ExpectNotFound(&Sweeps::CancelSweep, sweep, "sweep", "sweeps/none");
  ExpectNotFound(&Sweeps::RetrySweep, sweep, "sweep", "sweeps/none");
  ExpectNotFound(&Sweeps::DeleteSweep, sweep, "sweep", "sweeps/none");
  ExpectNotFound(&Sweeps::ListTrials, parent, "sweep", "sweeps/none");
  ExpectNotFound(&Sweeps::ListConfigurations, parent, "sweep", "sweeps/none");
  ExpectNotFound(&Sweeps::ListOptimalConfigurations, parent, "sweep", "sweeps/none");
  ExpectNotFound(&Sweeps::GetTrial, R"({"name": "sweeps/none/trials/0"})", "sweep", "sweeps/none");
  const std::string transform = R"({"name": "transforms/none"})";
  ExpectNotFound(&Transforms::GetTransform, transform, "transform", "transforms/none");
  ExpectNotFound(&Transforms::CancelTransform, transform, "transform", "transforms/none");
  ExpectNotFound(&Transforms::DeleteTransform, transform, "transform", "transforms/none");
  ExpectNotFound(&Transforms::ListTransformJobs, R"({"parent": "transforms/none"})", "transform",
                 "transforms/none");
  ExpectNotFound(&Transforms::GetTransformJob, R"({"name": "transforms/none/jobs/0"})", "transform",
                 "transforms/none");
  ExpectNotFound(&Models::GetModel, R"({"name": "models/none"})", "model", "models/none");
  ExpectNotFound(&Models::DeleteModel, R"({"name": "models/none"})", "model", "models/none");
  ExpectNotFound(&Admin::DrainWorker, R"({"name": "workers/none"})", "worker", "workers/none");
  const std::string artifact = "artifacts/" + std::string(64, 'a');
  ExpectNotFound(&Artifacts::GetArtifact, R"({"name": ")" + artifact + R"("})", "artifact",
                 artifact);
}

TEST_F(SweepChangesTest, ATrialBeyondThePlanIsNotFound) {
  Submit("lab-1", 2);
  ExpectNotFound(&Sweeps::GetTrial, R"({"name": "sweeps/lab-1/trials/2"})", "trial",
                 "sweeps/lab-1/trials/2");
}

class BadNameTest : public RpcTest, public ::testing::WithParamInterface<const char*> {
 protected:
  template <typename Method>
  void ExpectRefused(Method method, const std::string& prefix, const std::string& field = "name") {
    const std::string name = prefix + GetParam();
    const Error error = Call(method, R"({")" + field + R"(": ")" + name + R"("})").error;
    EXPECT_EQ(error.code, grpc::StatusCode::INVALID_ARGUMENT) << name;
    EXPECT_EQ(error.reason, "INVALID_NAME") << name;
    EXPECT_EQ(error.domain, "bitsweep");
    EXPECT_THAT(error.metadata, Contains(Key("name")));
  }
};

TEST_P(BadNameTest, IsRefusedByEveryMethod) {
  ExpectRefused(&Sweeps::GetSweep, "sweeps/");
  ExpectRefused(&Sweeps::PauseSweep, "sweeps/");
  ExpectRefused(&Sweeps::ResumeSweep, "sweeps/");
  ExpectRefused(&Sweeps::CancelSweep, "sweeps/");
  ExpectRefused(&Sweeps::RetrySweep, "sweeps/");
  ExpectRefused(&Sweeps::DeleteSweep, "sweeps/");
  ExpectRefused(&Sweeps::ListTrials, "sweeps/", "parent");
  ExpectRefused(&Sweeps::ListConfigurations, "sweeps/", "parent");
  ExpectRefused(&Sweeps::ListOptimalConfigurations, "sweeps/", "parent");
  ExpectRefused(&Sweeps::GetTrial, "sweeps/lab-1/trials/");
  ExpectRefused(&Transforms::GetTransform, "transforms/");
  ExpectRefused(&Transforms::CancelTransform, "transforms/");
  ExpectRefused(&Transforms::DeleteTransform, "transforms/");
  ExpectRefused(&Transforms::ListTransformJobs, "transforms/", "parent");
  ExpectRefused(&Transforms::GetTransformJob, "transforms/ptq-1/jobs/");
  ExpectRefused(&Models::GetModel, "models/");
  ExpectRefused(&Models::DeleteModel, "models/");
  ExpectRefused(&Artifacts::GetArtifact, "artifacts/");
  ExpectRefused(&Admin::DrainWorker, "workers/");
  ExpectRefused(&Workers::LeaseJobs, "workers/", "worker");
  ExpectRefused(&Workers::RenewLeases, "workers/", "worker");
}

INSTANTIATE_TEST_SUITE_P(Names, BadNameTest,
                         ::testing::Values("", "..", "../lab-1", "../../etc/passwd", "lab-1/..",
                                           "lab-1/../lab-2", "/lab-1", "lab-1/", ".hidden", "LAB-1",
                                           "lab_1", "lab 1", "lab-1%2f..", "läb1", "-1", "0x1",
                                           "lab-1\\u0000", "'; DROP TABLE sweeps; --"));

TEST_F(SweepChangesTest, AVeryLongNameIsRefusedWithItsDetails) {
  const Error error =
      Call(&Sweeps::GetSweep, R"({"name": ")" + std::string(100000, 'x') + R"("})").error;
  EXPECT_EQ(error.code, grpc::StatusCode::INVALID_ARGUMENT);
  EXPECT_EQ(error.reason, "INVALID_NAME");
}

TEST_F(SweepChangesTest, WhatHasFinishedIsNeitherPausedNorResumedNorCancelled) {
  Submit("lab-1");
  FinishAll({0.5});
  ExpectInvalidState(&Sweeps::PauseSweep, "SUCCEEDED");
  ExpectInvalidState(&Sweeps::ResumeSweep, "SUCCEEDED");
  ExpectInvalidState(&Sweeps::CancelSweep, "SUCCEEDED");
}

TEST_F(SweepChangesTest, WhatIsUnderWayIsNotDeleted) {
  Submit("lab-1");
  ExpectInvalidState(&Sweeps::DeleteSweep, "QUEUED");
}

TEST_F(SweepChangesTest, PausesAndResumesTwiceAsOnce) {
  Submit("lab-1");
  for (int i = 0; i < 2; ++i) {
    const auto paused = Call(&Sweeps::PauseSweep, kLab1);
    ASSERT_TRUE(paused.ok()) << paused.error.message;
    EXPECT_EQ(paused.response.sweep().state(), v1::Sweep::STATE_PAUSED);
  }
  for (int i = 0; i < 2; ++i) {
    const auto resumed = Call(&Sweeps::ResumeSweep, kLab1);
    ASSERT_TRUE(resumed.ok()) << resumed.error.message;
    EXPECT_EQ(resumed.response.sweep().state(), v1::Sweep::STATE_QUEUED);
  }
}

TEST_F(SweepChangesTest, CancelsOnceAndSaysHowMany) {
  Submit("lab-1", 3);
  const auto first = Call(&Sweeps::CancelSweep, kLab1);
  ASSERT_TRUE(first.ok()) << first.error.message;
  EXPECT_EQ(first.response.cancelled_trials(), 3);
  EXPECT_EQ(first.response.sweep().state(), v1::Sweep::STATE_CANCELLED);
  const auto second = Call(&Sweeps::CancelSweep, kLab1);
  ASSERT_TRUE(second.ok()) << second.error.message;
  EXPECT_EQ(second.response.cancelled_trials(), 0);
}

TEST_F(SweepChangesTest, RetriesWhatWasCancelled) {
  Submit("lab-1", 3);
  ASSERT_TRUE(Call(&Sweeps::CancelSweep, kLab1).ok());
  const auto failed_only =
      Call(&Sweeps::RetrySweep, R"({"name": "sweeps/lab-1", "states": ["STATE_FAILED"]})");
  ASSERT_TRUE(failed_only.ok()) << failed_only.error.message;
  EXPECT_EQ(failed_only.response.retried_trials(), 0);
  const auto all = Call(&Sweeps::RetrySweep, kLab1);
  ASSERT_TRUE(all.ok()) << all.error.message;
  EXPECT_EQ(all.response.retried_trials(), 3);
  EXPECT_EQ(all.response.sweep().counts().queued(), 3);
  EXPECT_FALSE(all.response.sweep().has_end_time());
}

TEST_F(SweepChangesTest, RetriesOnlyStatesThatEndWithoutAResult) {
  Submit("lab-1");
  const Error error =
      Call(&Sweeps::RetrySweep,
           R"({"name": "sweeps/lab-1", "states": ["STATE_FAILED", "STATE_RUNNING"]})")
          .error;
  EXPECT_EQ(error.code, grpc::StatusCode::INVALID_ARGUMENT);
  EXPECT_EQ(error.reason, "INVALID_SPEC");
  EXPECT_THAT(error.violations, Contains(Pair("states[1]", HasSubstr("STATE_RUNNING"))));
}

TEST_F(SweepChangesTest, DeletesASweepThatHasEnded) {
  Submit("lab-1");
  FinishAll({0.5});
  ASSERT_TRUE(Call(&Sweeps::DeleteSweep, kLab1).ok());
  EXPECT_EQ(Call(&Sweeps::GetSweep, kLab1).error.code, grpc::StatusCode::NOT_FOUND);
  EXPECT_EQ(Call(&Sweeps::ListSweeps).response.sweeps_size(), 0);
}

TEST_F(SweepChangesTest, ShowsATrialWithItsEpochsAndAttempts) {
  Submit("lab-1");
  FinishAll({0.75});
  const auto answer = Call(&Sweeps::GetTrial, R"({"name": "sweeps/lab-1/trials/0"})");
  ASSERT_TRUE(answer.ok()) << answer.error.message;
  const v1::Trial& trial = answer.response.trial();
  EXPECT_EQ(trial.name(), "sweeps/lab-1/trials/0");
  EXPECT_EQ(trial.configuration(), "sweeps/lab-1/configurations/0");
  EXPECT_EQ(trial.state(), v1::Trial::STATE_SUCCEEDED);
  EXPECT_EQ(trial.worker(), "workers/worker-1");
  EXPECT_EQ(trial.hyperparameters().max_epochs(), 1);
  EXPECT_EQ(trial.hyperparameters().batch_size(), 128);
  EXPECT_EQ(trial.hyperparameters().optimizer(), v1::OPTIMIZER_ADAM);
  EXPECT_EQ(trial.result().val_acc(), 0.75);
  EXPECT_EQ(trial.result().val_loss(), 1.25);
  ASSERT_EQ(trial.epochs_size(), 1);
  EXPECT_EQ(trial.epochs(0).train_loss(), 1.5);
  ASSERT_EQ(trial.attempts_size(), 1);
  EXPECT_EQ(trial.attempts(0).outcome(), "SUCCEEDED");
  EXPECT_TRUE(trial.attempts(0).has_end_time());
}

TEST_F(SweepChangesTest, AFullListShowsTrialsAsGetTrialDoes) {
  Submit("lab-1", 150);
  for (int i = 0; i < 150; ++i) FinishAll({0.75});
  const auto basic = Call(&Sweeps::ListTrials, R"({"parent": "sweeps/lab-1", "page_size": 1})");
  ASSERT_TRUE(basic.ok());
  EXPECT_EQ(basic.response.trials(0).epochs_size(), 0);
  EXPECT_EQ(basic.response.trials(0).attempts_size(), 0);
  const auto full =
      Call(&Sweeps::ListTrials,
           R"({"parent": "sweeps/lab-1", "page_size": 1000, "view": "TRIAL_VIEW_FULL"})");
  ASSERT_TRUE(full.ok()) << full.error.message;
  ASSERT_EQ(full.response.trials_size(), 100);
  const auto one = Call(&Sweeps::GetTrial, R"({"name": "sweeps/lab-1/trials/99"})");
  EXPECT_EQ(full.response.trials(99).SerializeAsString(), one.response.trial().SerializeAsString());
  EXPECT_EQ(full.response.trials(99).epochs_size(), 1);
  const auto rest = Call(
      &Sweeps::ListTrials,
      fmt::format(R"({{"parent": "sweeps/lab-1", "view": "TRIAL_VIEW_FULL", "page_token": "{}"}})",
                  full.response.next_page_token()));
  ASSERT_TRUE(rest.ok()) << rest.error.message;
  EXPECT_EQ(rest.response.trials_size(), 50);
  EXPECT_EQ(rest.response.trials(0).attempts_size(), 1);
}

TEST_F(SweepChangesTest, CountsAndStateFollowTheTrials) {
  Submit("lab-1", 2);
  FinishAll({0.5});
  const auto half = Call(&Sweeps::GetSweep, kLab1);
  ASSERT_TRUE(half.ok());
  EXPECT_EQ(half.response.sweep().state(), v1::Sweep::STATE_RUNNING);
  EXPECT_EQ(half.response.sweep().counts().succeeded(), 1);
  EXPECT_EQ(half.response.sweep().counts().queued(), 1);
  // One trial took 2.5 s, an equal one is left.
  EXPECT_EQ(half.response.sweep().eta().seconds(), 2);
  EXPECT_EQ(half.response.sweep().eta().nanos(), 500000000);
  EXPECT_EQ(half.response.sweep().data_digest(), "d1");
  FinishAll({0.5});
  const auto whole = Call(&Sweeps::GetSweep, kLab1);
  ASSERT_TRUE(whole.ok());
  EXPECT_EQ(whole.response.sweep().state(), v1::Sweep::STATE_SUCCEEDED);
  EXPECT_TRUE(whole.response.sweep().has_end_time());
  EXPECT_FALSE(whole.response.sweep().has_eta());
}

}  // namespace
}  // namespace bitsweep::rpc
