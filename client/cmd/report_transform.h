// SPDX-License-Identifier: Apache-2.0
#ifndef BITSWEEP_CLIENT_CMD_REPORT_TRANSFORM_H_
#define BITSWEEP_CLIENT_CMD_REPORT_TRANSFORM_H_

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "client/api/connection.h"
#include "client/report/page.h"

namespace bitsweep::client {

// Reads transforms, `transforms/{transform}`, and what their report shows. Several are taken for
// repeats on other models. The server's errors; InvalidArgument when their specifications differ.
// REQUIRES: at least one name.
absl::StatusOr<report::Page> FetchTransformPage(const Connection& connection,
                                                const std::vector<std::string>& names,
                                                const std::string& made);

}  // namespace bitsweep::client

#endif  // BITSWEEP_CLIENT_CMD_REPORT_TRANSFORM_H_
