// SPDX-License-Identifier: Apache-2.0
// [passes.NAME] of the lab report's own form. Used inside this room.
#ifndef BITSWEEP_CLIENT_API_REPORT_PASSES_H_
#define BITSWEEP_CLIENT_API_REPORT_PASSES_H_

#include <string>
#include <vector>

#include "client/api/spec_checker.h"
#include "client/api/spec_text.h"

namespace bitsweep::client {

// "NA": the form's way to say that something is not set.
bool IsNotAvailable(const SpecJson& json);

// The pass in Pass's shape. What is wrong with it is noted below `path`; what means nothing here is
// said in `warnings`. Pure.
SpecJson PassFromReport(const std::string& name, const SpecJson& table, const std::string& path,
                        SpecChecker& checker, std::vector<std::string>& warnings);

}  // namespace bitsweep::client

#endif  // BITSWEEP_CLIENT_API_REPORT_PASSES_H_
