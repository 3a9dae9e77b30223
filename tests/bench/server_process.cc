// SPDX-License-Identifier: Apache-2.0
#include "tests/bench/server_process.h"

#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <csignal>
#include <fstream>
#include <sstream>
#include <stdexcept>
#include <thread>

#include "fmt/format.h"

namespace bitsweep::bench {
namespace {

constexpr auto kStartLimit = std::chrono::seconds(20);

// A line of /proc/PID/status such as "VmRSS:  1234 kB", in bytes.
std::int64_t StatusBytes(pid_t pid, const std::string& key) {
  std::ifstream file(fmt::format("/proc/{}/status", pid));
  for (std::string line; std::getline(file, line);) {
    if (line.starts_with(key + ":")) return std::stoll(line.substr(key.size() + 1)) * 1024;
  }
  throw std::runtime_error(fmt::format("/proc/{}/status has no {}", pid, key));
}

}  // namespace

ServerProcess::ServerProcess(const std::filesystem::path& program,
                             const std::filesystem::path& folder)
    : folder_(folder / "server") {
  std::filesystem::create_directories(folder_);
  const std::string port_file = folder_ / "ports";
  std::array<std::string, 11> words = {
      program,      "--listen",       "127.0.0.1:0", "--metrics-listen", "127.0.0.1:0",
      "--data-dir", folder_ / "data", "--port-file", port_file,          "--log-level",
      "warn"};
  std::array<char*, words.size() + 1> arguments{};
  for (std::size_t i = 0; i < words.size(); ++i) arguments[i] = words[i].data();
  const int failed =
      posix_spawn(&pid_, program.c_str(), nullptr, nullptr, arguments.data(), environ);
  if (failed != 0) throw std::runtime_error(fmt::format("cannot start {}", program.string()));
  const auto give_up = std::chrono::steady_clock::now() + kStartLimit;
  while (port_ == 0) {
    std::ifstream file(port_file);
    std::string line;
    if (std::getline(file, line) && line.starts_with("grpc=")) {
      port_ = std::stoi(line.substr(5));
      break;
    }
    int status = 0;
    if (waitpid(pid_, &status, WNOHANG) == pid_ || std::chrono::steady_clock::now() > give_up) {
      throw std::runtime_error(fmt::format("{} does not serve", program.string()));
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
}

ServerProcess::~ServerProcess() {
  kill(pid_, SIGTERM);
  waitpid(pid_, nullptr, 0);
  std::error_code ignored;  // the caller's folder goes too
  std::filesystem::remove_all(folder_, ignored);
}

std::string ServerProcess::address() const { return fmt::format("127.0.0.1:{}", port_); }

std::shared_ptr<grpc::Channel> ServerProcess::NewChannel() const {
  grpc::ChannelArguments arguments;
  arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
  return grpc::CreateCustomChannel(address(), grpc::InsecureChannelCredentials(), arguments);
}

std::int64_t ServerProcess::ResidentBytes() const { return StatusBytes(pid_, "VmRSS"); }
std::int64_t ServerProcess::PeakResidentBytes() const { return StatusBytes(pid_, "VmHWM"); }

double ServerProcess::CpuSeconds() const {
  std::ifstream file(fmt::format("/proc/{}/stat", pid_));
  std::string line;
  std::getline(file, line);
  // The program's name is in parentheses; utime and stime are the 12th and 13th field after it.
  std::istringstream fields(line.substr(line.rfind(')') + 1));
  std::string field;
  std::int64_t ticks = 0;
  for (int i = 1; fields >> field && i <= 13; ++i) {
    if (i >= 12) ticks += std::stoll(field);
  }
  return static_cast<double>(ticks) / static_cast<double>(sysconf(_SC_CLK_TCK));
}

}  // namespace bitsweep::bench
