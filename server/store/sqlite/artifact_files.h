// SPDX-License-Identifier: Apache-2.0
#ifndef BITSWEEP_SERVER_STORE_SQLITE_ARTIFACT_FILES_H_
#define BITSWEEP_SERVER_STORE_SQLITE_ARTIFACT_FILES_H_

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "core/base/sha256.h"

namespace bitsweep::store {

// A file being written beside the artifacts. Removed when it goes without Publish. Not thread-safe.
class ArtifactFile {
 public:
  ArtifactFile(std::filesystem::path temporary, int fd, std::filesystem::path target);
  ~ArtifactFile();
  ArtifactFile(const ArtifactFile&) = delete;
  ArtifactFile& operator=(const ArtifactFile&) = delete;

  absl::Status Append(std::string_view bytes);
  std::int64_t size() const { return size_; }
  // Digest of what was appended. REQUIRES: called once, after the last Append.
  std::string Digest();
  // Makes the bytes durable: the slow part.
  absl::Status Sync();
  // Gives the file its final name, durably. REQUIRES: Sync() was OK after the last Append.
  absl::Status Publish();

 private:
  const std::filesystem::path temporary_;
  const std::filesystem::path target_;
  int fd_;
  std::int64_t size_ = 0;
  Sha256 sha_;
};

// The folder artifacts/: one file an artifact, at ab/abcdef... from its digest. Thread-safe.
class ArtifactFiles {
 public:
  // Makes the folder when it is missing and clears what uploads of an earlier process left.
  static absl::StatusOr<std::unique_ptr<ArtifactFiles>> Open(const std::filesystem::path& folder);

  // The same to look at only: makes and clears nothing.
  static std::unique_ptr<ArtifactFiles> Look(const std::filesystem::path& folder);

  absl::StatusOr<std::unique_ptr<ArtifactFile>> Begin(const std::string& sha256);
  absl::StatusOr<std::string> Read(const std::string& sha256, std::int64_t offset,
                                   std::int64_t max_bytes);
  // DataLoss when the bytes are not those of the name; NotFound when there is no file.
  absl::Status Check(const std::string& sha256, std::int64_t size_bytes);
  // Makes an empty folder on the same file system, cleared when the store is opened.
  absl::StatusOr<std::filesystem::path> MakeTemporaryFolder(const std::string& prefix);
  // Gives the artifact's file a second name below `folder`, as the artifacts' own folder has it:
  // the bytes stay when the artifact is removed. NotFound when there is no file.
  absl::Status LinkInto(const std::filesystem::path& folder, const std::string& sha256);
  // OK also when it is gone already.
  absl::Status Remove(const std::string& sha256);

 private:
  explicit ArtifactFiles(std::filesystem::path folder) : folder_(std::move(folder)) {}
  std::filesystem::path PathOf(const std::string& sha256) const;

  const std::filesystem::path folder_;
};

}  // namespace bitsweep::store

#endif  // BITSWEEP_SERVER_STORE_SQLITE_ARTIFACT_FILES_H_
