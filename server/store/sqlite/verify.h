// SPDX-License-Identifier: Apache-2.0
#ifndef BITSWEEP_SERVER_STORE_SQLITE_VERIFY_H_
#define BITSWEEP_SERVER_STORE_SQLITE_VERIFY_H_

#include "server/store/sqlite/connection.h"
#include "server/store/store.h"

namespace bitsweep::store {

// Recounts and compares everything but the artifacts' bytes; adds what it finds to `report`, at
// most 100 problems a check. Throws SqliteError.
void VerifyRows(Connection& db, VerifyDepth depth, VerifyReport& report);

}  // namespace bitsweep::store

#endif  // BITSWEEP_SERVER_STORE_SQLITE_VERIFY_H_
