// SPDX-License-Identifier: Apache-2.0
#ifndef BITSWEEP_CLIENT_API_UPLOAD_H_
#define BITSWEEP_CLIENT_API_UPLOAD_H_

#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "client/api/connection.h"

namespace bitsweep::client {

// Stores the bytes on the server and returns their name, `artifacts/{sha256}`. Bytes that are there
// already cost one question. `shown` is how messages name them.
//
// Unavailable is tried again a few times, from the start. DeadlineExceeded when no chunk is taken
// for the connection's timeout.
absl::StatusOr<std::string> UploadArtifact(const Connection& connection, std::string_view bytes,
                                           const std::string& shown);

}  // namespace bitsweep::client

#endif  // BITSWEEP_CLIENT_API_UPLOAD_H_
