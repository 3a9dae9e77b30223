// SPDX-License-Identifier: Apache-2.0
#ifndef BITSWEEP_WORKER_DATA_TABLE_BUILDER_H_
#define BITSWEEP_WORKER_DATA_TABLE_BUILDER_H_

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "worker/data/dataset.h"

namespace bitsweep::data {

inline constexpr std::int64_t kMaxClasses = 65536;
inline constexpr std::int64_t kMaxFeatures = 65536;

// What the loaders share. All functions are pure; errors are InvalidArgument and name the file.

// Names where a value stands, for people: "x.npy: row 17".
using PlaceOfRow = std::function<std::string(std::int64_t row)>;

// Classes from numbers: each a whole number from 0 to kMaxClasses - 1; classes = highest + 1.
absl::Status SetClassesFromNumbers(const std::vector<double>& labels, const PlaceOfRow& place,
                                   Table& table);
// Classes from text: sorted (bytes), the position is the class. Text that is all whole numbers
// counts as numbers.
absl::Status SetClassesFromText(const std::vector<std::string_view>& labels,
                                const PlaceOfRow& place, Table& table);
// Classes from a [rows, classes] matrix of zeros with one 1 a row.
absl::Status SetClassesFromOneHot(const std::vector<double>& matrix, std::int64_t classes,
                                  const PlaceOfRow& place, Table& table);

// Every x is finite, sizes agree, there is at least one row and feature; then fills the digest.
absl::Status CheckAndFinish(const PlaceOfRow& place, Table& table);

// SHA-256, hex, of a table's content (Table::digest).
std::string DigestOf(const Table& table);

absl::Status DataError(const std::string& message);

}  // namespace bitsweep::data

#endif  // BITSWEEP_WORKER_DATA_TABLE_BUILDER_H_
