// SPDX-License-Identifier: Apache-2.0
#include "client/output/table.h"

#include <algorithm>
#include <cmath>

#include "fmt/format.h"
#include "nlohmann/json.hpp"

namespace bitsweep::client {
namespace {

std::string Exact(const Cell& cell) {
  if (const auto* whole = std::get_if<std::int64_t>(&cell)) return fmt::format("{}", *whole);
  if (const auto* real = std::get_if<double>(&cell)) return fmt::format("{}", *real);
  if (const auto* text = std::get_if<std::string>(&cell)) return *text;
  return "";
}

// A tab or line break inside a value would break the line: it becomes a space.
std::string OneLine(std::string text) {
  for (char& c : text) {
    if (c == '\t' || c == '\n' || c == '\r') c = ' ';
  }
  return text;
}

// Columns on a terminal: what a person counts, so bytes that continue a UTF-8 character are none.
std::size_t Width(const std::string& text) {
  return static_cast<std::size_t>(
      std::count_if(text.begin(), text.end(), [](char c) { return (c & 0xC0) != 0x80; }));
}

std::string Aligned(const Table& table) {
  std::vector<std::size_t> widths;
  std::vector<bool> is_number;
  for (std::size_t c = 0; c < table.columns.size(); ++c) {
    std::size_t width = Width(table.columns[c].name);
    bool number = !table.rows.empty();
    for (const auto& row : table.rows) {
      width = std::max(width, Width(CellText(row[c], table.columns[c].precision)));
      number = number && !std::holds_alternative<std::string>(row[c]);
    }
    widths.push_back(width);
    is_number.push_back(number);
  }
  std::string text;
  const auto add_line = [&](const auto& cell_text) {
    std::string line;
    for (std::size_t c = 0; c < table.columns.size(); ++c) {
      const std::string cell = cell_text(c);
      const std::string padding(widths[c] - Width(cell), ' ');
      line += (c == 0 ? "" : "  ") + (is_number[c] ? padding + cell : cell + padding);
    }
    line.erase(line.find_last_not_of(' ') + 1);
    text += line + "\n";
  };
  add_line([&](std::size_t c) { return table.columns[c].name; });
  for (const auto& row : table.rows) {
    add_line([&](std::size_t c) { return CellText(row[c], table.columns[c].precision); });
  }
  return text;
}

std::string CsvField(const std::string& text) {
  if (text.find_first_of(",\"\r\n") == std::string::npos) return text;
  std::string quoted = "\"";
  for (const char c : text) {
    if (c == '"') quoted += '"';
    quoted += c;
  }
  return quoted + "\"";
}

template <typename Field>
std::string Separated(const Table& table, char separator, Field field) {
  std::string text;
  const auto add_line = [&](const auto& cell_text) {
    for (std::size_t c = 0; c < table.columns.size(); ++c) {
      if (c > 0) text += separator;
      text += field(cell_text(c));
    }
    text += '\n';
  };
  add_line([&](std::size_t c) { return table.columns[c].name; });
  for (const auto& row : table.rows) add_line([&](std::size_t c) { return Exact(row[c]); });
  return text;
}

std::string AsJson(const Table& table) {
  nlohmann::ordered_json rows = nlohmann::ordered_json::array();
  for (const auto& row : table.rows) {
    nlohmann::ordered_json object = nlohmann::ordered_json::object();
    for (std::size_t c = 0; c < table.columns.size(); ++c) {
      nlohmann::ordered_json& value = object[table.columns[c].name];
      if (const auto* whole = std::get_if<std::int64_t>(&row[c])) value = *whole;
      if (const auto* real = std::get_if<double>(&row[c])) value = *real;
      if (const auto* text = std::get_if<std::string>(&row[c])) value = *text;
    }
    rows.push_back(std::move(object));
  }
  return rows.dump(2, ' ', false, nlohmann::ordered_json::error_handler_t::replace) + "\n";
}

}  // namespace

std::string CellText(const Cell& cell, Precision precision) {
  if (std::holds_alternative<std::monostate>(cell)) return "-";
  const auto* real = std::get_if<double>(&cell);
  if (real == nullptr) return OneLine(Exact(cell));
  switch (precision) {
    case Precision::kFraction:
      return fmt::format("{:.4f}", *real);
    case Precision::kSeconds:
      return *real < 10 ? fmt::format("{:.2f}", *real) : fmt::format("{:.1f}", *real);
    case Precision::kCount:
      return *real == std::floor(*real) ? fmt::format("{:.0f}", *real)
                                        : fmt::format("{:.1f}", *real);
    case Precision::kGeneral:
      break;
  }
  return fmt::format("{:.6g}", *real);
}

std::optional<Format> ParseFormat(std::string_view name) {
  if (name == "table") return Format::kTable;
  if (name == "tsv") return Format::kTsv;
  if (name == "csv") return Format::kCsv;
  if (name == "json") return Format::kJson;
  return std::nullopt;
}

std::string Render(const Table& table, Format format) {
  switch (format) {
    case Format::kTsv:
      return Separated(table, '\t', OneLine);
    case Format::kCsv:
      return Separated(table, ',', CsvField);
    case Format::kJson:
      return AsJson(table);
    case Format::kTable:
      break;
  }
  return Aligned(table);
}

}  // namespace bitsweep::client
