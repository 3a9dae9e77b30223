// SPDX-License-Identifier: Apache-2.0
#include "worker/data/files.h"

#include <sys/stat.h>

#include <optional>
#include <system_error>

#include "core/base/status_macros.h"
#include "fmt/format.h"
#include "fmt/ranges.h"
#include "worker/data/table_builder.h"

namespace bitsweep::data {
namespace {

namespace fs = std::filesystem;

// The file `name` below `root`, links resolved. Nothing when there is no such file;
// InvalidArgument when it lies outside.
absl::StatusOr<std::optional<fs::path>> Below(const fs::path& root, const std::string& name) {
  const fs::path relative(name);
  bool leaves = relative.is_absolute();
  for (const fs::path& part : relative) leaves = leaves || part == "..";
  if (leaves) {
    return DataError(fmt::format("{}: expected a path below the data root, without \"..\"", name));
  }
  std::error_code error;
  const fs::path canonical = fs::canonical(root / relative, error);
  if (error) return std::optional<fs::path>();
  const fs::path inside = canonical.lexically_relative(root);
  if (inside.empty() || *inside.begin() == "..") {
    return DataError(fmt::format("{}: a link that leaves the data root", name));
  }
  if (!fs::is_regular_file(canonical, error)) return std::optional<fs::path>();
  return std::optional<fs::path>(canonical);
}

// "dir/jsc_x_f32.npy" -> {"dir/jsc_x_f32.npy" with y for x, then any one dir/jsc_y*.npy}.
absl::StatusOr<std::string> FindClasses(const fs::path& root, const std::string& features) {
  const fs::path path(features);
  const std::string stem = path.stem().string();
  for (std::size_t at = stem.size(); at-- > 0;) {
    const bool is_start = at == 0 || stem[at - 1] == '_' || stem[at - 1] == '-';
    const bool is_end = at + 1 == stem.size() || stem[at + 1] == '_' || stem[at + 1] == '-';
    if ((stem[at] != 'x' && stem[at] != 'X') || !is_start || !is_end) continue;
    const std::string y = stem[at] == 'x' ? "y" : "Y";
    const std::string same = stem.substr(0, at) + y + stem.substr(at + 1) + ".npy";
    const std::string prefix = stem.substr(0, at) + y;
    std::vector<std::string> found;
    std::error_code error;
    for (const fs::directory_entry& entry :
         fs::directory_iterator(root / path.parent_path(), error)) {
      const std::string name = entry.path().filename().string();
      if (name == same) return (path.parent_path() / same).string();
      const std::string rest = name.starts_with(prefix) ? name.substr(prefix.size()) : "?";
      if (name.ends_with(".npy") && (rest[0] == '_' || rest[0] == '.')) found.push_back(name);
    }
    if (found.size() == 1) return (path.parent_path() / found.front()).string();
    return DataError(fmt::format("{}: {} files of classes like {}*.npy: name one with labels_file",
                                 features, found.size(), prefix));
  }
  return DataError(fmt::format("{}: its file of classes is not named: say labels_file", features));
}

absl::StatusOr<std::vector<DataFile>> Find(const std::string& data_root,
                                           const spec::DatasetSpec& spec) {
  if (spec.name == spec::kSyntheticJets) return std::vector<DataFile>();
  std::error_code error;
  const fs::path root = fs::canonical(data_root, error);
  if (error) {
    return absl::NotFoundError(
        fmt::format("the data root {} cannot be read: {}", data_root, error.message()));
  }
  if (spec.name.empty()) return DataError("the data set has no name");
  std::vector<std::string> tried;
  for (const char* suffix : {"", ".h5", ".hdf5", ".csv", ".npy", "_x.npy"}) {
    const std::string name = spec.name + suffix;
    ASSIGN_OR_RETURN(const std::optional<fs::path> file, Below(root, name));
    if (!file) {
      tried.push_back(name);
      continue;
    }
    std::vector<DataFile> files = {{*file, name}};
    if (fs::path(name).extension() != ".npy") return files;
    std::string classes = spec.labels_file;
    if (classes.empty()) {
      ASSIGN_OR_RETURN(classes, FindClasses(root, name));
    }
    ASSIGN_OR_RETURN(const std::optional<fs::path> classes_file, Below(root, classes));
    if (!classes_file) return absl::NotFoundError(fmt::format("no file {}", classes));
    files.push_back({*classes_file, classes});
    return files;
  }
  return absl::NotFoundError(fmt::format("no data set {} below {}: looked for {}", spec.name,
                                         data_root, fmt::join(tried, ", ")));
}

}  // namespace

absl::StatusOr<std::vector<DataFile>> FindFiles(const std::string& data_root,
                                                const spec::DatasetSpec& spec) {
  try {
    return Find(data_root, spec);
  } catch (const fs::filesystem_error& error) {  // a folder that goes away while it is listed
    return absl::InternalError(fmt::format("{}: {}", spec.name, error.what()));
  }
}

absl::StatusOr<FileStamp> StampOf(const DataFile& file) {
  struct stat now {};
  if (stat(file.path.c_str(), &now) != 0) {
    return absl::NotFoundError(fmt::format("no file {}", file.shown));
  }
  return FileStamp{
      .device = static_cast<std::uint64_t>(now.st_dev),
      .inode = static_cast<std::uint64_t>(now.st_ino),
      .size = static_cast<std::int64_t>(now.st_size),
      .modified_ns = std::int64_t{now.st_mtim.tv_sec} * 1'000'000'000 + now.st_mtim.tv_nsec};
}

}  // namespace bitsweep::data
