// SPDX-License-Identifier: Apache-2.0
// Copies of the whole store, made while it is used.
#include <sqlite3.h>

#include <atomic>
#include <filesystem>
#include <utility>
#include <vector>

#include "absl/cleanup/cleanup.h"
#include "core/base/errors.h"
#include "core/base/ids.h"
#include "core/base/status_macros.h"
#include "fmt/format.h"
#include "server/store/sqlite/rows.h"
#include "server/store/sqlite/sqlite_store.h"
#include "server/store/sqlite/tar_stream.h"
#include "server/store/sqlite/verify.h"

namespace bitsweep::store {

namespace fs = std::filesystem;

// The folder of one backup, which goes with it, and the sign that one is under way.
class BackupFolder {
 public:
  // REQUIRES: the caller has set `is_backing_up`.
  BackupFolder(fs::path path, std::atomic<bool>& is_backing_up)
      : path_(std::move(path)), is_backing_up_(is_backing_up) {}
  ~BackupFolder() {
    std::error_code error;
    fs::remove_all(path_, error);
    is_backing_up_ = false;
  }
  BackupFolder(const BackupFolder&) = delete;
  BackupFolder& operator=(const BackupFolder&) = delete;
  const fs::path& path() const { return path_; }

 private:
  const fs::path path_;
  std::atomic<bool>& is_backing_up_;
};

namespace {

class FolderBackup final : public Backup {
 public:
  FolderBackup(std::unique_ptr<BackupFolder> folder, std::unique_ptr<TarStream> stream,
               VerifyReport contents)
      : folder_(std::move(folder)), contents_(std::move(contents)), stream_(std::move(stream)) {}

  absl::StatusOr<std::string> Next(std::size_t max_bytes) override {
    return stream_->Next(max_bytes);
  }
  const VerifyReport& contents() const override { return contents_; }

