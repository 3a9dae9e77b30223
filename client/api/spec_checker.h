// SPDX-License-Identifier: Apache-2.0
#ifndef BITSWEEP_CLIENT_API_SPEC_CHECKER_H_
#define BITSWEEP_CLIENT_API_SPEC_CHECKER_H_

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "client/api/spec_text.h"
#include "core/base/errors.h"
#include "google/protobuf/descriptor.h"
#include "google/protobuf/message.h"

namespace bitsweep::client {

// Checks a specification against a message's fields: spells field names and enum values as
// protobuf wants them, and notes with its path every field and value that the message does not
// have. Names in snake_case or camelCase; enum values with or without their prefix, in any case.
class SpecChecker {
 public:
  enum class Numbers { kMayBeText, kAreNumbers };  // whether "8" is a number
  explicit SpecChecker(Numbers numbers = Numbers::kMayBeText) : numbers_(numbers) {}

  void Message(SpecJson& json, const google::protobuf::Descriptor& type, const std::string& path);
  // A value of the field, which may be repeated.
  void Value(SpecJson& json, const google::protobuf::FieldDescriptor& field,
             const std::string& path);
  void Note(const std::string& path, std::string description);

  bool ok() const { return violations_.empty(); }
  // OK, or InvalidArgument / INVALID_FILE with everything noted. `name`: of the file; `what`: what
  // it should be, "a sweep".
  absl::Status ToStatus(const std::string& name, const std::string& what) const;

 private:
  void Repeated(SpecJson& json, const google::protobuf::FieldDescriptor& field,
                const std::string& path);
  void Single(SpecJson& json, const google::protobuf::FieldDescriptor& field,
              const std::string& path);
  void Enum(SpecJson& json, const google::protobuf::EnumDescriptor& type, const std::string& path);
  void Expect(bool fits, const SpecJson& json, const char* wanted, const std::string& path);
  bool IsReal(const SpecJson& json) const;
  bool IsWhole(const SpecJson& json) const;

  const Numbers numbers_;
  std::vector<FieldViolation> violations_;
};

// Fills the message from a specification that a checker has passed. `name`: of the file.
absl::Status FillMessage(const SpecJson& json, const std::string& name,
                         google::protobuf::Message& message);

}  // namespace bitsweep::client

#endif  // BITSWEEP_CLIENT_API_SPEC_CHECKER_H_
