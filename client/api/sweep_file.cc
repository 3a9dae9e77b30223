// SPDX-License-Identifier: Apache-2.0
#include "client/api/sweep_file.h"

#include <toml++/toml.h>

#include <cmath>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <iterator>
#include <map>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/numbers.h"
#include "core/base/errors.h"
#include "core/base/status_macros.h"
#include "fmt/format.h"
#include "google/protobuf/descriptor.h"
#include "google/protobuf/util/json_util.h"
#include "nlohmann/json.hpp"

namespace bitsweep::client {
namespace {

using google::protobuf::Descriptor;
using google::protobuf::EnumDescriptor;
using google::protobuf::FieldDescriptor;
using Json = nlohmann::json;

// The path of `name` below `path`: "sweep.base".
std::string Below(const std::string& path, const std::string& name) {
  return path.empty() ? name : fmt::format("{}.{}", path, name);
}

class TomlToJson {
 public:
  absl::StatusOr<Json> Convert(const toml::node& node, const std::string& path) {
    if (const auto* table = node.as_table()) {
      Json json = Json::object();
      for (const auto& [key, child] : *table) {
        const std::string name(key.str());
        ASSIGN_OR_RETURN(json[name], Convert(child, Below(path, name)));
      }
      return json;
    }
    if (const auto* array = node.as_array()) {
      Json json = Json::array();
      for (const toml::node& child : *array) {
        ASSIGN_OR_RETURN(Json item, Convert(child, fmt::format("{}[{}]", path, json.size())));
        json.push_back(std::move(item));
      }
      return json;
    }
    if (const auto* text = node.as_string()) return Json(text->get());
    if (const auto* number = node.as_integer()) return Json(number->get());
    if (const auto* flag = node.as_boolean()) return Json(flag->get());
    if (const auto* real = node.as_floating_point()) {
      // As protobuf's JSON writes them: the server says what is wrong with them.
      if (std::isnan(real->get())) return Json("NaN");
      if (std::isinf(real->get())) return Json(real->get() > 0 ? "Infinity" : "-Infinity");
      return Json(real->get());
    }
    return absl::InvalidArgumentError(fmt::format("{}: dates and times have no place here", path));
  }
};

// "OPTIMIZER_" of Optimizer, "KEEP_MODELS_" of KeepModels, "STATE_" of Trial.State.
std::string EnumPrefix(const EnumDescriptor& type) {
  std::string prefix;
  for (const char c : type.name()) {
    if (absl::ascii_isupper(static_cast<unsigned char>(c)) && !prefix.empty()) prefix += '_';
    prefix += absl::ascii_toupper(static_cast<unsigned char>(c));
  }
  return prefix + "_";
}

bool IsWhole(const Json& json) {
  std::int64_t whole = 0;
  if (json.is_string()) return absl::SimpleAtoi(json.get<std::string>(), &whole);
  if (json.is_number_unsigned()) return json.get<std::uint64_t>() <= INT64_MAX;
  if (json.is_number_integer()) return true;
  if (!json.is_number()) return false;
  const double real = json.get<double>();
  return real == std::floor(real) && std::abs(real) < 9.2e18;
}

bool IsReal(const Json& json) {
  double real = 0;
  return json.is_number() || (json.is_string() && absl::SimpleAtod(json.get<std::string>(), &real));
}

// Spells field names and enum values as protobuf wants them, and notes what it does not have.
class Normalizer {
 public:
  void Message(Json& json, const Descriptor& type, const std::string& path) {
    if (type.file()->package() == "google.protobuf") return;  // Struct, Timestamp, ...
    if (!json.is_object()) {
      Note(path, fmt::format("expected a table, found {}", json.type_name()));
      return;
    }
    std::map<int, std::string> given;  // by field number: a name may be spelled in two ways
    for (auto& [key, value] : json.items()) {
      if (value.is_null()) continue;  // as if it were not there
      const std::string here = Below(path, key);
      const FieldDescriptor* field = type.FindFieldByName(key);
      if (field == nullptr) field = type.FindFieldByCamelcaseName(key);
      if (field == nullptr) {
        Note(here, fmt::format("no such field: {} has {}", NameOf(type), FieldsOf(type)));
        continue;
      }
      const auto [first, is_new] = given.emplace(field->number(), key);
      if (!is_new) {
        Note(here, fmt::format("given twice, also as {}", first->second));
      } else if (field->is_repeated()) {
        Repeated(value, *field, here);
      } else {
        Single(value, *field, here);
      }
    }
  }

  std::vector<FieldViolation> violations;

