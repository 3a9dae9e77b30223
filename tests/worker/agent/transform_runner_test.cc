// SPDX-License-Identifier: Apache-2.0
// A transform's job in one slot, against the real server.
#include "core/base/ids.h"
#include "core/base/sha256.h"
#include "core/base/simulated_clock.h"
#include "gmock/gmock.h"
#include "tests/support/local_server.h"
#include "tests/support/status_matchers.h"
#include "tests/worker/agent/scripted_executor.h"
#include "worker/agent/job_runner.h"

namespace bitsweep::worker {
namespace {

using ::bitsweep::testing::IsOk;
using ::testing::HasSubstr;

TransformSuccess CountedOps() {
  return {.passes = {{.pass = "count_ops",
                      .json = R"({"ops": {"batch_size": 8, "size_bits": 776, "counts": [)"
                              R"({"convention": "COUNT_CONVENTION_LAB_REPORT", "flops": 1833,)"
                              R"( "bitops": 79680, "nodes": [{"node": "seq_blocks_2",)"
                              R"( "op": "linear", "flops": 640, "bitops": 79680}]}]}})",
                      .seconds = 0.25}},
          .flops = 1833,
          .bitops = 79680,
          .size_bits = 776,
          .seconds = 0.5,
          .graph_name = "jsc-tiny",
          .parameter_count = 117};
}

class TransformRunnerTest : public ::testing::Test {
 protected:
  TransformRunnerTest() : api_(server_.address(), nullptr, "workers/alpha", "p-1") {}

  LeasedJob SubmitAndLease() {
    v1::SubmitTransformRequest request;
    request.set_transform_id("lab-2");
    v1::Transform* transform = request.mutable_transform();
    transform->mutable_model()->set_builtin("jsc-tiny");
    transform->set_seed(9);
    transform->add_passes()->mutable_count_ops()->set_batch_size(8);
    server_.Call(server_.transforms(), &v1::TransformService::Stub::SubmitTransform, request);
    EXPECT_THAT(api_.Register(1, "0.1.0", {"scripted 1"}, "host-1"), IsOk());
    auto jobs = api_.Lease(1, absl::ZeroDuration());
    if (!jobs.ok() || jobs->size() != 1) throw std::runtime_error("no job to lease");
    return jobs->front();
  }
  std::string Run(const LeasedJob& leased, ScriptedExecutor::TransformScript script) {
    ScriptedExecutor executor(nullptr, std::move(script));
    JobRunner runner(api_, jobs_, executor, SystemClock(), observer_);
    jobs_.Add({leased});
    const HeldJobs::Ptr job = jobs_.Take();
    const std::string outcome = runner.Run(*job);
    jobs_.Remove(job, absl::Seconds(1));
    return outcome;
  }
  v1::TransformJob Job() {
    v1::GetTransformJobRequest request;
    request.set_name(TransformJobNameText("lab-2", 0));
    return server_.Call(server_.transforms(), &v1::TransformService::Stub::GetTransformJob, request)
        .job();
  }

  SimulatedClock clock_;
  testing::LocalServer server_{clock_};
  ServerApi api_;
  HeldJobs jobs_{SystemClock(), 1, 0};
  AgentObserver observer_;
};

TEST_F(TransformRunnerTest, BringsTheResultsBack) {
  spec::TransformWork seen;
  EXPECT_EQ(Run(SubmitAndLease(),
                [&](const spec::TransformWork& work, const std::string&,
                    TrialObserver& observer) -> TransformOutcome {
                  seen = work;
                  observer.OnStart("", 0);
                  return CountedOps();
                }),
            "succeeded");
  EXPECT_EQ(seen.model.builtin, "jsc-tiny");
  EXPECT_EQ(seen.seed, 9);
  ASSERT_EQ(seen.passes.size(), 1);
  EXPECT_EQ(std::get<spec::CountOpsPass>(seen.passes[0]).batch_size, 8);
  const v1::TransformJob job = Job();
  EXPECT_EQ(job.state(), v1::Trial::STATE_SUCCEEDED);
  EXPECT_EQ(job.metrics().bitops(), 79680);
  ASSERT_EQ(job.results_size(), 1);
  EXPECT_EQ(job.results(0).pass(), "count_ops");
  EXPECT_EQ(job.results(0).seconds(), 0.25);
  EXPECT_EQ(job.results(0).ops().counts(0).nodes(0).node(), "seq_blocks_2");
  EXPECT_EQ(job.results(0).ops().counts(0).flops(), 1833);
}

TEST_F(TransformRunnerTest, UploadsTheLastGraph) {
  const std::string bytes = "a rewritten network";
  EXPECT_EQ(Run(SubmitAndLease(),
                [&](const spec::TransformWork&, const std::string&,
                    TrialObserver& observer) -> TransformOutcome {
                  observer.OnStart("", 0);
                  TransformSuccess success = CountedOps();
                  success.checkpoint = bytes;
                  return success;
                }),
            "succeeded");
  EXPECT_NE(Job().model(), "");
  ASSERT_OK_AND_ASSIGN(const std::string stored, api_.Download(Sha256Hex(bytes)));
  EXPECT_EQ(stored, bytes);
}

TEST_F(TransformRunnerTest, TellsWhyItFailed) {
  EXPECT_EQ(
      Run(SubmitAndLease(),
          [](const spec::TransformWork&, const std::string&, TrialObserver&) -> TransformOutcome {
            return spec::JobFailure{spec::FailureReason::kInvalidModel,
                                    "pass 0 (count_ops): no such node"};
          }),
      "failed");
  EXPECT_EQ(Job().failure_reason(), v1::FAILURE_REASON_INVALID_MODEL);
  EXPECT_EQ(Job().failure_message(), "pass 0 (count_ops): no such node");
}

TEST_F(TransformRunnerTest, FailsAResultThatIsNoPassResult) {
  EXPECT_EQ(Run(SubmitAndLease(),
                [](const spec::TransformWork&, const std::string&,
                   TrialObserver& observer) -> TransformOutcome {
                  observer.OnStart("", 0);
                  TransformSuccess success = CountedOps();
                  success.passes[0].json = R"({"no_such_field": 1})";
                  return success;
                }),
            "failed");
  EXPECT_THAT(Job().failure_message(), HasSubstr("no_such_field"));
}

TEST_F(TransformRunnerTest, FailsResultsThatAreTooLarge) {
  EXPECT_EQ(Run(SubmitAndLease(),
                [](const spec::TransformWork&, const std::string&,
                   TrialObserver& observer) -> TransformOutcome {
                  observer.OnStart("", 0);
                  TransformSuccess success = CountedOps();
                  success.passes[0].json =
                      R"({"graph": {"listing": ")" + std::string(5 << 20, 'x') + R"("}})";
                  return success;
                }),
            "failed");
  EXPECT_THAT(Job().failure_message(), HasSubstr("bytes"));
}

}  // namespace
}  // namespace bitsweep::worker
