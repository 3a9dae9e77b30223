// SPDX-License-Identifier: Apache-2.0
#include <csignal>
#include <iostream>

#include "CLI/CLI.hpp"
#include "absl/synchronization/mutex.h"
#include "core/base/clock.h"
#include "core/base/logging.h"
#include "core/options/layered_options.h"
#include "server/app/server.h"
#include "server/app/server_options.h"
#include "spdlog/spdlog.h"

namespace {

constexpr char kAbout[] =
    "Bitsweep's server: queues sweeps of small neural networks, hands their trials to workers over "
    "gRPC and keeps every result in SQLite.";

int Fail(const absl::Status& status) {
  std::cerr << "bitsweep-server: " << status.message() << "\n";
  return 1;
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App app(kAbout);
  bitsweep::server::ServerOptions options;
  Register(options, app);
  bitsweep::options::LayeredOptions layered(app, "bitsweep-server");
  if (const std::optional<int> code = layered.Parse(argc, argv)) return *code;
  if (const absl::Status status = Check(options); !status.ok()) return Fail(status);
  if (const absl::Status status = bitsweep::SetUpLogging(layered.log_options()); !status.ok()) {
    return Fail(status);
  }

#ifdef NDEBUG
  // Debian's Abseil looks for cycles of locks at each lock; builds with assertions leave it on.
  absl::SetMutexDeadlockDetectionMode(absl::OnDeadlockCycle::kIgnore);
#endif

  // Every thread inherits the mask: the signals come to sigwait below and nowhere else.
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGTERM);
  sigaddset(&signals, SIGINT);
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  std::signal(SIGPIPE, SIG_IGN);

  auto server = bitsweep::server::Server::Start(options, bitsweep::SystemClock());
  if (!server.ok()) return Fail(server.status());
  int received = 0;
  sigwait(&signals, &received);
  spdlog::info("stopping signal={}; a second one stops at once", received);
  pthread_sigmask(SIG_UNBLOCK, &signals, nullptr);
  (*server)->Stop();
  server->reset();
  spdlog::info("stopped");
  return 0;
}
