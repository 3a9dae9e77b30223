// SPDX-License-Identifier: Apache-2.0
#include "fmt/format.h"
#include "gmock/gmock.h"
#include "tests/server/rpc/rpc_fixture.h"

namespace bitsweep::rpc {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Key;
using ::testing::Pair;
using ::testing::UnorderedElementsAre;

class WorkerServiceTest : public RpcTest {
 protected:
  v1::Trial GetTrial() {
    return Call(&Sweeps::GetTrial, R"({"name": "sweeps/lab-1/trials/0"})").response.trial();
  }
  // The job of lab-1, leased to a process that another has replaced since.
  v1::LeasedJob LostJob() {
    Submit("lab-1");
    Register("worker-1");
    const v1::LeasedJob job = Lease("worker-1");
    Register("worker-1", "second");
    return job;
  }
  v1::ReportProgressRequest ReportOf(const v1::LeasedJob& job, const std::string& digest) {
    v1::ReportProgressRequest request;
    request.set_worker("workers/worker-1");
    request.set_instance_id("first");
    v1::JobProgress& report = *request.add_reports();
    *report.mutable_ref() = job.ref();
    report.set_started(true);
    report.set_data_digest(digest);
    return request;
  }
  template <typename Answer>
  void ExpectLeaseLost(const Answer& answer) {
    EXPECT_EQ(answer.error.code, grpc::StatusCode::ABORTED);
    EXPECT_EQ(answer.error.reason, "LEASE_LOST");
    EXPECT_EQ(answer.error.domain, "bitsweep");
    EXPECT_EQ(answer.error.infos, 1);
    EXPECT_THAT(answer.error.metadata,
                UnorderedElementsAre(Pair("job", "sweeps/lab-1/trials/0"), Pair("attempt", "1")));
  }
};

TEST_F(WorkerServiceTest, SaysHowLongALeaseLives) {
  const auto answer = Call(&Workers::RegisterWorker,
                           R"({"name": "workers/worker-1", "instance_id": "i", "slots": 1})");
  ASSERT_TRUE(answer.ok()) << answer.error.message;
  EXPECT_EQ(answer.response.lease_ttl().seconds(), 15);
  EXPECT_EQ(answer.response.renew_interval().seconds(), 1);
}

TEST_F(WorkerServiceTest, RefusesABadRegistrationWithEveryProblem) {
  const Error error = Call(&Workers::RegisterWorker,
                           fmt::format(R"({{"name": "worker-1", "slots": 0, "host": "{}"}})",
                                       std::string(257, 'h')))
                          .error;
  EXPECT_EQ(error.code, grpc::StatusCode::INVALID_ARGUMENT);
  EXPECT_EQ(error.reason, "INVALID_SPEC");
  EXPECT_THAT(error.violations,
              UnorderedElementsAre(Key("name"), Key("instance_id"), Key("slots"), Key("host")));
}

TEST_F(WorkerServiceTest, AJobHoldsAllThatItsResultDependsOn) {
  Submit("lab-1", 1, R"(, "seed": 5, "keep_models": "KEEP_MODELS_NONE",
                        "engine": "ENGINE_LIBTORCH")");
  Register("worker-1");
  const v1::LeasedJob job = Lease("worker-1");
  EXPECT_EQ(job.ref().job(), "sweeps/lab-1/trials/0");
  EXPECT_EQ(job.ref().attempt(), 1);
  EXPECT_EQ(job.trial().model().builtin(), "jsc-tiny");
  EXPECT_EQ(job.trial().dataset().name(), "synthetic-jets");
  EXPECT_EQ(job.trial().dataset().synthetic().rows(), 100000);
  EXPECT_EQ(job.trial().hyperparameters().max_epochs(), 1);
  EXPECT_EQ(job.trial().hyperparameters().batch_size(), 128);
  EXPECT_EQ(job.trial().engine(), v1::ENGINE_LIBTORCH);
  EXPECT_FALSE(job.trial().keep_model());
  EXPECT_EQ(job.trial().seed(), GetTrial().seed());
  EXPECT_EQ(job.trial().expected_data_digest(), "");
}

TEST_F(WorkerServiceTest, LaterJobsNameTheDigestOfTheFirst) {
  Submit("lab-1", 2);
  Register("worker-1");
  ASSERT_TRUE(Call(&Workers::ReportProgress, ReportOf(Lease("worker-1"), "d1")).ok());
  EXPECT_EQ(Lease("worker-1").trial().expected_data_digest(), "d1");
}

TEST_F(WorkerServiceTest, OtherBytesUnderOneNameAreAMismatch) {
  Submit("lab-1", 2);
  Register("worker-1");
  ASSERT_TRUE(Call(&Workers::ReportProgress, ReportOf(Lease("worker-1"), "d1")).ok());
  const auto other = Call(&Workers::ReportProgress, ReportOf(Lease("worker-1"), "d2"));
  ASSERT_TRUE(other.ok()) << other.error.message;
  EXPECT_THAT(other.response.data_mismatches(), ElementsAre(HasSubstr("d1")));
}

TEST_F(WorkerServiceTest, AStartMakesATrialRunning) {
  Submit("lab-1");
  Register("worker-1");
  const v1::LeasedJob job = Lease("worker-1");
  EXPECT_EQ(GetTrial().state(), v1::Trial::STATE_LEASED);
  for (int i = 0; i < 2; ++i) {  // a repeat changes nothing
    const auto answer = Call(&Workers::ReportProgress, ReportOf(job, "d1"));
    ASSERT_TRUE(answer.ok()) << answer.error.message;
    EXPECT_THAT(answer.response.directives(), ElementsAre(v1::DIRECTIVE_CONTINUE));
    EXPECT_THAT(answer.response.data_mismatches(), ElementsAre(""));
  }
  EXPECT_EQ(GetTrial().state(), v1::Trial::STATE_RUNNING);
  EXPECT_EQ(GetTrial().attempts_size(), 1);
}

TEST_F(WorkerServiceTest, ReturnsNoJobWhenThereIsNone) {
  Register("worker-1");
  const auto answer =
      Call(&Workers::LeaseJobs,
           R"({"worker": "workers/worker-1", "instance_id": "first", "max_jobs": 1})");
  ASSERT_TRUE(answer.ok()) << answer.error.message;
  EXPECT_EQ(answer.response.jobs_size(), 0);
}

TEST_F(WorkerServiceTest, RefusesToLeaseNothingOrTooMuch) {
  Register("worker-1");
  for (const char* jobs : {"0", "-1", "4097"}) {
    const Error error = Call(&Workers::LeaseJobs,
                             fmt::format(R"({{"worker": "workers/worker-1", "instance_id": "first",
                             "max_jobs": {}}})",
                                         jobs))
                            .error;
    EXPECT_EQ(error.reason, "INVALID_SPEC");
    EXPECT_THAT(error.violations, Contains(Key("max_jobs")));
  }
}

