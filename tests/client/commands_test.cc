// SPDX-License-Identifier: Apache-2.0
// Every command against the real server. The server's clock stands still, so that what is printed
// is the same each time.
#include <algorithm>
#include <filesystem>
#include <fstream>

#include "core/base/simulated_clock.h"
#include "gmock/gmock.h"
#include "nlohmann/json.hpp"
#include "tests/client/command_line.h"
#include "tests/client/golden_text.h"
#include "tests/client/scripted_worker.h"
#include "tests/support/local_server.h"

namespace bitsweep::client {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::StartsWith;

constexpr char kSweep[] = R"(
sweep_id = "lab-1"
[sweep]
display_name = "lab 1"
repeats = 2
seed = 1
model.builtin = "jsc-tiny"
dataset.name = "synthetic-jets"
base = { max_epochs = 1 }
[sweep.grid]
learning_rate = [1e-5, 0.01]
optimizer = ["adam", "sgd"]
)";

class CommandsTest : public ::testing::Test {
 protected:
  CommandsTest() { cli_.environment["BITSWEEP_SERVER"] = server_.address(); }

  Ran Run(const std::vector<std::string>& arguments) const { return cli_.Run(arguments); }
  std::string Write(const std::string& name, const std::string& text) const {
    const std::string path = (folder_.path() / name).string();
    std::ofstream(path) << text;
    return path;
  }
  void Submit() { ASSERT_EQ(Run({"sweep", "submit", Write("lab.toml", kSweep)}).code, 0); }
  // Configuration 0: val_acc mean 0.625, deviations 0.125, so sd = sqrt(2 * 0.125^2 / 1). 1 has one
  // result and a failure, 2 has two equal results, 3 has none.
  void SubmitWithResults() {
    Submit();
    ScriptedWorker worker(server_);
    worker.Succeed(0.5, 1.0, 0.5, 2.0);
    worker.Succeed(0.75, 0.75, 0.75, 3.0);
    worker.Succeed(0.25, 1.5, 0.25, 12.0);
    worker.Fail("jets.csv: row 17 has 15 fields,\nexpected 17");
    worker.Succeed(0.75, 0.5, 0.625, 1.0);
    worker.Succeed(0.75, 0.625, 0.625, 1.0);
  }

  SimulatedClock clock_;  // from 2023-11-14 22:13:20 UTC
  testing::LocalServer server_{clock_};
  testing::TempDir folder_;
  CommandLine cli_;
};

TEST_F(CommandsTest, SubmitSaysWhatWillRun) {
  const Ran ran = Run({"sweep", "submit", Write("lab.toml", kSweep)});
  EXPECT_EQ(ran.code, 0);
  EXPECT_EQ(ran.out, "sweeps/lab-1: 4 configurations x 2 repeats = 8 trials\n");
}

TEST_F(CommandsTest, SubmitSaysOnATerminalHowToFollow) {
  cli_.is_terminal = true;
  const Ran ran = Run({"sweep", "submit", Write("lab.toml", kSweep)});
  EXPECT_THAT(ran.out, HasSubstr("follow it with: bitsweep sweep watch lab-1\n"));
}

TEST_F(CommandsTest, ValidateOnlyStoresNothing) {
  const Ran ran = Run({"sweep", "submit", Write("lab.toml", kSweep), "--validate-only"});
  EXPECT_EQ(ran.code, 0);
  EXPECT_EQ(ran.out, "valid: 4 configurations x 2 repeats = 8 trials, nothing stored\n");
  EXPECT_EQ(Run({"sweep", "show", "lab-1"}).code, 3);
}

