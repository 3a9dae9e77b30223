// SPDX-License-Identifier: Apache-2.0
#include "server/store/sqlite/writer.h"

#include <sqlite3.h>

#include "absl/time/clock.h"
#include "core/base/errors.h"
#include "core/base/failpoint.h"
#include "spdlog/spdlog.h"

namespace bitsweep::store {
namespace {

constexpr std::size_t kMaxGroup = 256;
constexpr int kCheckpointPages = 4000;  // about 16 MiB of WAL
constexpr int kTruncatePages = 40000;   // about 160 MiB: a reader held it up for long
const absl::Duration kTruncatePause = absl::Minutes(1);
constexpr int kLockPauseMs = 10;  // while another process has the lock,
constexpr int kLockTries = 500;   // 5 s long

}  // namespace

Writer::Writer(std::unique_ptr<Connection> connection, BeforeCommit before_commit,
               StoreObserver* observer)
    : connection_(std::move(connection)),
      before_commit_(std::move(before_commit)),
      observer_(observer != nullptr ? *observer : no_observer_) {
  sqlite3_wal_hook(
      connection_->handle(),
      [](void* self, sqlite3*, const char*, int pages) {
        static_cast<Writer*>(self)->wal_pages_ = pages;
        return SQLITE_OK;
      },
      this);
  sqlite3_busy_handler(
      connection_->handle(),
      [](void* self, int tries) { return static_cast<Writer*>(self)->WaitForLock(tries) ? 1 : 0; },
      this);
  thread_ = std::thread([this] { Loop(); });
}

Writer::~Writer() { Close(); }

void Writer::Close() {
  {
    absl::MutexLock lock(&mu_);
    closing_ = true;
  }
  if (thread_.joinable()) thread_.join();
}

absl::Status Writer::Run(WriteOp op, Operation operation) {
  Item item{op, operation, absl::OkStatus(), {}};
  {
    absl::MutexLock lock(&mu_);
    if (closing_) {
      return ErrorWithDetails(absl::StatusCode::kUnavailable, "the store is closing",
                              {.reason = "STORE_CLOSING", .retry_after = absl::Seconds(1)});
    }
    waiting_.push_back(&item);
  }
  item.done.WaitForNotification();
  return item.status;
}

std::int64_t Writer::commits() const {
  absl::MutexLock lock(&mu_);
  return commits_;
}

std::int64_t Writer::operations() const {
  absl::MutexLock lock(&mu_);
  return operations_;
}

void Writer::Loop() {
  while (true) {
    std::deque<Item*> group;
    {
      absl::MutexLock lock(&mu_);
      const auto ready = [this]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_) {
        return closing_ || !waiting_.empty();
      };
      mu_.Await(absl::Condition(&ready));
      if (waiting_.empty()) break;
      while (!waiting_.empty() && group.size() < kMaxGroup) {
        group.push_back(waiting_.front());
        waiting_.pop_front();
      }
    }
    RunGroup(group);
    {
      absl::MutexLock lock(&mu_);
      commits_ += 1;
      operations_ += static_cast<std::int64_t>(group.size());
    }
    for (Item* item : group) item->done.Notify();
    MaybeCheckpoint();
  }
  sqlite3_wal_checkpoint_v2(connection_->handle(), nullptr, SQLITE_CHECKPOINT_TRUNCATE, nullptr,
                            nullptr);
}

void Writer::RunGroup(std::deque<Item*>& group) {
  const absl::Time start = absl::Now();
  try {
    connection_->Run("BEGIN IMMEDIATE");
    absl::Time begun = absl::Now();
    for (Item* item : group) begun = RunOne(*item, begun);
    before_commit_(*connection_);
    Failpoint("store.before_commit");
    const absl::Time ready = absl::Now();
    connection_->Run("COMMIT");
    observer_.OnFsync(absl::Now() - ready);
    Failpoint("store.after_commit");
  } catch (const SqliteError& error) {
    const absl::Status status = ToStatus(error);
    spdlog::error("store commit failed operations={} error=\"{}\"", group.size(), error.what());
    if (connection_->InTransaction()) {
      sqlite3_exec(connection_->handle(), "ROLLBACK", nullptr, nullptr, nullptr);
    }
    for (Item* item : group) {
      if (item->status.ok()) item->status = status;
    }
  }
  observer_.OnCommit(static_cast<std::int64_t>(group.size()), absl::Now() - start);
}

absl::Time Writer::RunOne(Item& item, absl::Time start) {
  const std::int64_t rows_before = connection_->TotalChanges();
  connection_->Run("SAVEPOINT operation");
  try {
    item.status = item.operation(*connection_);
  } catch (const SqliteError& error) {
    item.status = ToStatus(error);
    // Some errors (a full disk, for one) have ended the whole transaction already.
    if (!connection_->InTransaction()) throw;
  }
  if (!item.status.ok()) connection_->Run("ROLLBACK TO operation");
  connection_->Run("RELEASE operation");
  const absl::Time end = absl::Now();
  observer_.OnWrite(item.op, end - start, connection_->TotalChanges() - rows_before);
  return end;
}

bool Writer::WaitForLock(int tries) {
  if (tries == 0 && !is_checkpointing_) observer_.OnBusy();
  if (tries >= kLockTries) return false;
  sqlite3_sleep(kLockPauseMs);
  return true;
}

void Writer::MaybeCheckpoint() {
  if (wal_pages_ < kCheckpointPages) return;
  int pages = 0;
  int done = 0;
  const absl::Time start = absl::Now();
  // It waits for readers, and everything for it: not each time while one reads for long.
  const bool truncates = wal_pages_ >= kTruncatePages && start >= next_truncate_;
  if (truncates) next_truncate_ = start + kTruncatePause;
  const int mode = truncates ? SQLITE_CHECKPOINT_TRUNCATE : SQLITE_CHECKPOINT_PASSIVE;
  is_checkpointing_ = true;
  const int code = sqlite3_wal_checkpoint_v2(connection_->handle(), nullptr, mode, &pages, &done);
  is_checkpointing_ = false;
  observer_.OnCheckpoint(absl::Now() - start, code == SQLITE_BUSY || done < pages);
  if (code != SQLITE_OK && code != SQLITE_BUSY) {
    spdlog::warn("store checkpoint failed error=\"{}\"", sqlite3_errmsg(connection_->handle()));
  }
}

}  // namespace bitsweep::store
