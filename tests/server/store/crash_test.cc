// SPDX-License-Identifier: Apache-2.0
// A process that dies at any commit loses nothing that it had answered.
#include <sys/wait.h>

#include <cstdio>
#include <filesystem>
#include <sstream>

#include "server/store/sqlite/open.h"
#include "tests/server/store/store_fixture.h"

namespace bitsweep::store {
namespace {

using spec::JobState;
using ::testing::IsEmpty;
using testing::IsOk;

class CrashTest : public ::testing::Test {
 protected:
  // Runs crash_child until the failpoint ends it; returns what it acknowledged.
  std::vector<std::pair<std::string, std::string>> RunUntil(const std::string& failpoint,
                                                            int seed) {
    const std::filesystem::path child =
        std::filesystem::read_symlink("/proc/self/exe").parent_path() / "store_crash_child";
    const std::string command = "BITSWEEP_FAILPOINTS=" + failpoint + " exec '" + child.string() +
                                "' '" + folder_.path().string() + "' " + std::to_string(seed) +
                                " 2>/dev/null";
    FILE* out = popen(command.c_str(), "r");
    std::string text;
    char buffer[4096];
    while (std::size_t got = fread(buffer, 1, sizeof buffer, out)) text.append(buffer, got);
    const int status = pclose(out);
    EXPECT_TRUE(WIFEXITED(status));
    EXPECT_EQ(WEXITSTATUS(status), 70) << "expected to die at " << failpoint;
    std::vector<std::pair<std::string, std::string>> acknowledged;
    std::istringstream lines(text);
    std::string what, name;
    while (lines >> what >> name) acknowledged.emplace_back(what, name);
    return acknowledged;
  }

  // Reopens, verifies, and looks for everything that was acknowledged.
  void Check(const std::vector<std::pair<std::string, std::string>>& acknowledged) {
    ASSERT_OK_AND_ASSIGN(
        const auto store,
        OpenSqliteStore({.data_dir = folder_.path().string(), .readers = 1, .min_free_bytes = 0}));
    const auto report = store->Verify(VerifyDepth::kDeep);
    ASSERT_THAT(report, IsOk());
    for (const StoreProblem& p : report->problems) ADD_FAILURE() << p.check << p.description;
    for (const auto& [what, name] : acknowledged) {
      SCOPED_TRACE(what + " " + name);
      if (what == "uploaded") {
        EXPECT_THAT(store->GetArtifact(name), IsOk());
        continue;
      }
      const auto trial = store->GetTrial(name, 0);
      ASSERT_THAT(trial, IsOk());
      EXPECT_EQ(trial->attempt, what == "submitted" ? trial->attempt : 1);
      if (what == "completed" || what == "failed") {
        EXPECT_EQ(trial->state, what == "failed" ? JobState::kFailed : JobState::kSucceeded);
      }
    }
    EXPECT_TRUE(std::filesystem::is_empty(folder_.path() / "artifacts" / "tmp"));
  }

  testing::TempDir folder_;
};

TEST_F(CrashTest, NothingAcknowledgedIsLostBeforeACommit) {
  // One store goes through all the crashes.
  for (const int hit : {1, 2, 3, 4, 5, 9, 14, 23}) {
    SCOPED_TRACE(hit);
    Check(RunUntil("store.before_commit:" + std::to_string(hit), hit));
  }
}

TEST_F(CrashTest, NothingAcknowledgedIsLostAfterACommit) {
  for (const int hit : {1, 2, 3, 4, 5, 9, 14, 23}) {
    SCOPED_TRACE(hit);
    Check(RunUntil("store.after_commit:" + std::to_string(hit), hit));
  }
}

TEST_F(CrashTest, WhatWasCommittedStaysThoughNobodyWasTold) {
  EXPECT_THAT(RunUntil("store.after_commit:1", 1), IsEmpty());
  Check({{"submitted", "run-1-0"}});
}

TEST_F(CrashTest, WhatWasNotCommittedIsGone) {
  EXPECT_THAT(RunUntil("store.before_commit:1", 1), IsEmpty());
  ASSERT_OK_AND_ASSIGN(
      const auto store,
      OpenSqliteStore({.data_dir = folder_.path().string(), .readers = 1, .min_free_bytes = 0}));
  EXPECT_THAT(store->ListSweeps({})->items, IsEmpty());
}

TEST_F(CrashTest, AHalfUploadLeavesNothing) {
  for (const int hit : {1, 3}) {
    Check(RunUntil("artifact.mid_upload:" + std::to_string(hit), hit));
  }
}

}  // namespace
}  // namespace bitsweep::store
