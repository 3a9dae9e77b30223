// SPDX-License-Identifier: Apache-2.0
#ifndef BITSWEEP_CLIENT_API_WHOLE_FILE_H_
#define BITSWEEP_CLIENT_API_WHOLE_FILE_H_

#include <filesystem>
#include <map>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace bitsweep::client {

// The file has all of the bytes, or is what it was before. An old one is replaced. NotFound:
// it cannot be made or written there, or a link, a folder or a device has the name.
absl::Status WriteWholeFile(const std::filesystem::path& path, std::string_view bytes);

// A new folder with these files by name, all of them or none. AlreadyExists: something is there
// that is no empty folder; NotFound as above.
absl::Status WriteWholeFolder(const std::filesystem::path& path,
                              const std::map<std::string, std::string_view>& files);

// All bytes of a file. NotFound: it cannot be read.
absl::StatusOr<std::string> ReadWholeFile(const std::filesystem::path& path);

}  // namespace bitsweep::client

#endif  // BITSWEEP_CLIENT_API_WHOLE_FILE_H_
