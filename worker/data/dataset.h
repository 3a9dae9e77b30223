// SPDX-License-Identifier: Apache-2.0
#ifndef BITSWEEP_WORKER_DATA_DATASET_H_
#define BITSWEEP_WORKER_DATA_DATASET_H_

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/synchronization/mutex.h"
#include "core/spec/dataset_spec.h"
#include "worker/data/row_allocator.h"

namespace bitsweep::data {

// A data set as loaded: raw rows before any split or scaling. Immutable once made.
struct Table {
  std::int64_t rows = 0;
  std::int64_t features = 0;
  std::int64_t classes = 0;
  std::vector<float> x;                    // [rows, features], row-major
  std::vector<std::int32_t> y;             // [rows], each in [0, classes)
  std::vector<std::string> feature_names;  // may be empty (npy)
  std::vector<std::string> class_names;  // text labels in sorted order = class index; may be empty
  // SHA-256, hex, of rows, features, classes, names, x and y: the identity of the bytes.
  std::string digest;
};

// What a trial trains on: rows split and scaled as the spec says. Immutable, shared by all slots.
// Rows keep the table's order within each part.
struct Dataset {
  std::int64_t features = 0;
  std::int64_t classes = 0;
  RowVector<float> train_x;  // [train_rows, features], row-major, scaled
  RowVector<std::int32_t> train_y;
  RowVector<float> val_x;  // empty with Validation::kTrainingRows: use validation_x()
  RowVector<std::int32_t> val_y;
  bool validates_on_training_rows = false;
  std::vector<float> mean;   // [features] of the scaler (zeros without one)
  std::vector<float> scale;  // [features], 1 for a constant feature
  std::vector<std::string> feature_names;
  std::vector<std::string> class_names;
  std::string digest;  // of the table

  std::int64_t train_rows() const { return static_cast<std::int64_t>(train_y.size()); }
  std::span<const float> validation_x() const {
    return validates_on_training_rows ? std::span<const float>(train_x)
                                      : std::span<const float>(val_x);
  }
  std::span<const std::int32_t> validation_y() const {
    return validates_on_training_rows ? std::span<const std::int32_t>(train_y)
                                      : std::span<const std::int32_t>(val_y);
  }
};

// Reads the table that `spec` names below `data_root` (or generates synthetic-jets). Errors are
// typed by code: NotFound (no such file), InvalidArgument (bad bytes or a path outside the root;
// the message names file and row or column), ResourceExhausted (does not fit in memory), Internal
// (the file system failed).
absl::StatusOr<Table> LoadTable(const std::string& data_root, const spec::DatasetSpec& spec);

// Drops duplicates, splits and scales as `spec` says. InvalidArgument when a part would be empty.
absl::StatusOr<Dataset> Prepare(const Table& table, const spec::DatasetSpec& spec);

// Data sets by spec and the state of their files, each loaded once for all slots and kept while in
// use (and the last one after that): a file that is written or replaced is another data set.
// Thread-safe: concurrent calls for one load once; others do not wait for it. A failed load is not
// remembered. The returned pointers share ownership with the cache.
class DatasetCache {
 public:
  explicit DatasetCache(std::string data_root);
  absl::StatusOr<std::shared_ptr<const Dataset>> Get(const spec::DatasetSpec& spec);

 private:
  struct Entry;
  const std::string data_root_;
  absl::Mutex mu_;
  std::vector<std::shared_ptr<Entry>> entries_ ABSL_GUARDED_BY(mu_);
};

}  // namespace bitsweep::data

#endif  // BITSWEEP_WORKER_DATA_DATASET_H_
