// SPDX-License-Identifier: Apache-2.0
// A report as plain values: what its sections say, without how they look. client/report/html.h
// makes a page of it.
#ifndef BITSWEEP_CLIENT_REPORT_PAGE_H_
#define BITSWEEP_CLIENT_REPORT_PAGE_H_

#include <cstdint>
#include <string>
#include <utility>
#include <variant>
#include <vector>

namespace bitsweep::report {

// All text here is plain: what makes HTML of it escapes it.

// A paragraph, or a remark set apart from the text.
struct Text {
  enum class Kind { kParagraph, kNote, kWarning };
  Kind kind = Kind::kParagraph;
  std::string text;
};

// Names and values, such as "seed": "1".
struct Facts {
  std::vector<std::pair<std::string, std::string>> items;
};

// Text as it is, in a fixed-width font: a graph's listing, a specification.
struct Listing {
  std::string title;
  std::string text;
};

// A cell: what is shown, and what the column sorts by. Missing values are shown as "-" and sort
// last.
struct Cell {
  std::string text;                             // empty: missing
  std::variant<std::monostate, double> number;  // set: sorts by it, else by the text
};

struct Column {
  std::string name;
  std::string help;        // a longer name or the formula; may be empty
  bool is_number = false;  // set to the right
};

struct Row {
  std::vector<Cell> cells;  // as many as columns
  bool is_marked =
      false;  // the base, a member of the Pareto set, ...; the table's `mark` says what
};

// A table whose columns sort when their heads are clicked.
struct Table {
  std::string title;
  std::string mark;  // what marked rows are, for the legend; empty: none are
  std::vector<Column> columns;
  std::vector<Row> rows;
};

// A picture: a Vega-Lite specification (https://vega.github.io/vega-lite/docs/spec.html) as JSON,
// with its data in it. Colours that follow the page's light, dark and print styles come from the
// page's configuration; a specification sets none but for meaning.
struct Chart {
  std::string id;  // unique in the page: "val-acc-by-batch-size"
  std::string title;
  std::string caption;  // what is drawn and how it was computed
  std::string vega_lite;
};

// Pictures to be compared: side by side where the page has the room.
struct Charts {
  std::vector<Chart> charts;
};

using Block = std::variant<Text, Facts, Listing, Table, Chart, Charts>;

struct Section {
  std::string id;  // unique in the page: "configurations"
  std::string title;
  std::vector<Block> blocks;
};

struct Page {
  std::string title;     // "lab 1"
  std::string subtitle;  // "sweeps/lab-1, 12 configurations x 10 repeats, succeeded"
  std::string made;      // when and by what: "2026-01-31 12:05:09 UTC by bitsweep 0.1.0"
  std::vector<Section> sections;
};

}  // namespace bitsweep::report

#endif  // BITSWEEP_CLIENT_REPORT_PAGE_H_