TEST_F(WorkerServiceTest, ARepeatedResultIsOkAndStoredOnce) {
  Submit("lab-1");
  Register("worker-1");
  const v1::CompleteJobRequest result = ResultOf(Lease("worker-1"));
  ASSERT_TRUE(Call(&Workers::CompleteJob, result).ok());
  EXPECT_TRUE(Call(&Workers::CompleteJob, result).ok());  // as when the reply was lost
  StartServer();
  EXPECT_TRUE(Call(&Workers::CompleteJob, result).ok());  // or the server has restarted since
  const v1::Trial trial = GetTrial();
  EXPECT_EQ(trial.state(), v1::Trial::STATE_SUCCEEDED);
  EXPECT_EQ(trial.epochs_size(), 1);
  EXPECT_EQ(trial.attempts_size(), 1);
  const auto check = Call(&Admin::VerifyStore, R"({"deep": true})");
  ASSERT_TRUE(check.ok());
  EXPECT_EQ(check.response.problems_size(), 0);
  EXPECT_EQ(check.response.trials(), 1);
}

TEST_F(WorkerServiceTest, ARepeatedFailureIsOkAndCountedOnce) {
  Submit("lab-1");
  Register("worker-1");
  v1::FailJobRequest failure = FromJson<v1::FailJobRequest>(
      R"({"worker": "workers/worker-1", "instance_id": "first",
          "reason": "FAILURE_REASON_NAN_LOSS", "message": "epoch 3: the loss is nan"})");
  *failure.mutable_ref() = Lease("worker-1").ref();
  for (int i = 0; i < 2; ++i) {
    const auto answer = Call(&Workers::FailJob, failure);
    ASSERT_TRUE(answer.ok()) << answer.error.message;
    EXPECT_EQ(answer.response.state(), v1::Trial::STATE_FAILED);
  }
  const v1::Trial trial = GetTrial();
  EXPECT_EQ(trial.failure_reason(), v1::FAILURE_REASON_NAN_LOSS);
  EXPECT_EQ(trial.failure_message(), "epoch 3: the loss is nan");
  EXPECT_EQ(trial.attempts_size(), 1);
}

