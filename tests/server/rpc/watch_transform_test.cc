// SPDX-License-Identifier: Apache-2.0
#include <chrono>

#include "fmt/format.h"
#include "gmock/gmock.h"
#include "tests/server/rpc/rpc_fixture.h"

namespace bitsweep::rpc {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

class WatchTransformTest : public RpcTest {
 protected:
  struct Watch {
    grpc::ClientContext context;
    std::unique_ptr<grpc::ClientReader<v1::WatchTransformResponse>> stream;

    v1::WatchTransformResponse Next() {
      v1::WatchTransformResponse response;
      EXPECT_TRUE(stream->Read(&response));
      return response;
    }
    // Everything that is left, and the stream's end.
    std::pair<std::vector<v1::WatchTransformResponse>, Error> Rest() {
      std::vector<v1::WatchTransformResponse> responses;
      v1::WatchTransformResponse response;
      while (stream->Read(&response)) responses.push_back(response);
      return {responses, Decode(stream->Finish())};
    }
  };
  std::unique_ptr<Watch> Start(std::int64_t revision = 0,
                               const std::string& name = "transforms/ptq-1") {
    v1::WatchTransformRequest request;
    request.set_name(name);
    request.set_start_revision(revision);
    auto watch = std::make_unique<Watch>();
    SetDeadline(watch->context);
    watch->stream = stub<Transforms>().WatchTransform(&watch->context, request);
    return watch;
  }
  static std::vector<std::string> Transitions(
      const std::vector<v1::WatchTransformResponse>& responses) {
    std::vector<std::string> texts;
    for (const v1::WatchTransformResponse& response : responses) {
      for (const v1::TrialTransition& t : response.transitions()) {
        texts.push_back(
            fmt::format("{} {} {}", t.trial(), t.attempt(), v1::Trial::State_Name(t.to())));
      }
    }
    return texts;
  }
};

TEST_F(WatchTransformTest, StartsWithTheTransformAsItIs) {
  SubmitTransform("ptq-1");
  const v1::WatchTransformResponse first = Start()->Next();
  EXPECT_EQ(first.transform().name(), "transforms/ptq-1");
  EXPECT_EQ(first.transform().counts().queued(), 1);
  EXPECT_EQ(first.revision(), first.transform().revision());
  EXPECT_THAT(first.transitions(), IsEmpty());
}

TEST_F(WatchTransformTest, ShowsEveryChangeUntilItHasEnded) {
  SubmitTransform("ptq-1");
  Register("worker-1");
  const auto watch = Start();
  watch->Next();
  const v1::LeasedJob job = Lease("worker-1");
  ASSERT_TRUE(Call(&Workers::CompleteJob, TransformResultOf(job)).ok());
  const auto [responses, end] = watch->Rest();
  EXPECT_EQ(end.code, grpc::StatusCode::OK) << end.message;
  EXPECT_THAT(Transitions(responses), ElementsAre("transforms/ptq-1/jobs/0 1 STATE_LEASED",
                                                  "transforms/ptq-1/jobs/0 1 STATE_RUNNING",
                                                  "transforms/ptq-1/jobs/0 1 STATE_SUCCEEDED"));
  ASSERT_FALSE(responses.empty());
  EXPECT_EQ(responses.back().transform().state(), v1::Sweep::STATE_SUCCEEDED);
}

// A watcher that is not woken looks by itself every 10 s: the stream's deadline comes before that.
TEST_F(WatchTransformTest, ShowsAStartWhenItIsReported) {
  SubmitTransform("ptq-1");
  Register("worker-1");
  v1::ReportProgressRequest request;
  request.set_worker("workers/worker-1");
  request.set_instance_id("first");
  *request.add_reports()->mutable_ref() = Lease("worker-1").ref();
  request.mutable_reports(0)->set_started(true);
  Watch watch;
  watch.context.set_deadline(std::chrono::system_clock::now() + std::chrono::seconds(9));
  v1::WatchTransformRequest of_transform;
  of_transform.set_name("transforms/ptq-1");
  watch.stream = stub<Transforms>().WatchTransform(&watch.context, of_transform);
  EXPECT_EQ(watch.Next().transform().counts().leased(), 1);
  ASSERT_TRUE(Call(&Workers::ReportProgress, request).ok());
  EXPECT_THAT(Transitions({watch.Next()}), ElementsAre("transforms/ptq-1/jobs/0 1 STATE_RUNNING"));
}

TEST_F(WatchTransformTest, ResumesFromARevision) {
  SubmitTransform("ptq-1");
  const std::int64_t submitted = Call(&Transforms::GetTransform, R"({"name": "transforms/ptq-1"})")
                                     .response.transform()
                                     .revision();
  ASSERT_TRUE(Call(&Transforms::CancelTransform, R"({"name": "transforms/ptq-1"})").ok());
  const auto [responses, end] = Start(submitted)->Rest();
  EXPECT_EQ(end.code, grpc::StatusCode::OK) << end.message;
  EXPECT_THAT(Transitions(responses), ElementsAre("transforms/ptq-1/jobs/0 0 STATE_CANCELLED"));
  EXPECT_FALSE(responses.front().transitions_skipped());
}

TEST_F(WatchTransformTest, RefusesARevisionThatIsNotYet) {
  SubmitTransform("ptq-1");
  const auto [responses, end] = Start(1000)->Rest();
  EXPECT_THAT(responses, IsEmpty());
  EXPECT_EQ(end.reason, "INVALID_SPEC");
}

TEST_F(WatchTransformTest, AnUnknownTransformIsNotFound) {
  const auto [responses, end] = Start(0, "transforms/none")->Rest();
  EXPECT_EQ(end.reason, "TRANSFORM_NOT_FOUND");
}

TEST_F(WatchTransformTest, SaysThatTheServerStops) {
  SubmitTransform("ptq-1");
  const auto watch = Start();
  watch->Next();
  server_->Stop();
  const auto [responses, end] = watch->Rest();
  EXPECT_EQ(end.code, grpc::StatusCode::UNAVAILABLE);
  EXPECT_EQ(end.reason, "SERVER_DRAINING");
}

}  // namespace
}  // namespace bitsweep::rpc
