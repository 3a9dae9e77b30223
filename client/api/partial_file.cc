// SPDX-License-Identifier: Apache-2.0
#include "client/api/partial_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <utility>

#include "core/base/ids.h"
#include "fmt/format.h"

namespace bitsweep::client {
namespace {

// What stands there would be replaced: a device such as /dev/stdout would be gone, for everybody.
absl::Status CheckReplaced(const std::string& target) {
  struct stat found {};
  if (lstat(target.c_str(), &found) != 0 || S_ISREG(found.st_mode)) return absl::OkStatus();
  return absl::NotFoundError(fmt::format(
      "{}: is a link, a folder or a device: expected a new name, or that of a file", target));
}

}  // namespace

PartialFile::PartialFile(std::string target, Readers readers)
    : target_(std::move(target)),
      path_(target_ + GenerateResourceId(".part")),
      replaced_(CheckReplaced(target_)),
      fd_(replaced_.ok() ? open(path_.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC,
                                readers == Readers::kOwner ? 0600 : 0666)
                         : -1),
      status_(fd_ >= 0 || !replaced_.ok() ? replaced_ : Error("making")) {}

PartialFile::~PartialFile() {
  if (fd_ < 0) return;
  close(fd_);
  if (!is_kept_) unlink(path_.c_str());
}

absl::Status PartialFile::Error(const char* doing) const {
  return absl::NotFoundError(fmt::format("{} {}: {}", doing, target_, std::strerror(errno)));
}

absl::Status PartialFile::Append(std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t written = write(fd_, bytes.data(), bytes.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return Error("writing");
    bytes.remove_prefix(static_cast<std::size_t>(written));
  }
  return absl::OkStatus();
}

absl::Status PartialFile::Keep() {
  if (fsync(fd_) != 0) return Error("syncing");
  if (rename(path_.c_str(), target_.c_str()) != 0) return Error("naming");
  is_kept_ = true;
  const std::filesystem::path folder = std::filesystem::absolute(target_).parent_path();
  const int folder_fd = open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  const bool is_synced = folder_fd >= 0 && fsync(folder_fd) == 0;
  if (folder_fd >= 0) close(folder_fd);
  return is_synced ? absl::OkStatus() : Error("syncing the folder of");
}

}  // namespace bitsweep::client
