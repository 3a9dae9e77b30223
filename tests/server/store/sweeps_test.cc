// SPDX-License-Identifier: Apache-2.0
// Submit, pause, resume, cancel, retry, delete.
#include "tests/server/store/store_fixture.h"

namespace bitsweep::store {
namespace {

using spec::FailureReason;
using spec::JobState;
using spec::SweepState;
using ::testing::IsEmpty;
using testing::IsOk;
using ::testing::SizeIs;
using testing::StatusIs;

class SweepsTest : public StoreTest {};
INSTANTIATE_TEST_SUITE_P(Stores, SweepsTest, ::testing::ValuesIn(Implementations()), NameOf);

TEST_P(SweepsTest, SubmitStoresTheWholePlan) {
  const SweepRecord sweep = Submit("grid", 3, 2);
  EXPECT_EQ(sweep.sweep_id, "grid");
  EXPECT_EQ(sweep.state, SweepState::kQueued);
  EXPECT_EQ(sweep.configuration_count, 3);
  EXPECT_EQ(sweep.trial_count, 6);
  EXPECT_EQ(sweep.counts, (spec::JobCounts{.queued = 6}));
  EXPECT_EQ(sweep.varying, std::vector<std::string>{"learning_rate"});
  EXPECT_EQ(sweep.create_time, At(0));
  EXPECT_EQ(sweep.spec, GridSpec(3, 2));
  for (std::int64_t number = 0; number < 6; ++number) {
    const TrialRecord trial = Trial("grid", number);
    EXPECT_EQ(trial.configuration, number / 2);
    EXPECT_EQ(trial.repeat, number % 2);
    EXPECT_EQ(trial.state, JobState::kQueued);
    EXPECT_EQ(trial.attempt, 0);
    EXPECT_DOUBLE_EQ(trial.hyperparameters.learning_rate,
                     0.001 * static_cast<double>(number / 2 + 1));
    EXPECT_EQ(trial.seed, spec::TrialSeed(0, trial.hyperparameters, number % 2));
  }
  EXPECT_THAT(Problems(), IsEmpty());
}

TEST_P(SweepsTest, AnIdInUseIsRefused) {
  Submit("grid", 1);
  const auto again = store().Submit(Planned("grid", GridSpec(2, 1)), At(1));
  EXPECT_THAT(again, StatusIs(absl::StatusCode::kAlreadyExists));
  EXPECT_EQ(Reason(again), "ID_IN_USE");
  EXPECT_EQ(Sweep("grid").trial_count, 1);
}

TEST_P(SweepsTest, ARepeatedRequestGivesTheStoredSweep) {
  NewSweep sweep = Planned("grid", GridSpec(2, 1));
  sweep.request_id = "r-1";
  const SweepRecord first = Submit(sweep);
  ASSERT_OK_AND_ASSIGN(const SubmitOutcome again, store().Submit(sweep, At(9)));
  EXPECT_TRUE(again.deduplicated);
  EXPECT_EQ(again.sweep.row, first.row);
  EXPECT_EQ(again.sweep.create_time, At(0));
  ASSERT_OK_AND_ASSIGN(const Page<SweepRecord> all, store().ListSweeps({}));
  EXPECT_THAT(all.items, SizeIs(1));
}

TEST_P(SweepsTest, ARequestIdOfAnotherBodyIsRefused) {
  NewSweep sweep = Planned("grid", GridSpec(2, 1));
  sweep.request_id = "r-1";
  Submit(sweep);
  NewSweep other = Planned("other", GridSpec(3, 1));
  other.request_id = "r-1";
  const auto refused = store().Submit(other, At(1));
  EXPECT_THAT(refused, StatusIs(absl::StatusCode::kAlreadyExists));
  EXPECT_EQ(Reason(refused), "REQUEST_ID_REUSED");
  EXPECT_EQ(Reason(store().GetSweep("other")), "SWEEP_NOT_FOUND");
}

TEST_P(SweepsTest, ARepeatedRequestKeepsTheFirstId) {
  NewSweep sweep = Planned("sweep-generated1", GridSpec(2, 1));
  sweep.request_id = "r-1";
  Submit(sweep);
  sweep.sweep_id = "sweep-generated2";
  ASSERT_OK_AND_ASSIGN(const SubmitOutcome again, store().Submit(sweep, At(1)));
  EXPECT_EQ(again.sweep.sweep_id, "sweep-generated1");
}

TEST_P(SweepsTest, AModelArtifactThatIsNotStoredIsRefused) {
  NewSweep sweep = Planned("grid", GridSpec(1, 1));
  sweep.model_artifact = std::string(64, 'a');
  EXPECT_EQ(Reason(store().Submit(sweep, At(0))), "ARTIFACT_NOT_FOUND");
  EXPECT_EQ(Reason(store().GetSweep("grid")), "SWEEP_NOT_FOUND");
}

TEST_P(SweepsTest, WhatDoesNotExistIsNotFound) {
  Submit("grid", 1);
  EXPECT_EQ(Reason(store().GetSweep("none")), "SWEEP_NOT_FOUND");
  EXPECT_EQ(Reason(store().GetTrial("none", 0)), "SWEEP_NOT_FOUND");
  EXPECT_EQ(Reason(store().GetTrial("grid", 1)), "TRIAL_NOT_FOUND");
  EXPECT_EQ(Reason(store().FindJob("sweeps/grid/trials/1")), "TRIAL_NOT_FOUND");
  EXPECT_EQ(Reason(store().FindJob("sweeps/grid/trials/-1")), "INVALID_NAME");
  EXPECT_EQ(Reason(store().PauseSweep("none", At(1))), "SWEEP_NOT_FOUND");
  EXPECT_EQ(Reason(store().ResumeSweep("none", At(1))), "SWEEP_NOT_FOUND");
  EXPECT_EQ(Reason(store().CancelSweep("none", At(1))), "SWEEP_NOT_FOUND");
  EXPECT_EQ(Reason(store().RetrySweep("none", {JobState::kDead}, At(1))), "SWEEP_NOT_FOUND");
  EXPECT_EQ(Reason(store().DeleteSweep("none", At(1))), "SWEEP_NOT_FOUND");
  EXPECT_EQ(Reason(store().ListTrials("none", {}, TrialDetail::kBasic)), "SWEEP_NOT_FOUND");
  EXPECT_EQ(Reason(store().ListConfigurations("none", {})), "SWEEP_NOT_FOUND");
}

TEST_P(SweepsTest, APausedSweepHandsOutNothingUntilItIsResumed) {
  const SweepRecord sweep = Submit("grid", 2);
  ASSERT_OK_AND_ASSIGN(const SweepRecord paused, store().PauseSweep("grid", At(1)));
  EXPECT_EQ(paused.state, SweepState::kPaused);
  ASSERT_OK_AND_ASSIGN(const std::vector<QueueSource> none, store().Sources(At(1)));
  EXPECT_THAT(none, IsEmpty());
  EXPECT_THAT(Lease(sweep, 5), IsEmpty());
  ASSERT_OK_AND_ASSIGN(const SweepRecord resumed, store().ResumeSweep("grid", At(2)));
  EXPECT_EQ(resumed.state, SweepState::kQueued);
  EXPECT_THAT(Lease(sweep, 5), SizeIs(2));
}

TEST_P(SweepsTest, TrialsUnderWayFinishInAPausedSweep) {
  const SweepRecord sweep = Submit("grid", 2);
  const LeaseRef running = StartOne(sweep);
  ASSERT_THAT(store().PauseSweep("grid", At(2)), IsOk());
  Complete(running, 0.5);
  EXPECT_EQ(Sweep("grid").state, SweepState::kPaused);
  EXPECT_EQ(Sweep("grid").counts, (spec::JobCounts{.queued = 1, .succeeded = 1}));
}

TEST_P(SweepsTest, PausingTwiceWritesOneEvent) {
  Submit("grid", 1);
  ASSERT_OK_AND_ASSIGN(const SweepRecord once, store().PauseSweep("grid", At(1)));
  ASSERT_OK_AND_ASSIGN(const SweepRecord twice, store().PauseSweep("grid", At(2)));
  EXPECT_EQ(once.revision, twice.revision);
  ASSERT_OK_AND_ASSIGN(const SweepRecord resumed, store().ResumeSweep("grid", At(3)));
  ASSERT_OK_AND_ASSIGN(const SweepRecord again, store().ResumeSweep("grid", At(4)));
  EXPECT_EQ(resumed.revision, again.revision);
}

TEST_P(SweepsTest, AnEndedSweepIsNotPausedResumedOrCancelled) {
  const SweepRecord sweep = Submit("grid", 1);
  CompleteAll(sweep, {0.5});
  EXPECT_EQ(Reason(store().PauseSweep("grid", At(9))), "INVALID_STATE");
  EXPECT_EQ(Reason(store().ResumeSweep("grid", At(9))), "INVALID_STATE");
  const auto cancelled = store().CancelSweep("grid", At(9));
  EXPECT_THAT(cancelled, StatusIs(absl::StatusCode::kFailedPrecondition));
  EXPECT_EQ(Reason(cancelled), "INVALID_STATE");
}

TEST_P(SweepsTest, CancelEndsEveryOpenTrialAndNamesTheLeases) {
  const SweepRecord sweep = Submit("grid", 4);
  CompleteAll(sweep, {0.5});
  const LeaseRef running = StartOne(sweep);
  const LeaseRef leased = LeaseOne(sweep);
  ASSERT_OK_AND_ASSIGN(const ChangeOutcome outcome, store().CancelSweep("grid", At(5)));
  EXPECT_EQ(outcome.changed_trials, 3);
  EXPECT_THAT(outcome.revoked, ::testing::ElementsAre(running, leased));
  EXPECT_EQ(outcome.sweep.state, SweepState::kCancelled);
  EXPECT_EQ(outcome.sweep.counts, (spec::JobCounts{.succeeded = 1, .cancelled = 3}));
  EXPECT_EQ(outcome.sweep.end_time, At(5));
  EXPECT_EQ(Report({.ref = running, .data_digest = "", .points = {}}).verdict,
            ProgressVerdict::kCancelled);
  EXPECT_EQ(Reason(store().Complete(running, Epochs(2, 0.5), Result(0.5), At(6))), "LEASE_LOST");
  EXPECT_EQ(Trial("grid", 1).attempts.at(0).outcome, "CANCELLED");
  EXPECT_THAT(Problems(), IsEmpty());
}

TEST_P(SweepsTest, CancellingTwiceIsOkAndChangesNothing) {
  Submit("grid", 2);
  ASSERT_OK_AND_ASSIGN(const ChangeOutcome once, store().CancelSweep("grid", At(1)));
  ASSERT_OK_AND_ASSIGN(const ChangeOutcome twice, store().CancelSweep("grid", At(2)));
  EXPECT_EQ(twice.changed_trials, 0);
  EXPECT_EQ(twice.sweep.revision, once.sweep.revision);
}

TEST_P(SweepsTest, RetryQueuesTheGivenStatesAgain) {
  const SweepRecord sweep = Submit("grid", 3);
  CompleteAll(sweep, {0.5});
  const TrialRecord before = Trial("grid", 1);
  Fail(StartOne(sweep), FailureReason::kNanLoss);
  ASSERT_THAT(store().CancelSweep("grid", At(5)), IsOk());
  ASSERT_OK_AND_ASSIGN(const ChangeOutcome outcome,
                       store().RetrySweep("grid", {JobState::kFailed}, At(6)));
  EXPECT_EQ(outcome.changed_trials, 1);
  EXPECT_EQ(outcome.sweep.counts, (spec::JobCounts{.queued = 1, .succeeded = 1, .cancelled = 1}));
  EXPECT_EQ(outcome.sweep.state, SweepState::kRunning);
  EXPECT_FALSE(outcome.sweep.end_time.has_value());
  const std::vector<LeasedJob> leased = Lease(sweep, 5, At(7));
  ASSERT_THAT(leased, SizeIs(1));
  EXPECT_EQ(leased[0].number, 1);
  EXPECT_EQ(leased[0].ref.attempt, 2);
  EXPECT_EQ(std::get<spec::TrialSpec>(leased[0].work).seed, before.seed);
  EXPECT_EQ(leased[0].queued_since, At(6));
  EXPECT_FALSE(Trial("grid", 1).failure.has_value());
}

TEST_P(SweepsTest, ARetriedTrialHasAllItsTriesAgain) {
  const SweepRecord sweep = Submit("grid", 1);
  absl::Time now = At(1);
  for (int i = 0; i < 3; ++i) {
    Fail(StartOne(sweep, now), FailureReason::kException, now);
    now += absl::Hours(1);
  }
  ASSERT_EQ(Trial("grid", 0).state, JobState::kDead);
  ASSERT_THAT(store().RetrySweep("grid", {JobState::kDead}, now), IsOk());
  EXPECT_EQ(Fail(StartOne(sweep, now), FailureReason::kException, now).state, JobState::kQueued);
}

TEST_P(SweepsTest, RetryOfNothingChangesNothing) {
  Submit("grid", 2);
  ASSERT_OK_AND_ASSIGN(const ChangeOutcome cancelled, store().CancelSweep("grid", At(1)));
  ASSERT_OK_AND_ASSIGN(const ChangeOutcome outcome,
                       store().RetrySweep("grid", {JobState::kDead}, At(2)));
  EXPECT_EQ(outcome.changed_trials, 0);
  EXPECT_EQ(outcome.sweep.state, SweepState::kCancelled);
  EXPECT_EQ(outcome.sweep.revision, cancelled.sweep.revision);
}

TEST_P(SweepsTest, OnlyFailedDeadAndCancelledTrialsAreRetried) {
  const SweepRecord sweep = Submit("grid", 1);
  for (const JobState state :
       {JobState::kQueued, JobState::kLeased, JobState::kRunning, JobState::kSucceeded}) {
    EXPECT_EQ(Reason(store().RetrySweep("grid", {state}, At(1))), "INVALID_STATE")
        << spec::Name(state);
  }
  EXPECT_EQ(Sweep("grid").revision, sweep.revision);
}

TEST_P(SweepsTest, DeleteWaitsForTheEnd) {
  const SweepRecord sweep = Submit("grid", 1);
  EXPECT_EQ(Reason(store().DeleteSweep("grid", At(1))), "INVALID_STATE");
  CompleteAll(sweep, {0.5});
  ASSERT_THAT(store().DeleteSweep("grid", At(9)), IsOk());
  EXPECT_EQ(Reason(store().GetSweep("grid")), "SWEEP_NOT_FOUND");
  EXPECT_THAT(Events(sweep), IsEmpty());
  EXPECT_THAT(Problems(), IsEmpty());
}

TEST_P(SweepsTest, AnIdIsFreeAgainAfterDeleteAndJobsAreNotReused) {
  const SweepRecord sweep = Submit("grid", 1);
  const LeaseRef old = StartOne(sweep);
  ASSERT_THAT(store().CancelSweep("grid", At(2)), IsOk());
  ASSERT_THAT(store().DeleteSweep("grid", At(3)), IsOk());
  const SweepRecord again = Submit("grid", 1);
  EXPECT_NE(again.row, sweep.row);
  EXPECT_GT(LeaseOne(again).job.value, old.job.value);
  EXPECT_EQ(Reason(store().Complete(old, Epochs(2, 0.5), Result(0.5), At(4))), "LEASE_LOST");
}

TEST_P(SweepsTest, EverythingIsThereAfterReopening) {
  const SweepRecord sweep = Submit("grid", 2);
  CompleteAll(sweep, {0.75});
  const SweepRecord before = Sweep("grid");
  Open({});
  const SweepRecord after = Sweep("grid");
  EXPECT_EQ(after.counts, before.counts);
  EXPECT_EQ(after.revision, before.revision);
  EXPECT_EQ(after.spec, before.spec);
  EXPECT_EQ(Trial("grid", 0).result->val_acc, 0.75);
  EXPECT_THAT(Problems(), IsEmpty());
}

TEST_P(SweepsTest, SubmitsStopWhenTheDiskIsNearlyFullAndResultsGoOn) {
  const SweepRecord sweep = Submit("grid", 1);
  const LeaseRef running = StartOne(sweep);
  ASSERT_OK_AND_ASSIGN(const StoreInfo info, store().Info());
  // A reserve of one and a half times what is free: half of it is still free.
  Open({.min_free_bytes = info.free_bytes + info.free_bytes / 2});
  const auto refused = store().Submit(Planned("late", GridSpec(1, 1)), At(2));
  EXPECT_THAT(refused, StatusIs(absl::StatusCode::kResourceExhausted));
  EXPECT_EQ(Reason(refused), "STORE_FULL");
  EXPECT_TRUE(GetErrorDetails(refused.status())->retry_after.has_value());
  spec::TrialResult result = Result(0.5);
  result.artifact = Upload("checkpoint");
  EXPECT_THAT(store().Complete(running, Epochs(2, 0.5), result, At(3)), IsOk());
  EXPECT_EQ(Sweep("grid").state, SweepState::kSucceeded);
}

TEST_P(SweepsTest, KnowsSinceWhenTheNextTrialWaits) {
  EXPECT_FALSE(store().Info()->oldest_queued.has_value());
  const SweepRecord first = Submit("first", 1);
  ASSERT_THAT(store().Submit(Planned("second", GridSpec(1, 1)), At(7)), IsOk());
  EXPECT_EQ(store().Info()->oldest_queued, first.create_time);
  StartOne(first);
  EXPECT_EQ(store().Info()->oldest_queued, At(7));
  EXPECT_THAT(store().PauseSweep("second", At(8)), IsOk());
  EXPECT_FALSE(store().Info()->oldest_queued.has_value());
}

TEST_P(SweepsTest, ARepeatedRequestIsAnsweredWhenTheDiskIsNearlyFull) {
  NewSweep sweep = Planned("grid", GridSpec(1, 1));
  sweep.request_id = "r-1";
  Submit(sweep);
  Open({.min_free_bytes = std::int64_t{1} << 60});
  ASSERT_OK_AND_ASSIGN(const SubmitOutcome again, store().Submit(sweep, At(2)));
  EXPECT_TRUE(again.deduplicated);
}

}  // namespace
}  // namespace bitsweep::store
