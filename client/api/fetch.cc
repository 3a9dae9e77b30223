// SPDX-License-Identifier: Apache-2.0
#include "client/api/fetch.h"

#include <cstdint>
#include <filesystem>
#include <fstream>

#include "absl/time/clock.h"
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
  std::ofstream stream;
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
  while (reader->Read(&response)) {
    watchdog.Heard();
    received.hash.Update(response.chunk());
    received.stream << response.chunk();
    received.bytes += static_cast<std::int64_t>(response.chunk().size());
  }
  const absl::Status status = FromGrpc(reader->Finish());
  if (absl::IsCancelled(status) && watchdog.has_bitten()) {
    return absl::DeadlineExceededError(fmt::format("{}: nothing came for {}", artifact,
                                                   absl::FormatDuration(connection.timeout())));
  }
  return status;
}

absl::Status FetchAll(const Connection& connection, const std::string& artifact,
                      Received& received) {
  int tries = 0;
  absl::Duration pause;
  while (true) {
    const std::int64_t before = received.bytes;
    const absl::Status status = FetchRest(connection, artifact, received);
    if (received.bytes > before) tries = 0;
    if (!absl::IsUnavailable(status) || ++tries == kTries) return status;
    pause = tries == 1 ? kFirstPause : pause * 2;
    absl::SleepFor(pause);
  }
}

}  // namespace

absl::Status FetchArtifact(const Connection& connection, const std::string& artifact,
                           const std::string& file) {
  ASSIGN_OR_RETURN(const std::string wanted, ParseArtifactName(artifact));
  const std::string temporary = file + ".part";
  Received received;
  received.stream.open(temporary, std::ios::binary | std::ios::trunc);
  if (!received.stream) return absl::NotFoundError(fmt::format("{}: cannot be written", temporary));
  absl::Status status = FetchAll(connection, artifact, received);
  received.stream.close();
  if (status.ok() && !received.stream) {
    status = absl::ResourceExhaustedError(fmt::format("{}: cannot be written", temporary));
  }
  if (status.ok() && ToHex(received.hash.Finish()) != wanted) {
    status =
        absl::DataLossError(fmt::format("{}: the bytes that came have another digest", artifact));
  }
  std::error_code error;
  if (status.ok()) {
    std::filesystem::rename(temporary, file, error);
    if (error) status = absl::NotFoundError(fmt::format("{}: {}", file, error.message()));
  }
  if (!status.ok()) std::filesystem::remove(temporary, error);
  return status;
}

}  // namespace bitsweep::client
