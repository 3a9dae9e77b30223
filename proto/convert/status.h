// SPDX-License-Identifier: Apache-2.0
#ifndef BITSWEEP_PROTO_CONVERT_STATUS_H_
#define BITSWEEP_PROTO_CONVERT_STATUS_H_

#include <string>

#include "absl/status/status.h"

namespace bitsweep::convert {

// The status of a call as its caller got it: code, message, and the serialized google.rpc.Status
// that came with it (may be empty) as ErrorDetails. The inverse of server/rpc/status_map.h. Pure;
// details that cannot be read are left out.
absl::Status StatusFromCall(int code, const std::string& message, const std::string& details);

}  // namespace bitsweep::convert

#endif  // BITSWEEP_PROTO_CONVERT_STATUS_H_
