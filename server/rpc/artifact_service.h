// SPDX-License-Identifier: Apache-2.0
#ifndef BITSWEEP_SERVER_RPC_ARTIFACT_SERVICE_H_
#define BITSWEEP_SERVER_RPC_ARTIFACT_SERVICE_H_

#include "absl/status/statusor.h"
#include "bitsweep/v1/artifact_service.grpc.pb.h"
#include "core/base/clock.h"
#include "server/rpc/access_control.h"
#include "server/store/store.h"

namespace bitsweep::rpc {

// ArtifactService on the store: streams in chunks, holds at most one. Thread-safe; what it is given
// must outlive it.
class ArtifactServiceImpl final : public v1::ArtifactService::Service {
 public:
  ArtifactServiceImpl(const AccessControl& access, store::Store& store, Clock& clock)
      : access_(access), store_(store), clock_(clock) {}

  grpc::Status UploadArtifact(grpc::ServerContext* context,
                              grpc::ServerReader<v1::UploadArtifactRequest>* reader,
                              v1::UploadArtifactResponse* response) override;
  grpc::Status DownloadArtifact(grpc::ServerContext* context,
                                const v1::DownloadArtifactRequest* request,
                                grpc::ServerWriter<v1::DownloadArtifactResponse>* writer) override;
  grpc::Status GetArtifact(grpc::ServerContext* context, const v1::GetArtifactRequest* request,
                           v1::GetArtifactResponse* response) override;

 private:
  absl::StatusOr<store::ArtifactRecord> Upload(
      grpc::ServerReader<v1::UploadArtifactRequest>& reader);

  const AccessControl& access_;
  store::Store& store_;
  Clock& clock_;
};

}  // namespace bitsweep::rpc

#endif  // BITSWEEP_SERVER_RPC_ARTIFACT_SERVICE_H_
