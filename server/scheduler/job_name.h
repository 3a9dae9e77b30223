// SPDX-License-Identifier: Apache-2.0
// Names of jobs of both kinds: `sweeps/{sweep}/trials/{n}`, `transforms/{transform}/jobs/{n}`.
#ifndef BITSWEEP_SERVER_SCHEDULER_JOB_NAME_H_
#define BITSWEEP_SERVER_SCHEDULER_JOB_NAME_H_

#include <cstdint>
#include <string>

#include "absl/status/statusor.h"
#include "server/store/records.h"

namespace bitsweep::scheduler {

struct JobName {
  std::string submission;  // "sweeps/lab-1", "transforms/t-1"
  std::int64_t number = 0;
};

// The name of the job `number` of what `submission` names. REQUIRES: a name of a sweep or a
// transform.
std::string JobNameText(const std::string& submission, std::int64_t number);
// InvalidArgument for what is neither a trial's name nor a transform job's.
absl::StatusOr<JobName> ParseJobName(const std::string& name);
// What `submission` is, by its name.
store::SubmissionKind KindOf(const std::string& submission);

}  // namespace bitsweep::scheduler

#endif  // BITSWEEP_SERVER_SCHEDULER_JOB_NAME_H_
