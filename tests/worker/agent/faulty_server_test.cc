// SPDX-License-Identifier: Apache-2.0
// What the agent does when the server answers wrongly, or not at all.
#include "tests/worker/agent/faulty_server.h"

#include <atomic>
#include <functional>
#include <memory>
#include <thread>

#include "core/base/errors.h"
#include "core/base/sha256.h"
#include "core/base/simulated_clock.h"
#include "gmock/gmock.h"
#include "tests/support/status_matchers.h"
#include "tests/worker/agent/running_agent.h"
#include "worker/agent/checkpoint_cache.h"
#include "worker/agent/job_runner.h"

namespace bitsweep::worker {
namespace {

using ::bitsweep::testing::IsOk;
using ::bitsweep::testing::StatusIs;

AgentOptions WithoutGrace(const FaultyServer& server) {
  AgentOptions options;
  options.server = server.address();
  options.name = "alpha";
  options.grace = absl::ZeroDuration();
  options.goodbye = absl::ZeroDuration();
  return options;
}

TEST(AgentDrainTest, CutsShortAnUploadThatDoesNotEnd) {
  FaultyServer server;
  RunningAgent agent(WithoutGrace(server),
                     [](const spec::TrialSpec& trial, const std::string&, TrialObserver& observer) {
                       return Train(trial, observer, "a checkpoint");
                     });
  ASSERT_TRUE(server.WaitForTransfer());
  EXPECT_THAT(agent.Drain(), IsOk());
  EXPECT_FALSE(server.gave_up());
  EXPECT_EQ(agent.listener().Count("released"), 1);
}

TEST(AgentDrainTest, CutsShortADownloadThatDoesNotEnd) {
  FaultyServer server(Sha256Hex("a network"));
  bool ran = false;
  RunningAgent agent(
      WithoutGrace(server),
      [&](const spec::TrialSpec&, const std::string&, TrialObserver&) -> TrialOutcome {
        ran = true;
        return TrialStopped{};
      });
  ASSERT_TRUE(server.WaitForTransfer());
  EXPECT_THAT(agent.Drain(), IsOk());
  EXPECT_FALSE(server.gave_up());
  EXPECT_FALSE(ran);
  EXPECT_EQ(server.released().job(), "sweeps/lab-1/trials/0");
  EXPECT_EQ(server.released().attempt(), 3);
  EXPECT_EQ(server.released().id(), 77);
}

TEST(CheckpointCacheTest, FetchesOneWhileAnotherIsUnderWay) {
  FaultyServer server;
  const std::string bytes = "a network";
  server.Keep(Sha256Hex(bytes), bytes);
  ServerApi api(server.address(), nullptr, "workers/alpha", "p-1");
  CheckpointCache cache(api);
  absl::Status slow;
  std::thread other([&] { slow = cache.Get(Sha256Hex("never comes")).status(); });
  EXPECT_TRUE(server.WaitForTransfer());
  const auto fetched = cache.Get(Sha256Hex(bytes));
  EXPECT_FALSE(server.gave_up());
  api.CutShort(absl::Seconds(1));
  other.join();
  ASSERT_THAT(fetched, IsOk());
  EXPECT_EQ(**fetched, bytes);
  EXPECT_THAT(slow, StatusIs(absl::StatusCode::kCancelled));
}

TEST(CheckpointCacheTest, FetchesOnceForAllWhoWantIt) {
  FaultyServer server;
  const std::string bytes = "a network";
  server.Keep(Sha256Hex(bytes), bytes);
  ServerApi api(server.address(), nullptr, "workers/alpha", "p-1");
  CheckpointCache cache(api);
  std::vector<std::thread> trials;
  for (int i = 0; i < 4; ++i) {
    trials.emplace_back([&] { EXPECT_THAT(cache.Get(Sha256Hex(bytes)), IsOk()); });
  }
  for (std::thread& trial : trials) trial.join();
  EXPECT_EQ(server.downloads(), 1);
}

// An agent of one slot, and a server that answers its results as the test says.
class AgentSlotTest : public ::testing::Test {
 protected:
  // `begin` sees the number, from 1, of each trial that begins.
  void Start(
      int jobs, FaultyServer::Answer complete, std::function<void(int)> begin = [](int) {}) {
    server_ = std::make_unique<FaultyServer>("", std::move(complete), jobs);
    agent_ = std::make_unique<RunningAgent>(
        AgentOptions{.server = server_->address(), .name = "alpha", .slots = 1},
        [this, begin = std::move(begin)](const spec::TrialSpec& trial, const std::string&,
                                         TrialObserver& observer) {
          begin(++began_);
          return Train(trial, observer);
        });
  }

