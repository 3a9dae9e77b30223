// SPDX-License-Identifier: Apache-2.0
// The report of a transform, or of one transform run on several models. Pure.
#ifndef BITSWEEP_CLIENT_REPORT_TRANSFORM_PAGE_H_
#define BITSWEEP_CLIENT_REPORT_TRANSFORM_PAGE_H_

#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "bitsweep/v1/model.pb.h"
#include "bitsweep/v1/transform.pb.h"
#include "client/report/page.h"
#include "client/report/transform_points.h"

namespace bitsweep::report {

struct TransformReportInput {
  std::vector<TransformRun> runs;         // at least one; several are repeats on other models
  std::optional<v1::TransformJob> job;    // JobToShow of the runs, with the results of its passes
  std::optional<v1::Model> result_model;  // of that job, where it is kept
  std::optional<v1::Model> source_model;  // that the job's transform began with, where it is stored
  std::string made;                       // Page::made
};

// What was run, results of the jobs, the graph, and what each pass of one job gave. A transform
// without results gives a page that says so. InvalidArgument as CheckEqualSpecs.
// REQUIRES: at least one run.
absl::StatusOr<Page> TransformPage(const TransformReportInput& input);

}  // namespace bitsweep::report

#endif  // BITSWEEP_CLIENT_REPORT_TRANSFORM_PAGE_H_
