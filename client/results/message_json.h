// SPDX-License-Identifier: Apache-2.0
// Messages as plain JSON, for programs that know nothing of protobuf. Used inside this room.
#ifndef BITSWEEP_CLIENT_RESULTS_MESSAGE_JSON_H_
#define BITSWEEP_CLIENT_RESULTS_MESSAGE_JSON_H_

#include <string>

#include "google/protobuf/descriptor.h"
#include "google/protobuf/message.h"
#include "google/protobuf/timestamp.pb.h"
#include "nlohmann/json_fwd.hpp"

namespace bitsweep::results {

using Json = nlohmann::ordered_json;

// Every field that is set or that cannot be unset, in the message's order, under its own name:
// whole numbers as numbers, enums as their short words, times as RFC 3339 with microseconds,
// durations in seconds. A singular message that is not set is left out. Pure.
Json MessageJson(const google::protobuf::Message& message);

// One field by the same rules; null for one that is not set. REQUIRES: it is no message and not
// repeated.
Json ScalarJson(const google::protobuf::Message& message,
                const google::protobuf::FieldDescriptor& field);

// "2026-01-31T12:05:09.000125Z"; null when unset.
Json TimeJson(const google::protobuf::Timestamp& time);

// The word of an enum's value: as sweep files have it ("adam"), states and reasons as tables show
// them ("SUCCEEDED", "NAN_LOSS"); null when unspecified.
Json EnumJson(const google::protobuf::EnumValueDescriptor& value);

// On one line. NaN and infinities are null; text that is no UTF-8 is mended.
std::string Line(const Json& json);

// The last part of a resource's name: "7" of "sweeps/lab-1/trials/7".
std::string IdOf(const std::string& name);

}  // namespace bitsweep::results

#endif  // BITSWEEP_CLIENT_RESULTS_MESSAGE_JSON_H_
