// SPDX-License-Identifier: Apache-2.0
#ifndef BITSWEEP_SERVER_RPC_STATUS_MAP_H_
#define BITSWEEP_SERVER_RPC_STATUS_MAP_H_

#include "absl/status/status.h"
#include "grpcpp/support/status.h"

namespace bitsweep::rpc {

// The status as clients see it: the same code and message, and in its details one
// google.rpc.ErrorInfo (domain "bitsweep"), with BadRequest, ResourceInfo, PreconditionFailure and
// RetryInfo where the error has what they hold. An error without details of its own gets its code's
// name as reason. What is long is cut, so that all of it fits into the 8 KiB of trailers that
// clients accept. Pure.
grpc::Status ToGrpcStatus(const absl::Status& status);

}  // namespace bitsweep::rpc

#endif  // BITSWEEP_SERVER_RPC_STATUS_MAP_H_
