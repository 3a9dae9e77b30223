// SPDX-License-Identifier: Apache-2.0
#include "client/api/upload.h"

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

constexpr std::size_t kChunkBytes = 1 << 20;  // as many as a message may carry

// Calls `use` with each chunk until it returns false.
template <typename Use>
absl::Status ReadChunks(const std::string& file, Use use) {
  std::error_code ignored;
  if (std::filesystem::is_directory(file, ignored)) {
    return absl::InvalidArgumentError(fmt::format("{}: is a folder, expected a file", file));
  }
  std::ifstream stream(file, std::ios::binary);
  if (!stream) return absl::NotFoundError(fmt::format("{}: cannot be read", file));
  std::string chunk(kChunkBytes, '\0');
  do {
    stream.read(chunk.data(), static_cast<std::streamsize>(kChunkBytes));
    if (!use(std::string_view(chunk.data(), static_cast<std::size_t>(stream.gcount())))) break;
  } while (stream);
  if (stream.bad()) return absl::NotFoundError(fmt::format("{}: cannot be read", file));
  return absl::OkStatus();
}

absl::Status Send(const Connection& connection, const std::string& file, const std::string& sha256,
                  std::int64_t bytes) {
  grpc::ClientContext context;
  Watchdog watchdog(context, connection.timeout());
  v1::UploadArtifactResponse response;
  const auto writer = connection.artifacts().UploadArtifact(&context, &response);
  v1::UploadArtifactRequest request;
  request.set_sha256(sha256);
  request.set_size_bytes(bytes);
  const absl::Status read = ReadChunks(file, [&](std::string_view chunk) {
    request.set_chunk(std::string(chunk));
    const bool is_open = writer->Write(request);
    watchdog.Heard();
    request.Clear();
    return is_open;
  });
  if (!read.ok()) {
    context.TryCancel();
    writer->Finish();
    return read;
  }
  writer->WritesDone();
  const absl::Status status = FromGrpc(writer->Finish());
  if (absl::IsCancelled(status) && watchdog.has_bitten()) {
    return absl::DeadlineExceededError(fmt::format("{}: nothing was taken for {}", file,
                                                   absl::FormatDuration(connection.timeout())));
  }
  return status;
}

}  // namespace

absl::StatusOr<std::string> UploadArtifact(const Connection& connection, const std::string& file) {
  Sha256 hash;
  std::int64_t bytes = 0;
  RETURN_IF_ERROR(ReadChunks(file, [&](std::string_view chunk) {
    hash.Update(chunk);
    bytes += static_cast<std::int64_t>(chunk.size());
    return true;
  }));
  const std::string sha256 = ToHex(hash.Finish());
  v1::GetArtifactRequest known;
  known.set_name(ArtifactName(sha256));
  v1::GetArtifactResponse found;
  const absl::Status asked = connection.Call(
      connection.artifacts(), &v1::ArtifactService::Stub::GetArtifact, known, &found);
  if (asked.ok()) return known.name();
  if (!absl::IsNotFound(asked)) return asked;
  absl::Duration pause = kFirstPause;
  for (int tries = 1;; ++tries) {
    const absl::Status sent = Send(connection, file, sha256, bytes);
    if (sent.ok()) return known.name();
    if (!absl::IsUnavailable(sent) || tries == kTries) return sent;
    absl::SleepFor(pause);
    pause *= 2;
  }
}

}  // namespace bitsweep::client
