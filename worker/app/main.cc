// SPDX-License-Identifier: Apache-2.0
#include <unistd.h>

#include <array>
#include <csignal>
#include <iostream>
#include <string>
#include <thread>

#include "CLI/CLI.hpp"
#include "core/base/clock.h"
#include "core/base/ids.h"
#include "core/base/logging.h"
#include "core/options/layered_options.h"
#include "core/options/server_access.h"
#include "core/options/value_options.h"
#include "fmt/format.h"
#include "spdlog/spdlog.h"
#include "worker/agent/agent.h"
#include "worker/app/worker_metrics.h"
#include "worker/train/torch_executor.h"

namespace {

constexpr char kAbout[] =
    "Bitsweep's worker: gets trials from a server, trains them with LibTorch and brings the "
    "results back.";
constexpr std::int64_t kMaxSlots = 4096;

struct WorkerOptions {
  bitsweep::worker::AgentOptions agent;
  bitsweep::options::ServerAccess access;
  std::string data_root = ".";
  std::string metrics_listen = "127.0.0.1:9465";
  std::string port_file;
  std::int64_t prefetch = -1;  // as many as slots
};

std::string HostName() {
  std::array<char, 256> name{};
  return gethostname(name.data(), name.size() - 1) == 0 ? name.data() : "unknown";
}

// "worker-" and what of the host's name an id may hold, so that a restart has the same name.
std::string DefaultName(const std::string& host) {
  std::string name = "worker-";
  for (const char c : host.substr(0, host.find('.'))) {
    const auto byte = static_cast<unsigned char>(c);
    if (std::isalnum(byte) && byte < 128) name += static_cast<char>(std::tolower(byte));
    if (c == '-' || c == '_') name += '-';
  }
  return name.substr(0, 63);
}

void Register(WorkerOptions& options, CLI::App& app) {
  bitsweep::worker::AgentOptions& agent = options.agent;
  app.add_option("--server", agent.server, "Address of the server")
      ->type_name("ADDRESS")
      ->capture_default_str();
  bitsweep::options::AddServerAccess(app, options.access);
  app.add_option("--slots", agent.slots, "Trials at the same time (default: the machine's cores)")
      ->check(CLI::Range(std::int64_t{1}, kMaxSlots))
      ->capture_default_str();
  app.add_option("--data-root", options.data_root, "Folder that data sets are read below")
      ->check(CLI::ExistingDirectory)
      ->capture_default_str();
  app.add_option(
         "--name", agent.name,
         "Name of this worker, [a-z][a-z0-9-]{3,62}; one process at a time has it (default: "
         "worker- and the host's name)")
      ->type_name("NAME")
      ->capture_default_str();
  app.add_option("--metrics-listen", options.metrics_listen,
                 "Address to serve Prometheus metrics on, or off")
      ->type_name("ADDRESS")
      ->capture_default_str();
  app.add_option("--port-file", options.port_file,
                 "File to write \"metrics=PORT\" to, once it serves")
      ->type_name("FILE");
  app.add_option("--prefetch", options.prefetch,
                 "Trials held ready beyond those that run, while trials take less than 2 seconds "
                 "(default: as many as slots)")
      ->check(CLI::Range(std::int64_t{0}, kMaxSlots));
  bitsweep::options::AddDuration(app, "--grace", agent.grace, absl::ZeroDuration(),
                                 "How long running trials may go on after SIGTERM");
}

int Fail(const absl::Status& status) {
  std::cerr << "bitsweep-worker: " << std::string(status.message()) << "\n";
  return 1;
}

absl::Status StartMetrics(const WorkerOptions& options, bitsweep::worker::WorkerMetrics& metrics) {
  int port = 0;
  if (options.metrics_listen != "off") {
    const absl::StatusOr<int> served = metrics.Serve(options.metrics_listen);
    if (!served.ok()) return served.status();
    port = *served;
  }
  if (options.port_file.empty()) return absl::OkStatus();
  return bitsweep::options::WriteWholeFile(options.port_file, fmt::format("metrics={}\n", port));
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App app(kAbout);
  WorkerOptions options;
  options.agent.host = HostName();
  options.agent.name = DefaultName(options.agent.host);
  options.agent.slots = std::max(1U, std::thread::hardware_concurrency());
  Register(options, app);
  bitsweep::options::LayeredOptions layered(app, "bitsweep-worker");
  if (const std::optional<int> code = layered.Parse(argc, argv)) return *code;
  if (!bitsweep::IsValidResourceId(options.agent.name)) {
    return Fail(absl::InvalidArgumentError(
        fmt::format("--name {}: expected [a-z][a-z0-9-]{{3,62}}", options.agent.name)));
  }
  options.agent.prefetch = options.prefetch < 0 ? options.agent.slots : options.prefetch;
  if (const absl::Status status = bitsweep::SetUpLogging(layered.log_options()); !status.ok()) {
    return Fail(status);
  }

  // Every thread inherits the mask, gRPC's too: the signals come to the thread below and nowhere
  // else.
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGTERM);
  sigaddset(&signals, SIGINT);
  sigaddset(&signals, SIGUSR1);  // ends that thread
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  std::signal(SIGPIPE, SIG_IGN);

  auto channel = bitsweep::worker::OpenChannel(options.agent.server, options.access);
  if (!channel.ok()) return Fail(channel.status());
  options.agent.channel = *std::move(channel);

  bitsweep::train::TorchExecutor executor(options.data_root, bitsweep::SystemClock());
  bitsweep::worker::WorkerMetrics metrics(options.agent.slots, executor.Engines());
  if (const absl::Status status = StartMetrics(options, metrics); !status.ok()) return Fail(status);
  bitsweep::worker::Agent agent(options.agent, executor, bitsweep::SystemClock(), metrics);
  std::thread signal_thread([&] {
    int received = 0;
    sigwait(&signals, &received);
    if (received == SIGUSR1) return;
    spdlog::info("stopping signal={}; a second one stops at once", received);
    agent.BeginDrain();
    sigwait(&signals, &received);
    if (received != SIGUSR1) _exit(1);
  });
  const absl::Status status = agent.Run();
  pthread_kill(signal_thread.native_handle(), SIGUSR1);
  signal_thread.join();
  if (!status.ok()) return Fail(status);
  spdlog::info("stopped");
  return 0;
}
