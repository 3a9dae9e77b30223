// SPDX-License-Identifier: Apache-2.0
#ifndef BITSWEEP_CLIENT_CMD_REPORT_PAGES_H_
#define BITSWEEP_CLIENT_CMD_REPORT_PAGES_H_

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "client/api/connection.h"
#include "client/report/page.h"

namespace bitsweep::client {

struct NamedPage {
  std::string id;  // for the name of a file: "lab-1"
  report::Page page;
};

// The report of `sweeps/{sweep}` or `transforms/{transform}`; an id alone is a sweep's, else a
// transform's. Several are transforms that are repeats on other models. Reads no epochs but of what
// is drawn. InvalidArgument for anything else. REQUIRES: at least one name.
absl::StatusOr<NamedPage> ReportPage(const Connection& connection,
                                     const std::vector<std::string>& names);

// The comparison of two sweeps or two models; an id alone is a sweep's, else a model's.
// InvalidArgument for two of different kinds.
absl::StatusOr<NamedPage> ComparisonPage(const Connection& connection, const std::string& a,
                                         const std::string& b);

}  // namespace bitsweep::client

#endif  // BITSWEEP_CLIENT_CMD_REPORT_PAGES_H_
