// SPDX-License-Identifier: Apache-2.0
#ifndef BITSWEEP_SERVER_RPC_LIST_QUERY_H_
#define BITSWEEP_SERVER_RPC_LIST_QUERY_H_

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

}  // namespace bitsweep::rpc

#endif  // BITSWEEP_SERVER_RPC_LIST_QUERY_H_
