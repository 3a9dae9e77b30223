// SPDX-License-Identifier: Apache-2.0
#ifndef BITSWEEP_SERVER_STORE_SQLITE_KEYSET_SQL_H_
#define BITSWEEP_SERVER_STORE_SQLITE_KEYSET_SQL_H_

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "server/store/records.h"
#include "server/store/sqlite/connection.h"

namespace bitsweep::store {

// The fields that order a list, with their columns; an empty column is the natural order, by
// t.number.
using OrderTable = std::vector<std::pair<std::string, std::string>>;

// A page of rows `t` in some order, after a cursor: keyset paging, so that what is stored between
// two pages shifts nothing. Rows without a value come last, equal ones by their number.
struct KeysetSql {
  std::string key;       // to be selected: the cursor's key; "NULL" in the natural order
  std::string after;     // the condition, with ?2 to ?4 bound by BindCursor
  std::string order_by;  // behind ORDER BY
};

// InvalidArgument / INVALID_ORDER: a field that the table does not have; lists those it has. An
// empty field is the natural order. Pure.
absl::StatusOr<KeysetSql> ToKeysetSql(const PageQuery& query, const OrderTable& orders);
void BindCursor(Statement& statement, const std::optional<Cursor>& after);

}  // namespace bitsweep::store

#endif  // BITSWEEP_SERVER_STORE_SQLITE_KEYSET_SQL_H_
