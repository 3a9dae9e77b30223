// SPDX-License-Identifier: Apache-2.0
#include <cstdint>
#include <cstring>
#include <fstream>
#include <iterator>
#include <string_view>
#include <utility>
#include <vector>

#include "core/base/npy_header.h"
#include "core/base/status_macros.h"
#include "fmt/format.h"
#include "fmt/ranges.h"
#include "worker/data/loaders.h"
#include "worker/data/table_builder.h"

namespace bitsweep::data {
namespace {

struct Array {
  std::vector<std::int64_t> shape;
  std::string type;  // "f4", "i8", ...
  std::string_view bytes;
};

std::size_t SizeOf(const std::string& type) {
  for (const char* known : {"f4", "f8", "i1", "i2", "i4", "i8", "u1", "u2", "u4", "u8", "b1"}) {
    if (type == known) return static_cast<std::size_t>(type[1] - '0');
  }
  return 0;
}

absl::StatusOr<Array> Parse(std::string_view file, const std::string& shown) {
  absl::StatusOr<NpyHeader> header = ParseNpyHeader(file);
  if (!header.ok()) {
    return DataError(fmt::format("{}: {}", shown, std::string(header.status().message())));
  }
  const std::size_t size = SizeOf(header->type);
  const char order = header->byte_order;
  if (size == 0 || (order == '>' && size > 1) || (order != '<' && order != '>' && order != '|')) {
    return DataError(
        fmt::format("{}: type '{}{}': expected little-endian integers, floats of 4 or 8 "
                    "bytes, or booleans",
                    shown, order, header->type));
  }
  if (header->fortran_order && header->shape.size() > 1) {
    return DataError(
        fmt::format("{}: in Fortran order: save it with numpy.ascontiguousarray", shown));
  }
  std::size_t count = 1;
  for (const std::int64_t extent : header->shape) {
    if (extent != 0 && count > file.size() / static_cast<std::size_t>(extent)) {
      count = file.size() + 1;  // more values than bytes
      break;
    }
    count *= static_cast<std::size_t>(extent);
  }
  Array array{.shape = std::move(header->shape),
              .type = std::move(header->type),
              .bytes = file.substr(header->bytes)};
  if (array.bytes.size() != count * size) {
    return DataError(fmt::format("{}: {} bytes of values, expected {} of {} for shape ({})", shown,
                                 array.bytes.size(), size, array.type,
                                 fmt::join(array.shape, ", ")));
  }
  return array;
}

template <typename From, typename To>
std::vector<To> Convert(std::string_view bytes) {
  std::vector<To> values(bytes.size() / sizeof(From));
  for (std::size_t i = 0; i < values.size(); ++i) {
    From value;
    std::memcpy(&value, bytes.data() + i * sizeof(From), sizeof(From));
    values[i] = static_cast<To>(value);
  }
  return values;
}

template <typename To>
std::vector<To> Values(const Array& array) {
  const std::string& type = array.type;
  if (type == "f4") return Convert<float, To>(array.bytes);
  if (type == "f8") return Convert<double, To>(array.bytes);
  if (type == "i1") return Convert<std::int8_t, To>(array.bytes);
  if (type == "i2") return Convert<std::int16_t, To>(array.bytes);
  if (type == "i4") return Convert<std::int32_t, To>(array.bytes);
  if (type == "i8") return Convert<std::int64_t, To>(array.bytes);
  if (type == "u2") return Convert<std::uint16_t, To>(array.bytes);
  if (type == "u4") return Convert<std::uint32_t, To>(array.bytes);
  if (type == "u8") return Convert<std::uint64_t, To>(array.bytes);
  return Convert<std::uint8_t, To>(array.bytes);  // u1, b1
}

absl::StatusOr<std::string> ReadFile(const std::filesystem::path& file, const std::string& shown) {
  std::ifstream stream(file, std::ios::binary);
  std::string bytes((std::istreambuf_iterator<char>(stream)), std::istreambuf_iterator<char>());
  if (!stream) return DataError(fmt::format("{}: cannot be read", shown));
  return bytes;
}

}  // namespace

absl::StatusOr<Table> LoadNpy(const std::filesystem::path& features, const std::string& shown,
                              const std::filesystem::path& classes,
                              const std::string& classes_shown) {
  Table table;
  {
    ASSIGN_OR_RETURN(const std::string bytes, ReadFile(features, shown));
    ASSIGN_OR_RETURN(const Array x, Parse(bytes, shown));
    if (x.shape.size() != 2) {
      return DataError(fmt::format("{}: shape ({}): expected [rows, features]", shown,
                                   fmt::join(x.shape, ", ")));
    }
    table.features = x.shape[1];
    table.x = Values<float>(x);
  }
  ASSIGN_OR_RETURN(const std::string bytes, ReadFile(classes, classes_shown));
  ASSIGN_OR_RETURN(const Array y, Parse(bytes, classes_shown));
  const PlaceOfRow class_place = [&](std::int64_t row) {
    return fmt::format("{}: row {}", classes_shown, row);
  };
  if (y.shape.size() == 1 || (y.shape.size() == 2 && y.shape[1] == 1)) {
    RETURN_IF_ERROR(SetClassesFromNumbers(Values<double>(y), class_place, table));
  } else if (y.shape.size() == 2) {
    RETURN_IF_ERROR(SetClassesFromOneHot(Values<double>(y), y.shape[1], class_place, table));
  } else {
    return DataError(fmt::format("{}: shape ({}): expected [rows] or [rows, classes]",
                                 classes_shown, fmt::join(y.shape, ", ")));
  }
  RETURN_IF_ERROR(CheckAndFinish(
      [&](std::int64_t row) { return fmt::format("{}: row {}", shown, row); }, table));
  return table;
}

}  // namespace bitsweep::data
