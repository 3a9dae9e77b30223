// SPDX-License-Identifier: Apache-2.0
// Used inside this room.
#ifndef BITSWEEP_CORE_SPEC_JSON_READER_H_
#define BITSWEEP_CORE_SPEC_JSON_READER_H_

#include <algorithm>
#include <cstdint>
#include <optional>
#include <set>
#include <stdexcept>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include "fmt/format.h"
#include "nlohmann/json.hpp"

namespace bitsweep::spec {

// Reads an object strictly: what is missing, unknown (a key that was not asked for before Done) or
// of the wrong type throws std::invalid_argument with its path. The JSON must outlive it.
class JsonReader {
 public:
  JsonReader(const nlohmann::json& json, std::string path) : json_(json), path_(std::move(path)) {
    if (!json.is_object()) Fail("", "expected an object");
  }

  bool Has(const std::string& key) {
    seen_.insert(key);
    return json_.contains(key);
  }
  template <typename T>
  T Get(const std::string& key) {
    if (!Has(key)) Fail(key, "missing");
    CheckWhole<T>(key);
    try {
      return json_.at(key).get<T>();
    } catch (const nlohmann::json::exception&) {
      Fail(key, "wrong type");
    }
  }
  template <typename T>
  std::optional<T> Maybe(const std::string& key) {
    return Has(key) ? std::optional<T>(Get<T>(key)) : std::nullopt;
  }
  template <typename Enum>
  Enum Named(const std::string& key, std::optional<Enum> (*parse)(std::string_view)) {
    const std::optional<Enum> value = parse(Get<std::string>(key));
    if (!value) Fail(key, "unknown name");
    return *value;
  }
  template <typename Enum>
  std::vector<Enum> NamedList(const std::string& key,
                              std::optional<Enum> (*parse)(std::string_view)) {
    std::vector<Enum> values;
    for (const auto& name : Get<std::vector<std::string>>(key)) {
      const std::optional<Enum> value = parse(name);
      if (!value) Fail(key, "unknown name");
      values.push_back(*value);
    }
    return values;
  }
  const nlohmann::json& Child(const std::string& key) {
    if (!Has(key)) Fail(key, "missing");
    return json_.at(key);
  }
  std::string PathOf(const std::string& key) const { return path_ + "." + key; }
  void Done() {
    for (const auto& [key, value] : json_.items()) {
      if (!seen_.contains(key)) Fail(key, "unknown field");
    }
  }
  [[noreturn]] void Fail(const std::string& key, const char* why) const {
    throw std::invalid_argument(fmt::format("{}{}{}: {}", path_, key.empty() ? "" : ".", key, why));
  }

 private:
  // The JSON library would cut 1.5 to 1 and wrap 2^63 where an integer is wanted.
  template <typename T>
  void CheckWhole(const std::string& key) const {
    const nlohmann::json& value = json_.at(key);
    if constexpr (std::is_same_v<T, std::int64_t>) {
      if (!IsInt64(value)) Fail(key, "wrong type");
    } else if constexpr (std::is_same_v<T, std::vector<std::int64_t>>) {
      if (!value.is_array() || !std::all_of(value.begin(), value.end(), IsInt64)) {
        Fail(key, "wrong type");
      }
    }
  }
  static bool IsInt64(const nlohmann::json& value) {
    if (value.is_number_unsigned()) return value.get<std::uint64_t>() <= INT64_MAX;
    return value.is_number_integer();
  }

  const nlohmann::json& json_;
  const std::string path_;
  std::set<std::string> seen_;
};

}  // namespace bitsweep::spec

#endif  // BITSWEEP_CORE_SPEC_JSON_READER_H_
