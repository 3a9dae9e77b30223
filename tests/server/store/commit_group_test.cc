// SPDX-License-Identifier: Apache-2.0
// Operations that share a commit: each sees what those before it did, and what is derived at the
// end of the group is that of all of them.
#include <atomic>
#include <functional>
#include <thread>

#include "absl/synchronization/mutex.h"
#include "tests/server/store/transform_fixture.h"

namespace bitsweep::store {
namespace {

using ::bitsweep::testing::IsOk;
using ::bitsweep::testing::StatusIs;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

constexpr int kTries =
    500;  // until operations of threads meet in one group, in the order of a test

// Holds the writer behind a commit.
class Gate : public StoreObserver {
 public:
  void OnCommit(std::int64_t, absl::Duration) override {
    absl::MutexLock lock(&mu_);
    ++commits_;
    if (!closed_) return;
    is_held_ = true;
    const auto open = [this]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_) { return !closed_; };
    mu_.Await(absl::Condition(&open));
    is_held_ = false;
  }
  void Close() {
    absl::MutexLock lock(&mu_);
    closed_ = true;
  }
  void AwaitHeld() {
    absl::MutexLock lock(&mu_);
    mu_.Await(absl::Condition(&is_held_));
  }
  // Returns how many commits there were.
  int Open() {
    absl::MutexLock lock(&mu_);
    closed_ = false;
    return commits_;
  }
  int commits() {
    absl::MutexLock lock(&mu_);
    return commits_;
  }

 private:
  absl::Mutex mu_;
  bool closed_ ABSL_GUARDED_BY(mu_) = false;
  bool is_held_ ABSL_GUARDED_BY(mu_) = false;
  int commits_ ABSL_GUARDED_BY(mu_) = 0;
};

class CommitGroupTest : public TransformTest {
 protected:
  CommitGroupTest() { Open({.observer = &gate_}); }
  ~CommitGroupTest() override { Close(); }  // before the gate goes

  // Runs the operations from threads of their own, all at once; whether they shared one commit.
  bool Together(const std::vector<std::function<void()>>& operations) {
    gate_.Close();
    std::vector<std::thread> threads;
    threads.emplace_back([&] { EXPECT_THAT(store().SetQueuePaused(false, At(0)), IsOk()); });
    gate_.AwaitHeld();
    std::atomic<std::size_t> entered = 0;
    for (const auto& operation : operations) {
      threads.emplace_back([&] {
        ++entered;
        operation();
      });
    }
    while (entered < operations.size()) std::this_thread::yield();
    for (int i = 0; i < 50; ++i) std::this_thread::yield();
    const int before = gate_.Open();
    for (std::thread& thread : threads) thread.join();
    return gate_.commits() == before + 1;
  }
  void ExpectNothingStale(const SweepRecord& sweep) {
    const SweepRecord now = Sweep(sweep.sweep_id);
    EXPECT_EQ(now.state, spec::DeriveSweepState(now.counts, now.flags));
    EXPECT_EQ(now.end_time.has_value(), now.counts.Terminal() == now.counts.Planned());
    EXPECT_EQ(now.revision, Events(now).back().revision);
  }

  // A trial's start and `other`, until the start came first in a commit of both: its time stays.
  void StartBeside(const std::function<void(const SweepRecord&, const LeaseRef&)>& other) {
    for (int i = 0; i < kTries; ++i) {
      const SweepRecord sweep = Submit("grid-" + std::to_string(i), 1);
      const LeaseRef ref = LeaseOne(sweep);
      ProgressVerdict verdict = ProgressVerdict::kLost;
      const bool shared = Together({
          [&] { verdict = Report({.ref = ref, .started = true}, At(2)).verdict; },
          [&] { other(sweep, ref); },
      });
      ExpectNothingStale(sweep);
      const bool started_first = verdict == ProgressVerdict::kContinue;
      EXPECT_EQ(Sweep(sweep.sweep_id).start_time.has_value(), started_first);
      if (shared && started_first) return;
    }
    FAIL() << "never in one commit";
  }

