// SPDX-License-Identifier: Apache-2.0
// The server as a whole: administration, health, reflection, limits, and its end.
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <sys/wait.h>

#include <cstdlib>
#include <fstream>
#include <future>

#include "core/base/clock.h"
#include "core/spec/plan.h"
#include "core/spec/spec_json.h"
#include "fmt/format.h"
#include "gmock/gmock.h"
#include "server/rpc/access_control.h"
#include "server/rpc/sweep_service.h"
#include "server/scheduler/observer.h"
#include "server/store/sqlite/open.h"
#include "tests/server/rpc/raw_call.h"
#include "tests/server/rpc/rpc_fixture.h"
#include "tests/support/status_matchers.h"

extern char** environ;

namespace bitsweep::rpc {
namespace {

using ::testing::HasSubstr;
using testing::IsOk;
using testing::StatusIs;

class ServerTest : public RpcTest {};

TEST_F(ServerTest, SaysWhatItIsAndHowItStands) {
  Submit("lab-1", 3);
  Register("worker-1");
  const auto answer = Call(&Admin::GetServerInfo);
  ASSERT_TRUE(answer.ok()) << answer.error.message;
  const v1::GetServerInfoResponse& info = answer.response;
  EXPECT_FALSE(info.version().empty());
  EXPECT_EQ(info.grpc_version(), grpc::Version());
  EXPECT_THAT(info.sqlite_version(), HasSubstr("3."));
  EXPECT_GT(info.schema_version(), 0);
  EXPECT_FALSE(info.queue_paused());
  EXPECT_EQ(info.counts().queued(), 3);
  EXPECT_EQ(info.live_workers(), 1);
  EXPECT_EQ(info.live_slots(), 2);
  EXPECT_GT(info.store_bytes(), 0);
  EXPECT_GT(info.free_bytes(), 0);
  EXPECT_EQ(info.max_trials_per_sweep(), 1000000);
}

TEST_F(ServerTest, ListsWorkersByNameInPages) {
  for (const char* worker : {"worker-3", "worker-1", "worker-2"}) Register(worker);
  const auto first = Call(&Admin::ListWorkers, R"({"page_size": 2})");
  ASSERT_TRUE(first.ok()) << first.error.message;
  ASSERT_EQ(first.response.workers_size(), 2);
  EXPECT_EQ(first.response.workers(0).name(), "workers/worker-1");
  EXPECT_EQ(first.response.workers(0).state(), v1::Worker::STATE_LIVE);
  EXPECT_EQ(first.response.workers(0).slots(), 2);
  EXPECT_EQ(first.response.workers(1).name(), "workers/worker-2");
  const auto second = Call(&Admin::ListWorkers, fmt::format(R"({{"page_token": "{}"}})",
                                                            first.response.next_page_token()));
  ASSERT_TRUE(second.ok()) << second.error.message;
  ASSERT_EQ(second.response.workers_size(), 1);
  EXPECT_EQ(second.response.workers(0).name(), "workers/worker-3");
  EXPECT_EQ(second.response.next_page_token(), "");
}

TEST_F(ServerTest, AWorkerOfAnEarlierLifeIsLost) {
  Register("worker-1");
  StartServer();
  const auto answer = Call(&Admin::ListWorkers);
  ASSERT_TRUE(answer.ok()) << answer.error.message;
  ASSERT_EQ(answer.response.workers_size(), 1);
  EXPECT_EQ(answer.response.workers(0).state(), v1::Worker::STATE_LOST);
}

TEST_F(ServerTest, APausedQueueSurvivesARestart) {
  ASSERT_TRUE(Call(&Admin::PauseQueue).ok());
  StartServer();
  EXPECT_TRUE(Call(&Admin::GetServerInfo).response.queue_paused());
  ASSERT_TRUE(Call(&Admin::ResumeQueue).ok());
  EXPECT_FALSE(Call(&Admin::GetServerInfo).response.queue_paused());
}

TEST_F(ServerTest, WhatWasSubmittedSurvivesARestart) {
  Submit("lab-1", 4);
  StartServer();
  const auto answer = Call(&Sweeps::GetSweep, R"({"name": "sweeps/lab-1"})");
  ASSERT_TRUE(answer.ok()) << answer.error.message;
  EXPECT_EQ(answer.response.sweep().counts().queued(), 4);
}

TEST_F(ServerTest, AFolderHasOneServer) {
  const auto second = server::Server::Start(
      {.listen = "127.0.0.1:0", .data_dir = folder_.path().string(), .metrics_listen = "off"},
      SystemClock());
  EXPECT_THAT(second.status(),
              StatusIs(absl::StatusCode::kFailedPrecondition, HasSubstr(folder_.path().string())));
}

TEST_F(ServerTest, APortHasOneServer) {
  testing::TempDir other;
  const auto second =
      server::Server::Start({.listen = fmt::format("127.0.0.1:{}", server_->grpc_port()),
                             .data_dir = other.path().string(),
                             .metrics_listen = "off"},
                            SystemClock());
  EXPECT_THAT(second.status(),
              StatusIs(absl::StatusCode::kUnavailable, HasSubstr("cannot listen")));
}

TEST_F(ServerTest, ListensToOtherMachinesOnlyWhenTold) {
  testing::TempDir other;
  const auto open = server::Server::Start(
      {.listen = "0.0.0.0:0", .data_dir = other.path().string(), .metrics_listen = "off"},
      SystemClock());
  EXPECT_THAT(open.status(), StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("--insecure")));
}

TEST_F(ServerTest, AnUnknownMethodIsUnimplemented) {
  RawCall call(channel_, "/bitsweep.v1.SweepService/Nope", "");
  EXPECT_EQ(call.Read(), "");
  EXPECT_EQ(call.Finish().error_code(), grpc::StatusCode::UNIMPLEMENTED);
}

// Of HealthCheckResponse{status}: field 1, varint.
constexpr char kServing[] = "\x08\x01";
constexpr char kNotServing[] = "\x08\x02";

TEST_F(ServerTest, IsHealthyUntilItDrains) {
  RawCall watch(channel_, "/grpc.health.v1.Health/Watch", "");
  EXPECT_EQ(watch.Read(), kServing);
  auto stopped = std::async(std::launch::async, [this] { server_->Stop(); });
  EXPECT_EQ(watch.Read(), kNotServing);
  stopped.get();
}

TEST_F(ServerTest, AnswersHealthChecks) {
  EXPECT_EQ(RawCall(channel_, "/grpc.health.v1.Health/Check", "").Read(), kServing);
}

TEST_F(ServerTest, ListsItsServicesByReflection) {
  // ServerReflectionRequest{list_services: "*"}: field 7, length 1.
  const std::string services =
      RawCall(channel_, "/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo",
              "\x3a\x01*")
          .Read();
  for (const char* service :
       {"bitsweep.v1.SweepService", "bitsweep.v1.ModelService", "bitsweep.v1.ArtifactService",
        "bitsweep.v1.WorkerService", "bitsweep.v1.AdminService", "grpc.health.v1.Health"}) {
    EXPECT_THAT(services, HasSubstr(service));
  }
}

TEST(FullStoreTest, RefusesSubmitsAndSaysWhenToComeBack) {
  testing::TempDir folder;
  const auto store = store::OpenSqliteStore(
      {.data_dir = folder.path().string(), .min_free_bytes = std::int64_t{1} << 60});
  ASSERT_THAT(store, IsOk());
  scheduler::SchedulerObserver observer;
  scheduler::Scheduler scheduler(**store, SystemClock(), {}, observer);
  metrics::ServerMetrics metrics({});
  const AccessControl access(**store, SystemClock(), {});
  SweepServiceImpl service(access, scheduler, **store, metrics, SystemClock());
  grpc::ServerContext context;
  const auto request = FromJson<v1::SubmitSweepRequest>(
      R"({"sweep": {"model": {"builtin": "jsc-tiny"}, "dataset": {"name": "synthetic-jets"}}})");
  v1::SubmitSweepResponse response;
  const Error error = Decode(service.SubmitSweep(&context, &request, &response));
  EXPECT_EQ(error.code, grpc::StatusCode::RESOURCE_EXHAUSTED);
  EXPECT_EQ(error.reason, "STORE_FULL");
  EXPECT_EQ(error.domain, "bitsweep");
  EXPECT_EQ(error.retry_seconds, 30);
  EXPECT_THAT(metrics.Text(),
              HasSubstr("bitsweep_admission_rejected_total{reason=\"store_full\"} 1"));
}

TEST(DrainingServerTest, RefusesSubmitsAndSaysWhenToComeBack) {
  testing::TempDir folder;
  const auto store = store::OpenSqliteStore({.data_dir = folder.path().string()});
  ASSERT_THAT(store, IsOk());
  scheduler::SchedulerObserver observer;
  scheduler::Scheduler scheduler(**store, SystemClock(), {}, observer);
  metrics::ServerMetrics metrics({});
  const AccessControl access(**store, SystemClock(), {});
  SweepServiceImpl service(access, scheduler, **store, metrics, SystemClock());
  grpc::ServerContext context;
  scheduler.BeginDrain();
  const auto request = FromJson<v1::SubmitSweepRequest>(
      R"({"sweep": {"model": {"builtin": "jsc-tiny"}, "dataset": {"name": "synthetic-jets"}}})");
  v1::SubmitSweepResponse response;
  const Error error = Decode(service.SubmitSweep(&context, &request, &response));
  EXPECT_EQ(error.code, grpc::StatusCode::UNAVAILABLE);
  EXPECT_EQ(error.reason, "SERVER_DRAINING");
  EXPECT_EQ(error.retry_seconds, 1);
  EXPECT_THAT(metrics.Text(),
              HasSubstr("bitsweep_admission_rejected_total{reason=\"draining\"} 1"));
}

// The program itself. BITSWEEP_SERVER_PROGRAM names it.
class ProgramTest : public ::testing::TestWithParam<int> {};

TEST_P(ProgramTest, EndsWellOnASignal) {
  const char* program = std::getenv("BITSWEEP_SERVER_PROGRAM");
  ASSERT_NE(program, nullptr) << "run by ctest, or set BITSWEEP_SERVER_PROGRAM";
  testing::TempDir folder;
  int ends[2];
  ASSERT_EQ(pipe2(ends, O_CLOEXEC), 0);
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_adddup2(&actions, ends[1], 1);
  posix_spawn_file_actions_adddup2(&actions, ends[1], 2);
  const std::string data_dir = (folder.path() / "data").string();
  std::vector<std::string> words = {program,       "--listen",    "127.0.0.1:0",
                                    "--data-dir",  data_dir,      "--metrics-listen",
                                    "127.0.0.1:0", "--port-file", folder.path() / "ports"};
  std::vector<char*> argv;
  for (std::string& word : words) argv.push_back(word.data());
  argv.push_back(nullptr);
  pid_t pid = 0;
  ASSERT_EQ(posix_spawn(&pid, program, &actions, nullptr, argv.data(), environ), 0);
  posix_spawn_file_actions_destroy(&actions);
  close(ends[1]);

  std::string log;
  FILE* output = fdopen(ends[0], "r");
  char line[4096];
  bool signalled = false;
  while (fgets(line, sizeof line, output) != nullptr) {
    log += line;
    if (!signalled && std::string(line).find("serving ") != std::string::npos) {
      signalled = true;
      kill(pid, GetParam());
    }
  }
  fclose(output);
  int status = 0;
  ASSERT_EQ(waitpid(pid, &status, 0), pid);
  EXPECT_TRUE(WIFEXITED(status)) << log;
  EXPECT_EQ(WEXITSTATUS(status), 0) << log;
  EXPECT_THAT(log, HasSubstr("stopped"));
  std::ifstream ports(folder.path() / "ports");
  std::string text;
  std::getline(ports, text);
  EXPECT_THAT(text, ::testing::MatchesRegex("grpc=[0-9]+ metrics=[0-9]+"));
}

INSTANTIATE_TEST_SUITE_P(Signals, ProgramTest, ::testing::Values(SIGTERM, SIGINT));

}  // namespace
}  // namespace bitsweep::rpc
