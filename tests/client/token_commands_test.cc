// SPDX-License-Identifier: Apache-2.0
// token and server backup against the real server, whose clock stands still.
#include <filesystem>
#include <iterator>

#include "core/base/simulated_clock.h"
#include "gmock/gmock.h"
#include "nlohmann/json.hpp"
#include "tests/client/command_line.h"
#include "tests/support/local_server.h"

namespace bitsweep::client {
namespace {

namespace fs = std::filesystem;
using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::MatchesRegex;

class TokenCommandsTest : public ::testing::Test {
 protected:
  TokenCommandsTest() { cli_.environment["BITSWEEP_SERVER"] = server_.address(); }
  Ran Run(const std::vector<std::string>& arguments) const { return cli_.Run(arguments); }
  std::string File(const std::string& name) const { return (folder_.path() / name).string(); }

  std::ptrdiff_t Files() const { return std::distance(fs::directory_iterator(folder_.path()), {}); }

  SimulatedClock clock_;
  testing::LocalServer server_{clock_};
  testing::TempDir folder_;
  CommandLine cli_;
};

TEST_F(TokenCommandsTest, CreatePrintsTheTokenAloneAndTheRestElsewhere) {
  const Ran ran = Run({"token", "create", "lab-ci", "--scope", "read,submit", "--expires", "1h"});
  EXPECT_EQ(ran.code, 0);
  EXPECT_THAT(ran.out, MatchesRegex("bsw_lab-ci_[A-Za-z0-9_-]+\n"));
  EXPECT_EQ(ran.err,
            "tokens/lab-ci may read,submit until 2023-11-14 23:13:20 UTC; keep it now, it is not "
            "shown again\n");
  const Ran json = Run({"--json", "token", "create", "lab-w", "--scope", "worker"});
  EXPECT_EQ(nlohmann::json::parse(json.out)["token"]["scopes"][0], "SCOPE_WORKER");
}

TEST_F(TokenCommandsTest, ListShowsWhatBecameOfEach) {
  Run({"token", "create", "lab-ci", "--scope", "submit", "--expires", "1h"});
  Run({"token", "create", "alpha", "--scope", "admin,worker"});
  EXPECT_EQ(Run({"token", "revoke", "alpha"}).out, "tokens/alpha is revoked\n");
  clock_.Advance(absl::Hours(1));
  EXPECT_EQ(Run({"token", "list"}).out,
            "token\tstate\tscopes\tcreated\texpires\trevoked\n"
            "alpha\tREVOKED\tworker,admin\t2023-11-14 22:13:20\t\t2023-11-14 22:13:20\n"
            "lab-ci\tEXPIRED\tsubmit\t2023-11-14 22:13:20\t2023-11-14 23:13:20\t\n");
}

TEST_F(TokenCommandsTest, WrongUseIsSaid) {
  EXPECT_EQ(Run({"token", "create", "lab-ci"}).code, 2);
  EXPECT_EQ(Run({"token", "create", "lab-ci", "--scope", "root"}).code, 2);
  EXPECT_EQ(Run({"token", "create", "lab-ci", "--scope", "read", "--expires", "0s"}).code, 2);
  const Ran bad = Run({"token", "create", "X", "--scope", "read"});
  EXPECT_EQ(bad.code, 3);
  EXPECT_THAT(bad.err, HasSubstr("token_id: \"X\""));
  EXPECT_THAT(Run({"token", "revoke", "nobody"}).err, HasSubstr("TOKEN_NOT_FOUND"));
  const Ran file = Run({"--token-file", "/no/such", "token", "list"});
  EXPECT_EQ(file.code, 2);
  EXPECT_THAT(file.err, HasSubstr("--token-file /no/such: cannot be read"));
  EXPECT_EQ(Run({"--token-file", "/no/such", "completion", "bash"}).code, 0);
}

TEST_F(TokenCommandsTest, BackupWritesTheFileOrNothing) {
  const Ran ran = Run({"server", "backup", File("b.tar")});
  EXPECT_EQ(ran.code, 0) << ran.err;
  EXPECT_THAT(ran.out, AllOf(HasSubstr("b.tar: "), HasSubstr("0 sweeps, 0 trials"),
                             HasSubstr("all checked")));
  EXPECT_EQ(Files(), 1);
  const auto size = fs::file_size(File("b.tar"));

  EXPECT_EQ(Run({"server", "backup", File("b.tar")}).code, 2);
  EXPECT_EQ(Run({"server", "backup", File("b.tar"), "--force"}).code, 0);
  EXPECT_EQ(fs::file_size(File("b.tar")), size);
  const Ran nowhere = Run({"server", "backup", File("no/such/b.tar")});
  EXPECT_EQ(nowhere.code, 3);
  EXPECT_THAT(nowhere.err, HasSubstr("no/such/b.tar: No such file or directory"));

  server_.Stop();
  EXPECT_EQ(Run({"server", "backup", File("b.tar"), "--force"}).code, 4);
  EXPECT_EQ(fs::file_size(File("b.tar")), size) << "the earlier backup stays";
  EXPECT_EQ(Files(), 1);
}

TEST_F(TokenCommandsTest, HealthIsAWordAndAnExitCode) {
  const Ran up = Run({"server", "health"});
  EXPECT_EQ(up.code, 0);
  EXPECT_EQ(up.out, "SERVING\n");
  server_.Stop();
  EXPECT_EQ(Run({"server", "health"}).code, 4);
}

}  // namespace
}  // namespace bitsweep::client
