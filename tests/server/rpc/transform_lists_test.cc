// SPDX-License-Identifier: Apache-2.0
// Reading, listing, cancelling and deleting transforms.
#include "fmt/format.h"
#include "gmock/gmock.h"
#include "tests/server/rpc/rpc_fixture.h"

namespace bitsweep::rpc {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Pair;

constexpr char kPtq1[] = R"({"name": "transforms/ptq-1"})";
constexpr char kAxes[] =
    R"(, "passes": [{"quantize": {"quantization": {"by": "type", "default_config": {"name": "NA"},
        "rules": [{"key": "linear", "config": {"name": "integer", "data_in": {"width": 8},
        "weight": {"width": 8}}}]}}}, {"count_ops": {}}],
        "axes": [{"entry": "weight_width", "values": [2, 4, 6, 8]}])";

class TransformListsTest : public RpcTest {
 protected:
  // A transform of four jobs that differ in the weights' width.
  void SubmitGrid(const std::string& transform_id) {
    const auto answer = Call(
        &Transforms::SubmitTransform,
        fmt::format(
            R"({{"transform_id": "{}", "transform": {{"model": {{"builtin": "jsc-tiny"}}{}}}}})",
            transform_id, kAxes));
    ASSERT_TRUE(answer.ok()) << answer.error.message;
  }
  std::vector<std::string> Names(const std::string& fields) {
    const auto answer = Call(&Transforms::ListTransforms, "{" + fields + "}");
    EXPECT_TRUE(answer.ok()) << answer.error.message;
    std::vector<std::string> names;
    for (const v1::Transform& transform : answer.response.transforms()) {
      names.push_back(transform.name());
    }
    return names;
  }
  // Numbers of the jobs of ptq-1 in this order.
  std::vector<std::string> Jobs(const std::string& order_by) {
    const auto answer =
        Call(&Transforms::ListTransformJobs,
             fmt::format(R"({{"parent": "transforms/ptq-1", "order_by": "{}"}})", order_by));
    EXPECT_TRUE(answer.ok()) << answer.error.message;
    std::vector<std::string> names;
    for (const v1::TransformJob& job : answer.response.jobs()) {
      names.push_back(job.name().substr(std::string("transforms/ptq-1/jobs/").size()));
    }
    return names;
  }
  // Ends the next job with these headlines.
  void Finish(double accuracy, double bitops) {
    const auto answer =
        Call(&Workers::CompleteJob, TransformResultOf(Lease("worker-1"), accuracy, bitops));
    ASSERT_TRUE(answer.ok()) << answer.error.message;
  }
};

TEST_F(TransformListsTest, ListsTheNewestFirst) {
  SubmitTransform("ptq-1");
  SubmitTransform("ptq-2");
  EXPECT_THAT(Names(""), ElementsAre("transforms/ptq-2", "transforms/ptq-1"));
}

TEST_F(TransformListsTest, GoesThroughPages) {
  for (int i = 0; i < 5; ++i) SubmitTransform(fmt::format("ptq-{}", i));
  std::vector<std::string> names;
  std::string token;
  int pages = 0;
  do {
    const auto page = Call(&Transforms::ListTransforms,
                           fmt::format(R"({{"page_size": 2, "page_token": "{}"}})", token));
    ASSERT_TRUE(page.ok()) << page.error.message;
    for (const v1::Transform& transform : page.response.transforms()) {
      names.push_back(transform.name());
    }
    token = page.response.next_page_token();
    ++pages;
  } while (!token.empty());
  EXPECT_EQ(pages, 3);
  EXPECT_THAT(names, ElementsAre("transforms/ptq-4", "transforms/ptq-3", "transforms/ptq-2",
                                 "transforms/ptq-1", "transforms/ptq-0"));
}

