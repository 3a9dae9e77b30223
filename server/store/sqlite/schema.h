// SPDX-License-Identifier: Apache-2.0
#ifndef BITSWEEP_SERVER_STORE_SQLITE_SCHEMA_H_
#define BITSWEEP_SERVER_STORE_SQLITE_SCHEMA_H_

#include "absl/status/status.h"
#include "server/store/sqlite/connection.h"

namespace bitsweep::store {

// The version that this program writes.
int SchemaVersion();

// Brings the file to SchemaVersion(), each numbered step in its own transaction (PRAGMA
// user_version). FailedPrecondition for a file of a newer version. Throws SqliteError.
absl::Status Migrate(Connection& db);

}  // namespace bitsweep::store

#endif  // BITSWEEP_SERVER_STORE_SQLITE_SCHEMA_H_
