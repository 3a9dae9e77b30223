// SPDX-License-Identifier: Apache-2.0
#ifndef BITSWEEP_CLIENT_API_FETCH_H_
#define BITSWEEP_CLIENT_API_FETCH_H_

#include <string>

#include "absl/status/status.h"
#include "client/api/connection.h"

namespace bitsweep::client {

// Writes the artifact (`artifacts/{sha256}`) into `file`, which is whole or not touched: the bytes
// go to `file`.part until their digest is known to be right.
//
// Unavailable is tried again from the byte where it was, a few times without a new one in between.
// DeadlineExceeded when no bytes come for the connection's timeout.
absl::Status FetchArtifact(const Connection& connection, const std::string& artifact,
                           const std::string& file);

}  // namespace bitsweep::client

#endif  // BITSWEEP_CLIENT_API_FETCH_H_
