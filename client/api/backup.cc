// SPDX-License-Identifier: Apache-2.0
#include "client/api/backup.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <string_view>
#include <utility>

#include "client/api/watchdog.h"
#include "core/base/sha256.h"
#include "core/base/status_macros.h"
#include "fmt/format.h"

namespace bitsweep::client {
namespace {

namespace fs = std::filesystem;

// A file that is removed unless it is kept.
class PartialFile {
 public:
  explicit PartialFile(std::string target)
      : target_(std::move(target)),
        path_(target_ + ".XXXXXX"),
        fd_(mkostemp(path_.data(), O_CLOEXEC)) {}
  ~PartialFile() {
    if (fd_ < 0) return;
    close(fd_);
    if (!is_kept_) unlink(path_.c_str());
  }
  PartialFile(const PartialFile&) = delete;
  PartialFile& operator=(const PartialFile&) = delete;

  bool is_open() const { return fd_ >= 0; }
  absl::Status Error(const char* doing) const {
    return absl::NotFoundError(fmt::format("{} {}: {}", doing, path_, std::strerror(errno)));
  }
  absl::Status Append(std::string_view bytes) {
    while (!bytes.empty()) {
      const ssize_t written = write(fd_, bytes.data(), bytes.size());
      if (written < 0 && errno == EINTR) continue;
      if (written < 0) return Error("writing");
      bytes.remove_prefix(static_cast<std::size_t>(written));
    }
    return absl::OkStatus();
  }
  // Durable under its own name.
  absl::Status Keep() {
    if (fsync(fd_) != 0) return Error("syncing");
    if (rename(path_.c_str(), target_.c_str()) != 0) return Error("naming");
    is_kept_ = true;
    const fs::path folder = fs::absolute(target_).parent_path();
    const int folder_fd = open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    const bool is_synced = folder_fd >= 0 && fsync(folder_fd) == 0;
    if (folder_fd >= 0) close(folder_fd);
    return is_synced ? absl::OkStatus() : Error("syncing the folder of");
  }

 private:
  const std::string target_;
  std::string path_;
  const int fd_;
  bool is_kept_ = false;
};

}  // namespace

absl::StatusOr<v1::CreateBackupResponse> FetchBackup(const Connection& connection,
                                                     const std::string& file,
                                                     absl::Duration silence) {
  PartialFile partial(file);
  if (!partial.is_open()) return partial.Error("making");
  grpc::ClientContext context;
  Watchdog watchdog(context, silence);
  const auto reader = connection.admin().CreateBackup(&context, v1::CreateBackupRequest());
  Sha256 hash;
  std::int64_t size = 0;
  absl::Status written;
  v1::CreateBackupResponse response;
  v1::CreateBackupResponse last;
  while (reader->Read(&response)) {
    watchdog.Heard();
    if (!response.sha256().empty()) last = response;
    hash.Update(response.chunk());
    size += static_cast<std::int64_t>(response.chunk().size());
    written = partial.Append(response.chunk());
    if (!written.ok()) break;
  }
  if (!written.ok()) {
    context.TryCancel();
    static_cast<void>(reader->Finish());  // cancelled by us
    return written;
  }
  const absl::Status status = FromGrpc(reader->Finish());
  if (absl::IsCancelled(status) && watchdog.has_bitten()) {
    return absl::DeadlineExceededError(
        fmt::format("backup: nothing came for {}", absl::FormatDuration(silence)));
  }
  RETURN_IF_ERROR(status);
  if (last.sha256().empty() || last.size_bytes() != size || ToHex(hash.Finish()) != last.sha256()) {
    return absl::DataLossError(
        fmt::format("backup: the {} bytes that came are not those that were sent", size));
  }
  RETURN_IF_ERROR(partial.Keep());
  return last;
}

}  // namespace bitsweep::client
