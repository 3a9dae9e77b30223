// SPDX-License-Identifier: Apache-2.0
// Used inside this room.
#ifndef BITSWEEP_CORE_GRAPH_JSON_OBJECT_H_
#define BITSWEEP_CORE_GRAPH_JSON_OBJECT_H_

#include <cmath>
#include <cstdint>
#include <optional>
#include <set>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/base/text.h"
#include "fmt/format.h"
#include "nlohmann/json.hpp"

namespace bitsweep::graph {
namespace json_object {

[[noreturn]] inline void Fail(const std::string& where, const std::string& why) {
  throw std::invalid_argument(fmt::format("{}: {}", where, why));
}

}  // namespace json_object

// An object read strictly: what is missing, of the wrong type or not asked for before Done throws
// std::invalid_argument with `where` and the key. The JSON must outlive it.
class JsonObject {
 public:
  JsonObject(const nlohmann::json& json, std::string where)
      : json_(json), where_(std::move(where)) {
    if (!json.is_object()) json_object::Fail(where_, "expected an object");
  }
  const std::string& where() const { return where_; }

  const nlohmann::json* Find(const std::string& key) {
    seen_.insert(key);
    const auto found = json_.find(key);
    return found == json_.end() ? nullptr : &*found;
  }
  const nlohmann::json& Get(const std::string& key) {
    const nlohmann::json* value = Find(key);
    if (value == nullptr) json_object::Fail(where_, fmt::format("\"{}\" is missing", key));
    return *value;
  }
  std::string Text(const std::string& key) {
    const nlohmann::json& value = Get(key);
    if (!value.is_string()) json_object::Fail(where_, fmt::format("\"{}\" must be a string", key));
    return value.get<std::string>();
  }
  std::int64_t Integer(const std::string& key,
                       std::optional<std::int64_t> fallback = std::nullopt) {
    const nlohmann::json* value = Find(key);
    if (value == nullptr && fallback) return *fallback;
    return AsInteger(Get(key), key);
  }
  std::optional<double> MaybeNumber(const std::string& key) {
    const nlohmann::json* value = Find(key);
    if (value == nullptr) return std::nullopt;
    if (!value->is_number()) {
      json_object::Fail(where_, fmt::format("\"{}\" must be a number", key));
    }
    return value->get<double>();
  }
  double Number(const std::string& key, double fallback) {
    return MaybeNumber(key).value_or(fallback);
  }
  bool Flag(const std::string& key, bool fallback) {
    const nlohmann::json* value = Find(key);
    if (value == nullptr) return fallback;
    if (!value->is_boolean())
      json_object::Fail(where_, fmt::format("\"{}\" must be true or false", key));
    return value->get<bool>();
  }
  std::vector<std::int64_t> Integers(const std::string& key) {
    const nlohmann::json& value = Get(key);
    if (!value.is_array() || value.size() > 16) {
      json_object::Fail(where_, fmt::format("\"{}\" must be a list of at most 16 integers", key));
    }
    std::vector<std::int64_t> list;
    for (const nlohmann::json& item : value) list.push_back(AsInteger(item, key));
    return list;
  }
  void Done() const {
    for (const auto& [key, value] : json_.items()) {
      if (!seen_.contains(key)) json_object::Fail(where_, "unknown key " + Quoted(key));
    }
  }

 private:
  std::int64_t AsInteger(const nlohmann::json& value, const std::string& key) const {
    if (value.is_number_unsigned()) {
      const auto whole = value.get<std::uint64_t>();
      if (whole <= (std::uint64_t{1} << 53)) return static_cast<std::int64_t>(whole);
    } else if (value.is_number_integer()) {
      return value.get<std::int64_t>();
    } else if (value.is_number_float()) {
      const double number = value.get<double>();
      if (number == std::floor(number) && std::abs(number) <= 9007199254740992.0) {
        return static_cast<std::int64_t>(number);
      }
    }
    json_object::Fail(where_, fmt::format("\"{}\" must be an integer", key));
  }

  const nlohmann::json& json_;
  const std::string where_;
  std::set<std::string> seen_;
};

}  // namespace bitsweep::graph

#endif  // BITSWEEP_CORE_GRAPH_JSON_OBJECT_H_
