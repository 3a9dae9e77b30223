// SPDX-License-Identifier: Apache-2.0
// What the store's statements cost: indices instead of scans, one commit for many callers.
#include <sqlite3.h>

#include <atomic>
#include <set>
#include <thread>

#include "absl/synchronization/mutex.h"
#include "absl/synchronization/notification.h"
#include "server/store/sqlite/open.h"
#include "tests/server/store/raw_sqlite.h"
#include "tests/server/store/transform_fixture.h"

namespace bitsweep::store {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;
using testing::IsOk;
using ::testing::Not;

// Records the text of every statement that any connection made while it lives runs.
class StatementLog {
 public:
  StatementLog() {
    Texts().clear();
    sqlite3_auto_extension(reinterpret_cast<void (*)()>(&Attach));
  }
  ~StatementLog() { sqlite3_cancel_auto_extension(reinterpret_cast<void (*)()>(&Attach)); }
  std::set<std::string> Take() {
    absl::MutexLock lock(&Mu());
    return std::exchange(Texts(), {});
  }

 private:
  static absl::Mutex& Mu() {
    static auto& mu = *new absl::Mutex;
    return mu;
  }
  static std::set<std::string>& Texts() {
    static auto& texts = *new std::set<std::string>;
    return texts;
  }
  static int Attach(sqlite3* db, char**, const void*) {
    return sqlite3_trace_v2(
        db, SQLITE_TRACE_STMT,
        [](unsigned, void*, void* statement, void*) {
          absl::MutexLock lock(&Mu());
          Texts().insert(sqlite3_sql(static_cast<sqlite3_stmt*>(statement)));
          return 0;
        },
        nullptr);
  }
};

class QueryPlanTest : public ::testing::Test {
 protected:
  // Steps of the plans of `statements` that read a whole table that grows with trials.
  std::vector<std::string> Scans(const std::set<std::string>& statements) {
    std::vector<std::string> scans;
    for (const std::string& sql : statements) {
      if (!sql.starts_with("SELECT") && !sql.starts_with("UPDATE") && !sql.starts_with("INSERT") &&
          !sql.starts_with("DELETE")) {
        continue;
      }
      for (const std::string& step :
           RawSql(folder_.path().string() + "/bitsweep.db", "EXPLAIN QUERY PLAN " + sql)) {
        const std::size_t at = step.find("|SCAN ");
        if (at == std::string::npos) continue;
        // Tables by the aliases that the statements give them.
        static const std::set<std::string> kGrowing = {
            "jobs", "j",      "trials",         "t", "attempts", "a", "epochs",
            "e",    "events", "configurations", "c"};
        const std::string table = step.substr(at + 6, step.find_first_of(" ", at + 6) - at - 6);
        if (kGrowing.count(table) > 0) scans.push_back(step + " in " + sql);
      }
    }
    return scans;
  }

