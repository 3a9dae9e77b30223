// SPDX-License-Identifier: Apache-2.0
// Random operations against the real store and against a simple model of it: answers, states and
// counters agree after every one.
#include <algorithm>

#include "core/base/random.h"
#include "tests/server/store/queue_model.h"
#include "tests/server/store/store_fixture.h"

namespace bitsweep::store {
namespace {

using spec::FailureReason;
using spec::JobState;
using ::testing::IsEmpty;
using testing::IsOk;

class RandomOperationsTest : public StoreTest {
 protected:
  void Run(std::uint64_t seed, int steps) {
    random_ = Random(seed, RandomStream::kShuffle);
    for (int step = 0; step < steps; ++step) {
      now_ += absl::Milliseconds(static_cast<double>(Below(40)));
      SCOPED_TRACE("seed " + std::to_string(seed) + " step " + std::to_string(step));
      Step();
      CompareCounters();
      if (step % 25 == 24) CompareEverything();
      if (step % 200 == 199) Open({});
      if (HasFailure()) return;
    }
    CompareEverything();
    EXPECT_THAT(Problems(), IsEmpty());
    // Agreement on what never happened would say nothing.
    for (const char* situation : {"back-off withheld", "late write", "dead", "policy stop",
                                  "repeated completion", "retried", "deleted"}) {
      EXPECT_GT(seen_[situation], 2) << situation;
    }
  }

 private:
  std::int64_t Below(std::int64_t bound) {
    return static_cast<std::int64_t>(random_.NextBelow(static_cast<std::uint64_t>(bound)));
  }

  void Step() {
    if (sweeps_.size() < 2 || (sweeps_.size() < 6 && Below(12) == 0)) return SubmitSome();
    auto at = sweeps_.begin();
    std::advance(at, Below(static_cast<std::int64_t>(sweeps_.size())));
    touched_ = at->first;
    ModelSweep& sweep = at->second;
    if (sweep.HasEnded() && Below(5) == 0) return Delete(sweep);  // make room for new ones
    const std::int64_t dice = Below(100);
    if (dice < 25) return LeaseSome(sweep);
    if (dice < 85) return Work(sweep);
    if (dice < 89) return PauseOrResume(sweep);
    if (dice < 92) return Cancel(sweep);
    if (dice < 97) return Retry(sweep);
    Delete(sweep);
  }

  void SubmitSome() {
    touched_ = "sweep-" + std::to_string(next_sweep_++);
    spec::SweepSpec spec = GridSpec(1 + Below(4), 1 + Below(3));
    spec.failure_policy.stop_after_failures = Below(3);
    const SweepRecord sweep = Submit(Planned(touched_, spec));
    ModelSweep& model = sweeps_[touched_];
    model.row = sweep.row;
    model.stop_after = spec.failure_policy.stop_after_failures;
    model.trials.resize(static_cast<std::size_t>(sweep.trial_count));
  }

  void LeaseSome(ModelSweep& sweep) {
    const std::int64_t count = 1 + Below(3);
    const auto leased = store().Lease({{sweep.row, "w", count}}, now_);
    ASSERT_THAT(leased, IsOk());
    if (!sweep.paused) {
      for (const ModelTrial& trial : sweep.trials) {
        const bool queued = trial.state == JobState::kQueued;
        seen_["back-off withheld"] += queued && trial.ready_micros > absl::ToUnixMicros(now_);
      }
    }
    const std::vector<std::int64_t> expected = sweep.Lease(count, now_);
    ASSERT_EQ(leased->size(), expected.size());
    for (std::size_t i = 0; i < expected.size(); ++i) {
      ModelTrial& trial = sweep.trials[expected[i]];
      EXPECT_EQ((*leased)[i].number, expected[i]);
      EXPECT_EQ((*leased)[i].ref.attempt, trial.attempt);
      trial.job = (*leased)[i].ref.job;
    }
  }

  // What a worker would do with some trial; sometimes with an attempt that is over.
  void Work(ModelSweep& sweep) {
    std::vector<ModelTrial*> known, held;
    for (ModelTrial& trial : sweep.trials) {
      if (trial.attempt > 0) known.push_back(&trial);
      if (trial.IsHeld()) held.push_back(&trial);
    }
    if (!held.empty() && Below(4) > 0) known = held;  // most writes are in time
    if (known.empty()) return LeaseSome(sweep);
    ModelTrial& trial = *known[Below(static_cast<std::int64_t>(known.size()))];
    LeaseRef ref{trial.job, trial.attempt};
    if (trial.attempt > 1 && Below(10) == 0) --ref.attempt;
    seen_["late write"] += trial.IsHeld() && ref.attempt != trial.attempt;
    const bool current = trial.IsHeld() && ref.attempt == trial.attempt;
    const std::int64_t dice = Below(10);
    if (dice < 3) return ReportProgress(trial, ref, current);
    if (dice < 4) return CompleteTrial(trial, ref, current);
    if (dice < 6) return FailTrial(sweep, trial, ref, current);
    if (dice < 7) return ReleaseTrial(trial, ref, current);
    ExpireTrial(sweep, trial, ref, current);
  }

