// SPDX-License-Identifier: Apache-2.0
#include "server/scheduler/queue_policy.h"

#include <map>
#include <tuple>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace bitsweep::scheduler {
namespace {

using ::testing::IsEmpty;

// (sweep, worker) -> jobs.
using Given = std::map<std::pair<std::int64_t, std::string>, std::int64_t>;

Given Give(const std::vector<store::QueueSource>& sources,
           const std::vector<LeaseRequest>& requests) {
  Given given;
  for (const store::Allocation& allocation : Allocate(sources, requests)) {
    given[{allocation.submission.value, allocation.worker_id}] += allocation.count;
  }
  return given;
}

TEST(QueuePolicyTest, GivesNothingWithoutJobsOrRequests) {
  const store::QueueSource queued{.submission = SubmissionId{1}, .queued = 5};
  const store::QueueSource empty{.submission = SubmissionId{1}, .queued = 0};
  EXPECT_THAT(Give({}, {{"w1", 1}}), IsEmpty());
  EXPECT_THAT(Give({queued}, {}), IsEmpty());
  EXPECT_THAT(Give({queued}, {{"w1", 0}}), IsEmpty());
  EXPECT_THAT(Give({empty}, {{"w1", 1}}), IsEmpty());
}

TEST(QueuePolicyTest, GivesNoMoreThanIsWantedOrQueued) {
  const store::QueueSource source{.submission = SubmissionId{1}, .queued = 5};
  EXPECT_EQ(Give({source}, {{"w1", 3}}), (Given{{{1, "w1"}, 3}}));
  EXPECT_EQ(Give({source}, {{"w1", 9}}), (Given{{{1, "w1"}, 5}}));
}

TEST(QueuePolicyTest, ServesTheHighestPriorityFirst) {
  const store::QueueSource low{.submission = SubmissionId{1}, .priority = -1, .queued = 5};
  const store::QueueSource high{
      .submission = SubmissionId{2}, .priority = 3, .queued = 2, .in_flight = 9};
  EXPECT_EQ(Give({low, high}, {{"w1", 3}}), (Given{{{2, "w1"}, 2}, {{1, "w1"}, 1}}));
}

TEST(QueuePolicyTest, EvensOutWhatIsUnderWayAmongEquals) {
  // 4 and 1 under way: the second gets 3 to catch up, then they take turns, the older first.
  const store::QueueSource large{.submission = SubmissionId{1}, .queued = 100000, .in_flight = 4};
  const store::QueueSource small{.submission = SubmissionId{2}, .queued = 10, .in_flight = 1};
  EXPECT_EQ(Give({large, small}, {{"w1", 3}}), (Given{{{2, "w1"}, 3}}));
  EXPECT_EQ(Give({large, small}, {{"w1", 4}}), (Given{{{1, "w1"}, 1}, {{2, "w1"}, 3}}));
  EXPECT_EQ(Give({large, small}, {{"w1", 5}}), (Given{{{1, "w1"}, 1}, {{2, "w1"}, 4}}));
}

TEST(QueuePolicyTest, PrefersTheOldestWhenAllElseIsEqual) {
  const store::QueueSource newer{.submission = SubmissionId{9}, .queued = 5};
  const store::QueueSource older{.submission = SubmissionId{4}, .queued = 5};
  EXPECT_EQ(Give({newer, older}, {{"w1", 1}}), (Given{{{4, "w1"}, 1}}));
}

TEST(QueuePolicyTest, NeverExceedsMaxParallel) {
  const store::QueueSource limited{
      .submission = SubmissionId{1}, .queued = 50, .in_flight = 2, .max_parallel = 4};
  EXPECT_EQ(Give({limited}, {{"w1", 8}, {"w2", 8}}), (Given{{{1, "w1"}, 1}, {{1, "w2"}, 1}}));
}

TEST(QueuePolicyTest, GivesNothingOfASweepAtOrOverItsLimit) {
  const store::QueueSource at{
      .submission = SubmissionId{1}, .queued = 50, .in_flight = 4, .max_parallel = 4};
  const store::QueueSource over{
      .submission = SubmissionId{2}, .queued = 50, .in_flight = 5, .max_parallel = 4};
  EXPECT_THAT(Give({at, over}, {{"w1", 8}}), IsEmpty());
}

TEST(QueuePolicyTest, GoesPastAFullSweepToOneOfLowerPriority) {
  const store::QueueSource full{.submission = SubmissionId{1},
                                .priority = 10,
                                .queued = 50,
                                .in_flight = 4,
                                .max_parallel = 4};
  const store::QueueSource open{.submission = SubmissionId{2}, .queued = 1};
  EXPECT_EQ(Give({full, open}, {{"w1", 8}}), (Given{{{2, "w1"}, 1}}));
}

TEST(QueuePolicyTest, ServesTheRequestsInTurn) {
  const store::QueueSource source{.submission = SubmissionId{1}, .queued = 5};
  EXPECT_EQ(Give({source}, {{"w1", 8}, {"w2", 1}, {"w3", 8}}),
            (Given{{{1, "w1"}, 2}, {{1, "w2"}, 1}, {{1, "w3"}, 2}}));
}

}  // namespace
}  // namespace bitsweep::scheduler
