// SPDX-License-Identifier: Apache-2.0
// The steps of the schema, one a version. They are never edited once released, only added;
// docs/storage.md describes the result.
#ifndef BITSWEEP_SERVER_STORE_SQLITE_MIGRATIONS_H_
#define BITSWEEP_SERVER_STORE_SQLITE_MIGRATIONS_H_

namespace bitsweep::store {

extern const char kMigration1[];
extern const char kMigration2[];
extern const char kMigration3[];

}  // namespace bitsweep::store

#endif  // BITSWEEP_SERVER_STORE_SQLITE_MIGRATIONS_H_
