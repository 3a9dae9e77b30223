// SPDX-License-Identifier: Apache-2.0
#include "server/store/sqlite/migrations.h"

namespace bitsweep::store {

// Bearer tokens, by their hashes.
const char kMigration3[] = R"sql(
CREATE TABLE tokens (
  token_id TEXT PRIMARY KEY,
  hash TEXT NOT NULL UNIQUE CHECK (length(hash) = 64),
  scopes TEXT NOT NULL CHECK (length(scopes) > 0),
  create_time INTEGER NOT NULL,
  expire_time INTEGER CHECK (expire_time > create_time),
  revoke_time INTEGER
) STRICT, WITHOUT ROWID;
)sql";

}  // namespace bitsweep::store
