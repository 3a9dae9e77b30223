// SPDX-License-Identifier: Apache-2.0
#ifndef BITSWEEP_CLIENT_API_BACKUP_H_
#define BITSWEEP_CLIENT_API_BACKUP_H_

#include <string>

#include "absl/status/statusor.h"
#include "client/api/connection.h"

namespace bitsweep::client {

// Brings a copy of the whole store into `file`, durable when OK; returns the stream's last message
// (digest, size, contents). The file is made anew under another name and gets its own when all of
// it has come and has the server's digest: a file of an earlier backup stays until then, and is
// replaced; of two that are fetched at once the later one stays. Readable by its owner only.
//
// NotFound when the file cannot be written, DataLoss when other bytes came, DeadlineExceeded when
// nothing comes for `silence`; the server's errors as they are.
absl::StatusOr<v1::CreateBackupResponse> FetchBackup(const Connection& connection,
                                                     const std::string& file,
                                                     absl::Duration silence);

}  // namespace bitsweep::client

#endif  // BITSWEEP_CLIENT_API_BACKUP_H_
