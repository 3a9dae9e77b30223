// SPDX-License-Identifier: Apache-2.0
// What the store tells of its writes, its disk, and other processes at its file.
#include <sqlite3.h>

#include <map>
#include <thread>

#include "absl/synchronization/mutex.h"
#include "server/store/sqlite/open.h"
#include "tests/server/store/transform_fixture.h"

namespace bitsweep::store {
namespace {

using ::bitsweep::testing::IsOk;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

class Recorder : public StoreObserver {
 public:
  void OnWrite(WriteOp op, absl::Duration taken, std::int64_t rows) override {
    absl::MutexLock lock(&mu_);
    rows_[op].push_back(rows);
    EXPECT_GE(taken, absl::ZeroDuration());
  }
  void OnFsync(absl::Duration taken) override {
    absl::MutexLock lock(&mu_);
    ++fsyncs_;
    EXPECT_GT(taken, absl::ZeroDuration());
  }
  void OnCommit(std::int64_t, absl::Duration) override {
    absl::MutexLock lock(&mu_);
    ++commits_;
  }
  void OnCheckpoint(absl::Duration, bool is_held_up) override {
    absl::MutexLock lock(&mu_);
    checkpoints_.push_back(is_held_up);
  }
  void OnBusy() override {
    absl::MutexLock lock(&mu_);
    ++busy_;
  }

  std::vector<std::int64_t> Rows(WriteOp op) {
    absl::MutexLock lock(&mu_);
    return rows_[op];
  }
  int Fsyncs() {
    absl::MutexLock lock(&mu_);
    return fsyncs_;
  }
  int Commits() {
    absl::MutexLock lock(&mu_);
    return commits_;
  }
  int Busy() {
    absl::MutexLock lock(&mu_);
    return busy_;
  }
  void AwaitBusy() {
    absl::MutexLock lock(&mu_);
    const auto is_busy = [this]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_) { return busy_ > 0; };
    mu_.Await(absl::Condition(&is_busy));
  }
  std::vector<bool> AwaitCheckpoints(std::size_t count) {
    absl::MutexLock lock(&mu_);
    const auto are_there = [this, count]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_) {
      return checkpoints_.size() >= count;
    };
    mu_.Await(absl::Condition(&are_there));
    return checkpoints_;
  }

 private:
  absl::Mutex mu_;
  std::map<WriteOp, std::vector<std::int64_t>> rows_ ABSL_GUARDED_BY(mu_);
  std::vector<bool> checkpoints_ ABSL_GUARDED_BY(mu_);
  int fsyncs_ ABSL_GUARDED_BY(mu_) = 0;
  int commits_ ABSL_GUARDED_BY(mu_) = 0;
  int busy_ ABSL_GUARDED_BY(mu_) = 0;
};

// Another process at the store's file, as far as SQLite sees.
class OtherProcess {
 public:
  explicit OtherProcess(const std::string& folder) {
    EXPECT_EQ(sqlite3_open((folder + "/bitsweep.db").c_str(), &db_), SQLITE_OK);
  }
  ~OtherProcess() { sqlite3_close(db_); }
  void Run(const char* sql) {
    ASSERT_EQ(sqlite3_exec(db_, sql, nullptr, nullptr, nullptr), SQLITE_OK) << sqlite3_errmsg(db_);
  }

 private:
  sqlite3* db_ = nullptr;
};

class StoreObserverTest : public TransformTest {
 protected:
  StoreObserverTest() { Open({.observer = &recorder_}); }
  ~StoreObserverTest() override { Close(); }  // before the recorder goes

  Recorder recorder_;
};
INSTANTIATE_TEST_SUITE_P(Stores, StoreObserverTest, ::testing::ValuesIn(Implementations()), NameOf);

