// SPDX-License-Identifier: Apache-2.0
#include "server/rpc/watch.h"

#include <future>

#include "core/base/clock.h"
#include "core/spec/plan.h"
#include "core/spec/spec_json.h"
#include "fmt/format.h"
#include "gmock/gmock.h"
#include "server/scheduler/observer.h"
#include "server/store/sqlite/open.h"
#include "tests/server/rpc/rpc_fixture.h"
#include "tests/support/status_matchers.h"

namespace bitsweep::rpc {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using testing::IsOk;
using ::testing::Key;
using ::testing::SizeIs;

std::string Text(const v1::TrialTransition& t) {
  return fmt::format("{} {} {} {}", t.trial(), t.attempt(), v1::Trial::State_Name(t.from()),
                     v1::Trial::State_Name(t.to()));
}

class WatchSweepTest : public RpcTest {
 protected:
  struct Watch {
    grpc::ClientContext context;
    std::unique_ptr<grpc::ClientReader<v1::WatchSweepResponse>> stream;

    // The next response; the test fails when the stream has ended.
    v1::WatchSweepResponse Next() {
      v1::WatchSweepResponse response;
      EXPECT_TRUE(stream->Read(&response));
      return response;
    }
    // Everything that is left, and the stream's end.
    std::pair<std::vector<v1::WatchSweepResponse>, Error> Rest() {
      std::vector<v1::WatchSweepResponse> responses;
      v1::WatchSweepResponse response;
      while (stream->Read(&response)) responses.push_back(response);
      return {responses, Decode(stream->Finish())};
    }
  };
  std::unique_ptr<Watch> Start(std::int64_t revision = 0,
                               const std::string& name = "sweeps/lab-1") {
    v1::WatchSweepRequest request;
    request.set_name(name);
    request.set_start_revision(revision);
    auto watch = std::make_unique<Watch>();
    SetDeadline(watch->context);
    watch->stream = stub<Sweeps>().WatchSweep(&watch->context, request);
    return watch;
  }
  static std::vector<std::string> Transitions(
      const std::vector<v1::WatchSweepResponse>& responses) {
    std::vector<std::string> texts;
    for (const v1::WatchSweepResponse& response : responses) {
      for (const v1::TrialTransition& t : response.transitions()) texts.push_back(Text(t));
    }
    return texts;
  }
};

TEST_F(WatchSweepTest, StartsWithTheSweepAsItIs) {
  Submit("lab-1", 2);
  const auto watch = Start();
  const v1::WatchSweepResponse first = watch->Next();
  EXPECT_EQ(first.sweep().name(), "sweeps/lab-1");
  EXPECT_EQ(first.sweep().counts().queued(), 2);
  EXPECT_EQ(first.revision(), first.sweep().revision());
  EXPECT_EQ(first.transitions_size(), 0);
}

TEST_F(WatchSweepTest, SendsEveryTransitionAndEndsWithTheSweep) {
  Submit("lab-1");
  const auto watch = Start();
  const std::int64_t start = watch->Next().revision();
  FinishAll({0.5});
  const auto [responses, end] = watch->Rest();
  EXPECT_EQ(end.code, grpc::StatusCode::OK);
  EXPECT_THAT(Transitions(responses),
              ElementsAre("sweeps/lab-1/trials/0 1 STATE_QUEUED STATE_LEASED",
                          "sweeps/lab-1/trials/0 1 STATE_LEASED STATE_RUNNING",
                          "sweeps/lab-1/trials/0 1 STATE_RUNNING STATE_SUCCEEDED"));
  ASSERT_FALSE(responses.empty());
  EXPECT_EQ(responses.back().sweep().state(), v1::Sweep::STATE_SUCCEEDED);
  EXPECT_GT(responses.back().revision(), start);
}

TEST_F(WatchSweepTest, ResumesFromARevisionWithoutGapOrRepeat) {
  Submit("lab-1", 2);
  auto first = Start();
  const std::int64_t before = first->Next().revision();
  FinishAll({0.5});
  std::vector<v1::WatchSweepResponse> seen;
  do {
    seen.push_back(first->Next());
  } while (Transitions(seen).size() < 3);
  first->context.TryCancel();
  first->Rest();
  FinishAll({0.5});
  const auto resumed = Start(seen.back().revision())->Rest();
  const auto whole = Start(before)->Rest();
  EXPECT_EQ(resumed.second.code, grpc::StatusCode::OK);
  std::vector<std::string> joined = Transitions(seen);
  for (const std::string& text : Transitions(resumed.first)) joined.push_back(text);
  EXPECT_THAT(joined, SizeIs(6));
  EXPECT_EQ(joined, Transitions(whole.first));
}

TEST_F(WatchSweepTest, ASweepThatHasEndedIsOneResponse) {
  Submit("lab-1");
  FinishAll({0.5});
  const auto [responses, end] = Start()->Rest();
  EXPECT_EQ(end.code, grpc::StatusCode::OK);
  EXPECT_THAT(responses, SizeIs(1));
}

TEST_F(WatchSweepTest, ShowsEpochsOfTrialsUnderWay) {
  Submit("lab-1");
  Register("worker-1");
  const v1::LeasedJob job = Lease("worker-1");
  v1::ReportProgressRequest report = FromJson<v1::ReportProgressRequest>(
      R"({"worker": "workers/worker-1",
          "reports": [{"started": true, "data_digest": "d1", "train_rows": 1000,
                       "points": [{"epoch": 0, "val_acc": 0.25, "seconds": 0.5}]}]})");
  *report.mutable_reports(0)->mutable_ref() = job.ref();
  ASSERT_TRUE(Call(&Workers::ReportProgress, report).ok());
  const v1::WatchSweepResponse first = Start()->Next();
  ASSERT_EQ(first.progress_size(), 1);
  EXPECT_EQ(first.progress(0).trial(), "sweeps/lab-1/trials/0");
  EXPECT_EQ(first.progress(0).point().val_acc(), 0.25);
  EXPECT_EQ(first.progress(0).rows_per_second(), 2000);
  EXPECT_EQ(first.rows_per_second(), 2000);
}

