// SPDX-License-Identifier: Apache-2.0
#include "server/store/sqlite/keyset_sql.h"

#include <cstddef>
#include <cstdint>

#include "core/base/errors.h"
#include "fmt/format.h"

namespace bitsweep::store {

absl::StatusOr<KeysetSql> ToKeysetSql(const PageQuery& query, const OrderTable& orders) {
  std::string known;
  std::optional<std::string> column;
  if (query.order_field.empty()) column = "";
  for (std::size_t i = 0; i < orders.size(); ++i) {
    const char* separator = i == 0 ? "" : i + 1 == orders.size() ? " or " : ", ";
    known += separator + orders[i].first;
    if (orders[i].first == query.order_field) column = orders[i].second;
  }
  if (!column) {
    return InvalidSpecError(
        {{"order_by", fmt::format("no order \"{}\": expected {}", query.order_field, known)}},
        "INVALID_ORDER");
  }
  const bool descending = query.direction == Direction::kDescending;
  const char* before = descending ? "<" : ">";
  const char* direction = descending ? "DESC" : "ASC";
  // ?2: is there a cursor, ?3: its key (null: among rows without a value), ?4: its number.
  if (column->empty()) {
    return KeysetSql{.key = "NULL",
                     .after = fmt::format("(?2 = 0 OR t.number {} ?4) AND ?3 IS NULL", before),
                     .order_by = fmt::format("t.number {}", direction)};
  }
  return KeysetSql{
      .key = *column,
      .after = fmt::format(
          "(?2 = 0 OR (?3 IS NOT NULL AND ({0} {1} ?3 OR ({0} = ?3 AND t.number > ?4) OR {0} IS "
          "NULL)) OR (?3 IS NULL AND {0} IS NULL AND t.number > ?4))",
          *column, before),
      .order_by = fmt::format("{0} IS NULL, {0} {1}, t.number", *column, direction)};
}

void BindCursor(Statement& statement, const std::optional<Cursor>& after) {
  statement.Bind(2, after.has_value());
  statement.Bind(3, after ? after->key : std::nullopt);
  statement.Bind(4, after ? after->id : std::int64_t{-1});
}

}  // namespace bitsweep::store
