// SPDX-License-Identifier: Apache-2.0
#include "server/store/sqlite/open.h"

#include <fcntl.h>
#include <sqlite3.h>
#include <sys/file.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <filesystem>

#include "core/base/errors.h"
#include "core/base/status_macros.h"
#include "fmt/format.h"
#include "server/store/sqlite/rows.h"
#include "server/store/sqlite/schema.h"
#include "server/store/sqlite/sqlite_store.h"
#include "server/store/sqlite/transitions.h"
#include "server/store/sqlite/verify.h"

namespace bitsweep::store {
namespace {

namespace fs = std::filesystem;

std::string DbFile(const std::string& data_dir) {
  return (fs::path(data_dir) / "bitsweep.db").string();
}

std::int64_t FreeBytes(const std::string& folder) {
  struct statvfs info {};
  if (statvfs(folder.c_str(), &info) != 0) return 0;
  return static_cast<std::int64_t>(info.f_bavail) * static_cast<std::int64_t>(info.f_frsize);
}

std::int64_t FileBytes(const std::string& file) {
  std::error_code error;
  const auto bytes = fs::file_size(file, error);
  return error ? 0 : static_cast<std::int64_t>(bytes);
}

// One server owns the folder: flock, which a crash releases.
absl::StatusOr<int> LockFolder(const fs::path& folder) {
  const fs::path file = folder / "bitsweep.lock";
  const int fd = open(file.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0644);
  if (fd < 0) {
    return absl::FailedPreconditionError(
        fmt::format("cannot write in the data folder {}", folder.string()));
  }
  if (flock(fd, LOCK_EX | LOCK_NB) != 0) {
    close(fd);
    return absl::FailedPreconditionError(
        fmt::format("the data folder {} is in use by another bitsweep-server", folder.string()));
  }
  return fd;
}

absl::Status Damaged(const std::string& file, std::string_view why) {
  return absl::DataLossError(fmt::format("{} is damaged ({}): restore a backup", file, why));
}

absl::Status CheckFile(Connection& db, const std::string& file) {
  Statement check = db.Query("PRAGMA quick_check(1)");
  if (check.Step() && check.Text(0) != "ok") {
    return Damaged(file, check.Text(0));
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<std::unique_ptr<Store>> OpenSqliteStore(const SqliteStoreOptions& options) {
  std::error_code error;
  fs::create_directories(options.data_dir, error);
  if (!fs::is_directory(options.data_dir)) {
    return absl::FailedPreconditionError(
        fmt::format("cannot make the data folder {}: {}", options.data_dir, error.message()));
  }
  ASSIGN_OR_RETURN(const int lock, LockFolder(options.data_dir));
  try {
    auto connection = std::make_unique<Connection>(DbFile(options.data_dir), OpenMode::kReadWrite);
    absl::Status status = CheckFile(*connection, DbFile(options.data_dir));
    if (status.ok()) status = Migrate(*connection);
    VerifyReport report;
    if (status.ok()) VerifyRows(*connection, VerifyDepth::kCounters, report);
    if (status.ok() && !report.problems.empty()) {
      status = absl::FailedPreconditionError(
          fmt::format("the store's counters do not match its rows: {} (and {} more)",
                      report.problems[0].description, report.problems.size() - 1));
    }
    absl::StatusOr<std::unique_ptr<ArtifactFiles>> files =
        ArtifactFiles::Open(fs::path(options.data_dir) / "artifacts");
    if (status.ok()) status = files.status();
    if (!status.ok()) {
      close(lock);
      return status;
    }
    return std::make_unique<SqliteStore>(options, std::move(connection), *std::move(files), lock);
  } catch (const SqliteError& sqlite_error) {
    close(lock);
    const absl::Status status = ToStatus(sqlite_error);
    if (absl::IsDataLoss(status)) return Damaged(DbFile(options.data_dir), sqlite_error.what());
    return status;
  }
}

SqliteStore::SqliteStore(const SqliteStoreOptions& options, std::unique_ptr<Connection> connection,
                         std::unique_ptr<ArtifactFiles> files, int lock_fd)
    : options_(options),
      lock_fd_(lock_fd),
      files_(std::move(files)),
      writer_(
          std::move(connection),
          [this](Connection& db) {
            RefreshTouched(db);
            touched_.clear();
          },
          options.observer),
      readers_(DbFile(options.data_dir), options.readers) {}

SqliteStore::~SqliteStore() {
  writer_.Close();
  close(lock_fd_);
}

absl::Status SqliteStore::CheckSpace(std::int64_t reserve_bytes) const {
  const std::int64_t free_bytes = FreeBytes(options_.data_dir);
  if (free_bytes >= reserve_bytes) return absl::OkStatus();
  return ErrorWithDetails(absl::StatusCode::kResourceExhausted,
                          fmt::format("{} bytes are free in {}, {} are kept in reserve", free_bytes,
                                      options_.data_dir, reserve_bytes),
                          {.reason = "STORE_FULL", .retry_after = absl::Seconds(30)});
}

absl::StatusOr<StoreInfo> SqliteStore::Info() {
  StoreInfo info{.sqlite_version = SqliteVersion(), .schema_version = SchemaVersion()};
  RETURN_IF_ERROR(readers_.Read([&](Connection& db) {
    Statement row = db.Query(
        "SELECT c.state, s.kind = 'TRANSFORM', sum(c.jobs) FROM counters c JOIN submissions s ON "
        "s.id = c.submission GROUP BY 1, 2");
    while (row.Step()) {
      const auto state = spec::ParseJobState(row.Text(0));
      if (!state) continue;
      info.counts.Of(*state) += row.Int(2);
      if (row.Int(1) != 0) info.transform_counts.Of(*state) = row.Int(2);
    }
    Statement oldest = db.Query(
        "SELECT min((SELECT queued_since FROM jobs WHERE submission = s.id AND state = 'QUEUED' "
        "ORDER BY not_before, id LIMIT 1)) FROM queue_sources s WHERE s.end_time IS NULL AND "
        "s.paused = 0");
    if (oldest.Step()) info.oldest_queued = MaybeTime(oldest, 0);
    Statement ready = db.Query(
        "SELECT coalesce(sum(c.jobs), 0) FROM queue_sources s JOIN counters c ON c.submission = "
        "s.id AND c.state = 'QUEUED' WHERE s.end_time IS NULL AND s.paused = 0");
    if (ready.Step()) info.ready = ready.Int(0);
    Statement backup = db.Query("SELECT value FROM settings WHERE key = 'last_backup'");
    if (backup.Step()) info.last_backup = MaybeTime(backup, 0);
    return absl::OkStatus();
  }));
  const std::string file = DbFile(options_.data_dir);
  info.store_bytes = FileBytes(file);
  info.wal_bytes = FileBytes(file + "-wal");
  info.free_bytes = FreeBytes(options_.data_dir);
  info.commits = writer_.commits();
  info.operations = writer_.operations();
  return info;
}

absl::StatusOr<SubmissionCounts> SqliteStore::CountSubmissions(SubmissionKind kind) {
  SubmissionCounts counts;
  RETURN_IF_ERROR(readers_.Read([&](Connection& db) {
    Statement row =
        db.Query(fmt::format("SELECT state, count(*) FROM {} GROUP BY state", TableOf(kind)));
    while (row.Step()) {
      if (const auto state = spec::ParseSweepState(row.Text(0))) counts[*state] = row.Int(1);
    }
    return absl::OkStatus();
  }));
  return counts;
}

std::string SqliteVersion() { return sqlite3_libversion(); }

}  // namespace bitsweep::store
