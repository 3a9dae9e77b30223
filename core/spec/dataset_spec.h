// SPDX-License-Identifier: Apache-2.0
#ifndef BITSWEEP_CORE_SPEC_DATASET_SPEC_H_
#define BITSWEEP_CORE_SPEC_DATASET_SPEC_H_

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace bitsweep::spec {

inline constexpr std::string_view kSyntheticJets = "synthetic-jets";

enum class Scaler { kStandard, kNone };
enum class Validation {
  kHeldOut,       // a split that training never sees
  kTrainingRows,  // the training rows themselves, as the lab report's tool did
};

// Which rows a trial trains on and is measured on. A pure description: workers open the bytes.
struct DatasetSpec {
  // `synthetic-jets`, or a path below a worker's data root: a file, or a stem that is tried with
  // .h5, .hdf5, .csv, .npy and _x.npy / _y.npy. Never absolute, never with "..".
  std::string name;

  // synthetic-jets only.
  std::int64_t synthetic_rows = 100000;
  std::int64_t synthetic_seed = 0;

  // CSV: the column of the class (empty: "label", else "class", without regard to case) and the
  // feature columns in order (empty: all others, in file order).
  std::string label_column;
  std::vector<std::string> feature_columns;
  // npy: the file of classes (empty: found by name, x -> y). HDF5 plain arrays: paths inside the
  // file (empty: the table t_allpar_new, else X and y, else features and labels).
  std::string labels_file;
  std::string features_key;
  std::string labels_key;

  // Keep only the first of equal rows (features and class), as the JSC pipeline does.
  bool drop_duplicate_rows = false;

  double validation_fraction = 0.2;  // in (0, 1)
  std::int64_t split_seed = 42;
  bool stratified = false;
  Scaler scaler = Scaler::kStandard;  // fitted on training rows only, population standard deviation
  Validation validation = Validation::kHeldOut;

  bool operator==(const DatasetSpec&) const = default;
};

std::string_view Name(Scaler scaler);          // "standard", "none"
std::string_view Name(Validation validation);  // "held_out", "training_rows"
std::optional<Scaler> ParseScaler(std::string_view name);
std::optional<Validation> ParseValidation(std::string_view name);

}  // namespace bitsweep::spec

#endif  // BITSWEEP_CORE_SPEC_DATASET_SPEC_H_
