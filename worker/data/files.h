// SPDX-License-Identifier: Apache-2.0
// The files that a spec names, and which bytes they have now.
#ifndef BITSWEEP_WORKER_DATA_FILES_H_
#define BITSWEEP_WORKER_DATA_FILES_H_

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "core/spec/dataset_spec.h"

namespace bitsweep::data {

struct DataFile {
  std::filesystem::path path;  // canonical, inside the data root
  std::string shown;           // how messages name it: below the data root
};

// Every file that LoadTable reads for `spec`, without leaving the data root: none for
// synthetic-jets, features and classes for npy, else one. Errors as LoadTable's.
absl::StatusOr<std::vector<DataFile>> FindFiles(const std::string& data_root,
                                                const spec::DatasetSpec& spec);

// Tells one state of a file from another: equal as long as nobody writes or replaces it.
struct FileStamp {
  std::uint64_t device = 0;
  std::uint64_t inode = 0;
  std::int64_t size = 0;
  std::int64_t modified_ns = 0;

  bool operator==(const FileStamp&) const = default;
};

// NotFound when it has gone.
absl::StatusOr<FileStamp> StampOf(const DataFile& file);

}  // namespace bitsweep::data

#endif  // BITSWEEP_WORKER_DATA_FILES_H_