TEST_F(WatchSweepTest, EndsWhenTheSweepIsDeleted) {
  Submit("lab-1");
  const auto watch = Start();
  watch->Next();
  ASSERT_TRUE(Call(&Sweeps::CancelSweep, R"({"name": "sweeps/lab-1"})").ok());
  ASSERT_TRUE(Call(&Sweeps::DeleteSweep, R"({"name": "sweeps/lab-1"})").ok());
  // It saw the end first, or found nothing.
  const Error end = watch->Rest().second;
  EXPECT_TRUE(end.code == grpc::StatusCode::OK || end.reason == "SWEEP_NOT_FOUND");
}

TEST_F(WatchSweepTest, RefusesBadNamesAndRevisions) {
  Submit("lab-1");
  EXPECT_EQ(Start(0, "sweeps/none")->Rest().second.reason, "SWEEP_NOT_FOUND");
  EXPECT_EQ(Start(0, "sweeps/../lab-1")->Rest().second.reason, "INVALID_NAME");
  for (const std::int64_t revision : {std::int64_t{-1}, std::int64_t{1000000}}) {
    const Error error = Start(revision)->Rest().second;
    EXPECT_EQ(error.code, grpc::StatusCode::INVALID_ARGUMENT);
    EXPECT_THAT(error.violations, Contains(Key("start_revision")));
  }
}

TEST_F(WatchSweepTest, ADrainingServerEndsItAndSaysToComeBack) {
  Submit("lab-1");
  const auto watch = Start();
  watch->Next();
  server_->Stop();
  const Error end = watch->Rest().second;
  EXPECT_EQ(end.code, grpc::StatusCode::UNAVAILABLE);
  EXPECT_EQ(end.reason, "SERVER_DRAINING");
  EXPECT_EQ(end.domain, "bitsweep");
  EXPECT_EQ(end.retry_seconds, 1);
}

// The watcher's end is the test's own: it decides how slow it is.
class SlowWatcherTest : public ::testing::Test {
 protected:
  void SetUp() override {
    auto opened = store::OpenSqliteStore({.data_dir = folder_.path().string()});
    ASSERT_THAT(opened, IsOk());
    store_ = *std::move(opened);
    scheduler_ = std::make_unique<scheduler::Scheduler>(*store_, SystemClock(),
                                                        scheduler::SchedulerOptions{}, observer_);
    ASSERT_THAT(scheduler_->Start(), IsOk());
    Submit("lab-1", 700);
    ASSERT_THAT(scheduler_->RegisterWorker({.worker_id = "worker-1", .instance_id = "i"}), IsOk());
  }
  void Submit(const std::string& sweep_id, std::int64_t trials, std::int64_t priority = 0) {
    spec::SweepSpec spec;
    spec.model.builtin = "jsc-tiny";
    spec.dataset.name = "synthetic-jets";
    spec.base.max_epochs = 1000;
    spec.repeats = trials;
    spec.priority = priority;
    const absl::StatusOr<spec::Plan> plan = spec::ExpandPlan(spec);
    ASSERT_THAT(plan, IsOk());
    ASSERT_THAT(scheduler_->SubmitSweep({.sweep_id = sweep_id,
                                         .spec = spec,
                                         .plan = *plan,
                                         .spec_digest = spec::SpecDigest(spec)}),
                IsOk());
  }
  // Leases and gives back everything (700 jobs at a time), four times.
  void LeaseAndReleaseAll() {
    for (int round = 0; round < 4; ++round) {
      std::vector<scheduler::JobRef> refs;
      for (const store::LeasedJob& job : Lease(700)) refs.push_back(RefOf(job));
      EXPECT_THAT(refs, SizeIs(700));
      EXPECT_THAT(scheduler_->ReleaseJobs(refs, "DRAIN"), IsOk());
    }
  }
  std::vector<store::LeasedJob> Lease(std::int64_t count) {
    auto jobs =
        scheduler_->LeaseJobs("worker-1", "i", count, absl::ZeroDuration(), [] { return false; });
    EXPECT_THAT(jobs, IsOk());
    return jobs.value_or(std::vector<store::LeasedJob>{});
  }
  static scheduler::JobRef RefOf(const store::LeasedJob& job) {
    return {fmt::format("{}/trials/{}", job.submission_name, job.number), job.ref.attempt,
            job.ref.job, job.worker_id};
  }
  // Follows lab-1 and calls `during` while the n-th response (from 0) is on its way; stops when it
  // returns false.
  std::vector<v1::WatchSweepResponse> Follow(const std::function<bool(std::size_t)>& during) {
    std::vector<v1::WatchSweepResponse> responses;
    v1::WatchSweepRequest request;
    request.set_name("sweeps/lab-1");
    const absl::Status end = FollowSweep(request, *scheduler_, *store_, SystemClock(),
                                         {.write =
                                              [&](const v1::WatchSweepResponse& response) {
                                                responses.push_back(response);
                                                return during(responses.size() - 1);
                                              },
                                          .is_cancelled = [] { return false; },
                                          .on_gap = [&] { ++gaps_; }});
    EXPECT_EQ(end.code(), absl::StatusCode::kCancelled) << end;
    return responses;
  }

