// SPDX-License-Identifier: Apache-2.0
#ifndef BITSWEEP_SERVER_STORE_SQLITE_WRITER_H_
#define BITSWEEP_SERVER_STORE_SQLITE_WRITER_H_

#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <string>
#include <thread>

#include "absl/base/thread_annotations.h"
#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/synchronization/mutex.h"
#include "absl/synchronization/notification.h"
#include "server/store/sqlite/connection.h"
#include "server/store/store.h"

namespace bitsweep::store {

// The one thread and connection that writes. Operations that wait are run one after another inside
// one transaction and answered after its commit: many callers, one fsync. An operation that fails
// is rolled back alone; a commit that fails, or what runs before it, fails all of its group. It
// also runs the checkpoints: no other connection does.
//
// Thread-safe. The destructor runs what waits and checkpoints.
class Writer {
 public:
  using Operation = absl::FunctionRef<absl::Status(Connection&)>;

  // Runs on the writer thread after the operations of a group, inside their transaction.
  using BeforeCommit = std::function<void(Connection&)>;

  // Takes a connection that nobody else uses.
  Writer(std::unique_ptr<Connection> connection, BeforeCommit before_commit,
         StoreObserver* observer);
  ~Writer();

  // Runs `operation` on the writer thread; returns its status, or the commit's when that failed.
  // When it is OK the changes are durable. Unavailable after Close.
  absl::Status Run(WriteOp op, Operation operation);
  absl::Status Run(Operation operation) { return Run(WriteOp::kOther, operation); }
  void Close();

  std::int64_t commits() const;
  std::int64_t operations() const;

 private:
  struct Item {
    WriteOp op;
    Operation operation;
    absl::Status status;
    absl::Notification done;
  };

  void Loop();
  void RunGroup(std::deque<Item*>& group);
  // Returns when it ended: the clock is read once for the end of one and the start of the next.
  absl::Time RunOne(Item& item, absl::Time start);
  // SQLite asks, for the `tries`th time, whether to try again.
  bool WaitForLock(int tries);
  void MaybeCheckpoint();

  const std::unique_ptr<Connection> connection_;
  const BeforeCommit before_commit_;
  StoreObserver no_observer_;
  StoreObserver& observer_;
  mutable absl::Mutex mu_;
  std::deque<Item*> waiting_ ABSL_GUARDED_BY(mu_);
  bool closing_ ABSL_GUARDED_BY(mu_) = false;
  std::int64_t commits_ ABSL_GUARDED_BY(mu_) = 0;
  std::int64_t operations_ ABSL_GUARDED_BY(mu_) = 0;
  int wal_pages_ = 0;                                // writer thread only
  bool is_checkpointing_ = false;                    // the same
  absl::Time next_truncate_ = absl::InfinitePast();  // the same
  std::thread thread_;
};

}  // namespace bitsweep::store

#endif  // BITSWEEP_SERVER_STORE_SQLITE_WRITER_H_
