// SPDX-License-Identifier: Apache-2.0
#include "server/scheduler/job_name.h"

#include "core/base/ids.h"
#include "core/base/status_macros.h"
#include "fmt/format.h"

namespace bitsweep::scheduler {

store::SubmissionKind KindOf(const std::string& submission) {
  return submission.starts_with("transforms/") ? store::SubmissionKind::kTransform
                                               : store::SubmissionKind::kSweep;
}

std::string JobNameText(const std::string& submission, std::int64_t number) {
  return fmt::format("{}/{}/{}", submission,
                     KindOf(submission) == store::SubmissionKind::kSweep ? "trials" : "jobs",
                     number);
}

absl::StatusOr<JobName> ParseJobName(const std::string& name) {
  if (KindOf(name) == store::SubmissionKind::kTransform) {
    ASSIGN_OR_RETURN(const TransformJobName job, ParseTransformJobName(name));
    return JobName{TransformName(job.transform_id), job.number};
  }
  ASSIGN_OR_RETURN(const TrialName trial, ParseTrialName(name));
  return JobName{SweepName(trial.sweep_id), trial.number};
}

}  // namespace bitsweep::scheduler
