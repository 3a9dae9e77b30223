// SPDX-License-Identifier: Apache-2.0
#ifndef BITSWEEP_CLIENT_OUTPUT_TABLE_H_
#define BITSWEEP_CLIENT_OUTPUT_TABLE_H_

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace bitsweep::client {

// A value of a table; monostate where there is none.
using Cell = std::variant<std::monostate, std::int64_t, double, std::string>;

// How a table shows a double; the other formats give every digit.
enum class Precision { kGeneral, kFraction, kSeconds, kCount };  // 1e-05; 0.7123; 12.3; 5099520

struct Column {
  std::string name;
  Precision precision = Precision::kGeneral;
};

enum class Format { kTable, kTsv, kCsv, kJson };
std::optional<Format> ParseFormat(std::string_view name);  // "table", "tsv", "csv", "json"

// Rows of equal kind. Pure.
struct Table {
  std::vector<Column> columns;
  std::vector<std::vector<Cell>> rows;
};

// A value as kTable shows it: rounded, on one line, "-" where there is none.
std::string CellText(const Cell& cell, Precision precision);

// The text, with a line break at its end. kTable: aligned, numbers to the right, doubles rounded.
// kTsv, kCsv (RFC 4180) and kJson (an array of objects): doubles in their shortest exact form; a
// missing value is empty, null in JSON. REQUIRES: each row has as many cells as there are columns.
std::string Render(const Table& table, Format format);

}  // namespace bitsweep::client

#endif  // BITSWEEP_CLIENT_OUTPUT_TABLE_H_
