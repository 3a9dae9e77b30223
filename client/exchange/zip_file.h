// SPDX-License-Identifier: Apache-2.0
// Zip files in memory, by libarchive. Used inside this room.
#ifndef BITSWEEP_CLIENT_EXCHANGE_ZIP_FILE_H_
#define BITSWEEP_CLIENT_EXCHANGE_ZIP_FILE_H_

#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

struct archive;

namespace bitsweep::exchange {

// Reads entry after entry, in the order of the file's directory; of each only as much as is asked
// for. Never reads outside the bytes. Not thread-safe. Ownership: keeps no copy of the bytes, which
// must outlive it.
//
// Errors: InvalidArgument with what libarchive says (damaged, cut short, encrypted, a method that
// it does not know, a wrong checksum).
class ZipReader {
 public:
  static constexpr std::size_t kMaxEntries = 100'000;

  static absl::StatusOr<ZipReader> Open(std::string_view bytes);

  // The next entry's name, as the file has it; nullopt after the last. InvalidArgument also for
  // more than kMaxEntries.
  absl::StatusOr<std::optional<std::string>> Next();

  // At most `bytes` of the current entry's content, from where the last call ended; fewer only at
  // its end, where its checksum has been compared.
  absl::StatusOr<std::string> Read(std::size_t bytes);

 private:
  struct Free {
    void operator()(archive* opened) const;
  };
  explicit ZipReader(archive* opened) : archive_(opened) {}
  absl::Status Error() const;

  std::unique_ptr<archive, Free> archive_;
  std::size_t entries_ = 0;
};

// Writes entries without compression. Equal calls give equal bytes: all of them are of 1980-01-01,
// the format's first day. Not thread-safe.
class ZipWriter {
 public:
  ZipWriter();
  ~ZipWriter();
  ZipWriter(const ZipWriter&) = delete;
  ZipWriter& operator=(const ZipWriter&) = delete;

  // Internal: what libarchive says.
  absl::Status Add(const std::string& name, std::string_view content);
  // The whole file. REQUIRES: the last call.
  absl::StatusOr<std::string> Finish();

 private:
  struct Free {
    void operator()(archive* opened) const;
  };
  absl::Status Error() const;

  std::string bytes_;
  std::unique_ptr<archive, Free> archive_;
};

}  // namespace bitsweep::exchange

#endif  // BITSWEEP_CLIENT_EXCHANGE_ZIP_FILE_H_
