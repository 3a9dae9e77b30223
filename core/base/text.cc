// SPDX-License-Identifier: Apache-2.0
#include "core/base/text.h"

#include <cstdint>

namespace bitsweep {
namespace {

// Bytes of the valid character at the front of `text` (Unicode 15, table 3-7); 0 when there is
// none.
std::size_t CharacterBytes(std::string_view text) {
  const auto byte = [&](std::size_t i) { return static_cast<std::uint8_t>(text[i]); };
  const std::uint8_t lead = byte(0);
  if (lead < 0x80) return 1;
  std::size_t bytes = 0;
  std::uint8_t low = 0x80;
  std::uint8_t high = 0xBF;
  if (lead >= 0xC2 && lead <= 0xDF) {
    bytes = 2;
  } else if (lead >= 0xE0 && lead <= 0xEF) {
    bytes = 3;
    if (lead == 0xE0) low = 0xA0;
    if (lead == 0xED) high = 0x9F;  // surrogates
  } else if (lead >= 0xF0 && lead <= 0xF4) {
    bytes = 4;
    if (lead == 0xF0) low = 0x90;
    if (lead == 0xF4) high = 0x8F;  // above U+10FFFF
  } else {
    return 0;
  }
  if (text.size() < bytes || byte(1) < low || byte(1) > high) return 0;
  for (std::size_t i = 2; i < bytes; ++i) {
    if (byte(i) < 0x80 || byte(i) > 0xBF) return 0;
  }
  return bytes;
}

}  // namespace

std::string ToValidUtf8(std::string_view text, std::size_t max_bytes) {
  std::string valid;
  while (!text.empty()) {
    const std::size_t bytes = CharacterBytes(text);
    if (valid.size() + (bytes == 0 ? 1 : bytes) > max_bytes) break;
    if (bytes == 0) {
      valid += '?';
      text.remove_prefix(1);
    } else {
      valid += text.substr(0, bytes);
      text.remove_prefix(bytes);
    }
  }
  return valid;
}

std::string Quoted(std::string_view text) { return "\"" + ToValidUtf8(text, 200) + "\""; }

}  // namespace bitsweep
