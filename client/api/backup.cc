// SPDX-License-Identifier: Apache-2.0
#include "client/api/backup.h"

#include "client/api/partial_file.h"
#include "client/api/watchdog.h"
#include "core/base/sha256.h"
#include "core/base/status_macros.h"
#include "fmt/format.h"

namespace bitsweep::client {
absl::StatusOr<v1::CreateBackupResponse> FetchBackup(const Connection& connection,
                                                     const std::string& file,
                                                     absl::Duration silence) {
  PartialFile partial(file);
  RETURN_IF_ERROR(partial.status());
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
