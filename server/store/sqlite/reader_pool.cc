// SPDX-License-Identifier: Apache-2.0
#include "server/store/sqlite/reader_pool.h"

namespace bitsweep::store {

absl::Status ReaderPool::Read(absl::FunctionRef<absl::Status(Connection&)> operation) {
  std::unique_ptr<Connection> connection;
  absl::Status status;
  try {
    connection = Take();
    connection->Run("BEGIN");
    status = operation(*connection);
    connection->Run("COMMIT");
  } catch (const SqliteError& error) {
    status = ToStatus(error);
    connection = nullptr;  // whatever state it is in: the next reader gets a new one
  }
  GiveBack(std::move(connection));
  return status;
}

std::unique_ptr<Connection> ReaderPool::Take() {
  {
    absl::MutexLock lock(&mu_);
    const auto available = [this]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_) {
      return !idle_.empty() || made_ < readers_;
    };
    mu_.Await(absl::Condition(&available));
    if (!idle_.empty()) {
      std::unique_ptr<Connection> connection = std::move(idle_.back());
      idle_.pop_back();
      return connection;
    }
    ++made_;
  }
  return std::make_unique<Connection>(file_, OpenMode::kReadOnly);
}

void ReaderPool::GiveBack(std::unique_ptr<Connection> connection) {
  absl::MutexLock lock(&mu_);
  if (connection == nullptr) {
    --made_;
  } else {
    idle_.push_back(std::move(connection));
  }
}

}  // namespace bitsweep::store