  Gate gate_;
};
INSTANTIATE_TEST_SUITE_P(Stores, CommitGroupTest, ::testing::ValuesIn(Implementations()), NameOf);

TEST_P(CommitGroupTest, OneCompletionOfTheLastTwoEndsTheSweep) {
  for (int i = 0; i < kTries; ++i) {
    const SweepRecord sweep = Submit("grid-" + std::to_string(i), 2);
    const std::vector<LeasedJob> jobs = Lease(sweep, 2);
    std::atomic<int> ended = 0;
    const auto complete = [&](const LeaseRef& ref) {
      const auto outcome = store().Complete(ref, Epochs(2, 0.5), Result(0.5), At(3));
      ASSERT_THAT(outcome, IsOk());
      if (outcome->submission_ended) ++ended;
    };
    const bool shared = Together({[&] { complete(jobs[0].ref); }, [&] { complete(jobs[1].ref); }});
    EXPECT_EQ(ended, 1);
    EXPECT_EQ(Sweep(sweep.sweep_id).state, spec::SweepState::kSucceeded);
    ExpectNothingStale(sweep);
    if (shared) break;
    ASSERT_LT(i + 1, kTries);
  }
  EXPECT_THAT(Problems(), IsEmpty());
}

TEST_P(CommitGroupTest, ARefusedResultLeavesTheOthersOfItsGroupAlone) {
  for (int i = 0; i < kTries; ++i) {
    const SweepRecord sweep = Submit("grid-" + std::to_string(i), 2);
    const std::vector<LeasedJob> jobs = Lease(sweep, 2);
    const bool shared = Together({
        [&] { Complete(jobs[0].ref, 0.5); },
        [&] {
          EXPECT_THAT(store().Complete(jobs[1].ref, Epochs(1, 0.5), Result(0.5), At(3)),
                      StatusIs(absl::StatusCode::kInvalidArgument));
        },
    });
    EXPECT_EQ(Trial(sweep.sweep_id, 0).state, spec::JobState::kSucceeded);
    EXPECT_EQ(Trial(sweep.sweep_id, 1).state, spec::JobState::kLeased);
    EXPECT_EQ(Sweep(sweep.sweep_id).state, spec::SweepState::kRunning);
    ExpectNothingStale(sweep);
    if (shared) break;
    ASSERT_LT(i + 1, kTries);
  }
  EXPECT_THAT(Problems(), IsEmpty());
}

TEST_P(CommitGroupTest, ACancelAfterTheLastCompletionSeesTheEnd) {
  for (int i = 0; i < kTries; ++i) {
    const SweepRecord sweep = Submit("grid-" + std::to_string(i), 1);
    const LeaseRef ref = StartOne(sweep);
    absl::Status completed;
    absl::Status cancelled;
    const bool shared = Together({
        [&] { completed = store().Complete(ref, Epochs(2, 0.5), Result(0.5), At(3)).status(); },
        [&] { cancelled = store().CancelSweep(sweep.sweep_id, At(3)).status(); },
    });
    EXPECT_NE(completed.ok(), cancelled.ok());
    ExpectNothingStale(sweep);
    if (completed.ok()) {
      EXPECT_THAT(cancelled,
                  StatusIs(absl::StatusCode::kFailedPrecondition, HasSubstr("SUCCEEDED")));
    }
    if (shared && completed.ok()) break;
    ASSERT_LT(i + 1, kTries);
  }
}

TEST_P(CommitGroupTest, ACancelLeavesTheTimeOfTheStart) {
  StartBeside([this](const SweepRecord& sweep, const LeaseRef&) {
    EXPECT_THAT(store().CancelSweep(sweep.sweep_id, At(2)), IsOk());
  });
}

TEST_P(CommitGroupTest, AReturnToTheQueueLeavesTheTimeOfTheStart) {
  StartBeside([this](const SweepRecord&, const LeaseRef& ref) {
    EXPECT_THAT(store().Release({ref}, "DRAIN", At(3)), IsOk());
  });
}

TEST_P(CommitGroupTest, ADeleteAfterTheLastCompletionLeavesNothing) {
  for (int i = 0; i < kTries; ++i) {
    const SweepRecord sweep = Submit("grid-" + std::to_string(i), 1);
    const LeaseRef ref = StartOne(sweep);
    absl::Status deleted;
    const bool shared = Together({
        [&] { Complete(ref, 0.5); },
        [&] { deleted = store().DeleteSweep(sweep.sweep_id, At(4)); },
    });
    EXPECT_EQ(absl::IsNotFound(store().GetSweep(sweep.sweep_id).status()), deleted.ok());
    if (shared && deleted.ok()) break;
    ASSERT_LT(i + 1, kTries);
  }
  EXPECT_THAT(Problems(), IsEmpty());
}

TEST_P(CommitGroupTest, ABackupDoesNotPromiseWhatItsFirstCommitRemoves) {
  for (int i = 0; i < 40; ++i) {
    for (int file = 0; file < 20; ++file) Upload(std::to_string(i) + " " + std::to_string(file));
    absl::Status backed_up;
    Together({
        [&] { EXPECT_THAT(store().CollectGarbage(At(1000)), IsOk()); },
        [&] { backed_up = store().StartBackup(At(1000), [] { return true; }).status(); },
    });
    ASSERT_THAT(backed_up, IsOk()) << i;
  }
}

TEST_P(CommitGroupTest, OneCompletionOfTheLastTwoEndsTheTransform) {
  for (int i = 0; i < kTries; ++i) {
    const TransformRecord transform = Submitted(Quantizing("t-" + std::to_string(i) + "-q", 2));
    const std::vector<LeasedJob> jobs = LeaseJobs(transform, 2);
    std::atomic<int> ended = 0;
    const auto complete = [&](const LeaseRef& ref) {
      const auto outcome = store().CompleteTransformJob(ref, Outcome(0.5, 80), At(3));
      ASSERT_THAT(outcome, IsOk());
      if (outcome->submission_ended) ++ended;
    };
    const bool shared = Together({[&] { complete(jobs[0].ref); }, [&] { complete(jobs[1].ref); }});
    EXPECT_EQ(ended, 1);
    const TransformRecord now = store().GetTransform(transform.transform_id).value();
    EXPECT_EQ(now.state, spec::SweepState::kSucceeded);
    EXPECT_EQ(now.end_time, At(3));
    EXPECT_EQ(now.start_time, At(3));
    if (shared) break;
    ASSERT_LT(i + 1, kTries);
  }
  EXPECT_THAT(Problems(), IsEmpty());
}

}  // namespace
}  // namespace bitsweep::store
