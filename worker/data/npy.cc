// SPDX-License-Identifier: Apache-2.0
// The .npy format, versions 1 to 3: magic, version, header length, a Python dict literal with
// descr, fortran_order and shape, then the raw array.
#include <charconv>
#include <cstdint>
#include <cstring>
#include <fstream>
#include <iterator>
#include <optional>
#include <string_view>
#include <utility>
#include <vector>

#include "core/base/status_macros.h"
#include "fmt/format.h"
#include "fmt/ranges.h"
#include "worker/data/loaders.h"
#include "worker/data/table_builder.h"

namespace bitsweep::data {
namespace {

constexpr std::size_t kMaxHeader = 1 << 16;

struct Array {
  std::vector<std::int64_t> shape;
  std::string type;  // "f4", "i8", ...
  std::string_view bytes;
};

// The text after `'key':` in the header's dict, without leading spaces.
std::optional<std::string_view> ValueOf(std::string_view header, std::string_view key) {
  const std::size_t at = header.find(fmt::format("'{}':", key));
  if (at == std::string_view::npos) return std::nullopt;
  std::string_view value = header.substr(at + key.size() + 3);
  while (!value.empty() && value.front() == ' ') value.remove_prefix(1);
  return value;
}

std::size_t SizeOf(const std::string& type) {
  for (const char* known : {"f4", "f8", "i1", "i2", "i4", "i8", "u1", "u2", "u4", "u8", "b1"}) {
    if (type == known) return static_cast<std::size_t>(type[1] - '0');
  }
  return 0;
}

absl::StatusOr<std::vector<std::int64_t>> Shape(std::string_view text, const std::string& shown) {
  std::vector<std::int64_t> shape;
  const std::size_t close = text.find(')');
  if (text.empty() || text.front() != '(' || close == std::string_view::npos) {
    return DataError(fmt::format("{}: a bad header: no shape", shown));
  }
  const char* at = text.data() + 1;
  const char* const end = text.data() + close;
  while (at < end) {
    if (*at == ' ' || *at == ',') {
      ++at;
      continue;
    }
    std::int64_t size = -1;
    const auto [next, error] = std::from_chars(at, end, size);
    if (error != std::errc() || size < 0 || size > (std::int64_t{1} << 40)) {
      return DataError(fmt::format("{}: a bad header: shape {}", shown, text.substr(0, close + 1)));
    }
    shape.push_back(size);
    at = next;
  }
  return shape;
}

absl::StatusOr<Array> Parse(std::string_view file, const std::string& shown) {
  if (file.size() < 10 || !file.starts_with("\x93NUMPY")) {
    return DataError(fmt::format("{}: not an npy file", shown));
  }
  const auto byte = [&](std::size_t i) { return static_cast<std::uint8_t>(file[i]); };
  const bool is_long = byte(6) >= 2;
  if (byte(6) < 1 || byte(6) > 3 || (is_long && file.size() < 12)) {
    return DataError(fmt::format("{}: npy version {}: expected 1 to 3", shown, byte(6)));
  }
  std::size_t length = byte(8) | byte(9) << 8;
  if (is_long) length |= std::size_t{byte(10)} << 16 | std::size_t{byte(11)} << 24;
  const std::size_t start = is_long ? 12 : 10;
  if (length > kMaxHeader || start + length > file.size()) {
    return DataError(fmt::format("{}: truncated: the header has {} bytes", shown, length));
  }
  const std::string_view header = file.substr(start, length);
  const auto descr = ValueOf(header, "descr");
  const auto order = ValueOf(header, "fortran_order");
  const auto shape_text = ValueOf(header, "shape");
  if (!descr || !order || !shape_text || descr->size() < 5 || descr->front() != '\'') {
    return DataError(
        fmt::format("{}: a bad header: expected descr, fortran_order and shape of one "
                    "plain array",
                    shown));
  }
  Array array;
  const char endian = (*descr)[1];
  array.type = std::string(descr->substr(2, descr->find('\'', 1) - 2));
  const std::size_t size = SizeOf(array.type);
  if (size == 0 || (endian == '>' && size > 1) ||
      (endian != '<' && endian != '>' && endian != '|')) {
    return DataError(
        fmt::format("{}: type {}: expected little-endian integers, floats of 4 or 8 "
                    "bytes, or booleans",
                    shown, descr->substr(0, descr->find('\'', 1) + 1)));
  }
  ASSIGN_OR_RETURN(array.shape, Shape(*shape_text, shown));
  if (order->starts_with("True") && array.shape.size() > 1) {
    return DataError(
        fmt::format("{}: in Fortran order: save it with numpy.ascontiguousarray", shown));
  }
  std::size_t count = 1;
  for (const std::int64_t extent : array.shape) {
    if (extent != 0 && count > file.size() / static_cast<std::size_t>(extent)) {
      count = file.size() + 1;  // more values than bytes
      break;
    }
    count *= static_cast<std::size_t>(extent);
  }
  array.bytes = file.substr(start + length);
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
