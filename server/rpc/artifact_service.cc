// SPDX-License-Identifier: Apache-2.0
#include "server/rpc/artifact_service.h"

#include <memory>
#include <string>
#include <vector>

#include "core/base/errors.h"
#include "core/base/ids.h"
#include "core/base/sha256.h"
#include "core/base/status_macros.h"
#include "fmt/format.h"
#include "proto/convert/trial.h"
#include "server/rpc/status_map.h"

namespace bitsweep::rpc {
namespace {

constexpr std::int64_t kMaxChunk = 1 << 20;
constexpr std::int64_t kMaxArtifact = 1 << 30;

v1::Artifact ArtifactMessage(const store::ArtifactRecord& artifact) {
  v1::Artifact proto;
  proto.set_name(ArtifactName(artifact.sha256));
  proto.set_size_bytes(artifact.size_bytes);
  *proto.mutable_create_time() = convert::ToProto(artifact.create_time);
  return proto;
}

absl::Status CheckFirst(const v1::UploadArtifactRequest& first) {
  std::vector<FieldViolation> violations;
  if (!IsSha256Hex(first.sha256())) {
    violations.push_back({"sha256", fmt::format("\"{}\": expected 64 lower-case hex characters",
                                                first.sha256().substr(0, 80))});
  }
  if (first.size_bytes() < 0 || first.size_bytes() > kMaxArtifact) {
    violations.push_back(
        {"size_bytes", fmt::format("{}: expected 0 to {}", first.size_bytes(), kMaxArtifact)});
  }
  if (violations.empty()) return absl::OkStatus();
  return InvalidSpecError(std::move(violations), "INVALID_ARTIFACT");
}

absl::Status CheckChunk(const v1::UploadArtifactRequest& request, bool is_first) {
  std::vector<FieldViolation> violations;
  if (static_cast<std::int64_t>(request.chunk().size()) > kMaxChunk) {
    violations.push_back(
        {"chunk", fmt::format("{} bytes: expected at most {}", request.chunk().size(), kMaxChunk)});
  }
  if (!is_first && (!request.sha256().empty() || request.size_bytes() != 0)) {
    violations.push_back({"sha256", "sha256 and size_bytes belong in the first message only"});
  }
  if (violations.empty()) return absl::OkStatus();
  return InvalidSpecError(std::move(violations), "INVALID_ARTIFACT");
}

}  // namespace

absl::StatusOr<store::ArtifactRecord> ArtifactServiceImpl::Upload(
    grpc::ServerReader<v1::UploadArtifactRequest>& reader) {
  v1::UploadArtifactRequest request;
  if (!reader.Read(&request)) {
    return InvalidSpecError({{"sha256", "the stream ended before its first message"}},
                            "INVALID_ARTIFACT");
  }
  RETURN_IF_ERROR(CheckFirst(request));
  ASSIGN_OR_RETURN(const std::unique_ptr<store::ArtifactUpload> upload,
                   store_.Begin(request.sha256(), request.size_bytes()));
  bool is_first = true;
  do {
    RETURN_IF_ERROR(CheckChunk(request, is_first));
    RETURN_IF_ERROR(upload->Append(request.chunk()));
    is_first = false;
  } while (reader.Read(&request));
  return upload->Commit(clock_.Now());
}

grpc::Status ArtifactServiceImpl::UploadArtifact(
    grpc::ServerContext* context, grpc::ServerReader<v1::UploadArtifactRequest>* reader,
    v1::UploadArtifactResponse* response) {
  if (const absl::Status denied = access_.Require(*context, {Scope::kSubmit, Scope::kWorker});
      !denied.ok()) {
    return ToGrpcStatus(denied);
  }
  const absl::StatusOr<store::ArtifactRecord> artifact = Upload(*reader);
  if (!artifact.ok()) return ToGrpcStatus(artifact.status());
  *response->mutable_artifact() = ArtifactMessage(*artifact);
  return grpc::Status::OK;
}

grpc::Status ArtifactServiceImpl::DownloadArtifact(
    grpc::ServerContext* context, const v1::DownloadArtifactRequest* request,
    grpc::ServerWriter<v1::DownloadArtifactResponse>* writer) {
  return ToGrpcStatus([&]() -> absl::Status {
    RETURN_IF_ERROR(access_.Require(*context, {Scope::kRead, Scope::kWorker}));
    ASSIGN_OR_RETURN(const std::string sha256, ParseArtifactName(request->name()));
    ASSIGN_OR_RETURN(const store::ArtifactRecord artifact, store_.GetArtifact(sha256));
    if (request->offset() < 0 || request->offset() > artifact.size_bytes) {
      return InvalidSpecError(
          {{"offset", fmt::format("{}: expected 0 to {}", request->offset(), artifact.size_bytes)}},
          "INVALID_ARTIFACT");
    }
    std::int64_t offset = request->offset();
    do {  // an empty rest is one empty message: it says the size
      v1::DownloadArtifactResponse response;
      response.set_size_bytes(artifact.size_bytes);
      ASSIGN_OR_RETURN(*response.mutable_chunk(), store_.Read(sha256, offset, kMaxChunk));
      offset += static_cast<std::int64_t>(response.chunk().size());
      if (!writer->Write(response)) return absl::CancelledError("the caller has gone");
      if (response.chunk().empty()) break;
    } while (offset < artifact.size_bytes);
    if (offset != artifact.size_bytes) {
      return ErrorWithDetails(
          absl::StatusCode::kDataLoss,
          fmt::format("{}: {} bytes, expected {}", request->name(), offset, artifact.size_bytes),
          {.reason = "ARTIFACT_CORRUPT", .metadata = {{"sha256", sha256}}});
    }
    return absl::OkStatus();
  }());
}

grpc::Status ArtifactServiceImpl::GetArtifact(grpc::ServerContext* context,
                                              const v1::GetArtifactRequest* request,
                                              v1::GetArtifactResponse* response) {
  return ToGrpcStatus([&]() -> absl::Status {
    RETURN_IF_ERROR(access_.Require(*context, {Scope::kRead, Scope::kWorker}));
    ASSIGN_OR_RETURN(const std::string sha256, ParseArtifactName(request->name()));
    ASSIGN_OR_RETURN(const store::ArtifactRecord artifact, store_.GetArtifact(sha256));
    *response->mutable_artifact() = ArtifactMessage(artifact);
    return absl::OkStatus();
  }());
}

}  // namespace bitsweep::rpc
