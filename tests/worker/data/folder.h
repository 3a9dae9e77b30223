// SPDX-License-Identifier: Apache-2.0
#ifndef BITSWEEP_TESTS_WORKER_DATA_FOLDER_H_
#define BITSWEEP_TESTS_WORKER_DATA_FOLDER_H_

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>
#include <string_view>

#include "worker/data/dataset.h"

namespace bitsweep::data {

// A folder of its own for one test, gone with it.
class Folder {
 public:
  Folder() {
    std::string pattern = (std::filesystem::temp_directory_path() / "bitsweep-XXXXXX").string();
    path_ = mkdtemp(pattern.data());
  }
  ~Folder() { std::filesystem::remove_all(path_); }
  void Write(const std::string& name, std::string_view bytes) const {
    std::filesystem::create_directories((path_ / name).parent_path());
    std::ofstream(path_ / name, std::ios::binary) << bytes;
  }
  const std::filesystem::path& path() const { return path_; }
  absl::StatusOr<Table> LoadSpec(const spec::DatasetSpec& spec) const {
    return LoadTable(path_.string(), spec);
  }
  absl::StatusOr<Table> Load(const std::string& name) const { return LoadSpec({.name = name}); }

 private:
  std::filesystem::path path_;
};

}  // namespace bitsweep::data

#endif  // BITSWEEP_TESTS_WORKER_DATA_FOLDER_H_
