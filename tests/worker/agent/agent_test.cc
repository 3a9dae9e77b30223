// SPDX-License-Identifier: Apache-2.0
// The whole agent with its threads, against the real server: what a worker does but arithmetic.
#include "worker/agent/agent.h"

#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <thread>

#include "core/base/ids.h"
#include "core/base/simulated_clock.h"
#include "gmock/gmock.h"
#include "tests/support/local_server.h"
#include "tests/support/status_matchers.h"
#include "tests/worker/agent/running_agent.h"
#include "tests/worker/agent/scripted_executor.h"
#include "worker/agent/server_api.h"

namespace bitsweep::worker {
namespace {

using ::bitsweep::testing::IsOk;
using ::bitsweep::testing::StatusIs;

AgentOptions OptionsFor(const testing::LocalServer& server) {
  AgentOptions options;
  options.server = server.address();
  options.name = "alpha";
  options.host = "host-1";
  options.lease_wait = absl::Seconds(2);
  return options;
}

TrialOutcome TrainWell(const spec::TrialSpec& trial, const std::string&, TrialObserver& observer) {
  return Train(trial, observer);
}

void Submit(testing::LocalServer& server, int trials, std::int64_t max_epochs = 2) {
  v1::SubmitSweepRequest request;
  request.set_sweep_id("lab-1");
  v1::Sweep* sweep = request.mutable_sweep();
  sweep->mutable_model()->set_builtin("jsc-tiny");
  sweep->mutable_dataset()->set_name("synthetic-jets");
  sweep->mutable_base()->set_max_epochs(max_epochs);
  sweep->set_repeats(trials);
  server.Call(server.sweeps(), &v1::SweepService::Stub::SubmitSweep, request);
}

v1::Trial TrialOf(testing::LocalServer& server, int number) {
  v1::GetTrialRequest request;
  request.set_name(TrialNameText("lab-1", number));
  return server.Call(server.sweeps(), &v1::SweepService::Stub::GetTrial, request).trial();
}

v1::Worker WorkerOf(testing::LocalServer& server) {
  const auto workers =
      server.Call(server.admin(), &v1::AdminService::Stub::ListWorkers, v1::ListWorkersRequest());
  return workers.workers_size() == 1 ? workers.workers(0) : v1::Worker();
}

// Asks the server again and again until it says so.
template <typename Condition>
bool Eventually(Condition condition) {
  const absl::Notification never;
  const absl::Time give_up = absl::Now() + kLong;
  while (!condition()) {
    if (absl::Now() > give_up) return false;
    never.WaitForNotificationWithTimeout(absl::Milliseconds(5));
  }
  return true;
}

TEST(AgentTest, TrainsEveryTrialOfASweep) {
  testing::LocalServer server;
  Submit(server, 20, 3);
  AgentOptions options = OptionsFor(server);
  options.slots = 2;
  RunningAgent agent(options, TrainWell);
  ASSERT_TRUE(agent.listener().WaitFor("succeeded", 20));
  for (int i = 0; i < 20; ++i) {
    EXPECT_EQ(TrialOf(server, i).state(), v1::Trial::STATE_SUCCEEDED) << i;
    EXPECT_EQ(TrialOf(server, i).epochs_size(), 3) << i;
    EXPECT_EQ(TrialOf(server, i).attempt(), 1) << i;
  }
  EXPECT_THAT(agent.Drain(), IsOk());
}

TEST(AgentTest, WakesAtOnceWhenWorkArrives) {
  testing::LocalServer server;
  AgentOptions options = OptionsFor(server);
  options.lease_wait = absl::Seconds(30);
  RunningAgent agent(options, TrainWell);
  ASSERT_TRUE(Eventually([&] { return WorkerOf(server).name() == "workers/alpha"; }));
  Submit(server, 1);
  EXPECT_TRUE(agent.listener().WaitFor("succeeded"));  // sooner than the long poll ends
}

TEST(AgentTest, HoldsTheNextTrialReadyWhileOneRuns) {
  testing::LocalServer server;
  Submit(server, 4);
  AgentOptions options = OptionsFor(server);
  options.slots = 1;
  options.prefetch = 2;
  std::atomic<int> runs{0};
  absl::Notification next_is_held;
  RunningAgent agent(
      options, [&](const spec::TrialSpec& trial, const std::string&, TrialObserver& observer) {
        // The second trial runs until those behind it are held as well.
        if (++runs == 2) next_is_held.WaitForNotificationWithTimeout(kLong);
        return Train(trial, observer);
      });
  EXPECT_TRUE(agent.listener().WaitFor("held 3"));
  next_is_held.Notify();
  EXPECT_TRUE(agent.listener().WaitFor("succeeded", 4));
}

TEST(AgentTest, RenewsTheLeasesOfTrialsThatRun) {
  SimulatedClock clock;
  testing::LocalServer server(clock, absl::Milliseconds(600));  // renewed each 200 ms
  Submit(server, 1);
  absl::Notification enough;
  RunningAgent agent(OptionsFor(server), [&](const spec::TrialSpec& trial, const std::string&,
                                             TrialObserver& observer) {
    enough.WaitForNotificationWithTimeout(kLong);
    return Train(trial, observer);
  });
  EXPECT_TRUE(Eventually([&] { return WorkerOf(server).busy_slots() == 1; }));
  // The lease lives through four times its length of the server's time.
  for (int i = 0; i < 5; ++i) {
    clock.Advance(absl::Milliseconds(500));
    EXPECT_TRUE(Eventually([&] {
      const auto seen = WorkerOf(server).last_seen_time();
      return absl::FromUnixSeconds(seen.seconds()) + absl::Nanoseconds(seen.nanos()) == clock.Now();
    }));
  }
  enough.Notify();
  EXPECT_TRUE(agent.listener().WaitFor("succeeded"));
  EXPECT_EQ(TrialOf(server, 0).attempt(), 1);
}

TEST(AgentTest, StopsATrialThatIsCancelled) {
  testing::LocalServer server;
  Submit(server, 1);
  absl::Notification started;
  RunningAgent agent(
      OptionsFor(server),
      [&](const spec::TrialSpec&, const std::string&, TrialObserver& observer) -> TrialOutcome {
        observer.OnStart(kDigest, 100);
        started.Notify();
        EXPECT_TRUE(WaitToBeStopped(observer));
        return TrialStopped{};
      });
  ASSERT_TRUE(started.WaitForNotificationWithTimeout(kLong));
  v1::CancelSweepRequest request;
  request.set_name("sweeps/lab-1");
  server.Call(server.sweeps(), &v1::SweepService::Stub::CancelSweep, request);
  EXPECT_TRUE(agent.listener().WaitFor("cancelled"));
  EXPECT_EQ(TrialOf(server, 0).state(), v1::Trial::STATE_CANCELLED);
}

TEST(AgentTest, DropsATrialWhoseLeaseIsLostAndGoesOn) {
  SimulatedClock clock;
  testing::LocalServer server(clock);
  Submit(server, 1);
  std::atomic<int> runs{0};
  absl::Notification started;
  RunningAgent agent(OptionsFor(server),
                     [&](const spec::TrialSpec& trial, const std::string&,
                         TrialObserver& observer) -> TrialOutcome {
                       if (++runs > 1) return Train(trial, observer);
                       observer.OnStart(kDigest, 100);
                       started.Notify();
                       EXPECT_TRUE(WaitToBeStopped(observer));
                       return TrialStopped{};
                     });
  ASSERT_TRUE(started.WaitForNotificationWithTimeout(kLong));
  EXPECT_TRUE(Eventually([&] {
    if (TrialOf(server, 0).attempts(0).outcome() == "LEASE_EXPIRED") return true;
    clock.Advance(absl::Seconds(16));
    return false;
  }));
  EXPECT_TRUE(agent.listener().WaitFor("lost"));
  clock.Advance(absl::Seconds(2));  // the back-off; then the second attempt finishes it
  EXPECT_TRUE(agent.listener().WaitFor("succeeded"));
  const v1::Trial trial = TrialOf(server, 0);
  EXPECT_GE(trial.attempt(), 2);
  EXPECT_TRUE(trial.has_result());
}

TEST(AgentTest, BringsItsResultToTheServerThatComesBack) {
  testing::LocalServer server;
  Submit(server, 3);
  absl::Notification started, may_end;
  std::atomic<int> runs{0};
  RunningAgent agent(OptionsFor(server), [&](const spec::TrialSpec& trial, const std::string&,
                                             TrialObserver& observer) {
    if (++runs == 1) {
      observer.OnStart(kDigest, 100);
      started.Notify();
      may_end.WaitForNotificationWithTimeout(kLong);
    }
    return Train(trial, observer, "a checkpoint");
  });
  ASSERT_TRUE(started.WaitForNotificationWithTimeout(kLong));
  server.Stop();
  may_end.Notify();
  ASSERT_TRUE(agent.listener().WaitFor("failed UploadArtifact"));
  server.Start();
  EXPECT_TRUE(agent.listener().WaitFor("succeeded", 3));
  EXPECT_EQ(TrialOf(server, 0).attempt(), 1);
  EXPECT_FALSE(TrialOf(server, 0).model().empty());
  EXPECT_EQ(WorkerOf(server).name(), "workers/alpha");  // it has registered again
  EXPECT_THAT(agent.Drain(), IsOk());
}

TEST(AgentTest, StartsBeforeItsServer) {
  testing::LocalServer server;
  Submit(server, 1);
  server.Stop();
  RunningAgent agent(OptionsFor(server), TrainWell);
  server.Start();
  EXPECT_TRUE(agent.listener().WaitFor("succeeded"));
}

TEST(AgentTest, DrainsWhileItsServerIsAway) {
  testing::LocalServer server;
  server.Stop();
  RunningAgent agent(OptionsFor(server), TrainWell);
  EXPECT_THAT(agent.Drain(), IsOk());
}

TEST(AgentTest, DrainLetsARunningTrialFinishAndGivesTheRestBack) {
  testing::LocalServer server;
  Submit(server, 4);
  AgentOptions options = OptionsFor(server);
  options.prefetch = 2;
  options.grace = kLong;
  std::atomic<int> runs{0};
  absl::Notification second_runs, may_end;
  RunningAgent agent(
      options, [&](const spec::TrialSpec& trial, const std::string&, TrialObserver& observer) {
        if (++runs == 2) {
          second_runs.Notify();
          may_end.WaitForNotificationWithTimeout(kLong);
        }
        return Train(trial, observer);
      });
  ASSERT_TRUE(second_runs.WaitForNotificationWithTimeout(kLong));
  ASSERT_TRUE(agent.listener().WaitFor("held 3"));  // it, and two that wait
  agent.BeginDrain();
  EXPECT_TRUE(Eventually([&] {
    return TrialOf(server, 2).state() == v1::Trial::STATE_QUEUED &&
           TrialOf(server, 3).state() == v1::Trial::STATE_QUEUED;
  }));
  may_end.Notify();
  EXPECT_THAT(agent.Join(), IsOk());
  EXPECT_EQ(TrialOf(server, 1).state(), v1::Trial::STATE_SUCCEEDED);
  EXPECT_EQ(runs, 2);
}

TEST(AgentTest, DrainGivesARunningTrialBackAfterTheGrace) {
  testing::LocalServer server;
  Submit(server, 1);
  AgentOptions options = OptionsFor(server);
  options.grace = absl::ZeroDuration();
  absl::Notification started;
  RunningAgent agent(
      options,
      [&](const spec::TrialSpec&, const std::string&, TrialObserver& observer) -> TrialOutcome {
        observer.OnStart(kDigest, 100);
        started.Notify();
        EXPECT_TRUE(WaitToBeStopped(observer));
        return TrialStopped{};
      });
  ASSERT_TRUE(started.WaitForNotificationWithTimeout(kLong));
  EXPECT_THAT(agent.Drain(), IsOk());
  EXPECT_EQ(agent.listener().Count("released"), 1);
  EXPECT_EQ(TrialOf(server, 0).state(), v1::Trial::STATE_QUEUED);
  EXPECT_EQ(TrialOf(server, 0).attempts(0).outcome(), "RELEASED");
}

TEST(AgentTest, DrainsWhenTheServerSaysSo) {
  testing::LocalServer server;
  RunningAgent agent(OptionsFor(server), TrainWell);
  ASSERT_TRUE(Eventually([&] { return WorkerOf(server).name() == "workers/alpha"; }));
  v1::DrainWorkerRequest request;
  request.set_name("workers/alpha");
  server.Call(server.admin(), &v1::AdminService::Stub::DrainWorker, request);
  EXPECT_THAT(agent.Join(), IsOk());
}

TEST(AgentTest, EndsWhenAnotherProcessTakesItsName) {
  testing::LocalServer server;
  Submit(server, 1);
  absl::Notification started;
  RunningAgent agent(
      OptionsFor(server),
      [&](const spec::TrialSpec&, const std::string&, TrialObserver& observer) -> TrialOutcome {
        observer.OnStart(kDigest, 100);
        started.Notify();
        EXPECT_TRUE(WaitToBeStopped(observer));
        return TrialStopped{};
      });
  ASSERT_TRUE(started.WaitForNotificationWithTimeout(kLong));
  v1::RegisterWorkerRequest request;
  request.set_name("workers/alpha");
  request.set_instance_id("another");
  request.set_slots(1);
  server.Call(server.workers(), &v1::WorkerService::Stub::RegisterWorker, request);
  const absl::Status status = agent.Join();
  EXPECT_THAT(status, StatusIs(absl::StatusCode::kFailedPrecondition));
  EXPECT_EQ(ReasonOf(status), "WORKER_SUPERSEDED");
  EXPECT_EQ(agent.listener().Count("lost"), 1);
}

TEST(AgentTest, EndsWhenTheServerRefusesItsName) {
  testing::LocalServer server;
  AgentOptions options = OptionsFor(server);
  options.name = "No Name";
  RunningAgent agent(options, TrainWell);
  EXPECT_THAT(agent.Join(), StatusIs(absl::StatusCode::kInvalidArgument));
}

TEST(ServerApiTest, CancellingTheWaitEndsAPollAndEveryLaterOne) {
  testing::LocalServer server;
  ServerApi api(server.address(), nullptr, "workers/alpha", "p-1");
  ASSERT_THAT(api.Register(1, "0.1.0", {}, "host-1"), IsOk());
  absl::Status first;
  std::thread poll([&] { first = api.Lease(1, absl::Seconds(30)).status(); });
  api.CancelWait();
  poll.join();
  EXPECT_THAT(first, StatusIs(absl::StatusCode::kCancelled));
  EXPECT_THAT(api.Lease(1, absl::Seconds(30)), StatusIs(absl::StatusCode::kCancelled));
}

TEST(ServerApiTest, GivesUpOnAServerThatAcceptsAndDoesNotAnswer) {
  const int listening = socket(AF_INET, SOCK_STREAM, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t length = sizeof(address);
  ASSERT_EQ(bind(listening, reinterpret_cast<sockaddr*>(&address), length), 0);
  ASSERT_EQ(listen(listening, 8), 0);
  ASSERT_EQ(getsockname(listening, reinterpret_cast<sockaddr*>(&address), &length), 0);
  ServerApi api(fmt::format("127.0.0.1:{}", ntohs(address.sin_port)), nullptr, "workers/alpha",
                "p-1");
  const absl::Status status = api.Renew({}, 0, absl::Milliseconds(100)).status();
  close(listening);
  EXPECT_TRUE(IsTransient(status)) << status;
}

TEST(ServerApiTest, TriesAgainOnlyWhatMaySucceedLater) {
  EXPECT_TRUE(IsTransient(absl::UnavailableError("")));
  EXPECT_TRUE(IsTransient(absl::DeadlineExceededError("")));
  EXPECT_TRUE(IsTransient(absl::ResourceExhaustedError("")));
  EXPECT_FALSE(IsTransient(absl::AbortedError("")));
  EXPECT_FALSE(IsTransient(absl::InvalidArgumentError("")));
  EXPECT_FALSE(IsTransient(absl::NotFoundError("")));
  EXPECT_FALSE(IsTransient(absl::DataLossError("")));
}

}  // namespace
}  // namespace bitsweep::worker
