// SPDX-License-Identifier: Apache-2.0
#include "client/cmd/report_transform.h"

#include <optional>
#include <utility>

#include "client/api/sweep_data.h"
#include "client/report/transform_page.h"
#include "core/base/status_macros.h"

namespace bitsweep::client {
namespace {

// A model may be gone by now: then the report does without it.
absl::StatusOr<std::optional<v1::Model>> ModelIfThere(const Connection& connection,
                                                      const std::string& name) {
  if (name.empty()) return std::nullopt;
  absl::StatusOr<v1::Model> model = GetModel(connection, name);
  if (absl::IsNotFound(model.status())) return std::nullopt;
  RETURN_IF_ERROR(model.status());
  return *std::move(model);
}

}  // namespace

absl::StatusOr<report::Page> FetchTransformPage(const Connection& connection,
                                                const std::vector<std::string>& names,
                                                const std::string& made) {
  report::TransformReportInput input{
      .runs = {}, .job = {}, .result_model = {}, .source_model = {}, .made = made};
  for (const std::string& name : names) {
    report::TransformRun& run = input.runs.emplace_back();
    ASSIGN_OR_RETURN(run.transform, GetTransform(connection, name));
  }
  RETURN_IF_ERROR(report::CheckEqualSpecs(input.runs));
  for (report::TransformRun& run : input.runs) {
    ASSIGN_OR_RETURN(run.jobs, ListTransformJobs(connection, run.transform.name()));
  }
  std::size_t shown_run = 0;
  if (const std::optional<report::ShownJob> shown = report::JobToShow(input.runs)) {
    shown_run = shown->run;
    ASSIGN_OR_RETURN(input.job, GetTransformJob(connection, shown->name));
    ASSIGN_OR_RETURN(input.result_model, ModelIfThere(connection, input.job->model()));
  }
  ASSIGN_OR_RETURN(input.source_model,
                   ModelIfThere(connection, input.runs[shown_run].transform.model().name()));
  return report::TransformPage(input);
}

}  // namespace bitsweep::client