  int gaps_ = 0;
  testing::TempDir folder_;
  scheduler::SchedulerObserver observer_;
  std::unique_ptr<store::Store> store_;
  std::unique_ptr<scheduler::Scheduler> scheduler_;
};

TEST_F(SlowWatcherTest, GetsTheLatestEpochInsteadOfEach) {
  const std::vector<store::LeasedJob> jobs = Lease(1);
  ASSERT_THAT(jobs, SizeIs(1));
  const auto responses = Follow([&](std::size_t n) {
    if (n == 1) return false;
    for (std::int64_t epoch = 0; epoch < 50; ++epoch) {
      EXPECT_THAT(scheduler_->ReportProgress({{.ref = RefOf(jobs[0]),
                                               .started = true,
                                               .data_digest = "d1",
                                               .points = {{.epoch = epoch, .seconds = 1}}}}),
                  IsOk());
    }
    return true;
  });
  ASSERT_THAT(responses, SizeIs(2));
  ASSERT_EQ(responses[1].progress_size(), 1);
  EXPECT_EQ(responses[1].progress(0).point().epoch(), 49);
  EXPECT_EQ(responses[1].transitions_size(), 1);
}

TEST_F(SlowWatcherTest, GetsManyTransitionsInParts) {
  const auto responses = Follow([&](std::size_t n) {
    EXPECT_THAT(Lease(700), SizeIs(n == 0 ? 700 : 0));
    return n < 2;
  });
  ASSERT_THAT(responses, SizeIs(3));
  EXPECT_EQ(responses[1].transitions_size(), 500);
  EXPECT_EQ(responses[2].transitions_size(), 200);
  EXPECT_LT(responses[1].revision(), responses[1].sweep().revision());
  EXPECT_EQ(responses[2].revision(), responses[2].sweep().revision());
}

TEST_F(SlowWatcherTest, IsToldWhenTooMuchHappened) {
  const auto responses = Follow([&](std::size_t n) {
    if (n == 1) return false;
    LeaseAndReleaseAll();  // 4 x 700 x 2 transitions
    return true;
  });
  ASSERT_THAT(responses, SizeIs(2));
  EXPECT_TRUE(responses[1].transitions_skipped());
  EXPECT_EQ(gaps_, 1);
  EXPECT_EQ(responses[1].transitions_size(), 0);
  EXPECT_EQ(responses[1].revision(), responses[1].sweep().revision());
}

TEST_F(SlowWatcherTest, MissesNothingWhenTooMuchHappenedToAnotherSweep) {
  const auto responses = Follow([&](std::size_t n) {
    if (n == 1) return false;
    Submit("lab-2", 700, 5);
    LeaseAndReleaseAll();  // of lab-2: it goes first
    EXPECT_THAT(scheduler_->PauseSweep("lab-2"), IsOk());
    EXPECT_THAT(Lease(3), SizeIs(3));
    return true;
  });
  ASSERT_THAT(responses, SizeIs(2));
  EXPECT_FALSE(responses[1].transitions_skipped());
  EXPECT_EQ(gaps_, 0);
  EXPECT_EQ(responses[1].transitions_size(), 3);
}

}  // namespace
}  // namespace bitsweep::rpc
