// SPDX-License-Identifier: Apache-2.0
#include "client/api/spec_checker.h"

#include <cmath>
#include <map>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/numbers.h"
#include "fmt/format.h"
#include "google/protobuf/util/json_util.h"
#include "nlohmann/json.hpp"

namespace bitsweep::client {
namespace {

using google::protobuf::Descriptor;
using google::protobuf::EnumDescriptor;
using google::protobuf::FieldDescriptor;

// "OPTIMIZER_" of Optimizer, "KEEP_MODELS_" of KeepModels, "STATE_" of Trial.State.
std::string EnumPrefix(const EnumDescriptor& type) {
  std::string prefix;
  for (const char c : type.name()) {
    if (absl::ascii_isupper(static_cast<unsigned char>(c)) && !prefix.empty()) prefix += '_';
    prefix += absl::ascii_toupper(static_cast<unsigned char>(c));
  }
  return prefix + "_";
}

std::string FieldsOf(const Descriptor& type) {
  std::string names;
  for (int i = 0; i < type.field_count(); ++i) {
    names += (names.empty() ? "" : ", ") + type.field(i)->name();
  }
  return names.empty() ? "none" : names;
}

// As JSON, for messages; bytes that are no text are replaced.
std::string Shown(const SpecJson& json) {
  return json.dump(-1, ' ', false, SpecJson::error_handler_t::replace);
}

}  // namespace

void SpecChecker::Message(SpecJson& json, const Descriptor& type, const std::string& path) {
  if (type.file()->package() == "google.protobuf") return;  // Struct, Timestamp, ...
  if (!json.is_object()) {
    Note(path, fmt::format("expected a table, found {}", json.type_name()));
    return;
  }
  std::map<int, std::string> given;  // by field number: a name may be spelled in two ways
  for (auto& [key, value] : json.items()) {
    if (value.is_null()) continue;  // as if it were not there
    const std::string here = PathBelow(path, key);
    const FieldDescriptor* field = type.FindFieldByName(key);
    if (field == nullptr) field = type.FindFieldByCamelcaseName(key);
    if (field == nullptr) {
      Note(here, fmt::format("no such field: {} has {}", type.name(), FieldsOf(type)));
      continue;
    }
    const auto [first, is_new] = given.emplace(field->number(), key);
    if (is_new) {
      Value(value, *field, here);
    } else {
      Note(here, fmt::format("given twice, also as {}", first->second));
    }
  }
}

void SpecChecker::Value(SpecJson& json, const FieldDescriptor& field, const std::string& path) {
  if (field.is_repeated()) {
    Repeated(json, field, path);
  } else {
    Single(json, field, path);
  }
}

void SpecChecker::Note(const std::string& path, std::string description) {
  violations_.push_back({path.empty() ? "the file" : path, std::move(description)});
}

absl::Status SpecChecker::ToStatus(const std::string& name, const std::string& what) const {
  if (ok()) return absl::OkStatus();
  return ErrorWithDetails(absl::StatusCode::kInvalidArgument, fmt::format("{}: not {}", name, what),
                          {.reason = "INVALID_FILE", .violations = violations_});
}

void SpecChecker::Repeated(SpecJson& json, const FieldDescriptor& field, const std::string& path) {
  if (!json.is_array()) {
    Note(path, fmt::format("expected a list, found {}", json.type_name()));
    return;
  }
  for (std::size_t i = 0; i < json.size(); ++i) {
    Single(json[i], field, fmt::format("{}[{}]", path, i));
  }
}

void SpecChecker::Single(SpecJson& json, const FieldDescriptor& field, const std::string& path) {
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

void SpecChecker::Enum(SpecJson& json, const EnumDescriptor& type, const std::string& path) {
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
  Note(path, fmt::format("{}: expected one of {}", Shown(json), known));
}

void SpecChecker::Expect(bool fits, const SpecJson& json, const char* wanted,
                         const std::string& path) {
  if (fits) return;
  const bool is_quoted = numbers_ == Numbers::kAreNumbers && json.is_string() &&
                         std::string_view(wanted).ends_with("number");
  Note(path,
       fmt::format("{}: expected {}{}", Shown(json), wanted, is_quoted ? ", without quotes" : ""));
}

bool SpecChecker::IsReal(const SpecJson& json) const {
  double real = 0;
  return json.is_number() || (numbers_ == Numbers::kMayBeText && json.is_string() &&
                              absl::SimpleAtod(json.get<std::string>(), &real));
}

bool SpecChecker::IsWhole(const SpecJson& json) const {
  std::int64_t whole = 0;
  if (json.is_string()) {
    return numbers_ == Numbers::kMayBeText && absl::SimpleAtoi(json.get<std::string>(), &whole);
  }
  if (json.is_number_unsigned()) return json.get<std::uint64_t>() <= INT64_MAX;
  if (json.is_number_integer()) return true;
  if (!json.is_number()) return false;
  const double real = json.get<double>();
  return real == std::floor(real) && std::abs(real) < 9.2e18;
}

absl::Status FillMessage(const SpecJson& json, const std::string& name,
                         google::protobuf::Message& message) {
  const std::string text = json.dump(-1, ' ', false, SpecJson::error_handler_t::replace);
  const auto parsed = google::protobuf::util::JsonStringToMessage(text, &message);
  if (parsed.ok()) return absl::OkStatus();
  return absl::InvalidArgumentError(fmt::format("{}: {}", name, parsed.ToString()));
}

}  // namespace bitsweep::client