TEST_P(StoreObserverTest, AWriteTellsWhatItIsForAndTheRowsThatItChanged) {
  const SweepRecord sweep = Submit("grid", 4);
  const LeaseRef one = StartOne(sweep);
  const std::vector<LeasedJob> three = Lease(sweep, 3);
  ASSERT_EQ(recorder_.Rows(WriteOp::kLease).size(), 2U);
  EXPECT_GT(recorder_.Rows(WriteOp::kLease)[0], 0);
  EXPECT_EQ(recorder_.Rows(WriteOp::kLease)[1], 3 * recorder_.Rows(WriteOp::kLease)[0]);
  Complete(one, 0.5);
  Fail(three[0].ref, spec::FailureReason::kNanLoss);
  ASSERT_THAT(store().Release({three[1].ref}, "DRAIN", At(3)), IsOk());
  ASSERT_THAT(store().Expire({three[2].ref}, {}, At(3)), IsOk());
  ASSERT_THAT(store().PauseSweep("grid", At(4)), IsOk());
  ASSERT_THAT(store().CancelSweep("grid", At(4)), IsOk());
  ASSERT_THAT(store().RetrySweep("grid", {spec::JobState::kCancelled}, At(5)), IsOk());
  ASSERT_THAT(store().CancelSweep("grid", At(6)), IsOk());
  ASSERT_THAT(store().DeleteSweep("grid", At(7)), IsOk());
  ASSERT_THAT(store().PutWorker({.worker_id = "w"}), IsOk());
  Upload("bytes");
  for (const WriteOp op : kAllWriteOps) {
    if (op == WriteOp::kOther) continue;
    ASSERT_FALSE(recorder_.Rows(op).empty()) << Name(op);
    EXPECT_GT(recorder_.Rows(op)[0], 0) << Name(op);
  }
  EXPECT_THAT(recorder_.Rows(WriteOp::kOther), IsEmpty());
  // Its events, counters, jobs, trials and configurations.
  EXPECT_GE(recorder_.Rows(WriteOp::kSubmit)[0], 1 + 4 + 4 + 4);
}

TEST_P(StoreObserverTest, EachCommitWaitsForTheDiskOnce) {
  const SweepRecord sweep = Submit("grid", 2);
  Complete(StartOne(sweep), 0.5);
  EXPECT_EQ(recorder_.Commits(), 4);
  EXPECT_EQ(recorder_.Fsyncs(), 4);
}

TEST_P(StoreObserverTest, AWriteThatWaitsForAnotherProcessIsToldOnce) {
  OtherProcess other(folder());
  other.Run("BEGIN IMMEDIATE");
  absl::Status status;
  std::thread write([&] { status = store().SetQueuePaused(true, At(0)); });
  recorder_.AwaitBusy();
  other.Run("COMMIT");
  write.join();
  EXPECT_THAT(status, IsOk());
  EXPECT_EQ(recorder_.Busy(), 1);
}

TEST_P(StoreObserverTest, ACheckpointThatAReaderHoldsUpIsTold) {
  OtherProcess reader(folder());
  reader.Run("BEGIN; SELECT count(*) FROM transforms");
  NewTransform large = Quantizing("large");
  large.spec = R"({"pad":")" + std::string(20 << 20, 'x') + R"("})";  // more than 4000 pages
  Submitted(large);
  EXPECT_THAT(recorder_.AwaitCheckpoints(1), ElementsAre(true));
  reader.Run("COMMIT");
  ASSERT_THAT(store().SetQueuePaused(true, At(1)), IsOk());
  EXPECT_THAT(recorder_.AwaitCheckpoints(2), ElementsAre(true, false));
  EXPECT_EQ(recorder_.Busy(), 0);
}

TEST_P(StoreObserverTest, CountsSweepsAndTransformsByState) {
  Submit("queued", 1);
  const SweepRecord running = Submit("running", 2);
  StartOne(running);
  CompleteAll(Submit("done", 1), {0.5});
  Submitted(Quantizing("quantize-1"));
  ASSERT_OK_AND_ASSIGN(const SubmissionCounts sweeps,
                       store().CountSubmissions(SubmissionKind::kSweep));
  EXPECT_THAT(sweeps, ElementsAre(std::pair(spec::SweepState::kQueued, 1),
                                  std::pair(spec::SweepState::kRunning, 1),
                                  std::pair(spec::SweepState::kSucceeded, 1)));
  ASSERT_OK_AND_ASSIGN(const SubmissionCounts transforms,
                       store().CountSubmissions(SubmissionKind::kTransform));
  EXPECT_THAT(transforms, ElementsAre(std::pair(spec::SweepState::kQueued, 1)));
  ASSERT_OK_AND_ASSIGN(const StoreInfo info, store().Info());
  EXPECT_EQ(info.counts.Planned(), 5);
  EXPECT_EQ(info.transform_counts, (spec::JobCounts{.queued = 1}));
}

}  // namespace
}  // namespace bitsweep::store