TEST_F(TransformListsTest, Filters) {
  SubmitTransform("ptq-1", R"(, "display_name": "first")");
  SubmitTransform("ptq-2");
  ASSERT_TRUE(Call(&Transforms::CancelTransform, kPtq1).ok());
  EXPECT_THAT(Names(R"("filter": "state = CANCELLED")"), ElementsAre("transforms/ptq-1"));
  EXPECT_THAT(Names(R"("filter": "state = STATE_QUEUED")"), ElementsAre("transforms/ptq-2"));
  EXPECT_THAT(Names(R"("filter": "display_name = \"first\"")"), ElementsAre("transforms/ptq-1"));
  EXPECT_THAT(Names(R"("filter": "transform_id = ptq-2 AND model = jsc-tiny")"),
              ElementsAre("transforms/ptq-2"));
  EXPECT_THAT(Names(R"("filter": "model = jsc-s")"), IsEmpty());
}

TEST_F(TransformListsTest, RefusesFiltersAndOrdersThatDoNotExist) {
  const Error filter = Call(&Transforms::ListTransforms, R"({"filter": "colour = red"})").error;
  EXPECT_EQ(filter.code, grpc::StatusCode::INVALID_ARGUMENT);
  EXPECT_EQ(filter.reason, "INVALID_FILTER");
  const Error state = Call(&Transforms::ListTransforms, R"({"filter": "state = DEAD"})").error;
  EXPECT_EQ(state.reason, "INVALID_FILTER");
  SubmitTransform("ptq-1");
  const Error order = Call(&Transforms::ListTransformJobs,
                           R"({"parent": "transforms/ptq-1", "order_by": "colour"})")
                          .error;
  EXPECT_EQ(order.code, grpc::StatusCode::INVALID_ARGUMENT);
  EXPECT_EQ(order.reason, "INVALID_ORDER");
}

TEST_F(TransformListsTest, ATokenBelongsToItsTransform) {
  SubmitGrid("ptq-1");
  SubmitGrid("ptq-2");
  const auto page =
      Call(&Transforms::ListTransformJobs, R"({"parent": "transforms/ptq-1", "page_size": 2})");
  ASSERT_EQ(page.response.jobs_size(), 2);
  const std::string token = page.response.next_page_token();
  const auto next =
      Call(&Transforms::ListTransformJobs,
           fmt::format(R"({{"parent": "transforms/ptq-1", "page_token": "{}"}})", token));
  ASSERT_EQ(next.response.jobs_size(), 2);
  EXPECT_EQ(next.response.jobs(0).name(), "transforms/ptq-1/jobs/2");
  EXPECT_EQ(next.response.next_page_token(), "");
  const Error other =
      Call(&Transforms::ListTransformJobs,
           fmt::format(R"({{"parent": "transforms/ptq-2", "page_token": "{}"}})", token))
          .error;
  EXPECT_EQ(other.reason, "PAGE_TOKEN_MISMATCH");
}

TEST_F(TransformListsTest, OrdersJobsByTheirHeadlines) {
  SubmitGrid("ptq-1");
  Register("worker-1");
  Finish(0.25, 400);
  Finish(0.75, 300);
  Finish(0.5, 100);  // the fourth has none
  EXPECT_THAT(Jobs(""), ElementsAre("0", "1", "2", "3"));
  EXPECT_THAT(Jobs("number desc"), ElementsAre("3", "2", "1", "0"));
  EXPECT_THAT(Jobs("accuracy"), ElementsAre("0", "2", "1", "3"));
  EXPECT_THAT(Jobs("accuracy desc"), ElementsAre("1", "2", "0", "3"));
  EXPECT_THAT(Jobs("bitops"), ElementsAre("2", "1", "0", "3"));
}

TEST_F(TransformListsTest, MarksThoseThatNoOtherBeats) {
  SubmitGrid("ptq-1");
  Register("worker-1");
  Finish(0.25, 400);  // beaten by both others
  Finish(0.75, 300);
  Finish(0.5, 100);
  const auto answer = Call(&Transforms::ListTransformJobs, R"({"parent": "transforms/ptq-1"})");
  std::vector<bool> optimal;
  for (const v1::TransformJob& job : answer.response.jobs()) {
    optimal.push_back(job.pareto_optimal());
  }
  EXPECT_THAT(optimal, ElementsAre(false, true, true, false));
}

TEST_F(TransformListsTest, AJobBeyondThePlanIsNotFound) {
  SubmitTransform("ptq-1");
  const Error error =
      Call(&Transforms::GetTransformJob, R"({"name": "transforms/ptq-1/jobs/1"})").error;
  EXPECT_EQ(error.code, grpc::StatusCode::NOT_FOUND);
  EXPECT_EQ(error.reason, "TRANSFORM_JOB_NOT_FOUND");
  EXPECT_THAT(error.metadata, Contains(Pair("name", "transforms/ptq-1/jobs/1")));
}

TEST_F(TransformListsTest, CancelsWhatHasNotEnded) {
  SubmitGrid("ptq-1");
  Register("worker-1");
  Finish(0.5, 100);
  const auto answer = Call(&Transforms::CancelTransform, kPtq1);
  ASSERT_TRUE(answer.ok()) << answer.error.message;
  EXPECT_EQ(answer.response.cancelled_jobs(), 3);
  EXPECT_EQ(answer.response.transform().state(), v1::Sweep::STATE_CANCELLED);
  EXPECT_EQ(answer.response.transform().counts().succeeded(), 1);
  EXPECT_TRUE(answer.response.transform().has_end_time());
  const auto again = Call(&Transforms::CancelTransform, kPtq1);
  ASSERT_TRUE(again.ok()) << again.error.message;
  EXPECT_EQ(again.response.cancelled_jobs(), 0);
}

TEST_F(TransformListsTest, WhatHasFinishedIsNotCancelled) {
  SubmitTransform("ptq-1");
  Register("worker-1");
  Finish(0.5, 100);
  const Error error = Call(&Transforms::CancelTransform, kPtq1).error;
  EXPECT_EQ(error.code, grpc::StatusCode::FAILED_PRECONDITION);
  EXPECT_EQ(error.reason, "INVALID_STATE");
  EXPECT_THAT(error.metadata, Contains(Pair("state", "SUCCEEDED")));
}

TEST_F(TransformListsTest, WhatIsUnderWayIsNotDeleted) {
  SubmitTransform("ptq-1");
  const Error error = Call(&Transforms::DeleteTransform, kPtq1).error;
  EXPECT_EQ(error.code, grpc::StatusCode::FAILED_PRECONDITION);
  EXPECT_EQ(error.reason, "INVALID_STATE");
}

TEST_F(TransformListsTest, DeletesWhatHasEnded) {
  SubmitTransform("ptq-1");
  ASSERT_TRUE(Call(&Transforms::CancelTransform, kPtq1).ok());
  ASSERT_TRUE(Call(&Transforms::DeleteTransform, kPtq1).ok());
  EXPECT_EQ(Call(&Transforms::GetTransform, kPtq1).error.reason, "TRANSFORM_NOT_FOUND");
  EXPECT_THAT(Names(""), IsEmpty());
}

TEST_F(TransformListsTest, ListsThePassesAndFormats) {
  const auto answer = Call(&Transforms::ListPasses);
  ASSERT_TRUE(answer.ok()) << answer.error.message;
  std::vector<std::string> passes;
  for (const v1::PassInfo& pass : answer.response.passes()) {
    passes.push_back(pass.name());
    EXPECT_NE(pass.description(), "") << pass.name();
    EXPECT_EQ(pass.rewrites(), pass.name() == "quantize" || pass.name() == "prune");
    EXPECT_EQ(pass.needs_dataset(),
              pass.name() == "profile_statistics" || pass.name() == "evaluate");
  }
  EXPECT_THAT(passes, ElementsAre("report_graph", "report_node_meta", "profile_statistics",
                                  "quantize", "compare_graphs", "verify_quantization", "count_ops",
                                  "evaluate", "prune"));
  bool has_integer = false;
  for (const v1::FormatInfo& format : answer.response.formats()) {
    if (format.name() != "integer") continue;
    has_integer = true;
    EXPECT_THAT(format.ops(), ElementsAre("linear", "conv1d", "relu", "add"));
    EXPECT_THAT(format.entries(), ::testing::IsSupersetOf({"width", "frac_width", "floor"}));
  }
  EXPECT_TRUE(has_integer);
}

TEST_F(TransformListsTest, TheServerSaysItsLimitAndChecksTransforms) {
  SubmitTransform("ptq-1");
  EXPECT_EQ(Call(&Admin::GetServerInfo).response.max_jobs_per_transform(), 100000);
  const auto report = Call(&Admin::VerifyStore);
  ASSERT_TRUE(report.ok()) << report.error.message;
  EXPECT_EQ(report.response.transforms(), 1);
  EXPECT_EQ(report.response.problems_size(), 0);
}

}  // namespace
}  // namespace bitsweep::rpc
