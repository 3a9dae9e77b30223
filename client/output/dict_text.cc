// SPDX-License-Identifier: Apache-2.0
#include "client/output/dict_text.h"

#include "fmt/format.h"

namespace bitsweep::client {

std::string Quoted(const std::string& text) { return fmt::format("'{}'", text); }

std::string Dict::OnOneLine() const {
  if (is_text_) return text_;
  std::string text;
  for (const auto& [key, value] : items_) {
    text += fmt::format("{}{}: {}", text.empty() ? "" : ", ", Quoted(key), value.OnOneLine());
  }
  return fmt::format("{{{}}}", text);
}

std::string Dict::Format(std::size_t width, std::size_t indent, std::size_t allowance) const {
  const std::string line = OnOneLine();
  if (is_text_ || indent + line.size() + allowance <= width) return line;
  std::string text;
  std::size_t left = items_.size();
  for (const auto& [key, value] : items_) {
    const std::string name = Quoted(key) + ": ";
    if (!text.empty()) text += ",\n" + std::string(indent + 1, ' ');
    text += name + value.Format(width, indent + 1 + name.size(), --left > 0 ? 1 : allowance + 1);
  }
  return fmt::format("{{{}}}", text);
}

}  // namespace bitsweep::client