 private:
  const std::unique_ptr<BackupFolder> folder_;
  const VerifyReport contents_;
  const std::unique_ptr<TarStream> stream_;  // reads the folder: goes before it
};

constexpr int kPagesAStep = 4096;  // 16 MiB

absl::Status GivenUp() { return absl::CancelledError("the backup was given up"); }

// Copies what `source`'s transaction sees, as one file without a log beside it. Cancelled when
// `keep_going` says so.
absl::Status CopyDatabase(Connection& source, const std::string& file,
                          absl::FunctionRef<bool()> keep_going) {
  sqlite3* target = nullptr;
  int code =
      sqlite3_open_v2(file.c_str(), &target,
                      SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX, nullptr);
  const absl::Cleanup close_it = [&] { sqlite3_close_v2(target); };
  sqlite3_backup* copy =
      code == SQLITE_OK ? sqlite3_backup_init(target, "main", source.handle(), "main") : nullptr;
  if (copy == nullptr) {
    throw SqliteError(sqlite3_extended_errcode(target),
                      fmt::format("copying the store: {}", sqlite3_errmsg(target)));
  }
  bool is_wanted = true;
  do {
    code = sqlite3_backup_step(copy, kPagesAStep);
    is_wanted = keep_going();
  } while (code == SQLITE_OK && is_wanted);
  sqlite3_backup_finish(copy);
  if (!is_wanted) return GivenUp();
  if (code == SQLITE_DONE) {
    code = sqlite3_exec(target, "PRAGMA journal_mode = DELETE", nullptr, nullptr, nullptr);
  }
  if (code == SQLITE_OK) return absl::OkStatus();
  throw SqliteError(code, fmt::format("copying the store: {}", sqlite3_errmsg(target)));
}

absl::Status BackupDamaged(const std::vector<StoreProblem>& problems) {
  return ErrorWithDetails(
      absl::StatusCode::kDataLoss,
      fmt::format("the copy is not as promised: {} (and {} more); see VerifyStore",
                  problems[0].description, problems.size() - 1),
      {.reason = "BACKUP_DAMAGED", .metadata = {{"check", problems[0].check}}});
}

// Opens the copy as a server would, and looks at all of it.
absl::StatusOr<VerifyReport> CheckCopy(const fs::path& folder,
                                       absl::FunctionRef<bool()> keep_going) {
  VerifyReport report;
  std::vector<ArtifactRecord> artifacts;
  {
    Connection db((folder / "bitsweep.db").string(), OpenMode::kReadOnly);
    VerifyRows(db, VerifyDepth::kDeep, report);
    Statement row = db.Query("SELECT sha256, size_bytes FROM artifacts");
    while (row.Step()) artifacts.push_back({row.Text(0), row.Int(1), {}});
  }
  report.artifacts = static_cast<std::int64_t>(artifacts.size());
  const std::unique_ptr<ArtifactFiles> files = ArtifactFiles::Look(folder / "artifacts");
  for (const ArtifactRecord& artifact : artifacts) {
    if (!keep_going()) return GivenUp();
    const absl::Status status = files->Check(artifact.sha256, artifact.size_bytes);
    if (!status.ok()) report.problems.push_back({"artifacts", std::string(status.message())});
  }
  if (!report.problems.empty()) return BackupDamaged(report.problems);
  return report;
}

}  // namespace

absl::StatusOr<std::unique_ptr<Backup>> SqliteStore::CopyInto(
    std::unique_ptr<BackupFolder> folder, absl::Time now, absl::FunctionRef<bool()> keep_going) {
  const fs::path links = folder->path() / "artifacts";
  Connection source((fs::path(options_.data_dir) / "bitsweep.db").string(), OpenMode::kReadOnly);
  std::vector<std::string> artifacts;
  // No row of an artifact is removed from here on, and so no file that a row still has. In a
  // transaction of its own: what the same one removed before is committed with it, and unseen
  // below.
  const auto set_linking = [this](bool is_linking) {
    return writer_.Run([&](Connection&) {
      is_linking_ = is_linking;
      return absl::OkStatus();
    });
  };
  absl::Status linked = set_linking(true);
  if (linked.ok()) {
    // One moment for all rows. On the writer thread, where nothing is committed meanwhile.
    linked = writer_.Run([&](Connection&) -> absl::Status {
      source.Run("BEGIN");
      Statement row = source.Query("SELECT sha256 FROM artifacts");
      while (row.Step()) artifacts.push_back(row.Text(0));
      return absl::OkStatus();
    });
  }
  for (std::size_t i = 0; linked.ok() && i < artifacts.size(); ++i) {
    // A file that is missing is found by CheckCopy.
    linked = files_->LinkInto(links, artifacts[i]);
    if (absl::IsNotFound(linked)) linked = absl::OkStatus();
    if (linked.ok() && !keep_going()) linked = GivenUp();
  }
  const absl::Status released = set_linking(false);
  RETURN_IF_ERROR(linked);
  RETURN_IF_ERROR(released);
  RETURN_IF_ERROR(CopyDatabase(source, (folder->path() / "bitsweep.db").string(), keep_going));
  source.Run("COMMIT");
  ASSIGN_OR_RETURN(VerifyReport contents, CheckCopy(folder->path(), keep_going));
  ASSIGN_OR_RETURN(std::unique_ptr<TarStream> stream, TarStream::Open(folder->path(), now));
  return std::make_unique<FolderBackup>(std::move(folder), std::move(stream), std::move(contents));
}

absl::StatusOr<std::unique_ptr<Backup>> SqliteStore::StartBackup(
    absl::Time now, absl::FunctionRef<bool()> keep_going) {
  if (is_backing_up_.exchange(true)) {
    return ErrorWithDetails(absl::StatusCode::kFailedPrecondition,
                            "another backup is under way: one at a time",
                            {.reason = "BACKUP_RUNNING"});
  }
  absl::Cleanup not_begun = [this] { is_backing_up_ = false; };
  std::int64_t bytes = 0;
  for (const char* name : {"bitsweep.db", "bitsweep.db-wal"}) {
    std::error_code error;
    const auto size = fs::file_size(fs::path(options_.data_dir) / name, error);
    if (!error) bytes += static_cast<std::int64_t>(size);
  }
  RETURN_IF_ERROR(CheckSpace(options_.min_free_bytes + bytes));
  ASSIGN_OR_RETURN(fs::path path, files_->MakeTemporaryFolder("backup"));
  std::error_code error;
  fs::create_directories(path / "artifacts", error);
  auto folder = std::make_unique<BackupFolder>(std::move(path), is_backing_up_);
  std::move(not_begun).Cancel();  // the folder's from here on
  try {
    return CopyInto(std::move(folder), now, keep_going);
  } catch (const SqliteError& sqlite_error) {
    return ToStatus(sqlite_error);
  }
}

absl::Status SqliteStore::NoteBackup(absl::Time time) {
  return writer_.Run([&](Connection& db) {
    db.Run(
        "INSERT INTO settings (key, value) VALUES ('last_backup', ?1) "
        "ON CONFLICT (key) DO UPDATE SET value = max(value, ?1)",
        ToMicros(time));
    return absl::OkStatus();
  });
}

}  // namespace bitsweep::store
