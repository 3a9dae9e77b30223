// SPDX-License-Identifier: Apache-2.0
#include "client/api/spec_text.h"

#include <toml++/toml.h>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <iterator>
#include <limits>
#include <utility>
#include <vector>

#include "core/base/status_macros.h"
#include "fmt/format.h"
#include "nlohmann/json.hpp"

namespace bitsweep::client {
namespace {

using Position = std::pair<toml::source_index, toml::source_index>;  // line, column

// Where a node first appears. A table may be opened below one of its own tables, so what is inside
// counts as well.
Position FirstPosition(const toml::node& node) {
  const toml::source_position begin = node.source().begin;
  constexpr toml::source_index kNowhere = std::numeric_limits<toml::source_index>::max();
  Position first = begin ? Position{begin.line, begin.column} : Position{kNowhere, kNowhere};
  if (const auto* table = node.as_table()) {
    for (const auto& [key, child] : *table) first = std::min(first, FirstPosition(child));
  } else if (const auto* array = node.as_array(); array != nullptr && !array->empty()) {
    first = std::min(first, FirstPosition(array->front()));
  }
  return first;
}

class TomlToJson {
 public:
  absl::StatusOr<SpecJson> Convert(const toml::node& node, const std::string& path) {
    if (const auto* table = node.as_table()) return ConvertTable(*table, path);
    if (const auto* array = node.as_array()) {
      SpecJson json = SpecJson::array();
      for (const toml::node& child : *array) {
        ASSIGN_OR_RETURN(SpecJson item, Convert(child, fmt::format("{}[{}]", path, json.size())));
        json.push_back(std::move(item));
      }
      return json;
    }
    if (const auto* text = node.as_string()) return SpecJson(text->get());
    if (const auto* number = node.as_integer()) return SpecJson(number->get());
    if (const auto* flag = node.as_boolean()) return SpecJson(flag->get());
    if (const auto* real = node.as_floating_point()) {
      // As protobuf's JSON writes them: the server says what is wrong with them.
      if (std::isnan(real->get())) return SpecJson("NaN");
      if (std::isinf(real->get())) return SpecJson(real->get() > 0 ? "Infinity" : "-Infinity");
      return SpecJson(real->get());
    }
    return absl::InvalidArgumentError(fmt::format("{}: dates and times have no place here", path));
  }

 private:
  // The parser's tables are sorted by key; the file's order is that of positions.
  absl::StatusOr<SpecJson> ConvertTable(const toml::table& table, const std::string& path) {
    std::vector<std::pair<Position, std::string>> order;
    for (const auto& [key, child] : table) {
      order.emplace_back(FirstPosition(child), std::string(key.str()));
    }
    std::sort(order.begin(), order.end());
    SpecJson json = SpecJson::object();
    for (const auto& [position, name] : order) {
      ASSIGN_OR_RETURN(json[name], Convert(*table.get(name), PathBelow(path, name)));
    }
    return json;
  }
};

bool IsJson(const std::string& text, const std::string& name) {
  if (name.ends_with(".json")) return true;
  const std::size_t first = text.find_first_not_of(" \t\r\n");
  return !name.ends_with(".toml") && first != std::string::npos && text[first] == '{';
}

}  // namespace

std::string PathBelow(const std::string& path, const std::string& name) {
  return path.empty() ? name : fmt::format("{}.{}", path, name);
}

absl::StatusOr<SpecJson> ParseSpecText(const std::string& text, const std::string& name) {
  if (IsJson(text, name)) {
    try {
      return SpecJson::parse(text);
    } catch (const SpecJson::exception& error) {
      // Without the library's own name of the error: "[json.exception.parse_error.101] ".
      const std::string what = error.what();
      return absl::InvalidArgumentError(
          fmt::format("{}: {}", name, what.substr(what.find("] ") + 2)));
    }
  }
  try {
    const toml::table table = toml::parse(text, name);
    return TomlToJson().Convert(table, "");
  } catch (const toml::parse_error& error) {
    return absl::InvalidArgumentError(fmt::format("{}:{}: {}", name, error.source().begin.line,
                                                  std::string(error.description())));
  }
}

absl::StatusOr<SpecText> ReadSpecText(const std::string& path) {
  if (path == "-") {
    return SpecText{.text = std::string((std::istreambuf_iterator<char>(std::cin)),
                                        std::istreambuf_iterator<char>()),
                    .name = "standard input"};
  }
  std::error_code ignored;
  if (std::filesystem::is_directory(path, ignored)) {
    return absl::InvalidArgumentError(fmt::format("{}: is a folder, expected a file", path));
  }
  std::ifstream stream(path, std::ios::binary);
  std::string text((std::istreambuf_iterator<char>(stream)), std::istreambuf_iterator<char>());
  if (!stream) return absl::NotFoundError(fmt::format("{}: cannot be read", path));
  return SpecText{.text = std::move(text), .name = path};
}

}  // namespace bitsweep::client
