// SPDX-License-Identifier: Apache-2.0
// Calls the loader of the file that a spec names.
#include <new>
#include <stdexcept>
#include <string>
#include <vector>

#include "core/base/status_macros.h"
#include "core/spec/validate.h"
#include "fmt/format.h"
#include "worker/data/dataset.h"
#include "worker/data/files.h"
#include "worker/data/loaders.h"
#include "worker/data/table_builder.h"

namespace bitsweep::data {
namespace {

absl::StatusOr<Table> Load(const std::string& data_root, const spec::DatasetSpec& spec) {
  if (spec.name == spec::kSyntheticJets) {
    if (spec.synthetic_rows < 1 || spec.synthetic_rows > spec::kMaxSyntheticRows) {
      return DataError(fmt::format("synthetic-jets: {} rows: expected 1 to {}", spec.synthetic_rows,
                                   spec::kMaxSyntheticRows));
    }
    return GenerateSyntheticJets(spec.synthetic_rows, spec.synthetic_seed);
  }
  ASSIGN_OR_RETURN(const std::vector<DataFile> files, FindFiles(data_root, spec));
  const auto& [file, name] = files.front();
  const std::string extension = std::filesystem::path(name).extension().string();
  if (extension == ".csv") return LoadCsv(file, name, spec);
  if (extension == ".h5" || extension == ".hdf5") return LoadHdf5(file, name, spec);
  if (extension == ".npy") return LoadNpy(file, name, files.at(1).path, files.at(1).shown);
  return DataError(fmt::format("{}: expected a .csv, .h5, .hdf5 or .npy file", name));
}

}  // namespace

absl::StatusOr<Table> LoadTable(const std::string& data_root, const spec::DatasetSpec& spec) {
  try {
    return Load(data_root, spec);
  } catch (const std::bad_alloc&) {
    return absl::ResourceExhaustedError(
        fmt::format("{}: does not fit in this worker's memory", spec.name));
  } catch (const std::length_error&) {
    return absl::ResourceExhaustedError(
        fmt::format("{}: does not fit in this worker's memory", spec.name));
  }
}

}  // namespace bitsweep::data
