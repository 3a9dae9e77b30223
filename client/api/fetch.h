// SPDX-License-Identifier: Apache-2.0
#ifndef BITSWEEP_CLIENT_API_FETCH_H_
#define BITSWEEP_CLIENT_API_FETCH_H_

#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "client/api/connection.h"

namespace bitsweep::client {

// Writes the artifact (`artifacts/{sha256}`) into `file`, which is whole or not touched, as
// PartialFile says: it gets its name when the digest is known to be right.
//
// Unavailable is tried again from the byte where it was, a few times without a new one in between.
// DeadlineExceeded when no bytes come for the connection's timeout. DataLoss: another digest.
absl::Status FetchArtifact(const Connection& connection, const std::string& artifact,
                           const std::string& file);
// The same into memory.
absl::StatusOr<std::string> FetchArtifact(const Connection& connection,
                                          const std::string& artifact);

}  // namespace bitsweep::client

#endif  // BITSWEEP_CLIENT_API_FETCH_H_
