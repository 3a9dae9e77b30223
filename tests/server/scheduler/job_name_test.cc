// SPDX-License-Identifier: Apache-2.0
#include "server/scheduler/job_name.h"

#include "gtest/gtest.h"
#include "tests/support/status_matchers.h"

namespace bitsweep::scheduler {
namespace {

using testing::StatusIs;

TEST(JobNameTest, NamesTrialsAndTransformJobs) {
  EXPECT_EQ(JobNameText("sweeps/lab-1", 12), "sweeps/lab-1/trials/12");
  EXPECT_EQ(JobNameText("transforms/ptq-1", 0), "transforms/ptq-1/jobs/0");
}

TEST(JobNameTest, ATrialsNameGivesItsSweep) {
  ASSERT_OK_AND_ASSIGN(const JobName name, ParseJobName("sweeps/lab-1/trials/12"));
  EXPECT_EQ(name.submission, "sweeps/lab-1");
  EXPECT_EQ(name.number, 12);
  EXPECT_EQ(KindOf(name.submission), store::SubmissionKind::kSweep);
}

TEST(JobNameTest, ATransformJobsNameGivesItsTransform) {
  ASSERT_OK_AND_ASSIGN(const JobName name, ParseJobName("transforms/ptq-1/jobs/3"));
  EXPECT_EQ(name.submission, "transforms/ptq-1");
  EXPECT_EQ(name.number, 3);
  EXPECT_EQ(KindOf(name.submission), store::SubmissionKind::kTransform);
}

TEST(JobNameTest, RefusesWhatNamesNoJob) {
  for (const char* name :
       {"", "transforms/ptq-1", "transforms/ptq-1/trials/0", "sweeps/lab-1/jobs/0",
        "transforms/ptq-1/jobs/-1", "transforms/ptq-1/jobs/007", "models/m-1/jobs/0"}) {
    EXPECT_THAT(ParseJobName(name), StatusIs(absl::StatusCode::kInvalidArgument)) << name;
  }
}

}  // namespace
}  // namespace bitsweep::scheduler
