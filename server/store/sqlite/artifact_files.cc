// SPDX-License-Identifier: Apache-2.0
#include "server/store/sqlite/artifact_files.h"

#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "absl/cleanup/cleanup.h"
#include "absl/time/time.h"
#include "core/base/errors.h"
#include "core/base/ids.h"
#include "fmt/format.h"

namespace bitsweep::store {
namespace {

namespace fs = std::filesystem;

absl::Status IoError(const fs::path& path, const char* doing) {
  const int error = errno;
  const std::string message = fmt::format("{} {}: {}", doing, path.string(), std::strerror(error));
  if (error == ENOSPC || error == EDQUOT) {
    return ErrorWithDetails(absl::StatusCode::kResourceExhausted, message,
                            {.reason = "STORE_FULL", .retry_after = absl::Seconds(30)});
  }
  return absl::InternalError(message);
}

absl::Status SyncFolder(const fs::path& folder) {
  const int fd = open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (fd < 0) return IoError(folder, "opening");
  const absl::Cleanup close_it = [fd] { close(fd); };
  return fsync(fd) == 0 ? absl::OkStatus() : IoError(folder, "syncing");
}

}  // namespace

ArtifactFile::ArtifactFile(fs::path temporary, int fd, fs::path target)
    : temporary_(std::move(temporary)), target_(std::move(target)), fd_(fd) {}

ArtifactFile::~ArtifactFile() {
  if (fd_ >= 0) {
    close(fd_);
    unlink(temporary_.c_str());
  }
}

absl::Status ArtifactFile::Append(std::string_view bytes) {
  sha_.Update(bytes);
  size_ += static_cast<std::int64_t>(bytes.size());
  while (!bytes.empty()) {
    const ssize_t written = write(fd_, bytes.data(), bytes.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return IoError(temporary_, "writing");
    bytes.remove_prefix(static_cast<std::size_t>(written));
  }
  return absl::OkStatus();
}

std::string ArtifactFile::Digest() { return ToHex(sha_.Finish()); }

absl::Status ArtifactFile::Sync() {
  return fsync(fd_) == 0 ? absl::OkStatus() : IoError(temporary_, "syncing");
}

absl::Status ArtifactFile::Publish() {
  std::error_code error;
  const bool made = fs::create_directory(target_.parent_path(), error);
  if (rename(temporary_.c_str(), target_.c_str()) != 0) return IoError(target_, "naming");
  close(fd_);
  fd_ = -1;
  if (made) {
    if (absl::Status s = SyncFolder(target_.parent_path().parent_path()); !s.ok()) return s;
  }
  return SyncFolder(target_.parent_path());
}

absl::StatusOr<std::unique_ptr<ArtifactFiles>> ArtifactFiles::Open(const fs::path& folder) {
  std::error_code error;
  fs::create_directories(folder, error);
  fs::remove_all(folder / "tmp", error);
  fs::create_directories(folder / "tmp", error);
  if (!fs::is_directory(folder / "tmp")) {
    return absl::FailedPreconditionError(
        fmt::format("cannot make the folder {}: {}", (folder / "tmp").string(), error.message()));
  }
  return std::unique_ptr<ArtifactFiles>(new ArtifactFiles(folder));
}

std::unique_ptr<ArtifactFiles> ArtifactFiles::Look(const fs::path& folder) {
  return std::unique_ptr<ArtifactFiles>(new ArtifactFiles(folder));
}

fs::path ArtifactFiles::PathOf(const std::string& sha256) const {
  return folder_ / sha256.substr(0, 2) / sha256;
}

absl::StatusOr<std::unique_ptr<ArtifactFile>> ArtifactFiles::Begin(const std::string& sha256) {
  std::string path = (folder_ / "tmp" / "upload-XXXXXX").string();
  const int fd = mkostemp(path.data(), O_CLOEXEC);
  if (fd < 0) return IoError(path, "making");
  return std::make_unique<ArtifactFile>(path, fd, PathOf(sha256));
}

absl::StatusOr<std::string> ArtifactFiles::Read(const std::string& sha256, std::int64_t offset,
                                                std::int64_t max_bytes) {
  const fs::path path = PathOf(sha256);
  const int fd = open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0) {
    if (errno == ENOENT) return NotFoundError("artifact", ArtifactName(sha256));
    return IoError(path, "opening");
  }
  const absl::Cleanup close_it = [fd] { close(fd); };
  std::string bytes(static_cast<std::size_t>(max_bytes), '\0');
  std::size_t filled = 0;
  while (filled < bytes.size()) {
    const ssize_t got = pread(fd, bytes.data() + filled, bytes.size() - filled,
                              static_cast<off_t>(offset) + static_cast<off_t>(filled));
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return IoError(path, "reading");
    if (got == 0) break;
    filled += static_cast<std::size_t>(got);
  }
  bytes.resize(filled);
  return bytes;
}

absl::Status ArtifactFiles::Check(const std::string& sha256, std::int64_t size_bytes) {
  Sha256 sha;
  std::int64_t size = 0;
  while (true) {
    absl::StatusOr<std::string> bytes = Read(sha256, size, 1 << 20);
    if (!bytes.ok()) return bytes.status();
    if (bytes->empty()) break;
    sha.Update(*bytes);
    size += static_cast<std::int64_t>(bytes->size());
  }
  if (size != size_bytes || ToHex(sha.Finish()) != sha256) {
    return absl::DataLossError(
        fmt::format("artifact {}: its {} bytes do not match its name", sha256, size));
  }
  return absl::OkStatus();
}

absl::StatusOr<fs::path> ArtifactFiles::MakeTemporaryFolder(const std::string& prefix) {
  std::string path = (folder_ / "tmp" / (prefix + "-XXXXXX")).string();
  if (mkdtemp(path.data()) == nullptr) return IoError(path, "making");
  return fs::path(path);
}

absl::Status ArtifactFiles::LinkInto(const fs::path& folder, const std::string& sha256) {
  const fs::path path = folder / sha256.substr(0, 2) / sha256;
  std::error_code error;
  fs::create_directories(path.parent_path(), error);
  if (link(PathOf(sha256).c_str(), path.c_str()) == 0) return absl::OkStatus();
  if (errno == ENOENT) return NotFoundError("artifact", ArtifactName(sha256));
  return IoError(path, "linking");
}

absl::Status ArtifactFiles::Remove(const std::string& sha256) {
  const fs::path path = PathOf(sha256);
  if (unlink(path.c_str()) != 0 && errno != ENOENT) return IoError(path, "removing");
  return absl::OkStatus();
}

}  // namespace bitsweep::store
