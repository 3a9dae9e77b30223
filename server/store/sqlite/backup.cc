// SPDX-License-Identifier: Apache-2.0
// Copies of the whole store, made while it is used.
#include <sqlite3.h>

#include <filesystem>
#include <utility>

#include "core/base/errors.h"
#include "core/base/ids.h"
#include "core/base/status_macros.h"
#include "fmt/format.h"
#include "server/store/sqlite/rows.h"
#include "server/store/sqlite/sqlite_store.h"
#include "server/store/sqlite/tar_stream.h"
#include "server/store/sqlite/verify.h"

namespace bitsweep::store {
namespace {

namespace fs = std::filesystem;

// A folder that goes when this goes.
class TemporaryFolder {
 public:
  explicit TemporaryFolder(fs::path path) : path_(std::move(path)) {}
  ~TemporaryFolder() {
    std::error_code error;
    fs::remove_all(path_, error);
  }
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;
  const fs::path& path() const { return path_; }

 private:
  const fs::path path_;
};

class FolderBackup final : public Backup {
 public:
  FolderBackup(std::unique_ptr<TemporaryFolder> folder, std::unique_ptr<TarStream> stream,
               VerifyReport contents)
      : folder_(std::move(folder)), contents_(std::move(contents)), stream_(std::move(stream)) {}

  absl::StatusOr<std::string> Next(std::size_t max_bytes) override {
    return stream_->Next(max_bytes);
  }
  const VerifyReport& contents() const override { return contents_; }

 private:
  const std::unique_ptr<TemporaryFolder> folder_;
  const VerifyReport contents_;
  const std::unique_ptr<TarStream> stream_;  // reads the folder: goes before it
};

// Copies what `source`'s transaction sees, as one file without a log beside it.
void CopyDatabase(Connection& source, const std::string& file) {
  sqlite3* target = nullptr;
  int code =
      sqlite3_open_v2(file.c_str(), &target,
                      SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX, nullptr);
  sqlite3_backup* copy =
      code == SQLITE_OK ? sqlite3_backup_init(target, "main", source.handle(), "main") : nullptr;
  if (copy != nullptr) {
    code = sqlite3_backup_step(copy, -1);
    sqlite3_backup_finish(copy);
    if (code == SQLITE_DONE) {
      code = sqlite3_exec(target, "PRAGMA journal_mode = DELETE", nullptr, nullptr, nullptr);
    }
  } else if (code == SQLITE_OK) {
    code = sqlite3_extended_errcode(target);
  }
  const std::string message = fmt::format("copying the store: {}", sqlite3_errmsg(target));
  sqlite3_close_v2(target);
  if (code != SQLITE_OK) throw SqliteError(code, message);
}

absl::Status BackupDamaged(const std::vector<StoreProblem>& problems) {
  return ErrorWithDetails(
      absl::StatusCode::kDataLoss,
      fmt::format("the copy is not as promised: {} (and {} more); see VerifyStore",
                  problems[0].description, problems.size() - 1),
      {.reason = "BACKUP_DAMAGED", .metadata = {{"check", problems[0].check}}});
}

// Opens the copy as a server would, and looks at all of it.
absl::StatusOr<VerifyReport> CheckCopy(const fs::path& folder) {
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
    const absl::Status status = files->Check(artifact.sha256, artifact.size_bytes);
    if (!status.ok()) report.problems.push_back({"artifacts", std::string(status.message())});
  }
  if (!report.problems.empty()) return BackupDamaged(report.problems);
  return report;
}

}  // namespace

absl::StatusOr<std::unique_ptr<Backup>> SqliteStore::StartBackup(absl::Time now) {
  const fs::path file = fs::path(options_.data_dir) / "bitsweep.db";
  std::error_code error;
  const auto bytes = static_cast<std::int64_t>(fs::file_size(file, error));
  RETURN_IF_ERROR(CheckSpace(options_.min_free_bytes + (error ? 0 : bytes)));
  ASSIGN_OR_RETURN(fs::path path, files_->MakeTemporaryFolder("backup"));
  auto folder = std::make_unique<TemporaryFolder>(std::move(path));
  fs::create_directories(folder->path() / "artifacts", error);
  try {
    Connection source(file.string(), OpenMode::kReadOnly);
    // One moment for rows and files: on the writer thread nothing is committed or removed
    // meanwhile.
    RETURN_IF_ERROR(writer_.Run([&](Connection&) -> absl::Status {
      source.Run("BEGIN");
      Statement row = source.Query("SELECT sha256 FROM artifacts");
      while (row.Step()) {
        RETURN_IF_ERROR(files_->LinkInto(folder->path() / "artifacts", row.Text(0)));
      }
      return absl::OkStatus();
    }));
    CopyDatabase(source, (folder->path() / "bitsweep.db").string());
    source.Run("COMMIT");
    ASSIGN_OR_RETURN(VerifyReport contents, CheckCopy(folder->path()));
    ASSIGN_OR_RETURN(std::unique_ptr<TarStream> stream, TarStream::Open(folder->path(), now));
    return std::make_unique<FolderBackup>(std::move(folder), std::move(stream),
                                          std::move(contents));
  } catch (const SqliteError& sqlite_error) {
    return ToStatus(sqlite_error);
  }
}

}  // namespace bitsweep::store