  void ReportProgress(ModelTrial& trial, const LeaseRef& ref, bool current) {
    const auto outcomes = store().Progress(
        {{.ref = ref, .started = true, .data_digest = kDataDigest, .points = Epochs(1, 0.5)}},
        now_);
    ASSERT_THAT(outcomes, IsOk());
    const bool cancelled = ref.attempt == trial.attempt && trial.state == JobState::kCancelled;
    EXPECT_EQ(outcomes->at(0).verdict, current     ? ProgressVerdict::kContinue
                                       : cancelled ? ProgressVerdict::kCancelled
                                                   : ProgressVerdict::kLost);
    if (current) trial.state = JobState::kRunning;
  }

  void CompleteTrial(ModelTrial& trial, const LeaseRef& ref, bool current) {
    const double val_acc = static_cast<double>(Below(1000)) / 1000;
    const auto outcome = store().Complete(ref, Epochs(2, val_acc), Result(val_acc), now_);
    if (current) {
      ASSERT_THAT(outcome, IsOk());
      EXPECT_FALSE(outcome->repeated);
      trial.state = JobState::kSucceeded;
      trial.val_acc = val_acc;
      trial.outcomes[trial.attempt] = "SUCCEEDED";
    } else if (trial.outcomes[ref.attempt] == "SUCCEEDED") {
      ++seen_["repeated completion"];
      ASSERT_THAT(outcome, IsOk());
      EXPECT_TRUE(outcome->repeated);
    } else {
      EXPECT_EQ(Reason(outcome), "LEASE_LOST");
    }
  }

  void FailTrial(ModelSweep& sweep, ModelTrial& trial, const LeaseRef& ref, bool current) {
    static constexpr FailureReason kReasons[] = {
        FailureReason::kException, FailureReason::kOutOfMemory, FailureReason::kTimeout,
        FailureReason::kArtifactFailed, FailureReason::kNanLoss};
    const FailureReason reason = kReasons[Below(5)];
    const auto outcome = store().Fail(ref, {reason, "it broke"}, {}, now_);
    if (!current) {
      if (trial.outcomes[ref.attempt] == "FAILED") {
        ASSERT_THAT(outcome, IsOk());
        EXPECT_TRUE(outcome->repeated);
      } else {
        EXPECT_EQ(Reason(outcome), "LEASE_LOST");
      }
      return;
    }
    ASSERT_THAT(outcome, IsOk());
    sweep.Fail(trial, reason, "FAILED");
    seen_["policy stop"] += sweep.stopped;
    CheckFailure(trial, *outcome);
  }

  void ExpireTrial(ModelSweep& sweep, ModelTrial& trial, const LeaseRef& ref, bool current) {
    const auto outcomes = store().Expire({ref}, {}, now_);
    ASSERT_THAT(outcomes, IsOk());
    ASSERT_EQ(outcomes->at(0).has_value(), current);
    if (!current) return;
    if (trial.state == JobState::kLeased) {
      trial.outcomes[trial.attempt] = "LEASE_EXPIRED";
      trial.state = JobState::kQueued;
      trial.ready_micros = 0;
    } else {
      sweep.Fail(trial, FailureReason::kWorkerLost, "LEASE_EXPIRED");
      CheckFailure(trial, *outcomes->at(0));
    }
    EXPECT_EQ(outcomes->at(0)->state, trial.state);
  }

  // The answer to a failure, and its back-off: half a second, doubled a failure, times [0.5, 1).
  void CheckFailure(ModelTrial& trial, const FailOutcome& outcome) {
    EXPECT_EQ(outcome.state, trial.state);
    seen_["dead"] += trial.state == JobState::kDead;
    ASSERT_EQ(outcome.ready_time.has_value(), trial.state == JobState::kQueued);
    if (!outcome.ready_time) return;
    const absl::Duration full = absl::Milliseconds(trial.failures == 1 ? 500 : 1000);
    EXPECT_GE(*outcome.ready_time - now_, full / 2);
    EXPECT_LT(*outcome.ready_time - now_, full);
    trial.ready_micros = absl::ToUnixMicros(*outcome.ready_time);
  }

  void ReleaseTrial(ModelTrial& trial, const LeaseRef& ref, bool current) {
    EXPECT_EQ(store().Release({ref}, "DRAIN", now_).value(), current ? 1 : 0);
    if (!current) return;
    trial.state = JobState::kQueued;
    trial.ready_micros = 0;
    trial.outcomes[trial.attempt] = "RELEASED";
  }

