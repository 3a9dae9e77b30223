// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstring>
#include <fstream>
#include <map>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/strings/ascii.h"
#include "core/base/status_macros.h"
#include "fmt/format.h"
#include "fmt/ranges.h"
#include "worker/data/loaders.h"
#include "worker/data/table_builder.h"

namespace bitsweep::data {
namespace {

std::string_view Trim(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
  return text;
}

// Reads records one after another. Quoted fields are unescaped in place.
class Reader {
 public:
  Reader(std::string& text, std::string shown)
      : text_(text), shown_(std::move(shown)), at_(text.starts_with("\xEF\xBB\xBF") ? 3 : 0) {}

  bool AtEnd() {
    while (at_ < text_.size() && (text_[at_] == '\n' || text_[at_] == '\r')) {  // blank lines
      line_ += text_[at_] == '\n';
      ++at_;
    }
    return at_ >= text_.size();
  }
  // Number, from 1, of the line where the record that Next read begins.
  std::int64_t line() const { return record_line_; }
  std::string Place() const { return fmt::format("{}:{}", shown_, record_line_); }

  absl::Status Next(std::vector<std::string_view>& fields) {
    fields.clear();
    record_line_ = line_;
    while (true) {
      if (at_ < text_.size() && text_[at_] == '"') {
        ASSIGN_OR_RETURN(fields.emplace_back(), Quoted());
      } else {
        const std::size_t start = at_;
        while (at_ < text_.size() && text_[at_] != ',' && text_[at_] != '\n') ++at_;
        std::size_t end = at_;
        if (end > start && (at_ >= text_.size() || text_[at_] == '\n') && text_[end - 1] == '\r') {
          --end;
        }
        fields.push_back(Trim(std::string_view(text_).substr(start, end - start)));
      }
      if (at_ >= text_.size()) return absl::OkStatus();
      if (text_[at_++] == '\n') {
        ++line_;
        return absl::OkStatus();
      }
    }
  }

 private:
  absl::StatusOr<std::string_view> Quoted() {
    const std::size_t start = at_ + 1;
    std::size_t end = start;
    for (at_ = start; at_ < text_.size(); ++at_) {
      if (text_[at_] == '"') {
        if (at_ + 1 >= text_.size() || text_[at_ + 1] != '"') break;
        ++at_;
      }
      line_ += text_[at_] == '\n';
      text_[end++] = text_[at_];
    }
    if (at_ >= text_.size()) {
      return DataError(fmt::format("{}: a quoted field has no closing quote", Place()));
    }
    ++at_;
    if (at_ < text_.size() && text_[at_] == '\r') ++at_;
    if (at_ < text_.size() && text_[at_] != ',' && text_[at_] != '\n') {
      return DataError(fmt::format("{}: text after a closing quote", Place()));
    }
    return std::string_view(text_).substr(start, end - start);
  }

