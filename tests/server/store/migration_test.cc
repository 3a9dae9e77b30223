// SPDX-License-Identifier: Apache-2.0
// A store of an earlier schema version keeps all that it holds.
#include "server/store/sqlite/migrations.h"
#include "server/store/sqlite/open.h"
#include "tests/server/store/raw_sqlite.h"
#include "tests/server/store/transform_fixture.h"

namespace bitsweep::store {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using testing::IsOk;

// A finished sweep of one trial, as version 1 stored it; a later sweep (row 9, job 40) was deleted.
std::string Version1(const std::string& spec) {
  const std::string digest(64, 'd');
  return std::string(kMigration1) +
         "PRAGMA user_version = 1;"
         "INSERT INTO artifacts VALUES ('" +
         digest +
         "', 5, 1);"
         "INSERT INTO sweeps (id, sweep_id, display_name, model, dataset, spec, spec_digest, "
         "keep_models, repeats, seed, priority, max_parallel, stop_after_failures, "
         "configuration_count, trial_count, varying, first_job, state, data_digest, revision, "
         "create_time, start_time, end_time) VALUES (3, 'old', '', 'jsc-tiny', 'synthetic-jets', "
         "'" +
         spec + "', '" + digest +
         "', 'all', 1, 0, 0, 0, 0, 1, 1, '', 7, 'SUCCEEDED', 'd', 12, 1, 2, 3);"
         "INSERT INTO configurations VALUES (3, 0, 1, 0.001, 100, 'adam', 0.0, 'cosine');"
         "INSERT INTO counters VALUES (3, 'QUEUED', 0), (3, 'LEASED', 0), (3, 'RUNNING', 0), "
         "(3, 'SUCCEEDED', 1), (3, 'FAILED', 0), (3, 'CANCELLED', 0), (3, 'DEAD', 0);"
         "INSERT INTO jobs (id, kind, sweep, state, attempt, queued_since, worker) VALUES "
         "(7, 'TRIAL', 3, 'SUCCEEDED', 1, 1, 'w');"
         "INSERT INTO trials (job, sweep, number, configuration, repeat, seed, state, epochs_done, "
         "val_acc, val_loss, steps, epochs, engine, artifact, validation) VALUES (7, 3, 0, 0, 0, "
         "5, "
         "'SUCCEEDED', 1, 0.5, 1.0, 4, 1, 'libtorch', '" +
         digest +
         "', 'held_out');"
         "INSERT INTO attempts (job, number, worker, lease_time, end_time, outcome) VALUES "
         "(7, 1, 'w', 1, 3, 'SUCCEEDED');"
         "INSERT INTO epochs VALUES (7, 0, 1, 0.001, 1.0, 1.0, 0.5, 0.5, 1.0, 1.0, 0.1);"
         "INSERT INTO events (id, sweep, trial, from_state, to_state, attempt, worker, actor, "
         "cause, time) VALUES (9, 3, NULL, NULL, NULL, 0, NULL, 'user', 'SUBMITTED', 1), "
         "(10, 3, 0, 'QUEUED', 'LEASED', 1, 'w', 'scheduler', '', 1), "
         "(11, 3, 0, 'LEASED', 'RUNNING', 1, 'w', 'w', '', 2), "
         "(12, 3, 0, 'RUNNING', 'SUCCEEDED', 1, 'w', 'w', '', 3);"
         "INSERT INTO models VALUES (4, 'old-0', 3, 0, 'jsc-tiny', 117, '" +
         digest +
         "', 5, 0.5, 3);"
         "UPDATE sqlite_sequence SET seq = 9 WHERE name = 'sweeps';"
         "UPDATE sqlite_sequence SET seq = 40 WHERE name = 'jobs';";
}

TEST(MigrationTest, Version1KeepsItsSweepsAndNeverReusesAnId) {
  const testing::TempDir folder;
  const std::string db = folder.path().string() + "/bitsweep.db";
  const auto open = [&] {
    return OpenSqliteStore({.data_dir = folder.path().string(), .readers = 1, .min_free_bytes = 0});
  };
  std::string spec;
  {
    const testing::TempDir other;
    ASSERT_OK_AND_ASSIGN(
        const auto store,
        OpenSqliteStore({.data_dir = other.path().string(), .readers = 1, .min_free_bytes = 0}));
    ASSERT_THAT(store->Submit(Planned("old", GridSpec(1, 1)), At(0)), IsOk());
    spec = RawSql(other.path().string() + "/bitsweep.db", "SELECT spec FROM sweeps").at(0);
  }
  RawSql(db, Version1(spec));
  ASSERT_OK_AND_ASSIGN(const auto store, open());
  ASSERT_OK_AND_ASSIGN(const TrialRecord trial, store->GetTrial("old", 0));
  EXPECT_EQ(trial.job.value, 7);
  EXPECT_EQ(trial.result->val_acc, 0.5);
  EXPECT_EQ(trial.epochs.size(), 1);
  EXPECT_EQ(trial.attempts.size(), 1);
  EXPECT_EQ(trial.model_id, "old-0");
  EXPECT_EQ(store->GetModel("old-0")->sweep_id, "old");
  EXPECT_EQ(store->EventsAfter(SubmissionId{3}, 0, 10)->size(), 4);
  EXPECT_EQ(store->Verify(VerifyDepth::kRows)->problems.size(), 0);

  EXPECT_EQ(store->Submit(Planned("next", GridSpec(1, 1)), At(9))->sweep.row.value, 10);
  EXPECT_EQ(store->FindJob("sweeps/next/trials/0")->value, 41);
  EXPECT_EQ(store->SubmitTransform(Quantizing("quant"), At(9))->transform.row.value, 11);
  ASSERT_THAT(store->DeleteSweep("old", At(9)), IsOk());
  EXPECT_THAT(RawSql(db, "SELECT id FROM submissions ORDER BY id"), ElementsAre("10", "11"));
  EXPECT_THAT(
      RawSql(db, "SELECT 1 FROM epochs UNION ALL SELECT 1 FROM events WHERE submission = 3"),
      IsEmpty());
}

}  // namespace
}  // namespace bitsweep::store
