// SPDX-License-Identifier: Apache-2.0
#ifndef BITSWEEP_SERVER_STORE_SQLITE_TAR_STREAM_H_
#define BITSWEEP_SERVER_STORE_SQLITE_TAR_STREAM_H_

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"

namespace bitsweep::store {

// The files of a folder as a tar file, read as they are asked for. Format: POSIX ustar, with a pax
// header for a file of 8 GiB or more; entries in the order of their names, owned by root, mode 644
// (folders 755), all of one time: the same files give the same bytes. Not thread-safe.
class TarStream {
 public:
  // `folder` must not change before the end. Internal when it cannot be listed.
  static absl::StatusOr<std::unique_ptr<TarStream>> Open(const std::filesystem::path& folder,
                                                         absl::Time time);
  ~TarStream();

  // The next bytes, at most `max_bytes`; empty at the end. REQUIRES: max_bytes > 0.
  absl::StatusOr<std::string> Next(std::size_t max_bytes);

 private:
  struct Impl;
  explicit TarStream(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace bitsweep::store

#endif  // BITSWEEP_SERVER_STORE_SQLITE_TAR_STREAM_H_