  std::string& text_;
  const std::string shown_;
  std::size_t at_;
  std::int64_t line_ = 1;
  std::int64_t record_line_ = 1;
};

struct Columns {
  std::size_t label = 0;
  std::vector<std::size_t> features;
  std::vector<std::string> names;  // of the features
};

absl::StatusOr<Columns> ChooseColumns(const std::vector<std::string_view>& header,
                                      const std::string& place, const spec::DatasetSpec& spec) {
  std::map<std::string_view, std::size_t> positions;
  for (std::size_t i = 0; i < header.size(); ++i) {
    if (!positions.emplace(header[i], i).second) {
      return DataError(fmt::format("{}: two columns are named \"{}\"", place, header[i]));
    }
  }
  Columns columns;
  const auto find = [&](const std::string& name) -> absl::StatusOr<std::size_t> {
    const auto entry = positions.find(name);
    if (entry != positions.end()) return entry->second;
    return DataError(
        fmt::format("{}: no column \"{}\": there are {}", place, name, fmt::join(header, ", ")));
  };
  if (!spec.label_column.empty()) {
    ASSIGN_OR_RETURN(columns.label, find(spec.label_column));
  } else {
    const auto by_name = [&](std::string_view wanted) {
      return std::find_if(header.begin(), header.end(), [&](std::string_view name) {
        return absl::AsciiStrToLower(absl::string_view(name.data(), name.size())) == wanted;
      });
    };
    auto label = by_name("label");
    if (label == header.end()) label = by_name("class");
    if (label == header.end()) {
      return DataError(
          fmt::format("{}: no column \"label\" or \"class\": name it with "
                      "label_column; there are {}",
                      place, fmt::join(header, ", ")));
    }
    columns.label = static_cast<std::size_t>(label - header.begin());
  }
  if (spec.feature_columns.empty()) {
    for (std::size_t i = 0; i < header.size(); ++i) {
      if (i != columns.label) columns.features.push_back(i);
    }
  }
  for (const std::string& name : spec.feature_columns) {
    ASSIGN_OR_RETURN(const std::size_t position, find(name));
    if (position == columns.label) {
      return DataError(fmt::format("{}: \"{}\" is the class, not a feature", place, name));
    }
    columns.features.push_back(position);
  }
  for (const std::size_t feature : columns.features) columns.names.emplace_back(header[feature]);
  return columns;
}

absl::StatusOr<float> Number(std::string_view text, const Reader& reader,
                             const std::string& column) {
  double value = 0;
  const char* first = text.data();
  const char* last = text.data() + text.size();
  if (text.size() > 1 && *first == '+') ++first;
  const auto [end, error] = std::from_chars(first, last, value);
  const float number = static_cast<float>(value);
  if (text.empty() || error != std::errc() || end != last || !std::isfinite(number)) {
    return DataError(fmt::format("{}: column \"{}\": \"{}\": expected a finite 32-bit number",
                                 reader.Place(), column, text.substr(0, 60)));
  }
  return number;
}

}  // namespace

absl::StatusOr<Table> LoadCsv(const std::filesystem::path& file, const std::string& shown,
                              const spec::DatasetSpec& spec) {
  std::ifstream stream(file, std::ios::binary);
  std::string text((std::istreambuf_iterator<char>(stream)), std::istreambuf_iterator<char>());
  if (!stream) return DataError(fmt::format("{}: cannot be read", shown));
  if (text.find('\0') != std::string::npos) {
    return DataError(fmt::format("{}: holds zero bytes: not a csv file", shown));
  }
  Reader reader(text, shown);
  if (reader.AtEnd()) return DataError(fmt::format("{}: empty", shown));
  std::vector<std::string_view> fields;
  RETURN_IF_ERROR(reader.Next(fields));
  const std::vector<std::string_view> header = fields;
  ASSIGN_OR_RETURN(const Columns columns, ChooseColumns(header, reader.Place(), spec));

  Table table;
  table.features = static_cast<std::int64_t>(columns.features.size());
  table.feature_names = columns.names;
  std::vector<std::string_view> labels;
  std::vector<std::int64_t> lines;
  while (!reader.AtEnd()) {
    RETURN_IF_ERROR(reader.Next(fields));
    if (fields.size() != header.size()) {
      return DataError(fmt::format("{}: {} fields where the header has {}", reader.Place(),
                                   fields.size(), header.size()));
    }
    for (std::size_t f = 0; f < columns.features.size(); ++f) {
      ASSIGN_OR_RETURN(const float value,
                       Number(fields[columns.features[f]], reader, columns.names[f]));
      table.x.push_back(value);
    }
    labels.push_back(fields[columns.label]);
    lines.push_back(reader.line());
  }
  const PlaceOfRow place = [&](std::int64_t row) {
    return lines.empty() ? shown : fmt::format("{}:{}", shown, lines[row]);
  };
  if (labels.empty()) return DataError(fmt::format("{}: a header and no rows", shown));
  RETURN_IF_ERROR(SetClassesFromText(labels, place, table));
  RETURN_IF_ERROR(CheckAndFinish(place, table));
  return table;
}

}  // namespace bitsweep::data
