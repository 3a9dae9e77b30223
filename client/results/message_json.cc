// SPDX-License-Identifier: Apache-2.0
#include "client/results/message_json.h"

#include <string_view>

#include "absl/strings/ascii.h"
#include "absl/time/time.h"
#include "google/protobuf/duration.pb.h"
#include "nlohmann/json.hpp"

namespace bitsweep::results {
namespace {

using google::protobuf::EnumDescriptor;
using google::protobuf::FieldDescriptor;
using google::protobuf::Message;
using google::protobuf::Reflection;

// States and reasons are shown in capitals everywhere, the words of a specification are not.
bool IsShownInCapitals(const EnumDescriptor& type) {
  return type.name() == "State" || type.name() == "FailureReason";
}

Json SubMessageJson(const Message& message) {
  if (message.GetDescriptor() == google::protobuf::Timestamp::descriptor()) {
    return TimeJson(static_cast<const google::protobuf::Timestamp&>(message));
  }
  if (message.GetDescriptor() == google::protobuf::Duration::descriptor()) {
    const auto& duration = static_cast<const google::protobuf::Duration&>(message);
    return static_cast<double>(duration.seconds()) + 1e-9 * duration.nanos();
  }
  return MessageJson(message);
}

Json SingleJson(const Message& message, const FieldDescriptor& field) {
  const Reflection& r = *message.GetReflection();
  switch (field.cpp_type()) {
    case FieldDescriptor::CPPTYPE_INT32:
      return r.GetInt32(message, &field);
    case FieldDescriptor::CPPTYPE_INT64:
      return r.GetInt64(message, &field);
    case FieldDescriptor::CPPTYPE_UINT32:
      return r.GetUInt32(message, &field);
    case FieldDescriptor::CPPTYPE_UINT64:
      return r.GetUInt64(message, &field);
    case FieldDescriptor::CPPTYPE_DOUBLE:
      return r.GetDouble(message, &field);
    case FieldDescriptor::CPPTYPE_FLOAT:
      return r.GetFloat(message, &field);
    case FieldDescriptor::CPPTYPE_BOOL:
      return r.GetBool(message, &field);
    case FieldDescriptor::CPPTYPE_STRING:
      return r.GetString(message, &field);
    case FieldDescriptor::CPPTYPE_ENUM:
      return EnumJson(*r.GetEnum(message, &field));
    case FieldDescriptor::CPPTYPE_MESSAGE:
      return SubMessageJson(r.GetMessage(message, &field));
  }
  return nullptr;
}

Json RepeatedItemJson(const Message& message, const FieldDescriptor& field, int index) {
  const Reflection& r = *message.GetReflection();
  switch (field.cpp_type()) {
    case FieldDescriptor::CPPTYPE_INT32:
      return r.GetRepeatedInt32(message, &field, index);
    case FieldDescriptor::CPPTYPE_INT64:
      return r.GetRepeatedInt64(message, &field, index);
    case FieldDescriptor::CPPTYPE_UINT32:
      return r.GetRepeatedUInt32(message, &field, index);
    case FieldDescriptor::CPPTYPE_UINT64:
      return r.GetRepeatedUInt64(message, &field, index);
    case FieldDescriptor::CPPTYPE_DOUBLE:
      return r.GetRepeatedDouble(message, &field, index);
    case FieldDescriptor::CPPTYPE_FLOAT:
      return r.GetRepeatedFloat(message, &field, index);
    case FieldDescriptor::CPPTYPE_BOOL:
      return r.GetRepeatedBool(message, &field, index);
    case FieldDescriptor::CPPTYPE_STRING:
      return r.GetRepeatedString(message, &field, index);
    case FieldDescriptor::CPPTYPE_ENUM:
      return EnumJson(*r.GetRepeatedEnum(message, &field, index));
    case FieldDescriptor::CPPTYPE_MESSAGE:
      return SubMessageJson(r.GetRepeatedMessage(message, &field, index));
  }
  return nullptr;
}

Json MapJson(const Message& message, const FieldDescriptor& field) {
  Json members = Json::object();
  const Reflection& r = *message.GetReflection();
  for (int i = 0; i < r.FieldSize(message, &field); ++i) {
    const Message& entry = r.GetRepeatedMessage(message, &field, i);
    const Json key = SingleJson(entry, *entry.GetDescriptor()->map_key());
    members[key.is_string() ? key.get<std::string>() : key.dump()] =
        SingleJson(entry, *entry.GetDescriptor()->map_value());
  }
  return members;
}

}  // namespace

Json TimeJson(const google::protobuf::Timestamp& time) {
  if (time.seconds() == 0 && time.nanos() == 0) return nullptr;
  return absl::FormatTime("%Y-%m-%dT%H:%M:%E6SZ",
                          absl::FromUnixSeconds(time.seconds()) + absl::Nanoseconds(time.nanos()),
                          absl::UTCTimeZone());
}

Json EnumJson(const google::protobuf::EnumValueDescriptor& value) {
  if (value.number() == 0) return nullptr;
  std::string word = value.name();
  std::string_view prefix;
  if (const auto* unset = value.type()->FindValueByNumber(0)) prefix = unset->name();
  if (prefix.ends_with("UNSPECIFIED")) {
    prefix.remove_suffix(std::string_view("UNSPECIFIED").size());
    if (word.starts_with(prefix)) word.erase(0, prefix.size());
  }
  return IsShownInCapitals(*value.type()) ? word : absl::AsciiStrToLower(word);
}

Json ScalarJson(const Message& message, const FieldDescriptor& field) {
  if (field.has_presence() && !message.GetReflection()->HasField(message, &field)) return nullptr;
  return SingleJson(message, field);
}

Json MessageJson(const Message& message) {
  Json members = Json::object();
  const Reflection& r = *message.GetReflection();
  for (int i = 0; i < message.GetDescriptor()->field_count(); ++i) {
    const FieldDescriptor& field = *message.GetDescriptor()->field(i);
    if (field.is_map()) {
      members[field.name()] = MapJson(message, field);
    } else if (field.is_repeated()) {
      Json& items = members[field.name()] = Json::array();
      for (int item = 0; item < r.FieldSize(message, &field); ++item) {
        items.push_back(RepeatedItemJson(message, field, item));
      }
    } else if (!field.has_presence() || r.HasField(message, &field)) {
      members[field.name()] = SingleJson(message, field);
    }
  }
  return members;
}

std::string Line(const Json& json) {
  return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

std::string IdOf(const std::string& name) { return name.substr(name.rfind('/') + 1); }

}  // namespace bitsweep::results
