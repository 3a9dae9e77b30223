// SPDX-License-Identifier: Apache-2.0
// What a scrape of the whole server shows of what it did.
#include <filesystem>

#include "tests/server/rpc/rpc_fixture.h"
#include "tests/server/store/raw_sqlite.h"

namespace bitsweep::rpc {
namespace {

class MetricsTest : public RpcTest {
 protected:
  void SetUp() override { StartServer("127.0.0.1:0"); }
  void Change(const std::string& sql) {
    store::RawSql((folder_.path() / "bitsweep.db").string(), sql);
  }
  int ProblemsFound(const std::string& request = "{}") {
    const auto answer = Call(&Admin::VerifyStore, request);
    EXPECT_TRUE(answer.ok()) << answer.error.message;
    return answer.response.problems_size();
  }
};

TEST_F(MetricsTest, ATrialIsCountedOnItsWholeWay) {
  Register("worker-1");
  Submit("lab-1", 3);
  const v1::LeasedJob job = Lease("worker-1");
  ASSERT_TRUE(Call(&Workers::CompleteJob, ResultOf(job, 0.72)).ok());
  EXPECT_EQ(Metric(R"(bitsweep_trials_submitted_total{kind="trial"})"), 3);
  EXPECT_EQ(Metric(R"(bitsweep_trial_queue_wait_seconds_count{kind="trial"})"), 1);
  EXPECT_EQ(Metric(R"(bitsweep_trial_overhead_seconds_count{phase="lease"})"), 1);
  EXPECT_EQ(Metric(R"(bitsweep_trial_overhead_seconds_count{phase="commit"})"), 1);
  EXPECT_EQ(Metric(R"(bitsweep_trial_attempts_total{end_reason="succeeded",kind="trial"})"), 1);
  EXPECT_EQ(Metric(R"(bitsweep_trials_finished_total{kind="trial",outcome="succeeded"})"), 1);
  EXPECT_EQ(Metric(R"(bitsweep_trial_run_seconds_count{kind="trial"})"), 1);
  EXPECT_EQ(Metric(R"(bitsweep_trial_val_acc_bucket{le="0.7"})"), 0);
  EXPECT_EQ(Metric(R"(bitsweep_trial_val_acc_bucket{le="0.75"})"), 1);
  EXPECT_EQ(Metric(R"(bitsweep_store_tx_seconds_count{op="submit"})"), 1);
  EXPECT_EQ(Metric(R"(bitsweep_store_tx_seconds_count{op="complete"})"), 1);
  EXPECT_GT(Metric(R"(bitsweep_store_tx_rows_sum{op="submit"})"), 3);
  EXPECT_GT(Metric("bitsweep_store_fsync_seconds_sum"), 0);
}

TEST_F(MetricsTest, CallsOfEveryServiceHaveTheirOwnSeries) {
  SubmitTransform("ptq-1");
  EXPECT_EQ(Metric(R"(grpc_server_handled_total{grpc_code="OK",grpc_method="SubmitTransform",)"
                   R"(grpc_service="bitsweep.v1.TransformService",grpc_type="unary"})"),
            1);
  for (const char* call : {R"(grpc_method="WatchSweep",grpc_service="bitsweep.v1.SweepService")",
                           R"(grpc_method="WatchTransform",)"
                           R"(grpc_service="bitsweep.v1.TransformService")"}) {
    EXPECT_EQ(
        Metric(std::string("grpc_server_started_total{") + call + R"(,grpc_type="server_stream"})"),
        0);
  }
  for (const char* call :
       {R"(grpc_method="GetModel",grpc_service="bitsweep.v1.ModelService")",
        R"(grpc_method="GetArtifact",grpc_service="bitsweep.v1.ArtifactService")",
        R"(grpc_method="LeaseJobs",grpc_service="bitsweep.v1.WorkerService")",
        R"(grpc_method="VerifyStore",grpc_service="bitsweep.v1.AdminService")",
        R"(grpc_method="unknown",grpc_service="unknown")"}) {
    EXPECT_EQ(Metric(std::string("grpc_server_started_total{") + call + R"(,grpc_type="unary"})"),
              0);
  }
}

TEST_F(MetricsTest, TheStoreIsSoundUntilACheckFindsAProblem) {
  Submit("lab-1", 2);
  EXPECT_EQ(Metric("bitsweep_store_integrity_ok"), 1);  // it was opened
  Change("UPDATE counters SET jobs = jobs + 1 WHERE state = 'QUEUED'");
  EXPECT_GT(ProblemsFound(), 0);
  EXPECT_EQ(Metric("bitsweep_store_integrity_ok"), 0);
  EXPECT_GT(Metric("bitsweep_plan_invariant_violations_total"), 0);
  Change("UPDATE counters SET jobs = jobs - 1 WHERE state = 'QUEUED'");
  EXPECT_EQ(ProblemsFound(), 0);
  EXPECT_EQ(Metric("bitsweep_store_integrity_ok"), 0) << "it did not look at everything";
  EXPECT_EQ(ProblemsFound(R"({"deep": true})"), 0);
  EXPECT_EQ(Metric("bitsweep_store_integrity_ok"), 1);
}

TEST_F(MetricsTest, WhatABackupFindsDamagedIsDamage) {
  const std::string digest = Upload("some bytes");
  std::filesystem::remove(folder_.path() / "artifacts" / digest.substr(0, 2) / digest);
  grpc::ClientContext context;
  SetDeadline(context);
  const auto reader = stub<Admin>().CreateBackup(&context, v1::CreateBackupRequest());
  v1::CreateBackupResponse response;
  EXPECT_FALSE(reader->Read(&response));
  const Error error = Decode(reader->Finish());
  EXPECT_EQ(error.code, grpc::StatusCode::DATA_LOSS);
  EXPECT_EQ(error.reason, "BACKUP_DAMAGED");
  EXPECT_EQ(Metric("bitsweep_store_integrity_ok"), 0);
  EXPECT_EQ(Metric("bitsweep_plan_invariant_violations_total"), 0) << "the plan is kept";
}

}  // namespace
}  // namespace bitsweep::rpc
