// SPDX-License-Identifier: Apache-2.0
#include "client/api/upload.h"

#include <cstdint>

#include "absl/time/clock.h"
#include "client/api/retry.h"
#include "client/api/watchdog.h"
#include "core/base/ids.h"
#include "core/base/sha256.h"
#include "fmt/format.h"

namespace bitsweep::client {
namespace {

constexpr std::size_t kChunkBytes = 1 << 20;  // as many as a message may carry

absl::Status Send(const Connection& connection, std::string_view bytes, const std::string& sha256,
                  const std::string& shown) {
  grpc::ClientContext context;
  Watchdog watchdog(context, connection.timeout());
  v1::UploadArtifactResponse response;
  const auto writer = connection.artifacts().UploadArtifact(&context, &response);
  v1::UploadArtifactRequest request;
  request.set_sha256(sha256);
  request.set_size_bytes(static_cast<std::int64_t>(bytes.size()));
  std::size_t sent = 0;
  do {  // no bytes are one empty chunk
    request.set_chunk(std::string(bytes.substr(sent, kChunkBytes)));
    sent += request.chunk().size();
    const bool is_open = writer->Write(request);
    watchdog.Heard();
    request.Clear();
    if (!is_open) break;
  } while (sent < bytes.size());
  writer->WritesDone();
  const absl::Status status = FromGrpc(writer->Finish());
  if (absl::IsCancelled(status) && watchdog.has_bitten()) {
    return absl::DeadlineExceededError(fmt::format("{}: nothing was taken for {}", shown,
                                                   absl::FormatDuration(connection.timeout())));
  }
  return status;
}

}  // namespace

absl::StatusOr<std::string> UploadArtifact(const Connection& connection, std::string_view bytes,
                                           const std::string& shown) {
  const std::string sha256 = Sha256Hex(bytes);
  v1::GetArtifactRequest known;
  known.set_name(ArtifactName(sha256));
  v1::GetArtifactResponse found;
  const absl::Status asked = connection.Call(
      connection.artifacts(), &v1::ArtifactService::Stub::GetArtifact, known, &found);
  if (asked.ok()) return known.name();
  if (!absl::IsNotFound(asked)) return asked;
  absl::Duration pause = kFirstPause;
  for (int tries = 1;; ++tries) {
    const absl::Status sent = Send(connection, bytes, sha256, shown);
    if (sent.ok()) return known.name();
    if (!absl::IsUnavailable(sent) || tries == kTries) return sent;
    absl::SleepFor(pause);
    pause *= 2;
  }
}

}  // namespace bitsweep::client
