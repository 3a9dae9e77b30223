// SPDX-License-Identifier: Apache-2.0
#include "client/report/transform_blocks.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "client/report/fields.h"
#include "fmt/format.h"

namespace bitsweep::report {
namespace {

Cell CellFrom(const client::Cell& cell, client::Precision precision) {
  Cell shown;
  if (std::holds_alternative<std::monostate>(cell)) return shown;
  shown.text = client::CellText(cell, precision);
  if (const auto* whole = std::get_if<std::int64_t>(&cell)) {
    shown.number = static_cast<double>(*whole);
  } else if (const auto* real = std::get_if<double>(&cell); real && std::isfinite(*real)) {
    shown.number = *real;
  }
  return shown;
}

}  // namespace

Text Paragraph(std::string text) { return {Text::Kind::kParagraph, std::move(text)}; }
Text Note(std::string text) { return {Text::Kind::kNote, std::move(text)}; }
Text Warning(std::string text) { return {Text::Kind::kWarning, std::move(text)}; }

Table TableFrom(const client::Table& table, std::string title) {
  Table shown{.title = std::move(title), .mark = "", .columns = {}, .rows = {}};
  for (std::size_t c = 0; c < table.columns.size(); ++c) {
    const bool is_number = !table.rows.empty() &&
                           std::none_of(table.rows.begin(), table.rows.end(), [&](const auto& r) {
                             return std::holds_alternative<std::string>(r[c]);
                           });
    shown.columns.push_back({.name = table.columns[c].name, .help = "", .is_number = is_number});
  }
  for (const auto& row : table.rows) {
    Row& cells = shown.rows.emplace_back();
    for (std::size_t c = 0; c < row.size(); ++c) {
      cells.cells.push_back(CellFrom(row[c], table.columns[c].precision));
    }
  }
  return shown;
}

void AddText(const std::string& text, Blocks& blocks) {
  std::string whole = text;
  while (!whole.empty() && whole.back() == '\n') whole.pop_back();
  if (whole.empty()) return;
  if (whole.find('\n') == std::string::npos) {
    blocks.push_back(Paragraph(std::move(whole)));
  } else {
    blocks.push_back(Listing{.title = "", .text = std::move(whole)});
  }
}

std::string NumberText(double value) {
  const double size = std::abs(value);
  if (!std::isfinite(value) || size > 1e15 || (value != std::floor(value) && size < 10'000)) {
    return fmt::format("{:.4g}", value);
  }
  return Grouped(std::llround(value));
}

}  // namespace bitsweep::report