TEST_F(WorkerServiceTest, EveryWriteWithAnOldAttemptIsRefused) {
  const v1::LeasedJob job = LostJob();
  ExpectLeaseLost(Call(&Workers::CompleteJob, ResultOf(job)));
  v1::FailJobRequest failure;
  failure.set_worker("workers/worker-1");
  *failure.mutable_ref() = job.ref();
  ExpectLeaseLost(Call(&Workers::FailJob, failure));
  const auto report = Call(&Workers::ReportProgress, ReportOf(job, "d1"));
  ASSERT_TRUE(report.ok()) << report.error.message;
  EXPECT_THAT(report.response.directives(), ElementsAre(v1::DIRECTIVE_LOST));
  v1::ReleaseJobsRequest release;
  release.set_worker("workers/worker-1");
  *release.add_jobs() = job.ref();
  const auto released = Call(&Workers::ReleaseJobs, release);
  ASSERT_TRUE(released.ok()) << released.error.message;
  EXPECT_EQ(released.response.released(), 0);
  EXPECT_EQ(GetTrial().state(), v1::Trial::STATE_QUEUED);
  EXPECT_EQ(GetTrial().epochs_size(), 0);
}

TEST_F(WorkerServiceTest, AReplacedProcessIsToldSo) {
  LostJob();
  for (const Error& error :
       {Call(&Workers::LeaseJobs,
             R"({"worker": "workers/worker-1", "instance_id": "first", "max_jobs": 1})")
            .error,
        Call(&Workers::RenewLeases, R"({"worker": "workers/worker-1", "instance_id": "first"})")
            .error}) {
    EXPECT_EQ(error.code, grpc::StatusCode::FAILED_PRECONDITION);
    EXPECT_EQ(error.reason, "WORKER_SUPERSEDED");
    EXPECT_THAT(error.metadata, Contains(Pair("worker", "workers/worker-1")));
    ASSERT_EQ(error.precondition.violations_size(), 1);
    EXPECT_EQ(error.precondition.violations(0).type(), "WORKER_SUPERSEDED");
  }
}

TEST_F(WorkerServiceTest, AWorkerThatTheServerDoesNotKnowIsToldToRegister) {
  for (const Error& error :
       {Call(&Workers::LeaseJobs, R"({"worker": "workers/worker-9", "max_jobs": 1})").error,
        Call(&Workers::RenewLeases, R"({"worker": "workers/worker-9"})").error}) {
    EXPECT_EQ(error.code, grpc::StatusCode::NOT_FOUND);
    EXPECT_EQ(error.reason, "WORKER_NOT_FOUND");
    EXPECT_EQ(error.resource.resource_name(), "workers/worker-9");
  }
}

TEST_F(WorkerServiceTest, RenewalsSayWhatToDoWithEachJob) {
  Submit("lab-1", 3);
  Register("worker-1");
  v1::RenewLeasesRequest request = FromJson<v1::RenewLeasesRequest>(
      R"({"worker": "workers/worker-1", "instance_id": "first", "busy_slots": 2})");
  *request.add_jobs() = Lease("worker-1").ref();
  *request.add_jobs() = Lease("worker-1").ref();
  request.mutable_jobs(1)->set_attempt(7);
  auto answer = Call(&Workers::RenewLeases, request);
  ASSERT_TRUE(answer.ok()) << answer.error.message;
  EXPECT_THAT(answer.response.directives(),
              ElementsAre(v1::DIRECTIVE_CONTINUE, v1::DIRECTIVE_LOST));
  EXPECT_EQ(answer.response.worker_directive(), v1::DIRECTIVE_CONTINUE);
  ASSERT_TRUE(Call(&Sweeps::CancelSweep, R"({"name": "sweeps/lab-1"})").ok());
  ASSERT_TRUE(Call(&Admin::DrainWorker, R"({"name": "workers/worker-1"})").ok());
  answer = Call(&Workers::RenewLeases, request);
  ASSERT_TRUE(answer.ok()) << answer.error.message;
  EXPECT_THAT(answer.response.directives(), ElementsAre(v1::DIRECTIVE_CANCEL, v1::DIRECTIVE_LOST));
  EXPECT_EQ(answer.response.worker_directive(), v1::DIRECTIVE_DRAIN);
}

