// SPDX-License-Identifier: Apache-2.0
#include "server/store/sqlite/tar_stream.h"

#include <archive.h>
#include <archive_entry.h>
#include <sys/types.h>

#include <algorithm>
#include <fstream>
#include <utility>

#include "core/base/status_macros.h"
#include "fmt/format.h"

namespace bitsweep::store {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kBlock = 256 << 10;

struct FreeEntry {
  void operator()(archive_entry* entry) const { archive_entry_free(entry); }
};

// A writer's output goes to the end of `*buffer`.
la_ssize_t AppendTo(archive*, void* buffer, const void* bytes, std::size_t size) {
  static_cast<std::string*>(buffer)->append(static_cast<const char*>(bytes), size);
  return static_cast<la_ssize_t>(size);
}

}  // namespace

struct TarStream::Impl {
  struct CloseArchive {
    void operator()(archive* opened) const { archive_write_free(opened); }
  };
  fs::path folder;
  absl::Time time;
  std::vector<fs::path> paths;  // below the folder, sorted
  std::size_t next = 0;         // of paths
  std::ifstream file;           // the one being read
  std::uint64_t left = 0;       // of its bytes
  bool is_closed = false;
  std::string buffer;  // made, not yet given out
  std::unique_ptr<archive, CloseArchive> writer;

  absl::Status Check(int code) const {
    if (code == ARCHIVE_OK) return absl::OkStatus();
    return absl::InternalError(
        fmt::format("tar file: {}", archive_error_string(writer.get()) != nullptr
                                        ? archive_error_string(writer.get())
                                        : "unknown"));
  }
  absl::Status Start();
  absl::Status Begin(const fs::path& path);
  absl::Status Copy();
  absl::Status MakeMore();
};

absl::Status TarStream::Impl::Start() {
  std::error_code error;
  for (auto entry = fs::recursive_directory_iterator(folder, error);
       !error && entry != fs::recursive_directory_iterator(); entry.increment(error)) {
    paths.push_back(entry->path().lexically_relative(folder));
  }
  if (error) {
    return absl::InternalError(fmt::format("listing {}: {}", folder.string(), error.message()));
  }
  std::sort(paths.begin(), paths.end());
  writer.reset(archive_write_new());
  RETURN_IF_ERROR(Check(archive_write_set_format_pax_restricted(writer.get())));
  RETURN_IF_ERROR(Check(archive_write_set_bytes_per_block(writer.get(), 0)));
  return Check(archive_write_open(writer.get(), &buffer, nullptr, AppendTo, nullptr));
}

absl::Status TarStream::Impl::Begin(const fs::path& path) {
  std::error_code error;
  const bool is_folder = fs::is_directory(folder / path);
  left = is_folder ? 0 : fs::file_size(folder / path, error);
  if (!is_folder) {
    file = std::ifstream(folder / path, std::ios::binary);
    if (error || !file) {
      return absl::InternalError(fmt::format("{} cannot be read", (folder / path).string()));
    }
  }
  const std::unique_ptr<archive_entry, FreeEntry> entry(archive_entry_new());
  archive_entry_set_pathname(entry.get(), path.c_str());
  archive_entry_set_filetype(entry.get(), is_folder ? AE_IFDIR : AE_IFREG);
  archive_entry_set_perm(entry.get(), is_folder ? 0755 : 0644);
  archive_entry_set_size(entry.get(), static_cast<la_int64_t>(left));
  archive_entry_set_mtime(entry.get(), absl::ToUnixSeconds(time), 0);
  return Check(archive_write_header(writer.get(), entry.get()));
}

absl::Status TarStream::Impl::Copy() {
  std::string bytes(std::min<std::uint64_t>(left, kBlock), '\0');
  file.read(bytes.data(), static_cast<std::streamsize>(bytes.size()));
  if (static_cast<std::size_t>(file.gcount()) != bytes.size()) {
    return absl::InternalError(
        fmt::format("{} ended {} bytes early", (folder / paths[next - 1]).string(), left));
  }
  left -= bytes.size();
  if (archive_write_data(writer.get(), bytes.data(), bytes.size()) !=
      static_cast<la_ssize_t>(bytes.size())) {
    return Check(ARCHIVE_FATAL);
  }
  return absl::OkStatus();
}

absl::Status TarStream::Impl::MakeMore() {
  if (left > 0) return Copy();
  if (next < paths.size()) return Begin(paths[next++]);
  is_closed = true;
  return Check(archive_write_close(writer.get()));
}

TarStream::TarStream(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
TarStream::~TarStream() = default;

absl::StatusOr<std::unique_ptr<TarStream>> TarStream::Open(const fs::path& folder,
                                                           absl::Time time) {
  auto impl = std::make_unique<Impl>();
  impl->folder = folder;
  impl->time = time;
  RETURN_IF_ERROR(impl->Start());
  return std::unique_ptr<TarStream>(new TarStream(std::move(impl)));
}

absl::StatusOr<std::string> TarStream::Next(std::size_t max_bytes) {
  while (impl_->buffer.size() < max_bytes && !impl_->is_closed) RETURN_IF_ERROR(impl_->MakeMore());
  if (impl_->buffer.size() <= max_bytes) return std::exchange(impl_->buffer, "");
  std::string bytes = impl_->buffer.substr(0, max_bytes);
  impl_->buffer.erase(0, max_bytes);
  return bytes;
}

}  // namespace bitsweep::store
