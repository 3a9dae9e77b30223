// SPDX-License-Identifier: Apache-2.0
// AdminService.CreateBackup.
#include <memory>
#include <string>

#include "core/base/sha256.h"
#include "core/base/status_macros.h"
#include "grpcpp/grpcpp.h"
#include "server/rpc/admin_service.h"
#include "server/rpc/status_map.h"
#include "server/rpc/watch.h"
#include "spdlog/spdlog.h"

namespace bitsweep::rpc {
namespace {

constexpr std::size_t kBackupChunk = 512 << 10;
const absl::Duration kSignOfLife = absl::Seconds(5);

}  // namespace

grpc::Status AdminServiceImpl::CreateBackup(grpc::ServerContext* context,
                                            const v1::CreateBackupRequest*,
                                            grpc::ServerWriter<v1::CreateBackupResponse>* writer) {
  if (const absl::Status denied = access_.Require(*context, {Scope::kAdmin}); !denied.ok()) {
    return ToGrpcStatus(denied);
  }
  const absl::Time start = clock_.Now();
  absl::Time next_sign = start + kSignOfLife;
  const auto is_wanted = [&] { return !context->IsCancelled() && !scheduler_.hub().closed(); };
  const auto keep_going = [&] {
    if (clock_.Now() >= next_sign) {
      next_sign = clock_.Now() + kSignOfLife;
      if (!writer->Write(v1::CreateBackupResponse())) return false;
    }
    return is_wanted();
  };
  const absl::Status status = [&]() -> absl::Status {
    ASSIGN_OR_RETURN(const std::unique_ptr<store::Backup> backup,
                     store_.StartBackup(start, keep_going));
    Sha256 hash;
    std::int64_t size = 0;
    while (is_wanted()) {
      v1::CreateBackupResponse response;
      ASSIGN_OR_RETURN(*response.mutable_chunk(), backup->Next(kBackupChunk));
      hash.Update(response.chunk());
      size += static_cast<std::int64_t>(response.chunk().size());
      const bool is_last = response.chunk().empty();
      if (is_last) {
        response.set_sha256(ToHex(hash.Finish()));
        response.set_size_bytes(size);
        *response.mutable_contents() = ReportMessage(backup->contents());
      }
      if (!writer->Write(response)) break;
      if (!is_last) continue;
      spdlog::info("backup sent bytes={} sha256={}", size, response.sha256());
      return store_.NoteBackup(start);
    }
    return absl::CancelledError("the backup was given up");
  }();
  if (absl::IsDataLoss(status)) {
    spdlog::error("store problem check=backup description=\"{}\"", std::string(status.message()));
    metrics_.IntegrityChecked(false);
  }
  if (absl::IsCancelled(status) && scheduler_.hub().closed()) return ToGrpcStatus(ServerDraining());
  return ToGrpcStatus(status);
}

}  // namespace bitsweep::rpc
