// SPDX-License-Identifier: Apache-2.0
// What submits of both kinds check of a request before they look at its specification. Pure.
#ifndef BITSWEEP_SERVER_RPC_SUBMIT_CHECKS_H_
#define BITSWEEP_SERVER_RPC_SUBMIT_CHECKS_H_

#include <string>
#include <vector>

#include "core/base/errors.h"
#include "google/protobuf/message.h"

namespace bitsweep::rpc {

inline constexpr std::size_t kMaxSpecificationBytes = 1 << 20;

struct SubmitParts {
  std::string noun;  // "sweep": the name of the specification's field, and of `noun`_id
  const google::protobuf::Message* specification = nullptr;  // null: not set
  std::string id;
  std::string request_id;
};

// Adds a violation for: a specification that is missing or too large, an id or request_id of the
// wrong form.
void CheckSubmit(const SubmitParts& parts, std::vector<FieldViolation>& violations);

// ALREADY_EXISTS / REQUEST_ID_REUSED: the request_id belongs to what `stored_name` names.
absl::Status RequestIdReused(const std::string& request_id, const std::string& stored_name);

}  // namespace bitsweep::rpc

#endif  // BITSWEEP_SERVER_RPC_SUBMIT_CHECKS_H_