TEST_F(CommandsTest, SubmitReportsMergedPoints) {
  const Ran ran = Run({"sweep", "submit", "--validate-only", Write("p.toml", R"([sweep]
model.builtin = "jsc-tiny"
dataset.name = "synthetic-jets"
points = [{ max_epochs = 1 }, { max_epochs = 2 }, { max_epochs = 1 }])")});
  EXPECT_THAT(ran.out, HasSubstr("valid: 2 configurations x 1 repeat = 2 trials"));
  EXPECT_THAT(ran.out, HasSubstr("point 2 of the search is configuration 0 again: merged\n"));
}

TEST_F(CommandsTest, RequestIdMakesResubmittingSafe) {
  const std::string file = Write("lab.toml", kSweep);
  ASSERT_EQ(Run({"sweep", "submit", file, "--request-id", "monday"}).code, 0);
  const Ran again = Run({"sweep", "submit", file, "--request-id", "monday"});
  EXPECT_EQ(again.code, 0);
  EXPECT_EQ(again.out,
            "sweeps/lab-1: 4 configurations x 2 repeats = 8 trials, submitted before with this "
            "request id\n");
  const Ran other = Run({"sweep", "submit", file});
  EXPECT_EQ(other.code, 3);
  EXPECT_THAT(other.err, StartsWith("bitsweep: ID_IN_USE: "));
}

TEST_F(CommandsTest, SubmitListsEveryViolationOfTheServer) {
  const Ran ran = Run({"sweep", "submit", Write("bad.toml", R"([sweep]
repeats = 0
model.builtin = "jsc-tiny"
dataset.name = "../secret"
base.learning_rate = -1.0)")});
  EXPECT_EQ(ran.code, 3);
  EXPECT_THAT(ran.err, AllOf(StartsWith("bitsweep: INVALID_SPEC (3 problems)\n"),
                             HasSubstr("  sweep.repeats: 0: expected 1 to 10000\n"),
                             HasSubstr("  sweep.dataset.name: \"../secret\""),
                             HasSubstr("  sweep.base.learning_rate: -1: ")));
}

TEST_F(CommandsTest, SubmitRefusesAFileThatIsNoSweep) {
  const Ran ran = Run({"sweep", "submit", Write("bad.toml", "[sweep]\ncolour = 1\n")});
  EXPECT_EQ(ran.code, 2);
  EXPECT_THAT(ran.err, AllOf(StartsWith("bitsweep: INVALID_FILE (1 problem)\n  sweep.colour: "),
                             HasSubstr("display_name")));
}

TEST_F(CommandsTest, ListShowsSweepsNewestFirst) {
  SubmitWithResults();
  clock_.Advance(absl::Minutes(1));
  ASSERT_EQ(Run({"sweep", "submit", Write("b.toml", R"(sweep_id = "single"
[sweep]
model.builtin = "jsc-tiny"
dataset.name = "synthetic-jets")")})
                .code,
            0);
  EXPECT_EQ(Run({"sweep", "list"}).out,
            "sweep\tstate\tended\ttrials\tcreated\tdisplay_name\n"
            "single\tQUEUED\t0\t1\t2023-11-14 22:14:20\t\n"
            "lab-1\tRUNNING\t6\t8\t2023-11-14 22:13:20\tlab 1\n");
  EXPECT_THAT(Run({"sweep", "list", "--limit", "1"}).out, Not(HasSubstr("lab-1")));
  EXPECT_THAT(Run({"sweep", "list", "--filter", "state = RUNNING"}).out, Not(HasSubstr("single")));
}

TEST_F(CommandsTest, ResultsAreATableOnATerminal) {
  SubmitWithResults();
  cli_.is_terminal = true;
  ExpectGolden(Run({"sweep", "results", "lab-1"}).out, "results_table");
}

TEST_F(CommandsTest, ResultsAreTsvWhenPiped) {
  SubmitWithResults();
  ExpectGolden(Run({"sweep", "results", "sweeps/lab-1"}).out, "results_tsv");
}

TEST_F(CommandsTest, ResultsHaveTheFormatThatWasAskedFor) {
  SubmitWithResults();
  ExpectGolden(Run({"sweep", "results", "lab-1", "--format", "csv"}).out, "results_csv");
  const Ran json = Run({"sweep", "results", "lab-1", "--json"});
  const auto rows = nlohmann::json::parse(json.out);
  ASSERT_EQ(rows.size(), 4u);
  EXPECT_EQ(rows[1]["n"], 1);
  EXPECT_EQ(rows[1]["optimizer"], "sgd");
  EXPECT_TRUE(rows[1]["val_acc_sd"].is_null());
  EXPECT_EQ(rows[2]["val_acc_mean"], 0.75);
  EXPECT_EQ(Run({"sweep", "results", "lab-1", "--format", "json"}).out, json.out);
}

TEST_F(CommandsTest, ResultsSortBestFirst) {
  SubmitWithResults();
  const auto order = [&](const std::string& sort) {
    std::vector<int> numbers;
    const Ran ran = Run({"sweep", "results", "lab-1", "--json", "--sort", sort});
    for (const auto& row : nlohmann::json::parse(ran.out)) numbers.push_back(row["configuration"]);
    return numbers;
  };
  EXPECT_EQ(order("val_acc"), (std::vector<int>{2, 0, 1, 3}));
  EXPECT_EQ(order("val_acc asc"), (std::vector<int>{1, 0, 2, 3}));
  EXPECT_EQ(order("val_loss"), (std::vector<int>{2, 0, 1, 3}));
  EXPECT_EQ(order("seconds desc"), (std::vector<int>{1, 0, 2, 3}));
  EXPECT_EQ(Run({"sweep", "results", "lab-1", "--sort", "colour"}).code, 3);
}

TEST_F(CommandsTest, ShowTellsWhereASweepStands) {
  SubmitWithResults();
  const Ran ran = Run({"sweep", "show", "lab-1"});
  EXPECT_THAT(ran.out, AllOf(HasSubstr("state           RUNNING\n"),
                             HasSubstr("6 of 8 ended (4 configurations x 2 repeats)\n"),
                             HasSubstr("2 queued, 0 leased, 0 running, 5 succeeded, 1 failed"),
                             HasSubstr("varying         learning_rate, optimizer\n")));
  const auto json = nlohmann::json::parse(Run({"sweep", "show", "lab-1", "--json"}).out);
  EXPECT_EQ(json["counts"]["succeeded"], "5");
}

TEST_F(CommandsTest, TrialsShowStateResultAndFailure) {
  SubmitWithResults();
  ExpectGolden(Run({"sweep", "trials", "lab-1"}).out, "trials_tsv");
  cli_.is_terminal = true;
  ExpectGolden(Run({"sweep", "trials", "lab-1"}).out, "trials_table");
}

TEST_F(CommandsTest, TrialsCanBeFilteredAndSorted) {
  SubmitWithResults();
  const Ran ran = Run({"sweep", "trials", "lab-1", "--json", "--filter", "val_acc >= 0.5", "--sort",
                       "val_acc desc"});
  const auto json = nlohmann::json::parse(ran.out);
  ASSERT_EQ(json["trials"].size(), 4u);
  EXPECT_EQ(json["trials"][3]["result"]["valAcc"], 0.5);
  EXPECT_EQ(Run({"sweep", "trials", "lab-1", "--filter", "colour = 1"}).code, 3);
}

TEST_F(CommandsTest, TrialShowTellsAttemptsAndEpochs) {
  SubmitWithResults();
  cli_.is_terminal = true;
  ExpectGolden(Run({"trial", "show", "lab-1/0"}).out, "trial_show");
  EXPECT_EQ(Run({"trial", "show", "sweeps/lab-1/trials/0"}).out,
            Run({"trial", "show", "lab-1/0"}).out);
  EXPECT_EQ(Run({"trial", "show", "lab-1/99"}).code, 3);
}

TEST_F(CommandsTest, PauseAndResumeChangeTheState) {
  Submit();
  EXPECT_EQ(Run({"sweep", "pause", "lab-1"}).out, "sweeps/lab-1 is PAUSED\n");
  EXPECT_EQ(Run({"sweep", "resume", "lab-1"}).out, "sweeps/lab-1 is QUEUED\n");
}

TEST_F(CommandsTest, CancelRetryAndDeleteSayHowMany) {
  SubmitWithResults();
  EXPECT_EQ(Run({"sweep", "delete", "lab-1"}).code, 3);
  EXPECT_EQ(Run({"sweep", "cancel", "lab-1"}).out, "sweeps/lab-1: 2 trials cancelled\n");
  EXPECT_EQ(Run({"sweep", "retry", "lab-1", "--state", "failed"}).out,
            "sweeps/lab-1: 1 trial queued again\n");
  EXPECT_EQ(Run({"sweep", "retry", "lab-1"}).out, "sweeps/lab-1: 2 trials queued again\n");
  EXPECT_EQ(Run({"sweep", "cancel", "lab-1", "--json"}).code, 0);
  EXPECT_EQ(Run({"sweep", "delete", "lab-1"}).out, "sweeps/lab-1 is deleted\n");
  EXPECT_EQ(Run({"sweep", "show", "lab-1"}).code, 3);
}

TEST_F(CommandsTest, WorkerListShowsWhoIsThere) {
  SubmitWithResults();
  EXPECT_EQ(Run({"worker", "list"}).out,
            "worker\tstate\tbusy\tslots\tleases\tcompleted\tfailed\tlast_seen\thost\tversion\n"
            "alpha\tLIVE\t0\t2\t0\t5\t1\t2023-11-14 22:13:20\thost-1\t0.1.0\n");
}

TEST_F(CommandsTest, ServerInfoAndVerifySpeakOfTheStore) {
  SubmitWithResults();
  const Ran info = Run({"server", "info"});
  EXPECT_THAT(info.out, AllOf(HasSubstr("queue      open\n"),
                              HasSubstr("2 queued, 0 leased, 0 running, 5 succeeded, 1 failed"),
                              HasSubstr("workers    1 alive with 2 slots\n")));
  const Ran verify = Run({"server", "verify", "--deep"});
  EXPECT_EQ(verify.code, 0);
  EXPECT_EQ(verify.out,
            "everything is as promised: 1 sweep, 8 trials, 0 transforms, 0 artifacts checked\n");
}

TEST_F(CommandsTest, WatchOfAnEndedSweepReturnsItsOutcome) {
  Submit();
  ScriptedWorker worker(server_);
  for (int i = 0; i < 8; ++i) worker.Succeed(0.5, 1.0, 0.5, 1.0);
  const Ran ran = Run({"sweep", "watch", "lab-1"});
  EXPECT_EQ(ran.code, 0);
  EXPECT_EQ(ran.err, "8/8  SUCCEEDED  best val_acc 0.5000\n");
  EXPECT_EQ(ran.out, "");
  const Ran json = Run({"sweep", "watch", "lab-1", "--json"});
  EXPECT_EQ(std::count(json.out.begin(), json.out.end(), '\n'), 1);
  EXPECT_EQ(nlohmann::json::parse(json.out)["sweep"]["state"], "STATE_SUCCEEDED");
}

TEST_F(CommandsTest, WatchReturnsOneWhenTrialsHaveNoResult) {
  SubmitWithResults();
  ASSERT_EQ(Run({"sweep", "cancel", "lab-1"}).code, 0);
  const Ran ran = Run({"sweep", "watch", "lab-1"});
  EXPECT_EQ(ran.code, 1);
  EXPECT_EQ(ran.err, "8/8  CANCELLED  3 without result  best val_acc 0.7500\n");
}

TEST_F(CommandsTest, UnknownNamesAreRefusedWithThree) {
  for (const std::vector<std::string>& command :
       std::vector<std::vector<std::string>>{{"sweep", "show", "lab-9"},
                                             {"sweep", "watch", "lab-9"},
                                             {"sweep", "results", "lab-9"},
                                             {"sweep", "trials", "lab-9"},
                                             {"sweep", "pause", "lab-9"},
                                             {"sweep", "cancel", "lab-9"},
                                             {"sweep", "delete", "lab-9"}}) {
    const Ran ran = Run(command);
    EXPECT_EQ(ran.code, 3) << command[1];
    EXPECT_EQ(ran.err, "bitsweep: SWEEP_NOT_FOUND: no such sweep: sweeps/lab-9\n") << command[1];
  }
  EXPECT_THAT(Run({"model", "show", "none"}).err, StartsWith("bitsweep: MODEL_NOT_FOUND: "));
}

TEST_F(CommandsTest, FlagBeatsEnvironmentBeatsFile) {
  const std::string config =
      Write("bitsweep.toml", "server = \"" + server_.address() + "\"\njson = true\n");
  cli_.environment["BITSWEEP_SERVER"] = "127.0.0.1:1";
  EXPECT_EQ(Run({"sweep", "list", "--config", config, "--timeout", "300ms"}).code, 4);
  EXPECT_EQ(Run({"sweep", "list", "--server", server_.address()}).code, 0);
  cli_.environment.clear();
  const Ran ran = Run({"sweep", "list", "--config", config});
  EXPECT_EQ(ran.code, 0);
  EXPECT_EQ(ran.out, "{}\n");
  EXPECT_EQ(Run({"sweep", "list", "--config", Write("bad.toml", "colour = 1\n")}).code, 2);
}

TEST_F(CommandsTest, WrongUseEndsWithTwo) {
  for (const std::vector<std::string>& command :
       std::vector<std::vector<std::string>>{{},
                                             {"sweep"},
                                             {"sweep", "frobnicate"},
                                             {"sweep", "submit"},
                                             {"sweep", "list", "--limit", "-1"},
                                             {"sweep", "list", "--timeout", "soon"},
                                             {"sweep", "results", "lab-1", "--format", "xml"},
                                             {"sweep", "retry", "lab-1", "--state", "done"},
                                             {"sweep", "list", "--colour"}}) {
    EXPECT_EQ(Run(command).code, 2) << ::testing::PrintToString(command);
  }
}

}  // namespace
}  // namespace bitsweep::client