  testing::TempDir folder_;
  StatementLog log_;
};

TEST_F(QueryPlanTest, NoStatementOfTheQueueOrTheListsScansATable) {
  ASSERT_OK_AND_ASSIGN(
      const auto store,
      OpenSqliteStore({.data_dir = folder_.path().string(), .readers = 1, .min_free_bytes = 0}));
  log_.Take();  // what opening runs may look at everything
  ASSERT_OK_AND_ASSIGN(const SubmitOutcome submitted,
                       store->Submit(Planned("grid", GridSpec(4, 2)), At(0)));
  ASSERT_THAT(store->Sources(At(0)), IsOk());
  const SubmissionId sweep = submitted.sweep.row;
  ASSERT_OK_AND_ASSIGN(const std::vector<LeasedJob> leased, store->Lease({{sweep, "w", 5}}, At(1)));
  ASSERT_THAT(store->Progress({{.ref = leased[0].ref,
                                .started = true,
                                .data_digest = kDataDigest,
                                .points = Epochs(1, 0.5)}},
                              At(2)),
              IsOk());
  ASSERT_THAT(store->Complete(leased[0].ref, Epochs(2, 0.5), Result(0.5), At(3)), IsOk());
  ASSERT_THAT(store->Fail(leased[1].ref, {spec::FailureReason::kException, ""}, {}, At(3)), IsOk());
  ASSERT_THAT(store->Release({leased[2].ref}, "DRAIN", At(3)), IsOk());
  ASSERT_THAT(store->Expire({leased[3].ref}, {}, At(3)), IsOk());
  ASSERT_THAT(store->NextReadyTime(At(3)), IsOk());
  ASSERT_THAT(store->EndBackoffs(), IsOk());
  ASSERT_THAT(store->ActiveLeases(), IsOk());
  ASSERT_THAT(store->FindJob("sweeps/grid/trials/1"), IsOk());
  ASSERT_THAT(store->GetTrial("grid", 1), IsOk());
  for (const char* order : {"", "number", "val_acc", "val_loss", "seconds"}) {
    ASSERT_THAT(store->ListTrials("grid", {.order_field = order, .after = Cursor{0.5, 1}},
                                  TrialDetail::kFull),
                IsOk());
  }
  ASSERT_THAT(store->ListConfigurations("grid", {}), IsOk());
  ASSERT_THAT(store->ListConfigurations("grid", {.order_field = "val_acc"}), IsOk());
  ASSERT_THAT(store->SummarizeWork(sweep), IsOk());
  ASSERT_THAT(store->EventsAfter(sweep, 3, 10), IsOk());
  ASSERT_THAT(store->CountEventsAfter(sweep, 3, 10), IsOk());
  ASSERT_OK_AND_ASSIGN(const SubmitTransformOutcome transform,
                       store->SubmitTransform(Quantizing("quantize", 2), At(1)));
  ASSERT_OK_AND_ASSIGN(const std::vector<LeasedJob> jobs,
                       store->Lease({{transform.transform.row, "w", 1}}, At(2)));
  ASSERT_THAT(store->CompleteTransformJob(jobs.at(0).ref, Outcome(0.5, 80), At(3)), IsOk());
  ASSERT_THAT(store->PauseSweep("grid", At(4)), IsOk());
  ASSERT_THAT(store->CancelSweep("grid", At(4)), IsOk());
  ASSERT_THAT(store->RetrySweep("grid", {spec::JobState::kCancelled}, At(5)), IsOk());
  const std::set<std::string> statements = log_.Take();
  EXPECT_GT(statements.size(), 40U);
  EXPECT_THAT(Scans(statements), IsEmpty());
}

TEST_F(QueryPlanTest, TheCheckSeesAScan) {
  ASSERT_OK_AND_ASSIGN(
      const auto store,
      OpenSqliteStore({.data_dir = folder_.path().string(), .readers = 1, .min_free_bytes = 0}));
  EXPECT_THAT(Scans({"SELECT * FROM trials t WHERE t.seed = 5"}), Not(IsEmpty()));
}

// Holds the writer in its first commit until told, and counts.
class HoldingObserver : public StoreObserver {
 public:
  void OnCommit(std::int64_t operations, absl::Duration) override {
    commits_ += 1;
    operations_ += operations;
    if (holding_.exchange(false)) {
      held_.Notify();
      go_.WaitForNotification();
    }
  }
  void HoldNext() { holding_ = true; }
  void AwaitHeld() { held_.WaitForNotification(); }
  void Go() { go_.Notify(); }
  std::int64_t commits() const { return commits_; }
  std::int64_t operations() const { return operations_; }

 private:
  std::atomic<bool> holding_{false};
  absl::Notification held_, go_;
  std::atomic<std::int64_t> commits_{0}, operations_{0};
};

class GroupCommitTest : public StoreTest {};
INSTANTIATE_TEST_SUITE_P(Stores, GroupCommitTest, ::testing::ValuesIn(Implementations()), NameOf);

TEST_P(GroupCommitTest, WritesThatWaitShareACommit) {
  HoldingObserver observer;
  Open({.observer = &observer});
  observer.HoldNext();
  std::vector<std::thread> threads;
  threads.emplace_back([&] { Submit("first", 1); });
  observer.AwaitHeld();
  std::atomic<int> entered{0};
  for (int i = 0; i < 64; ++i) {
    threads.emplace_back([&, i] {
      ++entered;
      Submit("sweep-" + std::to_string(i), 1);
    });
  }
  while (entered < 64) std::this_thread::yield();
  observer.Go();
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(observer.operations(), 65);
  // A thread may enter late and be alone; most of 64 share.
  EXPECT_LT(observer.commits(), 33);
  EXPECT_EQ(store().Info()->commits, observer.commits());
  EXPECT_EQ(store().Info()->operations, 65);
  EXPECT_THAT(Problems(), IsEmpty());
  Open({});
}

TEST_P(GroupCommitTest, ARefusedWriteDoesNotTakeItsGroupAlong) {
  HoldingObserver observer;
  Open({.observer = &observer});
  Submit("taken", 1);
  observer.HoldNext();
  std::vector<std::thread> threads;
  threads.emplace_back([&] { Submit("first", 1); });
  observer.AwaitHeld();
  std::atomic<int> refused{0};
  for (int i = 0; i < 8; ++i) {
    threads.emplace_back([&, i] { Submit("sweep-" + std::to_string(i), 1); });
    threads.emplace_back([&] {
      const auto answer = store().Submit(Planned("taken", GridSpec(1, 1)), At(0));
      refused += Reason(answer) == "ID_IN_USE" ? 1 : 0;
    });
  }
  observer.Go();
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(refused, 8);
  EXPECT_EQ(store().Info()->counts.queued, 10);
  EXPECT_THAT(Problems(), IsEmpty());
  Open({});
}

}  // namespace
}  // namespace bitsweep::store
