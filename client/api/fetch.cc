// SPDX-License-Identifier: Apache-2.0
#include "client/api/fetch.h"

#include <cstdint>
#include <functional>
#include <string_view>

#include "absl/time/clock.h"
#include "client/api/partial_file.h"
#include "client/api/retry.h"
#include "client/api/watchdog.h"
#include "core/base/ids.h"
#include "core/base/sha256.h"
#include "core/base/status_macros.h"
#include "fmt/format.h"

namespace bitsweep::client {
namespace {

// What has come so far.
struct Received {
  std::function<absl::Status(std::string_view)> take;
  Sha256 hash;
  std::int64_t bytes = 0;
};

// One call, from the byte after the last that was received.
absl::Status FetchRest(const Connection& connection, const std::string& artifact,
                       Received& received) {
  v1::DownloadArtifactRequest request;
  request.set_name(artifact);
  request.set_offset(received.bytes);
  grpc::ClientContext context;
  Watchdog watchdog(context, connection.timeout());
  const auto reader = connection.artifacts().DownloadArtifact(&context, request);
  v1::DownloadArtifactResponse response;
  absl::Status taken;
  while (taken.ok() && reader->Read(&response)) {
    watchdog.Heard();
    received.hash.Update(response.chunk());
    received.bytes += static_cast<std::int64_t>(response.chunk().size());
    taken = received.take(response.chunk());
    if (!taken.ok()) context.TryCancel();
  }
  const absl::Status status = FromGrpc(reader->Finish());
  RETURN_IF_ERROR(taken);
  if (absl::IsCancelled(status) && watchdog.has_bitten()) {
    return absl::DeadlineExceededError(fmt::format("{}: nothing came for {}", artifact,
                                                   absl::FormatDuration(connection.timeout())));
  }
  return status;
}

absl::Status FetchAll(const Connection& connection, const std::string& artifact,
                      std::function<absl::Status(std::string_view)> take) {
  ASSIGN_OR_RETURN(const std::string wanted, ParseArtifactName(artifact));
  Received received{.take = std::move(take)};
  int tries = 0;
  absl::Duration pause;
  while (true) {
    const std::int64_t before = received.bytes;
    const absl::Status status = FetchRest(connection, artifact, received);
    if (status.ok()) break;
    if (received.bytes > before) tries = 0;
    if (!absl::IsUnavailable(status) || ++tries == kTries) return status;
    pause = tries == 1 ? kFirstPause : pause * 2;
    absl::SleepFor(pause);
  }
  if (ToHex(received.hash.Finish()) == wanted) return absl::OkStatus();
  return absl::DataLossError(fmt::format("{}: the bytes that came have another digest", artifact));
}

}  // namespace

absl::Status FetchArtifact(const Connection& connection, const std::string& artifact,
                           const std::string& file) {
  PartialFile partial(file, PartialFile::Readers::kByUmask);
  RETURN_IF_ERROR(partial.status());
  RETURN_IF_ERROR(FetchAll(connection, artifact,
                           [&](std::string_view chunk) { return partial.Append(chunk); }));
  return partial.Keep();
}

absl::StatusOr<std::string> FetchArtifact(const Connection& connection,
                                          const std::string& artifact) {
  std::string bytes;
  RETURN_IF_ERROR(FetchAll(connection, artifact, [&](std::string_view chunk) {
    bytes += chunk;
    return absl::OkStatus();
  }));
  return bytes;
}

}  // namespace bitsweep::client
