// SPDX-License-Identifier: Apache-2.0
#ifndef BITSWEEP_SERVER_STORE_ARTIFACT_STORE_H_
#define BITSWEEP_SERVER_STORE_ARTIFACT_STORE_H_

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "server/store/records.h"

namespace bitsweep::store {

// Bytes on their way into the store. Destroyed without Commit it leaves nothing behind. Not
// thread-safe.
class ArtifactUpload {
 public:
  virtual ~ArtifactUpload() = default;
  // DataLoss / ARTIFACT_CORRUPT when more bytes come than announced; ResourceExhausted /
  // STORE_FULL.
  virtual absl::Status Append(std::string_view bytes) = 0;
  // Durable when OK. DataLoss / ARTIFACT_CORRUPT when size or digest are not as announced.
  virtual absl::StatusOr<ArtifactRecord> Commit(absl::Time now) = 0;
};

// Immutable bytes named by their SHA-256: files under artifacts/, paths made from digests only.
// Thread-safe. A crash leaves whole artifacts or none.
class ArtifactStore {
 public:
  virtual ~ArtifactStore() = default;
  // REQUIRES: IsSha256Hex(sha256), size_bytes >= 0.
  virtual absl::StatusOr<std::unique_ptr<ArtifactUpload>> Begin(const std::string& sha256,
                                                                std::int64_t size_bytes) = 0;
  // NotFound / ARTIFACT_NOT_FOUND.
  virtual absl::StatusOr<ArtifactRecord> GetArtifact(const std::string& sha256) = 0;
  // Up to `max_bytes` from `offset` on; empty at the end. OutOfRange past the end.
  virtual absl::StatusOr<std::string> Read(const std::string& sha256, std::int64_t offset,
                                           std::int64_t max_bytes) = 0;
  // Removes artifacts that nothing refers to and that were stored before `before`. Returns how
  // many.
  virtual absl::StatusOr<std::int64_t> CollectGarbage(absl::Time before) = 0;

  // Models: names for artifacts, made by QueueStore::Complete. NotFound / MODEL_NOT_FOUND.
  virtual absl::StatusOr<ModelRecord> GetModel(const std::string& model_id) = 0;
  // Newest first. Filter fields: sweep (its id), graph_name, val_acc.
  virtual absl::StatusOr<Page<ModelRecord>> ListModels(const PageQuery& query) = 0;
  virtual absl::Status DeleteModel(const std::string& model_id) = 0;
};

}  // namespace bitsweep::store

#endif  // BITSWEEP_SERVER_STORE_ARTIFACT_STORE_H_
