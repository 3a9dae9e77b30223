// SPDX-License-Identifier: Apache-2.0
#include "server/store/sqlite/schema.h"

#include <iterator>

#include "fmt/format.h"
#include "server/store/sqlite/migrations.h"

namespace bitsweep::store {
namespace {

constexpr const char* kMigrations[] = {kMigration1, kMigration2, kMigration3};

}  // namespace

int SchemaVersion() { return static_cast<int>(std::size(kMigrations)); }

absl::Status Migrate(Connection& db) {
  int version = 0;
  {
    Statement query = db.Query("PRAGMA user_version");
    query.Step();
    version = static_cast<int>(query.Int(0));
  }
  if (version > SchemaVersion()) {
    return absl::FailedPreconditionError(fmt::format(
        "the store has schema version {}, this program knows {}: use a newer bitsweep-server",
        version, SchemaVersion()));
  }
  if (version == SchemaVersion()) return absl::OkStatus();
  // Tables are rebuilt under their names: rows that refer to them must not go with the old ones.
  // (Inside a transaction the switch would do nothing.)
  db.Script("PRAGMA foreign_keys = OFF");
  for (; version < SchemaVersion(); ++version) {
    db.Script(fmt::format("BEGIN IMMEDIATE; {} PRAGMA user_version = {};", kMigrations[version],
                          version + 1));
    {
      Statement broken = db.Query("PRAGMA foreign_key_check");
      if (broken.Step()) {
        return absl::DataLossError(
            fmt::format("the upgrade to schema version {} was not made: table {} row {} refers to "
                        "a missing row",
                        version + 1, broken.Text(0), broken.Int(1)));
      }
    }
    db.Script("COMMIT");
  }
  db.Script("PRAGMA foreign_keys = ON");
  return absl::OkStatus();
}

}  // namespace bitsweep::store
