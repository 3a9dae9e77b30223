// SPDX-License-Identifier: Apache-2.0
// Scripts of `bitsweep completion`, in real shells.
#include "client/cmd/completion.h"

#include <sys/wait.h>

#include <array>
#include <cstdio>
#include <fstream>

#include "gmock/gmock.h"
#include "tests/client/command_line.h"
#include "tests/support/test_paths.h"

namespace bitsweep::client {
namespace {

using ::testing::AllOf;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::IsSupersetOf;
using ::testing::Not;
using ::testing::UnorderedElementsAre;

// Standard output of a command line, as lines; its exit code must be 0.
std::vector<std::string> LinesOf(const std::string& command) {
  std::vector<std::string> lines;
  FILE* pipe = popen(command.c_str(), "r");
  std::array<char, 4096> line{};
  while (fgets(line.data(), line.size(), pipe) != nullptr) {
    lines.emplace_back(line.data());
    lines.back().erase(lines.back().find_last_not_of('\n') + 1);
  }
  EXPECT_EQ(pclose(pipe), 0) << command;
  return lines;
}

bool IsInstalled(const std::string& shell) {
  return std::system(("command -v " + shell + " >/dev/null").c_str()) == 0;
}

class CompletionTest : public ::testing::Test {
 protected:
  // Writes the script for `shell` and returns its path.
  std::string Script(const std::string& shell) {
    const Ran ran = CommandLine().Run({"completion", shell});
    EXPECT_EQ(ran.code, kOk);
    const std::string file = folder_.path() / shell;
    std::ofstream(file) << ran.out;
    return file;
  }

  // What bash offers after these words; the last one is being typed.
  std::vector<std::string> Bash(const std::vector<std::string>& words) {
    std::string array;
    for (const std::string& word : words) array += " '" + word + "'";
    const std::string program = folder_.path() / "program";
    std::ofstream(program) << "source " << Script("bash") << "\ncd " << folder_.path().string()
                           << "\nCOMP_WORDS=(bitsweep" << array << ")\nCOMP_CWORD=" << words.size()
                           << "\n_bitsweep\n"
                           << "[ ${#COMPREPLY[@]} = 0 ] || printf '%s\\n' \"${COMPREPLY[@]}\"\n";
    return LinesOf("bash --norc --noprofile -u " + program);
  }

  // What fish offers for a line, without descriptions.
  std::vector<std::string> Fish(const std::string& line) {
    std::vector<std::string> offers =
        LinesOf("cd " + folder_.path().string() + " && HOME=. fish --no-config -c 'source " +
                Script("fish") + "; complete -C \"" + line + "\"'");
    for (std::string& offer : offers) offer = offer.substr(0, offer.find('\t'));
    return offers;
  }

  static constexpr int kOk = 0;
  bitsweep::testing::TempDir folder_;
};

TEST_F(CompletionTest, BashOffersVerbs) {
  EXPECT_THAT(Bash({""}), IsSupersetOf({"sweep", "transform", "model", "completion"}));
  EXPECT_THAT(Bash({"sw"}), ElementsAre("sweep"));
  EXPECT_THAT(Bash({"sweep", "re"}), UnorderedElementsAre("results", "resume", "retry"));
}

TEST_F(CompletionTest, BashOffersTheOptionsOfAVerbAndOfTheProgram) {
  EXPECT_THAT(Bash({"sweep", "results", "lab-1", "--"}),
              AllOf(IsSupersetOf({"--sort", "--format", "--json", "--server", "--help"}),
                    Not(Contains("--watch"))));
  EXPECT_THAT(Bash({"model", "download", "lab-1-0", "--o"}), ElementsAre("--output"));
  EXPECT_THAT(Bash({"--s"}), ElementsAre("--server"));
}

TEST_F(CompletionTest, BashOffersTheWordsOfAValue) {
  EXPECT_THAT(Bash({"sweep", "results", "lab-1", "--format", ""}),
              ElementsAre("table", "tsv", "csv", "json"));
  EXPECT_THAT(Bash({"sweep", "results", "--format", "=", "t"}), ElementsAre("table", "tsv"));
  EXPECT_THAT(Bash({"sweep", "results", "--format", "="}), Contains("csv"));
  EXPECT_THAT(Bash({"completion", ""}), ElementsAre("bash", "zsh", "fish"));
}

TEST_F(CompletionTest, BashSkipsTheValuesOfOptions) {
  EXPECT_THAT(Bash({"--server", "sweep", "tr"}), UnorderedElementsAre("transform", "trial"));
  EXPECT_THAT(Bash({"--json", "sweep", "--server", "=", "host", "sub"}), ElementsAre("submit"));
  EXPECT_THAT(Bash({"--server", "host", ":", "50051", "sweep", "sub"}), ElementsAre("submit"));
  EXPECT_THAT(Bash({"--server", "host", ":", "s"}), IsEmpty());
}

TEST_F(CompletionTest, BashOffersFilesWhereAFileIsMeant) {
  std::ofstream(folder_.path() / "lab one.toml");
  EXPECT_THAT(Bash({"sweep", "submit", "lab"}), ElementsAre("lab one.toml"));
  EXPECT_THAT(Bash({"--config", "lab"}), ElementsAre("lab one.toml"));
  EXPECT_THAT(Bash({"model", "import", "x.bsck", "--graph", "lab"}), ElementsAre("lab one.toml"));
  EXPECT_THAT(Bash({"sweep", "show", "lab"}), IsEmpty());
  EXPECT_THAT(Bash({"--server", "lab"}), IsEmpty());
}

TEST_F(CompletionTest, ZshReadsItsScript) {
  if (!IsInstalled("zsh")) GTEST_SKIP() << "no zsh here";
  EXPECT_THAT(LinesOf("zsh -n " + Script("zsh") + " 2>&1"), IsEmpty());
}

TEST_F(CompletionTest, FishOffersVerbsOptionsAndWords) {
  if (!IsInstalled("fish")) GTEST_SKIP() << "no fish here";
  EXPECT_THAT(Fish("bitsweep "), IsSupersetOf({"sweep", "transform", "model", "completion"}));
  EXPECT_THAT(Fish("bitsweep --server x sweep re"),
              UnorderedElementsAre("results", "resume", "retry"));
  EXPECT_THAT(Fish("bitsweep sweep results lab-1 --"),
              AllOf(IsSupersetOf({"--sort", "--format", "--json"}), Not(Contains("--watch"))));
  EXPECT_THAT(Fish("bitsweep sweep results lab-1 --format t"),
              UnorderedElementsAre("table", "tsv"));
  std::ofstream(folder_.path() / "lab.toml");
  EXPECT_THAT(Fish("bitsweep sweep submit la"), ElementsAre("lab.toml"));
  EXPECT_THAT(Fish("bitsweep sweep show la"), IsEmpty());
}

TEST_F(CompletionTest, AnotherShellIsRefused) {
  EXPECT_EQ(CommandLine().Run({"completion", "csh"}).code, 2);
  EXPECT_EQ(CommandLine().Run({"completion"}).code, 2);
}

}  // namespace
}  // namespace bitsweep::client
