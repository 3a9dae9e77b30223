// SPDX-License-Identifier: Apache-2.0
// Commands that go on for a while, and models, against the real server and the machine's clock.
#include <fstream>
#include <thread>

#include "absl/synchronization/notification.h"
#include "core/base/sha256.h"
#include "core/graph/checkpoint.h"
#include "core/graph/zoo.h"
#include "gmock/gmock.h"
#include "tests/client/command_line.h"
#include "tests/client/scripted_worker.h"
#include "tests/support/local_server.h"

namespace bitsweep::client {
namespace {

using ::testing::AllOf;
using ::testing::EndsWith;
using ::testing::HasSubstr;

class WatchTest : public ::testing::Test {
 protected:
  WatchTest() { cli_.environment["BITSWEEP_SERVER"] = server_.address(); }

  std::string Write(const std::string& text) const {
    const std::string path = (folder_.path() / "sweep.toml").string();
    std::ofstream(path) << text;
    return path;
  }
  std::string TwoTrials() const {
    return Write(R"(sweep_id = "lab-1"
[sweep]
model.builtin = "jsc-tiny"
dataset.name = "synthetic-jets"
base.max_epochs = 1
grid.batch_size = [32, 64])");
  }

  testing::LocalServer server_;
  testing::TempDir folder_;
  CommandLine cli_;
};

TEST_F(WatchTest, SubmitAndWatchEndsWithTheResults) {
  const std::string file = TwoTrials();
  Ran ran;
  std::thread command([&] { ran = cli_.Run({"sweep", "submit", file, "--watch"}); });
  ScriptedWorker worker(server_);
  // The sweep is there once it can be asked for; Call throws while it is not.
  bool is_there = false;
  const absl::Time give_up = absl::Now() + absl::Seconds(20);
  while (!is_there && absl::Now() < give_up) {
    is_there = cli_.Run({"sweep", "show", "lab-1"}).code == 0;
  }
  EXPECT_TRUE(is_there);
  worker.Succeed(0.5, 1.0, 0.5, 1.0);
  worker.Succeed(0.75, 1.0, 0.5, 1.0);
  command.join();
  EXPECT_EQ(ran.code, 0);
  EXPECT_THAT(ran.out, AllOf(HasSubstr("sweeps/lab-1: 2 configurations x 1 repeat = 2 trials\n"),
                             HasSubstr("configuration  batch_size  n  val_acc_mean")));
  EXPECT_THAT(ran.err, EndsWith("2/2  SUCCEEDED  best val_acc 0.7500\n"));
}

TEST_F(WatchTest, TimeoutEndsWatching) {
  ASSERT_EQ(cli_.Run({"sweep", "submit", TwoTrials()}).code, 0);
  const Ran ran = cli_.Run({"sweep", "watch", "lab-1", "--timeout", "300ms"});
  EXPECT_EQ(ran.code, 4);
  EXPECT_THAT(ran.err, HasSubstr("0/2  QUEUED\n"));
  EXPECT_THAT(ran.err, HasSubstr("DEADLINE_EXCEEDED"));
}

TEST_F(WatchTest, GoesOnWhenTheServerComesBack) {
  ASSERT_EQ(cli_.Run({"sweep", "submit", TwoTrials()}).code, 0);
  // Its progress tells when it has begun and when it has lost the server.
  class Listener final : public std::stringbuf {
   public:
    absl::Notification begun, lost;

   protected:
    int sync() override {
      if (!begun.HasBeenNotified() && str().find("0/2") != std::string::npos) begun.Notify();
      if (!lost.HasBeenNotified() && str().find("trying again") != std::string::npos) lost.Notify();
      return 0;
    }
  } listener;
  std::ostream err(&listener);
  std::ostringstream out;
  Context context;
  context.server = server_.address();
  context.out = &out;
  context.err = &err;
  int code = -1;
  std::thread command([&] { code = WatchSweep(context, "sweeps/lab-1"); });
  EXPECT_TRUE(listener.begun.WaitForNotificationWithTimeout(absl::Seconds(20)));
  server_.Stop();
  EXPECT_TRUE(listener.lost.WaitForNotificationWithTimeout(absl::Seconds(20)));
  server_.Start();
  ScriptedWorker worker(server_);
  worker.Succeed(0.5, 1.0, 0.5, 1.0);
  worker.Succeed(0.5, 1.0, 0.5, 1.0);
  command.join();
  EXPECT_EQ(code, 0);
}

TEST_F(WatchTest, AServerThatWasNeverThereIsToldAtOnce) {
  const Ran ran =
      cli_.Run({"sweep", "watch", "lab-1", "--server", "127.0.0.1:1", "--timeout", "300ms"});
  EXPECT_EQ(ran.code, 4);
  EXPECT_THAT(ran.err, HasSubstr("is bitsweep-server running at 127.0.0.1:1?"));
}

TEST_F(WatchTest, ModelCommandsShowAndSaveACheckpoint) {
  auto graph = graph::BuildModel("jsc-tiny", {});
  ASSERT_TRUE(graph.ok());
  graph::Checkpoint checkpoint{.graph = *graph};
  for (const auto& tensor : graph->tensors()) {
    std::size_t size = 1;
    for (const std::int64_t side : tensor.shape) size *= static_cast<std::size_t>(side);
    graph::TensorValue value{.name = tensor.name};
    if (tensor.is_int64) {
      value.i64.assign(size, 3);
    } else {
      value.f32.assign(size, 0.5F);
    }
    checkpoint.tensors.push_back(std::move(value));
  }
  const std::string bytes = graph::SerializeCheckpoint(checkpoint);
  ASSERT_EQ(cli_.Run({"sweep", "submit", TwoTrials()}).code, 0);
  ScriptedWorker worker(server_);
  worker.SucceedWithModel(0.5, bytes, "jsc-tiny", 117);

  EXPECT_THAT(cli_.Run({"model", "list"}).out, AllOf(HasSubstr("lab-1-0\tjsc-tiny\t117\t0.5\t"),
                                                     HasSubstr("\tsweeps/lab-1/trials/0\n")));
  EXPECT_THAT(cli_.Run({"model", "show", "lab-1-0"}).out,
              AllOf(HasSubstr("graph         jsc-tiny, 117 parameters\n"),
                    HasSubstr("seq_blocks.2.weight\t5 x 16\tf32\tyes\n")));
  const std::string file = (folder_.path() / "best.bsck").string();
  const Ran ran = cli_.Run({"model", "download", "models/lab-1-0", "-o", file});
  EXPECT_EQ(ran.code, 0) << ran.err;
  std::ifstream stream(file, std::ios::binary);
  const std::string saved((std::istreambuf_iterator<char>(stream)),
                          std::istreambuf_iterator<char>());
  EXPECT_EQ(saved, bytes);
  EXPECT_EQ(cli_.Run({"model", "download", "lab-1-0", "-o", "/nonexistent/x"}).code, 3);
}

}  // namespace
}  // namespace bitsweep::client
