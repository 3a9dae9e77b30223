// SPDX-License-Identifier: Apache-2.0
#ifndef BITSWEEP_TESTS_BENCH_SERVER_PROCESS_H_
#define BITSWEEP_TESTS_BENCH_SERVER_PROCESS_H_

#include <sys/types.h>

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>

#include "grpcpp/grpcpp.h"

namespace bitsweep::bench {

// A bitsweep-server in a process of its own, on a free port of the loopback, with a fresh store
// below `folder` (removed with it). Throws std::runtime_error when it does not start.
class ServerProcess {
 public:
  ServerProcess(const std::filesystem::path& program, const std::filesystem::path& folder);
  ~ServerProcess();
  ServerProcess(const ServerProcess&) = delete;
  ServerProcess& operator=(const ServerProcess&) = delete;

  std::string address() const;
  // A connection that no other channel of this process shares.
  std::shared_ptr<grpc::Channel> NewChannel() const;
  // Resident memory in bytes: now, and at its highest.
  std::int64_t ResidentBytes() const;
  std::int64_t PeakResidentBytes() const;
  // Processor time used so far, in seconds.
  double CpuSeconds() const;

 private:
  std::filesystem::path folder_;
  pid_t pid_ = 0;
  int port_ = 0;
};

}  // namespace bitsweep::bench

#endif  // BITSWEEP_TESTS_BENCH_SERVER_PROCESS_H_
