// SPDX-License-Identifier: Apache-2.0
// The queue: leases, back-offs, failures, releases, expiries.
#include "tests/server/store/store_fixture.h"

namespace bitsweep::store {
namespace {

using spec::FailureReason;
using spec::JobState;
using spec::SweepState;
using ::testing::ElementsAre;
using ::testing::Ge;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using testing::IsOk;
using ::testing::Le;
using ::testing::SizeIs;
using testing::StatusIs;

class LeasesTest : public StoreTest {
 protected:
  std::vector<std::int64_t> Numbers(const std::vector<LeasedJob>& leased) {
    std::vector<std::int64_t> numbers;
    for (const LeasedJob& trial : leased) numbers.push_back(trial.number);
    return numbers;
  }
  // The outcome of one expiry; the test fails when there is none.
  FailOutcome ExpireOne(const LeaseRef& ref, absl::Time now) {
    const auto outcomes = store().Expire({ref}, {}, now);
    EXPECT_THAT(outcomes, IsOk());
    EXPECT_TRUE(outcomes->at(0).has_value());
    return outcomes->at(0).value_or(FailOutcome{});
  }
};
INSTANTIATE_TEST_SUITE_P(Stores, LeasesTest, ::testing::ValuesIn(Implementations()), NameOf);

TEST_P(LeasesTest, ALeaseCarriesAllThatATrialNeeds) {
  NewSweep sweep = Planned("grid", GridSpec(1, 1));
  const LeasedJob trial = Lease(Submit(sweep), 1, At(5), "worker-1").at(0);
  EXPECT_EQ(trial.ref.attempt, 1);
  EXPECT_EQ(trial.worker_id, "worker-1");
  EXPECT_EQ(trial.submission_name, "sweeps/grid");
  EXPECT_EQ(trial.number, 0);
  EXPECT_EQ(trial.queued_since, At(0));
  const auto& spec = std::get<spec::TrialSpec>(trial.work);
  EXPECT_EQ(spec.model, sweep.spec.model);
  EXPECT_EQ(spec.dataset, sweep.spec.dataset);
  EXPECT_EQ(spec.hyperparameters, sweep.plan.configurations[0].hyperparameters);
  EXPECT_EQ(spec.seed, Trial("grid", 0).seed);
  EXPECT_TRUE(spec.keep_model);
  EXPECT_EQ(trial.expected_data_digest, "");
  const TrialRecord stored = Trial("grid", 0);
  EXPECT_EQ(stored.state, JobState::kLeased);
  EXPECT_EQ(stored.worker_id, "worker-1");
  ASSERT_THAT(stored.attempts, SizeIs(1));
  EXPECT_EQ(stored.attempts[0].lease_time, At(5));
  EXPECT_EQ(stored.attempts[0].outcome, "");
}

TEST_P(LeasesTest, TrialsAreHandedOutInPlanOrder) {
  const SweepRecord sweep = Submit("grid", 3, 2);
  EXPECT_THAT(Numbers(Lease(sweep, 2)), ElementsAre(0, 1));
  EXPECT_THAT(Numbers(Lease(sweep, 3)), ElementsAre(2, 3, 4));
  EXPECT_THAT(Numbers(Lease(sweep, 3)), ElementsAre(5));
  EXPECT_THAT(Lease(sweep, 3), IsEmpty());
}

TEST_P(LeasesTest, ASweepThatHasGoneTakesNothingFromTheOthers) {
  const SweepRecord gone = Submit("gone", 1);
  ASSERT_THAT(store().CancelSweep("gone", At(1)), IsOk());
  ASSERT_THAT(store().DeleteSweep("gone", At(1)), IsOk());
  const SweepRecord other = Submit("other", 1);
  const auto leased = store().Lease({{gone.row, "w", 1}, {other.row, "w", 1}}, At(2));
  ASSERT_THAT(leased, IsOk());
  ASSERT_THAT(*leased, SizeIs(1));
  EXPECT_EQ(leased->at(0).submission_name, "sweeps/other");
}

TEST_P(LeasesTest, SeveralAllocationsAreServedInOneCall) {
  const SweepRecord a = Submit("aaaa", 2);
  const SweepRecord b = Submit("bbbb", 2);
  ASSERT_OK_AND_ASSIGN(const std::vector<LeasedJob> leased,
                       store().Lease({{b.row, "w1", 1}, {a.row, "w2", 2}}, At(1)));
  ASSERT_THAT(leased, SizeIs(3));
  EXPECT_EQ(leased[0].submission_name, "sweeps/bbbb");
  EXPECT_EQ(leased[0].worker_id, "w1");
  EXPECT_EQ(leased[1].submission_name, "sweeps/aaaa");
  EXPECT_EQ(leased[2].worker_id, "w2");
}

TEST_P(LeasesTest, ARetryWaitsForTheEndOfItsBackoff) {
  const SweepRecord sweep = Submit("grid", 2);
  const FailOutcome outcome = Fail(StartOne(sweep, At(1)), FailureReason::kException, At(10));
  EXPECT_EQ(outcome.state, JobState::kQueued);
  // The first back-off: 500 ms * [0.5, 1).
  ASSERT_TRUE(outcome.ready_time.has_value());
  EXPECT_THAT(*outcome.ready_time, Ge(At(10.25)));
  EXPECT_THAT(*outcome.ready_time, Le(At(10.5)));
  EXPECT_THAT(store().NextReadyTime(At(10)).value(),
              absl::FromUnixMicros(absl::ToUnixMicros(*outcome.ready_time)));
  EXPECT_THAT(Numbers(Lease(sweep, 2, At(10.1))), ElementsAre(1));
  const std::vector<LeasedJob> again = Lease(sweep, 2, *outcome.ready_time);
  ASSERT_THAT(again, SizeIs(1));
  EXPECT_EQ(again[0].number, 0);
  EXPECT_EQ(again[0].ref.attempt, 2);
  EXPECT_EQ(store().NextReadyTime(At(0)).value(), std::nullopt);
}

TEST_P(LeasesTest, BackoffsEndWhenTheServerStarts) {
  const SweepRecord sweep = Submit("grid", 1);
  Fail(StartOne(sweep, At(1)), FailureReason::kException, At(1000));
  EXPECT_THAT(Lease(sweep, 1, At(2)), IsEmpty());
  ASSERT_THAT(store().EndBackoffs(), IsOk());
  EXPECT_THAT(Lease(sweep, 1, At(2)), SizeIs(1));
}

TEST_P(LeasesTest, SourcesShowWhatIsQueuedAndUnderWay) {
  spec::SweepSpec spec = GridSpec(4, 1);
  spec.priority = 7;
  spec.max_parallel_trials = 3;
  const SweepRecord sweep = Submit(Planned("grid", spec));
  StartOne(sweep);
  LeaseOne(sweep);
  Fail(StartOne(sweep), FailureReason::kException);
  CompleteAll(Submit("done", 1), {0.5});
  ASSERT_OK_AND_ASSIGN(const std::vector<QueueSource> sources, store().Sources(At(0)));
  ASSERT_THAT(sources, SizeIs(1));
  EXPECT_EQ(sources[0].name, "sweeps/grid");
  EXPECT_EQ(sources[0].priority, 7);
  EXPECT_EQ(sources[0].max_parallel, 3);
  EXPECT_EQ(sources[0].queued, 1);  // and one in back-off
  EXPECT_EQ(sources[0].in_flight, 2);
  ASSERT_OK_AND_ASSIGN(const std::vector<QueueSource> later, store().Sources(At(1000)));
  ASSERT_THAT(later, SizeIs(1));
  EXPECT_EQ(later[0].queued, 2);
}

TEST_P(LeasesTest, ASweepWhoseQueueIsAllInBackOffIsNoSource) {
  Fail(StartOne(Submit("grid", 1), At(1)), FailureReason::kException, At(1));
  ASSERT_OK_AND_ASSIGN(const std::vector<QueueSource> sources, store().Sources(At(1)));
  EXPECT_THAT(sources, IsEmpty());
}

TEST_P(LeasesTest, ActiveLeasesAreFoundAfterReopening) {
  const SweepRecord sweep = Submit("grid", 3);
  const LeaseRef running = StartOne(sweep);
  const LeaseRef leased = LeaseOne(sweep);
  Open({});
  ASSERT_OK_AND_ASSIGN(const std::vector<ActiveLease> active, store().ActiveLeases());
  ASSERT_THAT(active, SizeIs(2));
  EXPECT_EQ(active[0].ref, running);
  EXPECT_EQ(active[0].state, JobState::kRunning);
  EXPECT_EQ(active[0].worker_id, "w");
  EXPECT_EQ(active[1].ref, leased);
  EXPECT_EQ(active[1].state, JobState::kLeased);
  EXPECT_EQ(active[1].number, 1);
}

TEST_P(LeasesTest, AnErrorThatWouldRepeatFailsAtOnce) {
  for (const FailureReason reason :
       {FailureReason::kNanLoss, FailureReason::kDatasetNotFound, FailureReason::kInvalidDataset,
        FailureReason::kDatasetMismatch, FailureReason::kInvalidModel}) {
    const std::string id = "sweep-" + std::to_string(static_cast<int>(reason));
    const FailOutcome outcome = Fail(StartOne(Submit(id, 2)), reason, At(9));
    EXPECT_EQ(outcome.state, JobState::kFailed) << spec::Name(reason);
    const TrialRecord trial = Trial(id, 0);
    EXPECT_EQ(trial.failure->reason, reason);
    EXPECT_EQ(trial.failure->message, "it broke");
    EXPECT_EQ(trial.end_time, At(9));
    EXPECT_EQ(trial.attempts.at(0).outcome, "FAILED");
    EXPECT_EQ(trial.attempts.at(0).failure->reason, reason);
  }
}

TEST_P(LeasesTest, TheThirdFailureIsDeath) {
  const SweepRecord sweep = Submit("grid", 1);
  EXPECT_EQ(Fail(StartOne(sweep, At(0)), FailureReason::kException).state, JobState::kQueued);
  EXPECT_EQ(Fail(StartOne(sweep, At(1000)), FailureReason::kTimeout).state, JobState::kQueued);
  EXPECT_EQ(Fail(StartOne(sweep, At(2000)), FailureReason::kOutOfMemory).state, JobState::kDead);
  EXPECT_EQ(Sweep("grid").counts, (spec::JobCounts{.dead = 1}));
  EXPECT_EQ(Sweep("grid").state, SweepState::kFailed);
  EXPECT_THAT(Problems(), IsEmpty());
}

TEST_P(LeasesTest, ARepeatedFailureIsAnsweredWithItsOutcome) {
  const SweepRecord sweep = Submit("grid", 1);
  const LeaseRef ref = StartOne(sweep);
  Fail(ref, FailureReason::kException);
  const std::int64_t revision = Sweep("grid").revision;
  EXPECT_EQ(Fail(ref, FailureReason::kException).state, JobState::kQueued);
  EXPECT_EQ(Sweep("grid").revision, revision);
}

TEST_P(LeasesTest, AnOldAttemptIsFencedOff) {
  const SweepRecord sweep = Submit("grid", 1);
  const LeaseRef old = StartOne(sweep, At(1));
  ExpireOne(old, At(20));
  const LeaseRef current = StartOne(sweep, At(100));
  EXPECT_EQ(Report({.ref = old, .data_digest = "", .points = Epochs(1, 0.9)}).verdict,
            ProgressVerdict::kLost);
  const absl::Status late = store().Complete(old, Epochs(2, 0.9), Result(0.9), At(101)).status();
  EXPECT_THAT(late, StatusIs(absl::StatusCode::kAborted, HasSubstr("sweeps/grid/trials/0")));
  EXPECT_EQ(Reason(late), "LEASE_LOST");
  EXPECT_EQ(Reason(store().Fail(old, {FailureReason::kException, ""}, {}, At(101))), "LEASE_LOST");
  EXPECT_EQ(store().Release({old}, "DRAIN", At(101)).value(), 0);
  EXPECT_FALSE(store().Expire({old}, {}, At(101)).value().at(0).has_value());
  EXPECT_EQ(Trial("grid", 0).attempt, current.attempt);
  EXPECT_THAT(Trial("grid", 0).epochs, IsEmpty());
  Complete(current, 0.25);
  EXPECT_EQ(Trial("grid", 0).result->val_acc, 0.25);
  EXPECT_THAT(Problems(), IsEmpty());
}

TEST_P(LeasesTest, AJobThatNeverWasIsLost) {
  const LeaseRef none{JobId{12345}, 1};
  EXPECT_EQ(Report({.ref = none, .data_digest = "", .points = {}}).verdict, ProgressVerdict::kLost);
  EXPECT_EQ(Reason(store().Complete(none, {}, Result(0.5), At(1))), "LEASE_LOST");
}

TEST_P(LeasesTest, AReleasedTrialGoesBackUnharmed) {
  const SweepRecord sweep = Submit("grid", 2);
  const LeaseRef first = StartOne(sweep);
  EXPECT_EQ(store().Release({first}, "DRAIN", At(4)).value(), 1);
  EXPECT_EQ(store().Release({first}, "DRAIN", At(5)).value(), 0);
  EXPECT_EQ(Sweep("grid").counts, (spec::JobCounts{.queued = 2}));
  const std::vector<LeasedJob> again = Lease(sweep, 1, At(4));
  EXPECT_THAT(Numbers(again), ElementsAre(0));
  EXPECT_EQ(again.at(0).queued_since, At(4));
  EXPECT_EQ(Trial("grid", 0).attempts.at(0).outcome, "RELEASED");
  EXPECT_FALSE(Trial("grid", 0).failure.has_value());
  // It still has its three tries.
  EXPECT_EQ(Fail(again.at(0).ref, FailureReason::kException, At(4)).state, JobState::kQueued);
  EXPECT_EQ(Fail(LeaseOne(sweep, At(4)), FailureReason::kNanLoss).state, JobState::kFailed);
  EXPECT_EQ(Trial("grid", 0).state, JobState::kQueued);
  EXPECT_EQ(Fail(LeaseOne(sweep, At(500)), FailureReason::kException).state, JobState::kQueued);
  EXPECT_EQ(Fail(LeaseOne(sweep, At(900)), FailureReason::kException).state, JobState::kDead);
}

TEST_P(LeasesTest, ALeaseThatExpiresBeforeTheStartHarmsNothing) {
  const SweepRecord sweep = Submit("grid", 1);
  for (int i = 0; i < 5; ++i) {
    const FailOutcome outcome = ExpireOne(LeaseOne(sweep, At(i)), At(i));
    EXPECT_EQ(outcome.state, JobState::kQueued);
    EXPECT_FALSE(outcome.ready_time.has_value());
  }
  EXPECT_FALSE(Trial("grid", 0).failure.has_value());
  EXPECT_EQ(Trial("grid", 0).attempts.at(4).outcome, "LEASE_EXPIRED");
}

TEST_P(LeasesTest, TheSecondWorkerLostUnderATrialIsItsDeath) {
  const SweepRecord sweep = Submit("grid", 1);
  const FailOutcome first = ExpireOne(StartOne(sweep, At(1)), At(20));
  EXPECT_EQ(first.state, JobState::kQueued);
  ASSERT_TRUE(first.ready_time.has_value());
  EXPECT_EQ(ExpireOne(StartOne(sweep, At(100)), At(120)).state, JobState::kDead);
  const TrialRecord trial = Trial("grid", 0);
  EXPECT_EQ(trial.failure->reason, FailureReason::kWorkerLost);
  EXPECT_THAT(trial.failure->message, HasSubstr("worker w "));
  EXPECT_EQ(trial.attempts.at(1).outcome, "LEASE_EXPIRED");
  EXPECT_THAT(Problems(), IsEmpty());
}

TEST_P(LeasesTest, TheFailurePolicyCancelsTheRest) {
  spec::SweepSpec spec = GridSpec(5, 1);
  spec.failure_policy.stop_after_failures = 2;
  const SweepRecord sweep = Submit(Planned("grid", spec));
  const LeaseRef other = StartOne(sweep);
  EXPECT_THAT(Fail(StartOne(sweep), FailureReason::kNanLoss).revoked, IsEmpty());
  const FailOutcome last = Fail(StartOne(sweep), FailureReason::kNanLoss, At(8));
  EXPECT_THAT(last.revoked, ElementsAre(other));
  const SweepRecord stopped = Sweep("grid");
  EXPECT_EQ(stopped.counts, (spec::JobCounts{.failed = 2, .cancelled = 3}));
  EXPECT_EQ(stopped.state, SweepState::kFailed);
  EXPECT_TRUE(stopped.flags.stopped_by_policy);
  EXPECT_EQ(stopped.end_time, At(8));
  EXPECT_THAT(Problems(), IsEmpty());
}

TEST_P(LeasesTest, RetryLiftsTheFailurePolicysStop) {
  spec::SweepSpec spec = GridSpec(2, 1);
  spec.failure_policy.stop_after_failures = 1;
  Fail(StartOne(Submit(Planned("grid", spec))), FailureReason::kNanLoss);
  ASSERT_OK_AND_ASSIGN(
      const ChangeOutcome retried,
      store().RetrySweep("grid", {JobState::kFailed, JobState::kCancelled}, At(9)));
  EXPECT_EQ(retried.changed_trials, 2);
  EXPECT_FALSE(retried.sweep.flags.stopped_by_policy);
  CompleteAll(retried.sweep, {0.5, 0.5});
  EXPECT_EQ(Sweep("grid").state, SweepState::kSucceeded);
}

TEST_P(LeasesTest, TheQueueStaysPausedOverARestart) {
  EXPECT_FALSE(store().IsQueuePaused().value());
  ASSERT_THAT(store().SetQueuePaused(true, At(1)), IsOk());
  Open({});
  EXPECT_TRUE(store().IsQueuePaused().value());
  ASSERT_THAT(store().SetQueuePaused(false, At(2)), IsOk());
  EXPECT_FALSE(store().IsQueuePaused().value());
}

TEST_P(LeasesTest, FindsTheJobOfATrial) {
  const SweepRecord sweep = Submit("grid", 3);
  const std::vector<LeasedJob> leased = Lease(sweep, 3);
  EXPECT_EQ(store().FindJob("sweeps/grid/trials/2").value(), leased.at(2).ref.job);
}

}  // namespace
}  // namespace bitsweep::store
