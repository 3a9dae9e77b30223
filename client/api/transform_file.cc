// SPDX-License-Identifier: Apache-2.0
#include "client/api/transform_file.h"

#include "client/api/report_form.h"
#include "client/api/spec_checker.h"
#include "client/api/spec_text.h"
#include "core/base/status_macros.h"
#include "nlohmann/json.hpp"

namespace bitsweep::client {
namespace {

void Apply(const TransformOverrides& overrides, v1::SubmitTransformRequest& request) {
  v1::Transform& transform = *request.mutable_transform();
  if (!overrides.model.empty()) {
    transform.clear_model();
    if (overrides.model.starts_with("models/")) {
      transform.mutable_model()->set_name(overrides.model);
    } else {
      transform.mutable_model()->set_builtin(overrides.model);
    }
  }
  if (!overrides.dataset.empty()) {
    transform.clear_dataset();
    transform.mutable_dataset()->set_name(overrides.dataset);
  }
}

}  // namespace

absl::StatusOr<v1::SubmitTransformRequest> ParseTransformFile(const std::string& text,
                                                              const std::string& name,
                                                              const TransformOverrides& overrides,
                                                              std::vector<std::string>* warnings) {
  ASSIGN_OR_RETURN(SpecJson json, ParseSpecText(text, name));
  v1::SubmitTransformRequest request;
  if (IsReportForm(json)) {
    SpecChecker checker(SpecChecker::Numbers::kAreNumbers);
    std::vector<std::string> ignored;
    json = FromReportForm(json, !overrides.model.empty(), checker,
                          warnings == nullptr ? ignored : *warnings);
    RETURN_IF_ERROR(checker.ToStatus(name, "a transform"));
  } else {
    SpecChecker checker;
    checker.Message(json, *request.GetDescriptor(), "");
    RETURN_IF_ERROR(checker.ToStatus(name, "a transform"));
  }
  RETURN_IF_ERROR(FillMessage(json, name, request));
  Apply(overrides, request);
  return request;
}

absl::StatusOr<v1::SubmitTransformRequest> ReadTransformFile(const std::string& path,
                                                             const TransformOverrides& overrides,
                                                             std::vector<std::string>* warnings) {
  ASSIGN_OR_RETURN(const SpecText file, ReadSpecText(path));
  return ParseTransformFile(file.text, file.name, overrides, warnings);
}

}  // namespace bitsweep::client
