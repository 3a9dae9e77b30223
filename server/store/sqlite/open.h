// SPDX-License-Identifier: Apache-2.0
#ifndef BITSWEEP_SERVER_STORE_SQLITE_OPEN_H_
#define BITSWEEP_SERVER_STORE_SQLITE_OPEN_H_

#include <cstdint>
#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "server/store/store.h"

namespace bitsweep::store {

struct SqliteStoreOptions {
  std::string data_dir;  // made when it does not exist; holds bitsweep.db and artifacts/
  int readers = 4;       // query-only connections
  // Submits are refused (STORE_FULL) below this much free space; reads and results of leased jobs
  // go on, and their artifacts may use half of it.
  std::int64_t min_free_bytes = 64 << 20;
  StoreObserver* observer = nullptr;  // not owned; outlives the store
};

// Opens or makes a store: migrations, quick_check, counters against rows. Takes a lock on the
// folder. FailedPrecondition: a newer schema, a folder in use by another process, or counters that
// do not match; DataLoss: a damaged file. The message says what to do.
absl::StatusOr<std::unique_ptr<Store>> OpenSqliteStore(const SqliteStoreOptions& options);

// The version of the SQLite library in use.
std::string SqliteVersion();

}  // namespace bitsweep::store

#endif  // BITSWEEP_SERVER_STORE_SQLITE_OPEN_H_
