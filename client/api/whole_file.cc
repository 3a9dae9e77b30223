// SPDX-License-Identifier: Apache-2.0
#include "client/api/whole_file.h"

#include <unistd.h>

#include <fstream>
#include <system_error>

#include "client/api/partial_file.h"
#include "core/base/status_macros.h"
#include "fmt/format.h"

namespace bitsweep::client {
namespace {

namespace fs = std::filesystem;

// Beside `path`, and of this process alone.
fs::path BesideOf(const fs::path& path) {
  fs::path name = path;
  if (!name.has_filename()) name = name.parent_path();  // "folder/"
  return fmt::format("{}.{}.part", name.string(), getpid());
}

absl::Status WriteAll(const fs::path& path, std::string_view bytes) {
  std::ofstream stream(path, std::ios::binary | std::ios::trunc);
  if (!stream) {
    return absl::NotFoundError(fmt::format("{}: cannot be written", path.string()));
  }
  stream.write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
  stream.close();
  if (!stream) {
    return absl::ResourceExhaustedError(
        fmt::format("{}: its {} bytes cannot be written", path.string(), bytes.size()));
  }
  return absl::OkStatus();
}

// Gives what is complete its own name, or removes it.
absl::Status Settle(absl::Status status, const fs::path& part, const fs::path& path) {
  std::error_code error;
  if (status.ok()) {
    fs::rename(part, path, error);
    if (error) {
      status = absl::NotFoundError(fmt::format("{}: {}", path.string(), error.message()));
    }
  }
  if (!status.ok()) fs::remove_all(part, error);
  return status;
}

}  // namespace

absl::Status WriteWholeFile(const fs::path& path, std::string_view bytes) {
  PartialFile file(path.string(), PartialFile::Readers::kByUmask);
  RETURN_IF_ERROR(file.status());
  RETURN_IF_ERROR(file.Append(bytes));
  return file.Keep();
}

absl::Status WriteWholeFolder(const fs::path& path,
                              const std::map<std::string, std::string_view>& files) {
  std::error_code error;
  if (fs::exists(path, error) && !fs::is_empty(path, error)) {
    return absl::AlreadyExistsError(fmt::format(
        "{}: is there already; expected no such folder, or an empty one", path.string()));
  }
  const fs::path part = BesideOf(path);
  // Never into one that is there: it could be a link to another place.
  if (!fs::create_directory(part, error)) {
    return absl::NotFoundError(fmt::format(
        "{}: {}", part.string(), error ? error.message() : "is there already: remove it"));
  }
  absl::Status status;
  for (const auto& [name, bytes] : files) {
    if (status.ok()) status = WriteAll(part / name, bytes);
  }
  return Settle(status, part, path);
}

absl::StatusOr<std::string> ReadWholeFile(const fs::path& path) {
  std::ifstream stream(path, std::ios::binary);
  if (!stream) return absl::NotFoundError(fmt::format("{}: cannot be read", path.string()));
  std::string bytes;
  std::string piece(std::size_t{1} << 16, '\0');
  do {  // read() makes a state of what the buffer throws, iterators do not
    stream.read(piece.data(), static_cast<std::streamsize>(piece.size()));
    bytes.append(piece, 0, static_cast<std::size_t>(stream.gcount()));
  } while (stream);
  if (stream.bad()) return absl::NotFoundError(fmt::format("{}: cannot be read", path.string()));
  return bytes;
}

}  // namespace bitsweep::client
