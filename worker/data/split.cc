// SPDX-License-Identifier: Apache-2.0
// Duplicates, split and scaler: from a table to what a trial trains on.
#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>
#include <new>
#include <numeric>
#include <string_view>
#include <unordered_set>
#include <vector>

#include "core/base/random.h"
#include "core/base/status_macros.h"
#include "fmt/format.h"
#include "worker/data/dataset.h"
#include "worker/data/table_builder.h"

namespace bitsweep::data {
namespace {

using Rows = std::vector<std::uint32_t>;

// Rows to use, in the table's order: all, or the first of each set of equal ones.
Rows ChooseRows(const Table& table, bool drop_duplicates) {
  Rows rows;
  if (!drop_duplicates) {
    rows.resize(static_cast<std::size_t>(table.rows));
    std::iota(rows.begin(), rows.end(), 0U);
    return rows;
  }
  const std::size_t features = static_cast<std::size_t>(table.features);
  const auto less_bytes = features * sizeof(float) + sizeof(std::int32_t);
  // Keys are the rows' bytes, with -0 as 0 so that equal numbers are equal bytes.
  std::string keys(static_cast<std::size_t>(table.rows) * less_bytes, '\0');
  std::unordered_set<std::string_view> seen;
  seen.reserve(static_cast<std::size_t>(table.rows));
  for (std::size_t row = 0; row < static_cast<std::size_t>(table.rows); ++row) {
    char* key = keys.data() + row * less_bytes;
    for (std::size_t f = 0; f < features; ++f) {
      const float value = table.x[row * features + f] + 0.0F;
      std::memcpy(key + f * sizeof(float), &value, sizeof(float));
    }
    std::memcpy(key + features * sizeof(float), &table.y[row], sizeof(std::int32_t));
    if (seen.insert(std::string_view(key, less_bytes)).second) {
      rows.push_back(static_cast<std::uint32_t>(row));
    }
  }
  return rows;
}

// Marks ceil(fraction * n) of `n` for validation: the first of a shuffled order.
void MarkRandom(const Rows& places, std::size_t count, std::uint64_t seed, std::uint32_t substream,
                std::vector<bool>& is_validation) {
  Rows shuffled = places;
  Random random(seed, RandomStream::kSplit, substream);
  Shuffle(shuffled, random);
  for (std::size_t i = 0; i < count; ++i) is_validation[shuffled[i]] = true;
}

// Validation rows of each class, by largest remainder (ties: the lower class).
std::vector<std::size_t> Apportion(const std::vector<std::size_t>& class_rows, std::size_t rows,
                                   std::size_t validation_rows) {
  std::vector<std::size_t> shares(class_rows.size());
  std::vector<std::pair<double, std::size_t>> remainders;
  std::size_t given = 0;
  for (std::size_t c = 0; c < class_rows.size(); ++c) {
    const double exact = static_cast<double>(class_rows[c]) * static_cast<double>(validation_rows) /
                         static_cast<double>(rows);
    shares[c] = static_cast<std::size_t>(exact);
    given += shares[c];
    remainders.emplace_back(-(exact - std::floor(exact)), c);
  }
  std::sort(remainders.begin(), remainders.end());
  for (const auto& [remainder, c] : remainders) {
    if (given == validation_rows) break;
    if (shares[c] < class_rows[c]) {
      ++shares[c];
      ++given;
    }
  }
  return shares;
}

absl::StatusOr<std::vector<bool>> Split(const Table& table, const Rows& rows,
                                        const spec::DatasetSpec& spec) {
  const std::size_t count = rows.size();
  const std::size_t validation_rows =
      static_cast<std::size_t>(std::ceil(spec.validation_fraction * static_cast<double>(count)));
  if (!(spec.validation_fraction > 0 && spec.validation_fraction < 1) || validation_rows == 0 ||
      validation_rows >= count) {
    return DataError(fmt::format(
        "{}: {} rows with a validation fraction of {} leave {} for training: expected "
        "at least one row in each part",
        spec.name, count, spec.validation_fraction, count - std::min(count, validation_rows)));
  }
  std::vector<bool> is_validation(count, false);
  const auto seed = static_cast<std::uint64_t>(spec.split_seed);
  Rows places(count);
  std::iota(places.begin(), places.end(), 0U);
  if (!spec.stratified) {
    MarkRandom(places, validation_rows, seed, 0, is_validation);
    return is_validation;
  }
  std::vector<Rows> by_class(static_cast<std::size_t>(table.classes));
  for (const std::uint32_t place : places) {
    by_class[static_cast<std::size_t>(table.y[rows[place]])].push_back(place);
  }
  std::vector<std::size_t> class_rows;
  for (const Rows& members : by_class) class_rows.push_back(members.size());
  const std::vector<std::size_t> shares = Apportion(class_rows, count, validation_rows);
  for (std::size_t c = 0; c < by_class.size(); ++c) {
    MarkRandom(by_class[c], shares[c], seed, static_cast<std::uint32_t>(c + 1), is_validation);
  }
  return is_validation;
}

// Mean and population standard deviation of each feature over the training rows, in two passes of
// 64-bit sums. A feature whose variance is within rounding of 0 is constant: scale 1.
void FitScaler(Dataset& data) {
  const std::size_t features = static_cast<std::size_t>(data.features);
  const std::size_t rows = data.train_y.size();
  const double n = static_cast<double>(rows);
  std::vector<double> mean(features, 0);
  std::vector<double> variance(features, 0);
  for (std::size_t i = 0; i < data.train_x.size(); ++i) mean[i % features] += data.train_x[i];
  for (double& value : mean) value /= n;
  for (std::size_t row = 0; row < rows; ++row) {
    for (std::size_t f = 0; f < features; ++f) {
      const double d = data.train_x[row * features + f] - mean[f];
      variance[f] += d * d;
    }
  }
  constexpr double kEpsilon = std::numeric_limits<double>::epsilon();
  const auto scale_rows = [&](RowVector<float>& x, const std::vector<double>& scale) {
    for (std::size_t i = 0; i < x.size();) {
      for (std::size_t f = 0; f < features; ++f, ++i) {
        x[i] = static_cast<float>((x[i] - mean[f]) / scale[f]);
      }
    }
  };
  std::vector<double> scale(features, 1);
  for (std::size_t f = 0; f < features; ++f) {
    variance[f] /= n;
    const double noise = n * kEpsilon * variance[f] + std::pow(n * mean[f] * kEpsilon, 2);
    if (variance[f] > noise) scale[f] = std::sqrt(variance[f]);
    data.mean[f] = static_cast<float>(mean[f]);
    data.scale[f] = static_cast<float>(scale[f]);
  }
  scale_rows(data.train_x, scale);
  scale_rows(data.val_x, scale);
}

absl::StatusOr<Dataset> PrepareRows(const Table& table, const spec::DatasetSpec& spec) {
  const Rows rows = ChooseRows(table, spec.drop_duplicate_rows);
  ASSIGN_OR_RETURN(const std::vector<bool> is_validation, Split(table, rows, spec));
  Dataset data;
  data.features = table.features;
  data.classes = table.classes;
  data.feature_names = table.feature_names;
  data.class_names = table.class_names;
  data.digest = table.digest;
  data.validates_on_training_rows = spec.validation == spec::Validation::kTrainingRows;
  const std::size_t features = static_cast<std::size_t>(table.features);
  const std::size_t validation_rows =
      static_cast<std::size_t>(std::count(is_validation.begin(), is_validation.end(), true));
  data.train_x.reserve((rows.size() - validation_rows) * features);
  data.train_y.reserve(rows.size() - validation_rows);
  for (std::size_t i = 0; i < rows.size(); ++i) {
    if (is_validation[i] && data.validates_on_training_rows) continue;
    RowVector<float>& x = is_validation[i] ? data.val_x : data.train_x;
    RowVector<std::int32_t>& y = is_validation[i] ? data.val_y : data.train_y;
    const auto row = table.x.begin() + static_cast<std::ptrdiff_t>(rows[i] * features);
    x.insert(x.end(), row, row + static_cast<std::ptrdiff_t>(features));
    y.push_back(table.y[rows[i]]);
  }
  data.mean.assign(features, 0);
  data.scale.assign(features, 1);
  if (spec.scaler == spec::Scaler::kStandard) FitScaler(data);
  return data;
}

}  // namespace

absl::StatusOr<Dataset> Prepare(const Table& table, const spec::DatasetSpec& spec) {
  try {
    return PrepareRows(table, spec);
  } catch (const std::bad_alloc&) {
    return absl::ResourceExhaustedError(
        fmt::format("{}: does not fit in this worker's memory", spec.name));
  }
}

}  // namespace bitsweep::data
