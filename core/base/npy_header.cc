// SPDX-License-Identifier: Apache-2.0
#include "core/base/npy_header.h"

#include <charconv>
#include <optional>

#include "core/base/status_macros.h"
#include "core/base/text.h"
#include "fmt/format.h"
#include "fmt/ranges.h"

namespace bitsweep {
namespace {

constexpr std::string_view kNpyMagic = "\x93NUMPY";
constexpr std::size_t kMaxDict = std::size_t{1} << 16;
constexpr std::size_t kMaxType = 32;        // "M8[ns]", "U1000"
constexpr std::size_t kMaxDimensions = 64;  // as NumPy has them

absl::Status BadHeader(const std::string& why) { return absl::InvalidArgumentError(why); }

// The text after `'key':` in the header's dict, without leading spaces.
std::optional<std::string_view> ValueOf(std::string_view dict, std::string_view key) {
  const std::size_t at = dict.find(fmt::format("'{}':", key));
  if (at == std::string_view::npos) return std::nullopt;
  std::string_view value = dict.substr(at + key.size() + 3);
  while (!value.empty() && value.front() == ' ') value.remove_prefix(1);
  return value;
}

absl::StatusOr<std::vector<std::int64_t>> ParseSizes(std::string_view text) {
  std::vector<std::int64_t> shape;
  const std::size_t close = text.find(')');
  if (text.empty() || text.front() != '(' || close == std::string_view::npos) {
    return BadHeader("a bad header: no shape");
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
      return BadHeader(
          fmt::format("a bad header: shape {}", ToValidUtf8(text.substr(0, close + 1), 100)));
    }
    if (shape.size() == kMaxDimensions) {
      return BadHeader(fmt::format("a bad header: more than {} dimensions", kMaxDimensions));
    }
    shape.push_back(size);
    at = next;
  }
  return shape;
}

}  // namespace

absl::StatusOr<NpyHeader> ParseNpyHeader(std::string_view bytes) {
  if (bytes.size() < 10 || !bytes.starts_with(kNpyMagic)) return BadHeader("not an npy file");
  const auto byte = [&](std::size_t i) { return static_cast<std::uint8_t>(bytes[i]); };
  const bool is_long = byte(6) >= 2;
  if (byte(6) < 1 || byte(6) > 3 || (is_long && bytes.size() < 12)) {
    return BadHeader(fmt::format("npy version {}: expected 1 to 3", byte(6)));
  }
  std::size_t length = byte(8) | byte(9) << 8;
  if (is_long) length |= std::size_t{byte(10)} << 16 | std::size_t{byte(11)} << 24;
  const std::size_t start = is_long ? 12 : 10;
  if (length > kMaxDict || start + length > bytes.size()) {
    return BadHeader(fmt::format("truncated: the header has {} bytes", length));
  }
  const std::string_view dict = bytes.substr(start, length);
  const auto descr = ValueOf(dict, "descr");
  const auto order = ValueOf(dict, "fortran_order");
  const auto shape = ValueOf(dict, "shape");
  const std::size_t quote = descr ? descr->find('\'', 1) : std::string_view::npos;
  if (!order || !shape || quote == std::string_view::npos || quote < 3 || descr->front() != '\'') {
    return BadHeader("a bad header: expected descr, fortran_order and shape of one plain array");
  }
  if (quote - 2 > kMaxType) {
    return BadHeader(fmt::format("a bad header: a type of {} characters", quote - 2));
  }
  NpyHeader header{.byte_order = (*descr)[1],
                   .type = std::string(descr->substr(2, quote - 2)),
                   .fortran_order = order->starts_with("True"),
                   .bytes = start + length};
  for (const char c : header.type) {
    if (c <= ' ' || c > '~') return BadHeader("a bad header: the type is no plain text");
  }
  ASSIGN_OR_RETURN(header.shape, ParseSizes(*shape));
  return header;
}

std::string MakeNpyHeader(std::string_view type, const std::vector<std::int64_t>& shape) {
  constexpr std::size_t kStart = 10;
  std::string dict = fmt::format("{{'descr': '<{}', 'fortran_order': False, 'shape': ({}{}), }}",
                                 type, fmt::join(shape, ", "), shape.size() == 1 ? "," : "");
  while ((kStart + dict.size() + 1) % 64 != 0) dict += ' ';
  dict += '\n';
  std::string bytes(kNpyMagic);
  bytes += '\1';
  bytes += '\0';
  bytes += static_cast<char>(dict.size() & 0xff);
  bytes += static_cast<char>(dict.size() >> 8);
  return bytes + dict;
}

}  // namespace bitsweep
