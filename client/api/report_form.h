// SPDX-License-Identifier: Apache-2.0
// The lab report's own form of a transform: a configuration file of the tool that the lab used.
#ifndef BITSWEEP_CLIENT_API_REPORT_FORM_H_
#define BITSWEEP_CLIENT_API_REPORT_FORM_H_

#include <string>
#include <vector>

#include "client/api/spec_checker.h"
#include "client/api/spec_text.h"

namespace bitsweep::client {

// Whether a file has that form: `model`, `dataset` or `passes` at the top.
bool IsReportForm(const SpecJson& json);

// The file in SubmitTransformRequest's shape. What is wrong is noted in `checker` under the file's
// own names; keys that only matter to training are named in `warnings`. `model_is_given`: another
// model takes the place of the file's, so that it need not be one that there is. Pure.
SpecJson FromReportForm(const SpecJson& json, bool model_is_given, SpecChecker& checker,
                        std::vector<std::string>& warnings);

}  // namespace bitsweep::client

#endif  // BITSWEEP_CLIENT_API_REPORT_FORM_H_