  void PauseOrResume(ModelSweep& sweep) {
    const bool pause = Below(3) == 0;
    const bool refused = sweep.HasEnded() && !sweep.paused;
    const auto answer =
        pause ? store().PauseSweep(touched_, now_) : store().ResumeSweep(touched_, now_);
    if (refused) {
      EXPECT_EQ(Reason(answer), "INVALID_STATE");
    } else {
      EXPECT_THAT(answer, IsOk());
      sweep.paused = pause;
    }
  }

  void Cancel(ModelSweep& sweep) {
    const auto answer = store().CancelSweep(touched_, now_);
    if (sweep.HasEnded() && sweep.State() != spec::SweepState::kCancelled) {
      EXPECT_EQ(Reason(answer), "INVALID_STATE");
      return;
    }
    ASSERT_THAT(answer, IsOk());
    if (sweep.HasEnded()) return;
    const std::int64_t held = sweep.Count(JobState::kLeased) + sweep.Count(JobState::kRunning);
    EXPECT_EQ(static_cast<std::int64_t>(answer->revoked.size()), held);
    EXPECT_EQ(answer->changed_trials, sweep.CancelOpen());
    sweep.cancelled = true;
    sweep.paused = false;
  }

  void Retry(ModelSweep& sweep) {
    std::vector<JobState> states;
    for (const JobState state : {JobState::kFailed, JobState::kDead, JobState::kCancelled}) {
      if (Below(2) == 0) states.push_back(state);
    }
    const auto answer = store().RetrySweep(touched_, states, now_);
    ASSERT_THAT(answer, IsOk());
    EXPECT_EQ(answer->changed_trials, sweep.Retry(states));
    seen_["retried"] += answer->changed_trials > 0;
  }

  void Delete(const ModelSweep& sweep) {
    const absl::Status answer = store().DeleteSweep(touched_, now_);
    if (!sweep.HasEnded()) {
      EXPECT_EQ(Reason(answer), "INVALID_STATE");
      return;
    }
    EXPECT_THAT(answer, IsOk());
    ++seen_["deleted"];
    sweeps_.erase(touched_);
  }

  void CompareCounters() {
    const auto found = sweeps_.find(touched_);
    if (found == sweeps_.end()) return;
    const SweepRecord sweep = Sweep(touched_);
    EXPECT_EQ(sweep.counts.Planned(), sweep.trial_count);
    for (const JobState state : spec::kAllJobStates) {
      EXPECT_EQ(sweep.counts.Of(state), found->second.Count(state)) << spec::Name(state);
    }
    EXPECT_EQ(sweep.state, found->second.State());
    EXPECT_EQ(sweep.end_time.has_value(), found->second.HasEnded());
  }

  void CompareEverything() {
    for (const auto& [id, sweep] : sweeps_) {
      const auto page = store().ListTrials(id, {.limit = 1000}, TrialDetail::kBasic);
      ASSERT_THAT(page, IsOk());
      ASSERT_EQ(page->items.size(), sweep.trials.size());
      for (std::size_t i = 0; i < sweep.trials.size(); ++i) {
        const ModelTrial& expected = sweep.trials[i];
        const TrialRecord& stored = page->items[i];
        EXPECT_EQ(stored.state, expected.state) << id << " " << i;
        EXPECT_EQ(stored.attempt, expected.attempt) << id << " " << i;
        ASSERT_EQ(stored.result.has_value(), expected.state == JobState::kSucceeded);
        if (stored.result.has_value()) {
          EXPECT_EQ(stored.result->val_acc, expected.val_acc);
        }
      }
    }
    const auto report = store().Verify(VerifyDepth::kRows);
    ASSERT_THAT(report, IsOk());
    for (const StoreProblem& p : report->problems) ADD_FAILURE() << p.check << p.description;
  }

  Random random_{0, RandomStream::kShuffle};
  absl::Time now_ = At(0);
  int next_sweep_ = 0;
  std::string touched_;
  std::map<std::string, int> seen_;  // how often a situation came up
  std::map<std::string, ModelSweep> sweeps_;
};
INSTANTIATE_TEST_SUITE_P(Stores, RandomOperationsTest, ::testing::ValuesIn(Implementations()),
                         NameOf);

TEST_P(RandomOperationsTest, AgreeWithTheModelFromSeedOne) { Run(1, 2000); }
TEST_P(RandomOperationsTest, AgreeWithTheModelFromSeedTwo) { Run(2, 2000); }
TEST_P(RandomOperationsTest, AgreeWithTheModelFromSeedThree) { Run(3, 2000); }
TEST_P(RandomOperationsTest, AgreeWithTheModelFromSeedFour) { Run(4, 2000); }

}  // namespace
}  // namespace bitsweep::store
