// SPDX-License-Identifier: Apache-2.0
// A write that the store refuses must not leave a trial leased for ever.
#include "gmock/gmock.h"
#include "tests/server/scheduler/scheduler_fixture.h"
#include "tests/server/store/raw_sqlite.h"
#include "tests/support/status_matchers.h"

namespace bitsweep::scheduler {
namespace {

using testing::IsOk;
using ::testing::Not;

class StoreErrorsTest : public SchedulerTest {
 protected:
  void SetUp() override {
    SchedulerTest::SetUp();
    Submit("lab-1", 1);
    Register("worker-1");
  }
  // Makes the store refuse what `on` describes ("INSERT ON workers") until Allow.
  void Refuse(const std::string& on) {
    Sql("CREATE TRIGGER refuse BEFORE " + on + " BEGIN SELECT RAISE(ABORT, 'refused'); END");
  }
  void Allow() { Sql("DROP TRIGGER refuse"); }
  void Sql(const std::string& sql) {
    store::RawSql((folder_.path() / "bitsweep.db").string(), sql);
  }
  // Leases the trial for a caller that has gone when it should get it.
  void LeaseForNobody() {
    const auto jobs =
        scheduler_->LeaseJobs("worker-1", "first", 1, absl::Seconds(30), [] { return true; });
    EXPECT_THAT(jobs, Not(IsOk()));
  }
};

TEST_F(StoreErrorsTest, TheOldLeasesEndThoughTheNewProcessIsNotRecorded) {
  StartJob(LeaseOne("worker-1"));
  Refuse("INSERT ON workers");
  EXPECT_THAT(
      scheduler_->RegisterWorker({.worker_id = "worker-1", .instance_id = "second", .slots = 4}),
      Not(IsOk()));
  EXPECT_EQ(Trial("lab-1", 0).state, spec::JobState::kQueued);
}

TEST_F(StoreErrorsTest, ATrialThatCouldNotBeGivenBackExpires) {
  Refuse("UPDATE OF outcome ON attempts");
  LeaseForNobody();
  EXPECT_EQ(scheduler_->LeaseCount(), 1);
  Allow();
  clock_.Advance(absl::Seconds(15));
  observer_.WaitFor("ended LEASE_EXPIRED", 1);
  EXPECT_EQ(Trial("lab-1", 0).state, spec::JobState::kQueued);
}

TEST_F(StoreErrorsTest, AnExpiryThatCouldNotBeStoredIsTriedAgain) {
  LeaseOne("worker-1");
  Refuse("UPDATE OF outcome ON attempts");
  clock_.Advance(absl::Seconds(15));
  Register("worker-2");
  Lease("worker-2", 1);  // the dispatcher has been round: it has failed to end the lease
  EXPECT_EQ(Trial("lab-1", 0).state, spec::JobState::kLeased);
  Allow();
  clock_.Advance(absl::Seconds(1));
  observer_.WaitFor("ended LEASE_EXPIRED", 1);
  EXPECT_EQ(Trial("lab-1", 0).state, spec::JobState::kQueued);
}

}  // namespace
}  // namespace bitsweep::scheduler