  // What answers and trials wait for.
  absl::Notification go_, second_began_;
  std::atomic<int> began_ = 0;
  std::unique_ptr<FaultyServer> server_;
  std::unique_ptr<RunningAgent> agent_;
};

TEST_F(AgentSlotTest, ComputesTheNextJobWhileAResultIsUnderWay) {
  Start(
      2,
      [this](int call) {
        if (call == 1 && !go_.WaitForNotificationWithTimeout(kLong)) {
          return grpc::Status(grpc::StatusCode::INVALID_ARGUMENT, "the slot waited for the answer");
        }
        return grpc::Status::OK;
      },
      [this](int trial) {
        if (trial == 2) go_.Notify();
      });
  EXPECT_TRUE(agent_->listener().WaitFor("succeeded", 2));
  EXPECT_EQ(agent_->listener().Count("failed"), 0);
  EXPECT_THAT(agent_->Drain(), IsOk());
}

TEST_F(AgentSlotTest, ADrainBringsTheResultUnderWayAndThatOfTheJobBehindIt) {
  Start(
      2,
      [this](int) {
        go_.WaitForNotificationWithTimeout(kLong);
        return grpc::Status::OK;
      },
      [this](int trial) {
        if (trial != 2) return;
        second_began_.Notify();
        go_.WaitForNotificationWithTimeout(kLong);
      });
  ASSERT_TRUE(second_began_.WaitForNotificationWithTimeout(kLong));
  agent_->BeginDrain();
  go_.Notify();
  EXPECT_THAT(agent_->Join(), IsOk());
  EXPECT_EQ(agent_->listener().Count("succeeded"), 2);
}

TEST_F(AgentSlotTest, ResultsThatDoNotArriveHoldUpTheNextTrials) {
  Start(5, [this](int) {
    go_.WaitForNotificationWithTimeout(kLong);
    return grpc::Status::OK;
  });
  EXPECT_TRUE(server_->WaitForCompletes(2));
  EXPECT_EQ(began_, 2);
  go_.Notify();
  EXPECT_TRUE(agent_->listener().WaitFor("succeeded", 5));
  EXPECT_THAT(agent_->Drain(), IsOk());
}

// One job of the server's, run by a slot while time flies.
std::string RunOne(FaultyServer& server) {
  SimulatedClock clock;
  AgentObserver observer;
  ServerApi api(server.address(), nullptr, "workers/alpha", "p-1");
  HeldJobs jobs(clock, 1, 0);
  ScriptedExecutor executor(
      [](const spec::TrialSpec& trial, const std::string&, TrialObserver& trial_observer) {
        return Train(trial, trial_observer);
      });
  JobRunner runner(api, jobs, executor, clock, observer);
  auto leased = api.Lease(1, absl::ZeroDuration());
  if (!leased.ok()) return std::string(leased.status().message());
  jobs.Add(*std::move(leased));
  absl::Notification over;
  std::thread time([&] {
    while (!over.WaitForNotificationWithTimeout(absl::Milliseconds(1))) {
      clock.Advance(absl::Milliseconds(100));
    }
  });
  const std::string outcome = runner.Run(*jobs.Take());
  over.Notify();
  time.join();
  return outcome;
}

TEST(JobRunnerRetryTest, KeepsItsResultThroughAccidentsOfTheServer) {
  FaultyServer server("", [](int call) {
    if (call == 1) return grpc::Status(grpc::StatusCode::INTERNAL, "disk I/O error");
    if (call == 2) return grpc::Status(grpc::StatusCode::UNKNOWN, "std::bad_alloc");
    if (call == 3) return grpc::Status(grpc::StatusCode::UNIMPLEMENTED, "a proxy's answer");
    return grpc::Status::OK;
  });
  EXPECT_EQ(RunOne(server), "succeeded");
  EXPECT_EQ(server.completes(), 4);
  EXPECT_EQ(server.completed().id(), 77);
}

TEST(JobRunnerRetryTest, FailsAResultThatTheServerCannotTake) {
  FaultyServer server(
      "", [](int) { return grpc::Status(grpc::StatusCode::INTERNAL, "disk I/O error"); });
  EXPECT_EQ(RunOne(server), "failed");
  EXPECT_EQ(server.completes(), JobRunner::kDoubtfulTries);
  EXPECT_EQ(server.failed().id(), 77);
}

TEST(ServerApiTest, DoubtsErrorsWithoutTheServersReason) {
  EXPECT_TRUE(IsDoubtful(absl::InternalError("")));
  EXPECT_TRUE(IsDoubtful(absl::UnknownError("")));
  EXPECT_TRUE(IsDoubtful(absl::NotFoundError("")));
  EXPECT_TRUE(IsDoubtful(ErrorWithDetails(absl::StatusCode::kInternal, "", {.reason = "DEFECT"})));
  EXPECT_FALSE(IsDoubtful(NotFoundError("artifact", "artifacts/0")));
  EXPECT_FALSE(IsDoubtful(absl::UnavailableError("")));
  EXPECT_FALSE(IsDoubtful(absl::OkStatus()));
}

}  // namespace
}  // namespace bitsweep::worker
