// SPDX-License-Identifier: Apache-2.0
// Bearer tokens, and copies of the whole store.
#include <sys/wait.h>

#include <atomic>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <thread>

#include "core/base/sha256.h"
#include "fmt/format.h"
#include "tests/server/store/store_fixture.h"

namespace bitsweep::store {
namespace {

namespace fs = std::filesystem;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using testing::IsOk;

TokenRecord Token(const std::string& id, ScopeSet scopes) {
  return {.token_id = id, .hash = Sha256Hex(id), .scopes = scopes, .create_time = At(1)};
}

class TokensTest : public StoreTest {
 protected:
  std::vector<std::string> Ids() {
    std::vector<std::string> ids;
    const std::vector<TokenRecord> tokens = store().ListTokens().value();
    for (const TokenRecord& token : tokens) ids.push_back(token.token_id);
    return ids;
  }
};

TEST_P(TokensTest, AreKeptAsTheyWereGiven) {
  TokenRecord token = Token("ci-lab", {Scope::kRead, Scope::kSubmit});
  token.expire_time = At(100);
  ASSERT_THAT(store().CreateToken(token), IsOk());
  ASSERT_THAT(store().CreateToken(Token("alpha", {Scope::kWorker})), IsOk());
  Open({});
  EXPECT_THAT(Ids(), ElementsAre("alpha", "ci-lab"));
  const TokenRecord read = store().ListTokens()->at(1);
  EXPECT_EQ(read.hash, token.hash);
  EXPECT_EQ(read.scopes, token.scopes);
  EXPECT_EQ(read.create_time, At(1));
  EXPECT_EQ(read.expire_time, At(100));
  EXPECT_EQ(read.revoke_time, std::nullopt);
}

TEST_P(TokensTest, AnIdIsGivenOnce) {
  ASSERT_THAT(store().CreateToken(Token("ci-lab", {Scope::kRead})), IsOk());
  EXPECT_EQ(Reason(store().CreateToken(Token("ci-lab", {Scope::kAdmin}))), "ID_IN_USE");
  ASSERT_THAT(store().RevokeToken("ci-lab", At(5)), IsOk());
  EXPECT_EQ(Reason(store().CreateToken(Token("ci-lab", {Scope::kAdmin}))), "ID_IN_USE");
  EXPECT_EQ(store().ListTokens()->at(0).scopes, ScopeSet({Scope::kRead}));
}

TEST_P(TokensTest, TheFirstRevocationCounts) {
  ASSERT_THAT(store().CreateToken(Token("ci-lab", {Scope::kRead})), IsOk());
  EXPECT_EQ(store().RevokeToken("ci-lab", At(5))->revoke_time, At(5));
  EXPECT_EQ(store().RevokeToken("ci-lab", At(9))->revoke_time, At(5));
  EXPECT_EQ(store().ListTokens()->at(0).revoke_time, At(5));
  EXPECT_EQ(Reason(store().RevokeToken("nobody", At(5))), "TOKEN_NOT_FOUND");
}

class BackupTest : public StoreTest {
 protected:
  absl::StatusOr<std::unique_ptr<Backup>> StartBackup() {
    return store().StartBackup(At(50), [] { return true; });
  }
  // Takes all of it, in pieces of at most `piece` bytes, into a file; returns the file's name.
  std::string Save(Backup& backup, std::size_t piece = 1000) {
    const std::string file = (other_.path() / "backup.tar").string();
    std::ofstream out(file, std::ios::binary);
    while (true) {
      const absl::StatusOr<std::string> bytes = backup.Next(piece);
      EXPECT_THAT(bytes, IsOk());
      if (!bytes.ok() || bytes->empty()) break;
      EXPECT_LE(bytes->size(), piece);
      out << *bytes;
    }
    return file;
  }
  // What the system's tar makes of it: a folder.
  std::string Unpack(const std::string& file) {
    const fs::path to = other_.path() / "restored";
    fs::create_directories(to);
    EXPECT_EQ(std::system(fmt::format("tar -xf {} -C {}", file, to.string()).c_str()), 0);
    return to.string();
  }
  static std::string ReadBytes(const fs::path& file) {
    std::ifstream in(file, std::ios::binary);
    return {std::istreambuf_iterator<char>(in), {}};
  }
  testing::TempDir other_;
};

TEST_P(BackupTest, UnpackedItIsTheStoreAsItWas) {
  const SweepRecord sweep = Submit("grid", 3);
  Complete(StartOne(sweep), 0.5);
  const std::string digest = Upload(std::string(100000, 'x'));
  ASSERT_THAT(store().CreateToken(Token("ci-lab", {Scope::kRead})), IsOk());
  ASSERT_OK_AND_ASSIGN(const std::unique_ptr<Backup> backup, StartBackup());
  EXPECT_EQ(backup->contents().sweeps, 1);
  EXPECT_EQ(backup->contents().trials, 3);
  EXPECT_EQ(backup->contents().artifacts, 1);
  EXPECT_THAT(backup->contents().problems, IsEmpty());

  // What comes later is not in it, and what goes stays in it.
  Submit("later", 1);
  ASSERT_EQ(*store().CollectGarbage(At(1000)), 1);
  const std::string restored = Unpack(Save(*backup));

  ASSERT_OK_AND_ASSIGN(const auto copy, GetParam().open({.folder = restored}));
  EXPECT_EQ(copy->GetSweep("grid")->counts.succeeded, 1);
  EXPECT_EQ(copy->GetTrial("grid", 0)->result->val_acc, 0.5);
  EXPECT_EQ(Reason(copy->GetSweep("later")), "SWEEP_NOT_FOUND");
  EXPECT_EQ(*copy->Read(digest, 0, 1 << 20), std::string(100000, 'x'));
  EXPECT_EQ(copy->ListTokens()->size(), 1);
  EXPECT_THAT(copy->Verify(VerifyDepth::kDeep)->problems, IsEmpty());
}

TEST_P(BackupTest, TheSameMomentGivesTheSameBytesInAnyPieces) {
  Submit("grid", 2);
  Upload("some bytes");
  ASSERT_OK_AND_ASSIGN(auto backup, StartBackup());
  const std::string bytes = ReadBytes(Save(*backup, 7));
  EXPECT_GT(bytes.size(), 4096);
  backup.reset();
  ASSERT_OK_AND_ASSIGN(backup, StartBackup());
  EXPECT_EQ(bytes, ReadBytes(Save(*backup, 1 << 20)));
}

TEST_P(BackupTest, LeavesNothingBehind) {
  Submit("grid", 2);
  const auto files = [&] {
    std::vector<std::string> found;
    for (const auto& entry : fs::recursive_directory_iterator(fs::path(folder()) / "artifacts")) {
      found.push_back(entry.path().string());
    }
    return found.size();
  };
  const std::size_t before = files();
  {
    ASSERT_OK_AND_ASSIGN(const auto backup, StartBackup());
    EXPECT_GT(files(), before);
    ASSERT_THAT(backup->Next(100), IsOk());
  }
  EXPECT_EQ(files(), before);
}

TEST_P(BackupTest, ADamagedArtifactIsNotBackedUpSilently) {
  const std::string digest = Upload("some bytes");
  std::ofstream(fs::path(folder()) / "artifacts" / digest.substr(0, 2) / digest) << "other bytes";
  const auto backup = StartBackup();
  EXPECT_EQ(Reason(backup), "BACKUP_DAMAGED");
  EXPECT_THAT(std::string(backup.status().message()), HasSubstr(digest));
}

TEST_P(BackupTest, AMissingArtifactIsDamage) {
  const std::string digest = Upload("some bytes");
  fs::remove(fs::path(folder()) / "artifacts" / digest.substr(0, 2) / digest);
  const auto backup = StartBackup();
  EXPECT_EQ(Reason(backup), "BACKUP_DAMAGED");
  EXPECT_THAT(std::string(backup.status().message()), HasSubstr(digest));
}

TEST_P(BackupTest, OneAtATime) {
  ASSERT_OK_AND_ASSIGN(auto first, StartBackup());
  EXPECT_EQ(Reason(StartBackup()), "BACKUP_RUNNING");
  first.reset();
  EXPECT_THAT(StartBackup(), IsOk());
}

TEST_P(BackupTest, CanBeGivenUpAnywhereAndLeavesNothing) {
  Submit("grid", 2);
  Upload("some bytes");
  Upload("other bytes");
  const auto folders = [&] {
    return std::distance(fs::directory_iterator(fs::path(folder()) / "artifacts" / "tmp"), {});
  };
  int asked = 0;
  ASSERT_THAT(store().StartBackup(At(50), [&] { return ++asked > 0; }), IsOk());
  EXPECT_GE(asked, 5);  // an artifact's link, a part of the store, an artifact's bytes
  for (int last = 1; last < asked; ++last) {
    int left = last;
    EXPECT_TRUE(absl::IsCancelled(store().StartBackup(At(50), [&] { return --left > 0; }).status()))
        << last;
    EXPECT_EQ(folders(), 0);
  }
  EXPECT_EQ(*store().CollectGarbage(At(1000)), 2);  // nothing holds artifacts back
}

TEST_P(BackupTest, IsWholeWhileEverythingChanges) {
  const std::jthread changes([&](const std::stop_token& stop) {
    for (int i = 0; !stop.stop_requested(); ++i) {
      const std::string bytes = "artifact " + std::to_string(i);
      const std::string digest = Sha256Hex(bytes);
      auto upload = store().Begin(digest, static_cast<std::int64_t>(bytes.size()));
      ASSERT_THAT(upload, IsOk());
      ASSERT_THAT((*upload)->Append(bytes), IsOk());
      ASSERT_THAT((*upload)->Commit(At(i)), IsOk());
      ASSERT_THAT(store().Submit(Planned("sweep-" + std::to_string(i), GridSpec(3, 1)), At(i)),
                  IsOk());
      ASSERT_THAT(store().CollectGarbage(At(i - 1)), IsOk());
    }
  });
  std::int64_t sweeps = 0;
  for (int i = 0; i < 12; ++i) {
    const auto backup = StartBackup();  // checks its copy, to the last byte
    ASSERT_THAT(backup, IsOk());
    EXPECT_GE((*backup)->contents().sweeps, sweeps);
    sweeps = (*backup)->contents().sweeps;
  }
  EXPECT_GT(sweeps, 0);
}

TEST_P(BackupTest, TheLatestIsRemembered) {
  EXPECT_EQ(store().Info()->last_backup, std::nullopt);
  ASSERT_THAT(store().NoteBackup(At(50)), IsOk());
  ASSERT_THAT(store().NoteBackup(At(40)), IsOk());
  Open({});
  EXPECT_EQ(store().Info()->last_backup, At(50));
}

TEST_P(BackupTest, IsRefusedWhereItDoesNotFit) {
  Submit("grid", 2);
  Open({.min_free_bytes = std::int64_t{1} << 60});
  EXPECT_EQ(Reason(StartBackup()), "STORE_FULL");
}

INSTANTIATE_TEST_SUITE_P(Stores, TokensTest, ::testing::ValuesIn(Implementations()), NameOf);
INSTANTIATE_TEST_SUITE_P(Stores, BackupTest, ::testing::ValuesIn(Implementations()), NameOf);

}  // namespace
}  // namespace bitsweep::store
