// SPDX-License-Identifier: Apache-2.0
// Verify finds what was changed behind the store's back.
#include "tests/server/store/raw_sqlite.h"
#include "tests/server/store/store_fixture.h"

namespace bitsweep::store {
namespace {

using ::testing::Contains;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

// A store with one sweep of 4 trials: SUCCEEDED, FAILED, RUNNING, QUEUED.
class VerifyTest : public StoreTest {
 protected:
  VerifyTest() {
    sweep_ = Submit("grid", 4);
    CompleteAll(sweep_, {0.5});
    Fail(StartOne(sweep_), spec::FailureReason::kNanLoss);
    StartOne(sweep_);
  }
  // The problems after `sql`, each "check: description".
  std::vector<std::string> After(const std::string& sql) {
    EXPECT_THAT(Problems(), IsEmpty());
    RawSql(folder() + "/bitsweep.db", sql);
    return Problems();
  }
  SweepRecord sweep_;
};
INSTANTIATE_TEST_SUITE_P(Stores, VerifyTest, ::testing::ValuesIn(Implementations()), NameOf);

TEST_P(VerifyTest, CountsWhatItChecked) {
  const auto report = store().Verify(VerifyDepth::kRows);
  ASSERT_THAT(report, testing::IsOk());
  EXPECT_EQ(report->sweeps, 1);
  EXPECT_EQ(report->trials, 4);
}

TEST_P(VerifyTest, FindsAChangedCounter) {
  EXPECT_THAT(After("UPDATE counters SET jobs = 2 WHERE state = 'QUEUED'"),
              Contains("counters: sweeps/grid: counter QUEUED is 2, the rows say 1"));
}

TEST_P(VerifyTest, FindsAMissingCounter) {
  EXPECT_THAT(After("DELETE FROM counters WHERE state = 'DEAD'"),
              Contains("counters: sweeps/grid: 6 counters, expected 7"));
}

TEST_P(VerifyTest, FindsAStateWithoutItsEvent) {
  EXPECT_THAT(After("UPDATE jobs SET state = 'CANCELLED' WHERE state = 'QUEUED'"),
              Contains("events: sweeps/grid: job 3 is CANCELLED, its last event says QUEUED"));
}

TEST_P(VerifyTest, FindsATrialThatIsNotInItsJobsState) {
  EXPECT_THAT(After("UPDATE trials SET state = 'DEAD' WHERE number = 3"),
              Contains(HasSubstr("states: trial 3 of sweep row")));
}

TEST_P(VerifyTest, FindsASweepStateThatDoesNotFollow) {
  EXPECT_THAT(
      After("UPDATE sweeps SET state = 'SUCCEEDED'"),
      Contains("states: sweeps/grid: the state is SUCCEEDED, counters and flags say RUNNING"));
}

TEST_P(VerifyTest, FindsAnEndWithOpenTrials) {
  EXPECT_THAT(After("UPDATE sweeps SET end_time = 1"),
              Contains("states: sweeps/grid: ended is 1 but open jobs are 2"));
}

TEST_P(VerifyTest, FindsAMissingTrial) {
  EXPECT_THAT(After("PRAGMA foreign_keys = ON; DELETE FROM jobs WHERE state = 'QUEUED'"),
              Contains("states: grid: 3 trials, 4 planned"));
}

TEST_P(VerifyTest, FindsATrialOutOfPlace) {
  EXPECT_THAT(After("UPDATE trials SET repeat = 1 WHERE number = 3"),
              Contains("states: grid: trial 3 is configuration 3 repeat 1"));
}

TEST_P(VerifyTest, FindsAChangedResult) {
  EXPECT_THAT(After("UPDATE trials SET val_acc = 0.75 WHERE number = 0"),
              Contains("results: grid: trial 0 val_acc 0.75 is not its last epoch's 0.5"));
}

TEST_P(VerifyTest, FindsAMissingEpoch) {
  EXPECT_THAT(After("DELETE FROM epochs WHERE epoch = 0"),
              Contains("results: grid: trial 0 has 1 epochs, its result 2"));
}

TEST_P(VerifyTest, FindsASecondSuccess) {
  EXPECT_THAT(After("UPDATE attempts SET outcome = 'SUCCEEDED' WHERE outcome = 'FAILED'"),
              Contains("results: grid: trial 1 has 1 attempts that succeeded"));
}

TEST_P(VerifyTest, FindsALeaseWithoutAnAttempt) {
  const std::vector<std::string> problems = After("DELETE FROM attempts WHERE outcome IS NULL");
  EXPECT_THAT(problems, Contains(HasSubstr("is RUNNING with 0 open attempts")));
  EXPECT_THAT(problems, Contains(HasSubstr("has attempt 1 and 0 attempt rows")));
}

TEST_P(VerifyTest, FindsAMissingEvent) {
  EXPECT_THAT(After("DELETE FROM events WHERE number = 0 AND to_state = 'RUNNING'"),
              Contains("events: sweeps/grid: job 0 went from RUNNING where it was LEASED"));
}

TEST_P(VerifyTest, FindsAChangedRevision) {
  EXPECT_THAT(After("UPDATE sweeps SET revision = 1000"),
              Contains(HasSubstr("events: grid: revision 1000")));
}

TEST_P(VerifyTest, FindsAModelThatIsNotItsTrials) {
  const std::string digest = Upload("checkpoint");
  EXPECT_THAT(After("INSERT INTO models (model_id, sweep, trial, graph_name, parameter_count, "
                    "artifact, size_bytes, val_acc, create_time) SELECT 'm', id, 0, 'g', 1, '" +
                    digest + "', 1, 0.5, 0 FROM sweeps"),
              Contains("artifacts: grid: model of trial 0 is not its result's artifact"));
}

TEST_P(VerifyTest, FindsARowThatRefersToNothing) {
  EXPECT_THAT(
      After("PRAGMA foreign_keys = OFF; INSERT INTO events (submission, actor, cause, time) VALUES "
            "(999, 'user', 'X', 0)"),
      Contains(HasSubstr("integrity: table events row")));
}

}  // namespace
}  // namespace bitsweep::store
