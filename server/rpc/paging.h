// SPDX-License-Identifier: Apache-2.0
// What all lists share: page sizes, page tokens, order_by. Pure.
#ifndef BITSWEEP_SERVER_RPC_PAGING_H_
#define BITSWEEP_SERVER_RPC_PAGING_H_

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "server/store/records.h"

namespace bitsweep::rpc {

inline constexpr std::int64_t kDefaultPageSize = 50;
inline constexpr std::int64_t kMaxPageSize = 1000;

// The place where a page ended. `name` is for lists in the order of names.
struct PagePlace {
  std::optional<store::Cursor> cursor;
  std::string name;
};

// 0 means 50, more than 1000 means 1000. InvalidArgument / INVALID_SPEC when negative.
absl::StatusOr<std::int64_t> PageSize(std::int32_t requested);

// An opaque token for the page after `place`. It is bound to `query`, the text of everything else
// in the request that decides what is listed: method, parent, filter and order.
std::string MakePageToken(const PagePlace& place, std::string_view query);
// The inverse; nothing for an empty token. InvalidArgument: INVALID_PAGE_TOKEN when it was not made
// here, PAGE_TOKEN_MISMATCH when it belongs to another query.
absl::StatusOr<std::optional<PagePlace>> ParsePageToken(std::string_view token,
                                                        std::string_view query);

struct Order {
  std::string field;  // empty: the natural order
  store::Direction direction = store::Direction::kAscending;
};
// "", "val_acc", "val_acc desc", "val_acc asc". InvalidArgument / INVALID_ORDER. Which fields exist
// is the store's to say.
absl::StatusOr<Order> ParseOrderBy(std::string_view text);

// The page query of a list request, from all of the above.
struct ListRequest {
  std::string_view method;
  std::string_view parent;
  std::int32_t page_size = 0;
  std::string_view page_token;
  std::string_view filter;
  std::string_view order_by;
  std::string QueryText() const;
};

}  // namespace bitsweep::rpc

#endif  // BITSWEEP_SERVER_RPC_PAGING_H_
