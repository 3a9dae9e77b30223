// SPDX-License-Identifier: Apache-2.0
#ifndef BITSWEEP_SERVER_STORE_SQLITE_FILTER_SQL_H_
#define BITSWEEP_SERVER_STORE_SQLITE_FILTER_SQL_H_

#include <map>
#include <string>
#include <variant>
#include <vector>

#include "absl/status/statusor.h"
#include "server/store/records.h"
#include "server/store/sqlite/connection.h"

namespace bitsweep::store {

enum class FieldType { kText, kNumber };
struct FilterField {
  std::string column;
  FieldType type = FieldType::kText;
};
using FieldTable = std::map<std::string, FilterField>;

// Conditions as SQL with parameters: " AND a = ?3 AND b < ?4", numbered from `first`.
struct WhereClause {
  std::string sql;
  std::vector<std::variant<std::string, double>> values;
  void BindTo(Statement& statement, int first) const;
};

// The text is made of columns of `fields` only; values are parameters. InvalidArgument lists every
// field that the table does not have and every value of the wrong type.
absl::StatusOr<WhereClause> ToSql(const std::vector<Condition>& conditions,
                                  const FieldTable& fields, int first = 3);

}  // namespace bitsweep::store

#endif  // BITSWEEP_SERVER_STORE_SQLITE_FILTER_SQL_H_
