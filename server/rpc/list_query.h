// SPDX-License-Identifier: Apache-2.0
#ifndef BITSWEEP_SERVER_RPC_LIST_QUERY_H_
#define BITSWEEP_SERVER_RPC_LIST_QUERY_H_

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>

#include "absl/status/statusor.h"
#include "server/rpc/filter.h"
#include "server/rpc/paging.h"
#include "server/store/records.h"

namespace bitsweep::rpc {

// Page size, token, filter and order of a list request, together: InvalidArgument for the first
// that is wrong. Pure.
absl::StatusOr<store::PageQuery> ToPageQuery(const ListRequest& list, Listed listed);
// Empty on the last page.
std::string NextToken(const std::optional<store::Cursor>& next, const ListRequest& list);

// A page of messages ends here, well below the largest message.
inline constexpr std::size_t kMaxPageBytes = 2 << 20;

// Puts a page into `messages` (an empty repeated field): of what `fetch(query)` gives, made into
// messages by `convert(record, message)`, as many as fit into kMaxPageBytes, at least one. What
// does not fit is left to the next page: the page is fetched again with as many records as do.
// Returns where the next page begins; the first error of either.
template <typename Messages, typename Fetch, typename Convert>
absl::StatusOr<std::optional<store::Cursor>> FillPage(store::PageQuery query, const Fetch& fetch,
                                                      const Convert& convert, Messages& messages) {
  while (true) {
    const auto page = fetch(query);
    if (!page.ok()) return page.status();
    messages.Clear();
    std::size_t bytes = 0;
    std::int64_t fitting = 0;
    for (const auto& record : page->items) {
      auto& message = *messages.Add();
      if (absl::Status status = convert(record, message); !status.ok()) return status;
      bytes += message.ByteSizeLong();
      if (bytes > kMaxPageBytes && fitting > 0) break;
      ++fitting;
    }
    if (fitting == static_cast<std::int64_t>(page->items.size())) return page->next;
    query.limit = fitting;
  }
}

}  // namespace bitsweep::rpc

#endif  // BITSWEEP_SERVER_RPC_LIST_QUERY_H_
