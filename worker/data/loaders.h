// SPDX-License-Identifier: Apache-2.0
// One loader a format. `file` is an existing path inside the data root; `shown` is how messages
// name it. Errors as LoadTable's.
#ifndef BITSWEEP_WORKER_DATA_LOADERS_H_
#define BITSWEEP_WORKER_DATA_LOADERS_H_

#include <cstdint>
#include <filesystem>
#include <string>

#include "absl/status/statusor.h"
#include "core/spec/dataset_spec.h"
#include "worker/data/dataset.h"

namespace bitsweep::data {

// RFC 4180 with a header line: quoted fields, LF or CRLF, an optional byte-order mark. Features are
// decimal numbers.
absl::StatusOr<Table> LoadCsv(const std::filesystem::path& file, const std::string& shown,
                              const spec::DatasetSpec& spec);

// Features [rows, features] and classes [rows] (or one-hot [rows, classes]) in two files of
// little-endian, C-order arrays of integers, floats or booleans.
absl::StatusOr<Table> LoadNpy(const std::filesystem::path& features, const std::string& shown,
                              const std::filesystem::path& classes,
                              const std::string& classes_shown);

// The table t_allpar_new of the JSC set (16 features and 5 one-hot classes by name), or two arrays
// named by the spec, X and y, or features and labels. One call at a time: the library is not
// thread-safe.
absl::StatusOr<Table> LoadHdf5(const std::filesystem::path& file, const std::string& shown,
                               const spec::DatasetSpec& spec);

// The built-in generator (docs/datasets.md): row r is a function of the seed and r alone.
// REQUIRES: 1 <= rows < 2^32.
Table GenerateSyntheticJets(std::int64_t rows, std::int64_t seed);

}  // namespace bitsweep::data

#endif  // BITSWEEP_WORKER_DATA_LOADERS_H_
