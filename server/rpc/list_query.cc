// SPDX-License-Identifier: Apache-2.0
#include "server/rpc/list_query.h"

#include "core/base/status_macros.h"

namespace bitsweep::rpc {

absl::StatusOr<store::PageQuery> ToPageQuery(const ListRequest& list, Listed listed) {
  store::PageQuery query;
  ASSIGN_OR_RETURN(query.limit, PageSize(list.page_size));
  ASSIGN_OR_RETURN(query.conditions, ParseFilter(list.filter, listed));
  ASSIGN_OR_RETURN(const Order order, ParseOrderBy(list.order_by));
  query.order_field = order.field;
  query.direction = order.direction;
  ASSIGN_OR_RETURN(const std::optional<PagePlace> place,
                   ParsePageToken(list.page_token, list.QueryText()));
  if (place) query.after = place->cursor;
  return query;
}

std::string NextToken(const std::optional<store::Cursor>& next, const ListRequest& list) {
  return next ? MakePageToken({.cursor = next}, list.QueryText()) : std::string();
}

}  // namespace bitsweep::rpc
