// SPDX-License-Identifier: Apache-2.0
#include "core/base/log_fields.h"

#include <algorithm>
#include <cstddef>

namespace bitsweep {
namespace {

// Length of the key that `text` begins with; 0 when it begins with none.
std::size_t KeyLength(std::string_view text) {
  std::size_t length = 0;
  while (length < text.size() &&
         ((text[length] >= 'a' && text[length] <= 'z') || text[length] == '_')) {
    ++length;
  }
  return length > 0 && length < text.size() && text[length] == '=' ? length : 0;
}

// Where the quoted value ends that `text` begins with: behind a quote that a field or the end
// follows. 0 when there is none.
std::size_t QuotedLength(std::string_view text) {
  for (std::size_t i = 1; i < text.size(); ++i) {
    if (text[i] != '"') continue;
    const std::string_view rest = text.substr(i + 1);
    if (rest.empty() || (rest[0] == ' ' && KeyLength(rest.substr(1)) > 0)) return i + 1;
  }
  return 0;
}

}  // namespace

LogLine ParseLogLine(std::string_view line) {
  LogLine parsed;
  while (!line.empty()) {
    const std::size_t key = KeyLength(line);
    if (key == 0) {
      const std::size_t word = std::min(line.find(' '), line.size());
      if (word > 0 && !parsed.text.empty()) parsed.text += ' ';
      parsed.text += line.substr(0, word);
      line.remove_prefix(std::min(word + 1, line.size()));
      continue;
    }
    const std::string_view value = line.substr(key + 1);
    const bool is_quoted = value.starts_with('"');
    const std::size_t quoted = is_quoted ? QuotedLength(value) : 0;
    const std::size_t length = quoted > 0 ? quoted : std::min(value.find(' '), value.size());
    parsed.fields.emplace_back(line.substr(0, key),
                               quoted > 0 ? value.substr(1, quoted - 2) : value.substr(0, length));
    line.remove_prefix(std::min(key + 1 + length + 1, line.size()));
  }
  return parsed;
}

}  // namespace bitsweep