TEST_F(WorkerServiceTest, ReleasedJobsAreQueuedAgain) {
  Submit("lab-1");
  Register("worker-1");
  v1::ReleaseJobsRequest request;
  request.set_worker("workers/worker-1");
  *request.add_jobs() = Lease("worker-1").ref();
  const auto answer = Call(&Workers::ReleaseJobs, request);
  ASSERT_TRUE(answer.ok()) << answer.error.message;
  EXPECT_EQ(answer.response.released(), 1);
  EXPECT_EQ(Lease("worker-1").ref().attempt(), 2);
}

struct BadResult {
  const char* what;
  void (*change)(v1::CompleteJobRequest& request);
};
void PrintTo(const BadResult& bad, std::ostream* out) { *out << bad.what; }

class BadResultTest : public WorkerServiceTest, public ::testing::WithParamInterface<BadResult> {};

TEST_P(BadResultTest, IsNoSuccess) {
  Submit("lab-1");
  Register("worker-1");
  v1::CompleteJobRequest request = ResultOf(Lease("worker-1"));
  GetParam().change(request);
  const Error error = Call(&Workers::CompleteJob, request).error;
  EXPECT_EQ(error.code, grpc::StatusCode::INVALID_ARGUMENT);
  EXPECT_EQ(error.reason, "INCOMPLETE_RESULT");
  EXPECT_EQ(error.domain, "bitsweep");
  EXPECT_EQ(GetTrial().state(), v1::Trial::STATE_LEASED);
  EXPECT_FALSE(GetTrial().has_result());
}

INSTANTIATE_TEST_SUITE_P(
    Results, BadResultTest,
    ::testing::Values(
        BadResult{"no result", [](v1::CompleteJobRequest& r) { r.clear_result(); }},
        BadResult{"a missing epoch", [](v1::CompleteJobRequest& r) { r.clear_points(); }},
        BadResult{"an epoch too many",
                  [](v1::CompleteJobRequest& r) { r.add_points()->set_epoch(1); }},
        BadResult{"another number of epochs",
                  [](v1::CompleteJobRequest& r) { r.mutable_result()->set_epochs(2); }},
        BadResult{"a metric that is NaN",
                  [](v1::CompleteJobRequest& r) { r.mutable_result()->set_val_acc(0.0 / 0.0); }},
        BadResult{"an epoch's metric that is infinite",
                  [](v1::CompleteJobRequest& r) { r.mutable_points(0)->set_val_loss(1.0 / 0.0); }},
        BadResult{"no steps", [](v1::CompleteJobRequest& r) { r.mutable_result()->clear_steps(); }},
        BadResult{"no engine",
                  [](v1::CompleteJobRequest& r) { r.mutable_result()->clear_engine(); }},
        BadResult{"no data digest",
                  [](v1::CompleteJobRequest& r) { r.mutable_result()->clear_data_digest(); }}));

TEST_F(WorkerServiceTest, AResultWhoseCheckpointIsNotStoredIsRefused) {
  Submit("lab-1");
  Register("worker-1");
  v1::CompleteJobRequest request = ResultOf(Lease("worker-1"));
  request.mutable_result()->set_artifact("artifacts/" + std::string(64, 'a'));
  const Error error = Call(&Workers::CompleteJob, request).error;
  EXPECT_EQ(error.code, grpc::StatusCode::FAILED_PRECONDITION);
  EXPECT_EQ(error.reason, "ARTIFACT_MISSING");
  EXPECT_THAT(error.metadata, Contains(Pair("artifact", std::string(64, 'a'))));
  EXPECT_EQ(error.precondition.violations_size(), 1);
}

TEST_F(WorkerServiceTest, AJobNameThatIsNoneIsRefused) {
  v1::CompleteJobRequest request;
  request.set_worker("workers/worker-1");
  request.mutable_ref()->set_job("sweeps/lab-1/trials/../0");
  const Error error = Call(&Workers::CompleteJob, request).error;
  EXPECT_EQ(error.code, grpc::StatusCode::INVALID_ARGUMENT);
  EXPECT_EQ(error.reason, "INVALID_NAME");
}

TEST_F(WorkerServiceTest, ALongFailureMessageIsCut) {
  Submit("lab-1");
  Register("worker-1");
  v1::FailJobRequest failure;
  failure.set_worker("workers/worker-1");
  *failure.mutable_ref() = Lease("worker-1").ref();
  failure.set_reason(v1::FAILURE_REASON_INVALID_DATASET);
  failure.set_message(std::string(10000, 'm'));
  ASSERT_TRUE(Call(&Workers::FailJob, failure).ok());
  EXPECT_EQ(GetTrial().failure_message(), std::string(4096, 'm'));
}

}  // namespace
}  // namespace bitsweep::rpc