 private:
  void Note(const std::string& path, std::string description) {
    violations.push_back({path.empty() ? "the file" : path, std::move(description)});
  }

  void Repeated(Json& json, const FieldDescriptor& field, const std::string& path) {
    if (!json.is_array()) {
      Note(path, fmt::format("expected a list, found {}", json.type_name()));
      return;
    }
    for (std::size_t i = 0; i < json.size(); ++i) {
      Single(json[i], field, fmt::format("{}[{}]", path, i));
    }
  }

  void Single(Json& json, const FieldDescriptor& field, const std::string& path) {
    switch (field.cpp_type()) {
      case FieldDescriptor::CPPTYPE_MESSAGE:
        return Message(json, *field.message_type(), path);
      case FieldDescriptor::CPPTYPE_ENUM:
        return Enum(json, *field.enum_type(), path);
      case FieldDescriptor::CPPTYPE_STRING:
        return Expect(json.is_string(), json, "text", path);
      case FieldDescriptor::CPPTYPE_BOOL:
        return Expect(json.is_boolean(), json, "true or false", path);
      case FieldDescriptor::CPPTYPE_DOUBLE:
        return Expect(IsReal(json), json, "a number", path);
      default:
        return Expect(IsWhole(json), json, "a whole number", path);
    }
  }

  void Expect(bool fits, const Json& json, const char* wanted, const std::string& path) {
    if (!fits) Note(path, fmt::format("{}: expected {}", json.dump(), wanted));
  }

  void Enum(Json& json, const EnumDescriptor& type, const std::string& path) {
    const std::string prefix = EnumPrefix(type);
    if (json.is_string()) {
      const std::string upper = absl::AsciiStrToUpper(json.get<std::string>());
      for (const std::string& name : {upper, prefix + upper}) {
        if (type.FindValueByName(name) == nullptr) continue;
        json = name;
        return;
      }
    }
    std::string known;
    for (int i = 1; i < type.value_count(); ++i) {
      known += (known.empty() ? "" : ", ") +
               absl::AsciiStrToLower(type.value(i)->name().substr(prefix.size()));
    }
    Note(path, fmt::format("{}: expected one of {}", json.dump(), known));
  }

  static std::string NameOf(const Descriptor& type) { return type.name(); }
  static std::string FieldsOf(const Descriptor& type) {
    std::string names;
    for (int i = 0; i < type.field_count(); ++i) {
      names += (names.empty() ? "" : ", ") + type.field(i)->name();
    }
    return names;
  }
};

absl::StatusOr<Json> ParseText(const std::string& text, const std::string& name) {
  const std::size_t first = text.find_first_not_of(" \t\r\n");
  const bool is_json =
      name.ends_with(".json") ||
      (!name.ends_with(".toml") && first != std::string::npos && text[first] == '{');
  if (is_json) {
    try {
      return Json::parse(text);
    } catch (const Json::exception& error) {
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

}  // namespace

absl::StatusOr<v1::SubmitSweepRequest> ParseSweepFile(const std::string& text,
                                                      const std::string& name) {
  ASSIGN_OR_RETURN(Json json, ParseText(text, name));
  Normalizer normalizer;
  v1::SubmitSweepRequest request;
  normalizer.Message(json, *request.GetDescriptor(), "");
  if (!normalizer.violations.empty()) {
    return ErrorWithDetails(
        absl::StatusCode::kInvalidArgument, fmt::format("{}: not a sweep", name),
        {.reason = "INVALID_FILE", .violations = std::move(normalizer.violations)});
  }
  const auto parsed = google::protobuf::util::JsonStringToMessage(json.dump(), &request);
  if (!parsed.ok()) {
    return absl::InvalidArgumentError(fmt::format("{}: {}", name, parsed.ToString()));
  }
  return request;
}

absl::StatusOr<v1::SubmitSweepRequest> ReadSweepFile(const std::string& path) {
  if (path == "-") {
    const std::string text((std::istreambuf_iterator<char>(std::cin)),
                           std::istreambuf_iterator<char>());
    return ParseSweepFile(text, "standard input");
  }
  std::error_code ignored;
  if (std::filesystem::is_directory(path, ignored)) {
    return absl::InvalidArgumentError(fmt::format("{}: is a folder, expected a file", path));
  }
  std::ifstream stream(path, std::ios::binary);
  const std::string text((std::istreambuf_iterator<char>(stream)),
                         std::istreambuf_iterator<char>());
  if (!stream) return absl::NotFoundError(fmt::format("{}: cannot be read", path));
  return ParseSweepFile(text, path);
}

}  // namespace bitsweep::client
