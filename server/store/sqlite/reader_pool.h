// SPDX-License-Identifier: Apache-2.0
#ifndef BITSWEEP_SERVER_STORE_SQLITE_READER_POOL_H_
#define BITSWEEP_SERVER_STORE_SQLITE_READER_POOL_H_

#include <memory>
#include <string>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/synchronization/mutex.h"
#include "server/store/sqlite/connection.h"

namespace bitsweep::store {

// Query-only connections, made as they are needed. Thread-safe.
class ReaderPool {
 public:
  ReaderPool(std::string file, int readers) : file_(std::move(file)), readers_(readers) {}

  // Runs `operation` on one snapshot of the store; waits when all connections are in use.
  absl::Status Read(absl::FunctionRef<absl::Status(Connection&)> operation);

 private:
  std::unique_ptr<Connection> Take();
  void GiveBack(std::unique_ptr<Connection> connection);

  const std::string file_;
  const int readers_;
  absl::Mutex mu_;
  std::vector<std::unique_ptr<Connection>> idle_ ABSL_GUARDED_BY(mu_);
  int made_ ABSL_GUARDED_BY(mu_) = 0;
};

}  // namespace bitsweep::store

#endif  // BITSWEEP_SERVER_STORE_SQLITE_READER_POOL_H_
