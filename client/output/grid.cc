// SPDX-License-Identifier: Apache-2.0
#include "client/output/grid.h"

#include <algorithm>

#include "absl/strings/str_split.h"
#include "fmt/format.h"

namespace bitsweep::client {
namespace {

using Lines = std::vector<std::string>;

std::string Rule(const std::vector<std::size_t>& widths, char line) {
  std::string text = "+";
  for (const std::size_t width : widths) text += std::string(width + 2, line) + "+";
  return text + "\n";
}

std::string Row(const std::vector<Lines>& cells, const std::vector<std::size_t>& widths) {
  std::size_t height = 0;
  for (const Lines& cell : cells) height = std::max(height, cell.size());
  std::string text;
  for (std::size_t line = 0; line < height; ++line) {
    text += "|";
    for (std::size_t c = 0; c < cells.size(); ++c) {
      text += fmt::format(" {:<{}} |", line < cells[c].size() ? cells[c][line] : "", widths[c]);
    }
    text += "\n";
  }
  return text;
}

}  // namespace

std::string RenderGrid(const std::vector<std::string>& headers,
                       const std::vector<std::vector<std::string>>& rows) {
  std::vector<std::vector<Lines>> split;
  std::vector<std::size_t> widths(headers.size(), 0);
  const auto add = [&](const std::vector<std::string>& row) {
    std::vector<Lines>& cells = split.emplace_back();
    for (std::size_t c = 0; c < row.size(); ++c) {
      cells.push_back(absl::StrSplit(row[c], '\n'));
      for (const std::string& line : cells.back()) widths[c] = std::max(widths[c], line.size());
    }
  };
  add(headers);
  for (const std::vector<std::string>& row : rows) add(row);
  std::string text = Rule(widths, '-');
  for (std::size_t r = 0; r < split.size(); ++r) {
    text += Row(split[r], widths) + Rule(widths, r == 0 ? '=' : '-');
  }
  return text;
}

}  // namespace bitsweep::client
