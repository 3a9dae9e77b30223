// SPDX-License-Identifier: Apache-2.0
#include "worker/data/table_builder.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <map>
#include <optional>
#include <utility>

#include "core/base/sha256.h"
#include "fmt/format.h"

namespace bitsweep::data {
namespace {

std::optional<std::int64_t> WholeNumber(std::string_view text) {
  double value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  if (value != std::floor(value) || std::abs(value) > 1e15) return std::nullopt;
  return static_cast<std::int64_t>(value);
}

}  // namespace

absl::Status DataError(const std::string& message) { return absl::InvalidArgumentError(message); }

absl::Status SetClassesFromNumbers(const std::vector<double>& labels, const PlaceOfRow& place,
                                   Table& table) {
  table.y.resize(labels.size());
  std::int32_t highest = 0;
  for (std::size_t i = 0; i < labels.size(); ++i) {
    const double label = labels[i];
    if (!(label >= 0 && label < static_cast<double>(kMaxClasses)) || label != std::floor(label)) {
      return DataError(fmt::format("{}: class {}: expected a whole number from 0 to {}",
                                   place(static_cast<std::int64_t>(i)), label, kMaxClasses - 1));
    }
    table.y[i] = static_cast<std::int32_t>(label);
    highest = std::max(highest, table.y[i]);
  }
  table.classes = highest + 1;
  return absl::OkStatus();
}

absl::Status SetClassesFromText(const std::vector<std::string_view>& labels,
                                const PlaceOfRow& place, Table& table) {
  std::map<std::string_view, std::int32_t> classes;
  bool all_whole = true;
  for (std::size_t i = 0; i < labels.size(); ++i) {
    if (labels[i].empty()) {
      return DataError(fmt::format("{}: the class is empty", place(static_cast<std::int64_t>(i))));
    }
    const auto [entry, is_new] = classes.emplace(labels[i], 0);
    if (is_new) {
      all_whole = all_whole && WholeNumber(labels[i]).has_value();
      if (static_cast<std::int64_t>(classes.size()) > kMaxClasses) {
        return DataError(fmt::format("{}: more than {} classes",
                                     place(static_cast<std::int64_t>(i)), kMaxClasses));
      }
    }
  }
  if (all_whole) {
    std::map<std::string_view, double> numbers;
    for (const auto& [text, index] : classes) {
      numbers[text] = static_cast<double>(*WholeNumber(text));
    }
    std::vector<double> values(labels.size());
    for (std::size_t i = 0; i < labels.size(); ++i) values[i] = numbers[labels[i]];
    return SetClassesFromNumbers(values, place, table);
  }
  for (auto& [text, index] : classes) {
    index = static_cast<std::int32_t>(table.class_names.size());
    table.class_names.emplace_back(text);
  }
  table.y.resize(labels.size());
  for (std::size_t i = 0; i < labels.size(); ++i) table.y[i] = classes[labels[i]];
  table.classes = static_cast<std::int64_t>(classes.size());
  return absl::OkStatus();
}

absl::Status SetClassesFromOneHot(const std::vector<double>& matrix, std::int64_t classes,
                                  const PlaceOfRow& place, Table& table) {
  if (classes < 1 || classes > kMaxClasses) {
    return DataError(
        fmt::format("{}: {} classes: expected 1 to {}", place(0), classes, kMaxClasses));
  }
  const std::size_t width = static_cast<std::size_t>(classes);
  const std::size_t rows = matrix.size() / width;
  table.y.resize(rows);
  for (std::size_t i = 0; i < rows; ++i) {
    const double* row = matrix.data() + i * width;
    std::int64_t ones = 0;
    std::int64_t zeros = 0;
    for (std::size_t c = 0; c < width; ++c) {
      if (row[c] == 1) {
        ++ones;
        table.y[i] = static_cast<std::int32_t>(c);
      } else if (row[c] == 0) {
        ++zeros;
      }
    }
    if (ones != 1 || ones + zeros != classes) {
      return DataError(fmt::format("{}: the class is not one-hot: expected one 1 and {} zeros",
                                   place(static_cast<std::int64_t>(i)), classes - 1));
    }
  }
  table.classes = classes;
  return absl::OkStatus();
}

absl::Status CheckAndFinish(const PlaceOfRow& place, Table& table) {
  table.rows = static_cast<std::int64_t>(table.y.size());
  if (table.rows == 0) return DataError(fmt::format("{}: no rows", place(0)));
  if (table.features < 1 || table.features > kMaxFeatures) {
    return DataError(
        fmt::format("{}: {} features: expected 1 to {}", place(0), table.features, kMaxFeatures));
  }
  if (static_cast<std::int64_t>(table.x.size()) != table.rows * table.features) {
    return DataError(fmt::format("{}: {} rows of features and {} classes", place(0),
                                 table.x.size() / static_cast<std::size_t>(table.features),
                                 table.rows));
  }
  for (std::size_t i = 0; i < table.x.size(); ++i) {
    if (std::isfinite(table.x[i])) continue;
    const std::int64_t row = static_cast<std::int64_t>(i) / table.features;
    const std::int64_t column = static_cast<std::int64_t>(i) % table.features;
    const std::string name = table.feature_names.empty()
                                 ? std::to_string(column)
                                 : fmt::format("\"{}\"", table.feature_names[column]);
    return DataError(fmt::format("{}: column {}: {} is not a finite 32-bit number", place(row),
                                 name, table.x[i]));
  }
  table.digest = DigestOf(table);
  return absl::OkStatus();
}

std::string DigestOf(const Table& table) {
  Sha256 hash;
  std::string header =
      fmt::format("bitsweep.table.v1|{}|{}|{}", table.rows, table.features, table.classes);
  const auto add_names = [&header](const std::vector<std::string>& names) {
    header += fmt::format("|{}", names.size());
    for (const std::string& name : names) header += fmt::format("|{}:{}", name.size(), name);
  };
  add_names(table.feature_names);
  add_names(table.class_names);
  hash.Update(header);
  hash.Update(table.x.data(), table.x.size() * sizeof(float));
  hash.Update(table.y.data(), table.y.size() * sizeof(std::int32_t));
  return ToHex(hash.Finish());
}

}  // namespace bitsweep::data
