// SPDX-License-Identifier: Apache-2.0
#ifndef BITSWEEP_CLIENT_API_PARTIAL_FILE_H_
#define BITSWEEP_CLIENT_API_PARTIAL_FILE_H_

#include <string>
#include <string_view>

#include "absl/status/status.h"

namespace bitsweep::client {

// A file that is whole or not there: it is written under another name, in the same folder, and gets
// its own when it is kept; a file that had the name stays until then, and is replaced; a link, a
// folder or a device is an error. Removed when it is not kept. Errors are NotFound and name the
// file.
class PartialFile {
 public:
  enum class Readers { kOwner, kByUmask };
  explicit PartialFile(std::string target, Readers readers = Readers::kOwner);
  ~PartialFile();
  PartialFile(const PartialFile&) = delete;
  PartialFile& operator=(const PartialFile&) = delete;

  // Whether it could be made; nothing else may be called when not.
  absl::Status status() const { return status_; }
  absl::Status Append(std::string_view bytes);
  // Durable under its own name.
  absl::Status Keep();

 private:
  absl::Status Error(const char* doing) const;

  const std::string target_;
  const std::string path_;
  const absl::Status replaced_;  // whether what has the name may be
  const int fd_;
  const absl::Status status_;
  bool is_kept_ = false;
};

}  // namespace bitsweep::client

#endif  // BITSWEEP_CLIENT_API_PARTIAL_FILE_H_
