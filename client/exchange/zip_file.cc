// SPDX-License-Identifier: Apache-2.0
#include "client/exchange/zip_file.h"

#include <archive.h>
#include <archive_entry.h>

#include <algorithm>

#include "core/base/text.h"
#include "fmt/format.h"

namespace bitsweep::exchange {
namespace {

constexpr std::size_t kPiece = std::size_t{1} << 20;

struct FreeZipEntry {
  void operator()(archive_entry* entry) const { archive_entry_free(entry); }
};

std::string WhyOf(archive* opened) {
  const char* why = archive_error_string(opened);
  return why != nullptr ? ToValidUtf8(why, 200) : "it cannot be read";
}

la_ssize_t AppendZipBytes(archive*, void* bytes, const void* piece, std::size_t size) {
  static_cast<std::string*>(bytes)->append(static_cast<const char*>(piece), size);
  return static_cast<la_ssize_t>(size);
}

}  // namespace

void ZipReader::Free::operator()(archive* opened) const { archive_read_free(opened); }

absl::Status ZipReader::Error() const {
  return absl::InvalidArgumentError("zip: " + WhyOf(archive_.get()));
}

absl::StatusOr<ZipReader> ZipReader::Open(std::string_view bytes) {
  ZipReader reader(archive_read_new());
  archive* const opened = reader.archive_.get();
  if (archive_read_support_format_zip_seekable(opened) != ARCHIVE_OK ||
      archive_read_open_memory(opened, bytes.data(), bytes.size()) != ARCHIVE_OK) {
    return absl::InvalidArgumentError("zip: no zip file, or one whose end is missing");
  }
  return reader;
}

absl::StatusOr<std::optional<std::string>> ZipReader::Next() {
  archive_entry* entry = nullptr;
  const int code = archive_read_next_header(archive_.get(), &entry);
  if (code == ARCHIVE_EOF) return std::nullopt;
  // A warning is about names of another character set; they are compared byte by byte.
  if (code != ARCHIVE_OK && code != ARCHIVE_WARN) return Error();
  if (++entries_ > kMaxEntries) {
    return absl::InvalidArgumentError(fmt::format("zip: more than {} entries", kMaxEntries));
  }
  const char* name = archive_entry_pathname(entry);
  return std::string(name != nullptr ? name : "");
}

absl::StatusOr<std::string> ZipReader::Read(std::size_t bytes) {
  std::string content;
  while (content.size() < bytes) {
    // Piece by piece: a size is only believed as far as there are bytes.
    const std::size_t begin = content.size();
    content.resize(begin + std::min(kPiece, bytes - begin));
    const la_ssize_t size =
        archive_read_data(archive_.get(), content.data() + begin, content.size() - begin);
    if (size < 0) return Error();
    content.resize(begin + static_cast<std::size_t>(size));
    if (size == 0) break;
  }
  return content;
}

void ZipWriter::Free::operator()(archive* opened) const { archive_write_free(opened); }

ZipWriter::ZipWriter() : archive_(archive_write_new()) {
  archive* const opened = archive_.get();
  archive_write_set_format_zip(opened);
  archive_write_zip_set_compression_store(opened);
  archive_write_set_bytes_per_block(opened, 0);
  archive_write_open(opened, &bytes_, nullptr, AppendZipBytes, nullptr);
}
ZipWriter::~ZipWriter() = default;

absl::Status ZipWriter::Error() const {
  return absl::InternalError("zip: " + WhyOf(archive_.get()));
}

absl::Status ZipWriter::Add(const std::string& name, std::string_view content) {
  const std::unique_ptr<archive_entry, FreeZipEntry> entry(archive_entry_new());
  archive_entry_set_pathname(entry.get(), name.c_str());
  archive_entry_set_filetype(entry.get(), AE_IFREG);
  archive_entry_set_perm(entry.get(), 0644);
  archive_entry_set_size(entry.get(), static_cast<la_int64_t>(content.size()));
  if (archive_write_header(archive_.get(), entry.get()) != ARCHIVE_OK) return Error();
  if (content.empty()) return absl::OkStatus();
  const la_ssize_t size = archive_write_data(archive_.get(), content.data(), content.size());
  if (size != static_cast<la_ssize_t>(content.size())) return Error();
  return absl::OkStatus();
}

absl::StatusOr<std::string> ZipWriter::Finish() {
  if (archive_write_close(archive_.get()) != ARCHIVE_OK) return Error();
  return std::move(bytes_);
}

}  // namespace bitsweep::exchange
