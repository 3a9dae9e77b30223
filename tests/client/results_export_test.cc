// SPDX-License-Identifier: Apache-2.0
// sweep export against a real server.
#include <filesystem>
#include <fstream>
#include <sstream>

#include "core/base/simulated_clock.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/client/command_line.h"
#include "tests/client/scripted_worker.h"
#include "tests/support/test_paths.h"

namespace bitsweep::client {
namespace {

using ::testing::HasSubstr;
using ::testing::StartsWith;

class ResultsExportTest : public ::testing::Test {
 protected:
  ResultsExportTest() {
    cli_.environment["BITSWEEP_SERVER"] = server_.address();
    const std::string file = (folder_.path() / "lab.toml").string();
    std::ofstream(file)
        << "sweep_id = \"lab-1\"\n[sweep]\nrepeats = 2\nbase.max_epochs = 1\nmodel.builtin = "
           "\"jsc-tiny\"\ndataset.name = \"synthetic-jets\"\n";
    EXPECT_EQ(Run({"sweep", "submit", file}).code, 0);
    ScriptedWorker worker(server_);
    worker.Succeed(0.5, 1.0, 0.5, 2.0);
    worker.Fail("no rows");
  }

  Ran Run(const std::vector<std::string>& arguments) const { return cli_.Run(arguments); }
  std::string Read(const std::string& name) const {
    std::ostringstream text;
    text << std::ifstream(folder_.path() / name).rdbuf();
    return text.str();
  }
  std::string Path(const std::string& name) const { return (folder_.path() / name).string(); }

  SimulatedClock clock_;
  testing::LocalServer server_{clock_};
  testing::TempDir folder_;
  CommandLine cli_;
};

TEST_F(ResultsExportTest, PrintsCsvByItself) {
  const Ran ran = Run({"sweep", "export", "lab-1"});
  EXPECT_EQ(ran.code, 0);
  EXPECT_THAT(ran.out, StartsWith("sweep,trial,configuration,repeat,state,seed,"));
  EXPECT_THAT(ran.out, HasSubstr("\nlab-1,1,0,1,FAILED,"));
  EXPECT_EQ(Run({"sweep", "export", "lab-1", "-o", "-"}).out, ran.out);
}

TEST_F(ResultsExportTest, WritesTheSameIntoAFile) {
  for (const char* format : {"csv", "json", "jsonl", "optuna"}) {
    const Ran printed = Run({"sweep", "export", "lab-1", "--format", format});
    const Ran written =
        Run({"sweep", "export", "lab-1", "--format", format, "-o", Path("results")});
    EXPECT_EQ(written.out, Path("results") + ": 2 trials\n");
    EXPECT_EQ(Read("results"), printed.out) << format;
  }
  const auto mode = std::filesystem::status(folder_.path() / "results").permissions();
  EXPECT_NE(mode & std::filesystem::perms::group_read, std::filesystem::perms::none);
}

TEST_F(ResultsExportTest, BringsEpochsWhereTheFormatHasThem) {
  EXPECT_THAT(Run({"sweep", "export", "lab-1", "--format", "jsonl"}).out,
              HasSubstr(R"("epoch_points":[{"epoch":0,)"));
  EXPECT_THAT(Run({"sweep", "export", "lab-1", "--format", "optuna", "--metric", "val_loss"}).out,
              HasSubstr(R"("intermediate_values":{"0":1.0})"));
}

TEST_F(ResultsExportTest, LeavesNoFileWhenItFails) {
  std::ofstream(folder_.path() / "results") << "before";
  const Ran ran = Run({"sweep", "export", "lab-9", "-o", Path("results")});
  EXPECT_EQ(ran.code, 3);
  EXPECT_THAT(ran.err, StartsWith("bitsweep: SWEEP_NOT_FOUND: "));
  EXPECT_EQ(Read("results"), "before");
  EXPECT_EQ(Run({"sweep", "export", "lab-1", "-o", Path("none/results")}).code, 3);
  for (const auto& entry : std::filesystem::directory_iterator(folder_.path())) {
    EXPECT_THAT(entry.path().filename().string(), ::testing::AnyOf("results", "lab.toml"));
  }
}

TEST_F(ResultsExportTest, FailsWhereStandardOutputIsFull) {
  std::ofstream full("/dev/full");
  CommandLine cli = cli_;
  cli.instead_of_out = &full;
  const Ran ran = cli.Run({"sweep", "export", "lab-1"});
  EXPECT_NE(ran.code, 0);
  EXPECT_THAT(ran.err, HasSubstr("standard output cannot be written"));
}

TEST_F(ResultsExportTest, RefusesOtherFormats) {
  EXPECT_EQ(Run({"sweep", "export", "lab-1", "--format", "xml"}).code, 2);
  EXPECT_EQ(Run({"sweep", "export", "lab-1", "--metric", "f1"}).code, 2);
}

}  // namespace
}  // namespace bitsweep::client
