// SPDX-License-Identifier: Apache-2.0
// Opening: versions, locks, damaged files, the schema.
#include "server/store/sqlite/open.h"

#include <filesystem>
#include <fstream>
#include <sstream>

#include "server/store/sqlite/schema.h"
#include "tests/server/store/raw_sqlite.h"
#include "tests/server/store/store_fixture.h"

namespace bitsweep::store {
namespace {

namespace fs = std::filesystem;
using ::testing::AllOf;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using testing::IsOk;
using ::testing::Not;
using testing::StatusIs;

class OpenTest : public ::testing::Test {
 protected:
  std::string folder() const { return folder_.path().string(); }
  std::string db() const { return folder() + "/bitsweep.db"; }
  absl::StatusOr<std::unique_ptr<Store>> Open(const std::string& folder) {
    return OpenSqliteStore({.data_dir = folder, .readers = 1, .min_free_bytes = 0});
  }
  absl::StatusOr<std::unique_ptr<Store>> Open() { return Open(folder()); }
  void Submit(Store& store, const std::string& id, std::int64_t configurations) {
    ASSERT_THAT(store.Submit(Planned(id, GridSpec(configurations, 1)), At(0)), IsOk());
  }

 private:
  testing::TempDir folder_;
};

TEST_F(OpenTest, MakesTheFolderAndTheFile) {
  const std::string nested = folder() + "/a/b";
  ASSERT_THAT(Open(nested), IsOk());
  EXPECT_TRUE(fs::exists(nested + "/bitsweep.db"));
  EXPECT_TRUE(fs::is_directory(nested + "/artifacts"));
}

TEST_F(OpenTest, WritesTheSchemaOfTheGoldenFile) {
  ASSERT_THAT(Open(), IsOk());
  std::string schema = "-- SPDX-License-Identifier: Apache-2.0\n";
  for (const std::string& sql : RawSql(db(),
                                       "SELECT sql FROM sqlite_master WHERE sql IS NOT NULL AND "
                                       "name NOT LIKE 'sqlite_%' ORDER BY type DESC, name")) {
    schema += "\n" + sql + ";\n";
  }
  std::ifstream file("tests/server/store/schema.golden.sql");
  std::stringstream golden;
  golden << file.rdbuf();
  EXPECT_EQ(schema, golden.str());
}

TEST_F(OpenTest, EveryTableIsStrict) {
  ASSERT_THAT(Open(), IsOk());
  EXPECT_THAT(RawSql(db(),
                     "SELECT name FROM pragma_table_list WHERE schema = 'main' AND type = 'table' "
                     "AND name NOT LIKE 'sqlite_%' AND strict = 0"),
              IsEmpty());
  const std::vector<std::string> tables =
      RawSql(db(), "SELECT name FROM pragma_table_list WHERE schema = 'main'");
  for (const char* table :
       {"sweeps", "configurations", "trials", "attempts", "epochs", "events", "models", "artifacts",
        "workers", "counters", "submissions", "transforms", "transform_jobs", "pass_results",
        "node_statistics", "op_counts", "quantized_tensors", "tokens"}) {
    EXPECT_THAT(tables, Contains(table));
  }
}

TEST_F(OpenTest, MetricsAreRealColumns) {
  ASSERT_THAT(Open(), IsOk());
  EXPECT_THAT(
      RawSql(db(),
             "SELECT name FROM pragma_table_info('trials') WHERE type = 'REAL' ORDER BY name"),
      ElementsAre("best_val_acc", "rows_per_second", "seconds", "train_acc_last_step",
                  "train_loss_last_step", "val_acc", "val_loss", "val_loss_batch_mean"));
  EXPECT_THAT(
      RawSql(db(),
             "SELECT name FROM pragma_table_info('epochs') WHERE type = 'REAL' ORDER BY name"),
      ElementsAre("learning_rate", "seconds", "train_acc_last_step", "train_loss",
                  "train_loss_last_step", "val_acc", "val_loss", "val_loss_batch_mean"));
}

TEST_F(OpenTest, EveryEarlierVersionIsBroughtForward) {
  for (int version = 0; version <= SchemaVersion(); ++version) {
    const std::string made = folder() + "/made-" + std::to_string(version);
    ASSERT_THAT(Open(made), IsOk());
    if (version == 0) {  // a file without any table
      fs::remove(made + "/bitsweep.db");
      RawSql(made + "/bitsweep.db", "PRAGMA user_version = 0; VACUUM");
    }
    ASSERT_OK_AND_ASSIGN(const auto store, Open(made));
    Submit(*store, "grid", 2);
    EXPECT_THAT(store->Verify(VerifyDepth::kDeep)->problems, IsEmpty());
    EXPECT_EQ(store->Info()->schema_version, SchemaVersion());
    EXPECT_THAT(RawSql(made + "/bitsweep.db", "PRAGMA user_version"),
                ElementsAre(std::to_string(SchemaVersion())));
  }
}

TEST_F(OpenTest, ANewerVersionIsRefused) {
  ASSERT_THAT(Open(), IsOk());
  RawSql(db(), "PRAGMA user_version = 99");
  EXPECT_THAT(Open(), StatusIs(absl::StatusCode::kFailedPrecondition,
                               AllOf(HasSubstr("99"), HasSubstr("newer bitsweep-server"))));
}

TEST_F(OpenTest, AFolderInUseIsRefusedAndFreeAfterwards) {
  {
    ASSERT_OK_AND_ASSIGN(const auto store, Open());
    EXPECT_THAT(Open(), StatusIs(absl::StatusCode::kFailedPrecondition,
                                 AllOf(HasSubstr(folder()), HasSubstr("in use"))));
    EXPECT_THAT(store->Info(), IsOk());
  }
  EXPECT_THAT(Open(), IsOk());
}

TEST_F(OpenTest, ARefusedOpeningFreesTheFolder) {
  ASSERT_THAT(Open(), IsOk());
  RawSql(db(), "PRAGMA user_version = 99");
  EXPECT_FALSE(Open().ok());
  RawSql(db(), "PRAGMA user_version = " + std::to_string(SchemaVersion()));
  EXPECT_THAT(Open(), IsOk());
}

TEST_F(OpenTest, AFileOfAnotherKindIsNamedDamaged) {
  std::ofstream(db()) << std::string(8192, 'x');
  EXPECT_THAT(Open(), StatusIs(absl::StatusCode::kDataLoss,
                               AllOf(HasSubstr(db()), HasSubstr("restore a backup"))));
}

TEST_F(OpenTest, ATornFileIsNamedDamaged) {
  {
    ASSERT_OK_AND_ASSIGN(const auto store, Open());
    Submit(*store, "grid", 500);
  }
  fs::resize_file(db(), fs::file_size(db()) / 2);
  EXPECT_THAT(Open(), StatusIs(absl::StatusCode::kDataLoss,
                               AllOf(HasSubstr(db()), HasSubstr("restore a backup"))));
}

TEST_F(OpenTest, OverwrittenPagesAreNamedDamaged) {
  {
    ASSERT_OK_AND_ASSIGN(const auto store, Open());
    Submit(*store, "grid", 500);
  }
  const auto size = fs::file_size(db());
  std::fstream file(db(), std::ios::in | std::ios::out | std::ios::binary);
  file.seekp(static_cast<std::streamoff>(size / 2));
  file << std::string(16384, '\x5a');
  file.close();
  EXPECT_THAT(Open(), StatusIs(absl::StatusCode::kDataLoss, HasSubstr("restore a backup")));
}

TEST_F(OpenTest, ATornLogLosesOnlyTheUnfinishedCommit) {
  const std::string copy = folder() + "/copy";
  fs::create_directories(copy);
  {
    ASSERT_OK_AND_ASSIGN(const auto store, Open(folder() + "/live"));
    Submit(*store, "first", 3);
    Submit(*store, "second", 3);
    // What a machine leaves that lost power while it wrote the end of the log.
    for (const char* name : {"bitsweep.db", "bitsweep.db-wal"}) {
      fs::copy_file(folder() + "/live/" + name, copy + "/" + name);
    }
  }
  fs::resize_file(copy + "/bitsweep.db-wal", fs::file_size(copy + "/bitsweep.db-wal") - 100);
  ASSERT_OK_AND_ASSIGN(const auto store, Open(copy));
  EXPECT_THAT(store->GetSweep("first"), IsOk());
  EXPECT_EQ(Reason(store->GetSweep("second")), "SWEEP_NOT_FOUND");
  EXPECT_THAT(store->Verify(VerifyDepth::kDeep)->problems, IsEmpty());
}

TEST_F(OpenTest, CountersThatDoNotMatchAreRefused) {
  {
    ASSERT_OK_AND_ASSIGN(const auto store, Open());
    Submit(*store, "grid", 3);
  }
  RawSql(db(), "UPDATE counters SET jobs = jobs + 1 WHERE state = 'QUEUED'");
  EXPECT_THAT(Open(), StatusIs(absl::StatusCode::kFailedPrecondition,
                               AllOf(HasSubstr("grid"), HasSubstr("QUEUED is 4"))));
}

TEST_F(OpenTest, UploadsOfAnEarlierProcessAreCleared) {
  ASSERT_THAT(Open(), IsOk());
  std::ofstream(folder() + "/artifacts/tmp/upload-abc") << "half";
  ASSERT_THAT(Open(), IsOk());
  EXPECT_FALSE(fs::exists(folder() + "/artifacts/tmp/upload-abc"));
}

TEST_F(OpenTest, ABackupTakenWhileTheServerRunsIsWhole) {
  ASSERT_OK_AND_ASSIGN(const auto store, Open());
  Submit(*store, "grid", 3);
  fs::create_directories(folder() + "/backup");
  RawSql(db(), "VACUUM INTO '" + folder() + "/backup/bitsweep.db'");
  ASSERT_OK_AND_ASSIGN(const auto backup, Open(folder() + "/backup"));
  EXPECT_EQ(backup->GetSweep("grid")->counts.queued, 3);
  EXPECT_THAT(backup->Verify(VerifyDepth::kDeep)->problems, IsEmpty());
}

}  // namespace
}  // namespace bitsweep::store
