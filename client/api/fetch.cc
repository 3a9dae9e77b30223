// SPDX-License-Identifier: Apache-2.0
#include "client/api/fetch.h"

#include <cstdint>
#include <filesystem>
#include <fstream>
#include <thread>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/clock.h"
#include "core/base/ids.h"
#include "core/base/sha256.h"
#include "core/base/status_macros.h"
#include "fmt/format.h"

namespace bitsweep::client {
namespace {

constexpr int kTries = 4;
constexpr absl::Duration kFirstPause = absl::Milliseconds(200);

// Cancels a call when nothing has been heard of it for `limit`.
class Watchdog {
 public:
  Watchdog(grpc::ClientContext& context, absl::Duration limit)
      : context_(context), limit_(limit), thread_([this] { Watch(); }) {}
  ~Watchdog() {
    {
      absl::MutexLock lock(&mu_);
      is_over_ = true;
    }
    thread_.join();
  }
  Watchdog(const Watchdog&) = delete;
  Watchdog& operator=(const Watchdog&) = delete;

  void Heard() {
    absl::MutexLock lock(&mu_);
    ++heard_;
  }
  bool has_bitten() {
    absl::MutexLock lock(&mu_);
    return has_bitten_;
  }

 private:
  void Watch() {
    absl::MutexLock lock(&mu_);
    while (!is_over_) {
      const std::int64_t before = heard_;
      const auto has_news = [&]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_) {
        return is_over_ || heard_ != before;
      };
      if (mu_.AwaitWithTimeout(absl::Condition(&has_news), limit_)) continue;
      has_bitten_ = true;
      context_.TryCancel();
      return;
    }
  }

  grpc::ClientContext& context_;
  const absl::Duration limit_;
  absl::Mutex mu_;
  std::int64_t heard_ ABSL_GUARDED_BY(mu_) = 0;
  bool is_over_ ABSL_GUARDED_BY(mu_) = false;
  bool has_bitten_ ABSL_GUARDED_BY(mu_) = false;
  std::thread thread_;  // last: uses all of the above
};

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
