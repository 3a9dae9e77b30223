// SPDX-License-Identifier: Apache-2.0
#include "core/options/layered_options.h"

#include <fstream>
#include <map>
#include <vector>

#include "CLI/CLI.hpp"
#include "absl/time/time.h"
#include "core/base/version.h"
#include "core/options/value_options.h"
#include "gmock/gmock.h"
#include "tests/support/test_paths.h"

namespace bitsweep::options {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

// A program with an option of each kind.
class LayeredOptionsTest : public ::testing::Test {
 protected:
  LayeredOptionsTest() {
    app_.add_option("--listen", listen_, "Address")->capture_default_str();
    app_.add_option("--slots", slots_, "Slots")->check(CLI::Range(1, 64));
    app_.add_option("--data-dir", data_dir_, "Folder");
    app_.add_option("--label", labels_, "Labels");
    app_.add_flag("--insecure", insecure_, "Anyone may connect");
    AddDuration(app_, "--grace", grace_, absl::Seconds(1), "Time to finish");
  }

  std::optional<int> Parse(std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(), "program");
    std::vector<const char*> argv;
    for (const std::string& argument : arguments) argv.push_back(argument.c_str());
    ::testing::internal::CaptureStdout();
    ::testing::internal::CaptureStderr();
    const std::optional<int> code =
        layered_.Parse(static_cast<int>(argv.size()), argv.data(), [this](const char* name) {
          const auto found = environment_.find(name);
          return found == environment_.end() ? nullptr : found->second.c_str();
        });
    out_ = ::testing::internal::GetCapturedStdout();
    err_ = ::testing::internal::GetCapturedStderr();
    return code;
  }
  // Writes a configuration file and returns its path.
  std::string File(const std::string& text) {
    const std::string path = folder_.path() / "program.toml";
    std::ofstream(path) << text;
    return path;
  }

  bitsweep::testing::TempDir folder_;
  std::map<std::string, std::string> environment_;
  std::string listen_ = "127.0.0.1:1";
  int slots_ = 2;
  std::string data_dir_;
  std::vector<std::string> labels_;
  bool insecure_ = false;
  absl::Duration grace_ = absl::Seconds(30);
  std::string out_;
  std::string err_;
  CLI::App app_{"Does things"};
  LayeredOptions layered_{app_, "program"};
};

TEST_F(LayeredOptionsTest, DefaultsStandWhenNothingIsSaid) {
  EXPECT_EQ(Parse({}), std::nullopt);
  EXPECT_EQ(listen_, "127.0.0.1:1");
  EXPECT_EQ(slots_, 2);
  EXPECT_EQ(grace_, absl::Seconds(30));
  EXPECT_EQ(layered_.log_options().level, "info");
  EXPECT_EQ(layered_.log_options().format, LogFormat::kText);
}

TEST_F(LayeredOptionsTest, TheFileOverridesDefaults) {
  const std::string file = File("listen = \"0.0.0.0:2\"\nslots = 4\ngrace = \"5s\"\n");
  EXPECT_EQ(Parse({"--config", file}), std::nullopt) << err_;
  EXPECT_EQ(listen_, "0.0.0.0:2");
  EXPECT_EQ(slots_, 4);
  EXPECT_EQ(grace_, absl::Seconds(5));
}

TEST_F(LayeredOptionsTest, TheEnvironmentOverridesTheFile) {
  environment_ = {{"BITSWEEP_SLOTS", "8"}, {"BITSWEEP_GRACE", "7s"}};
  EXPECT_EQ(Parse({"--config", File("slots = 4\ngrace = \"5s\"\nlisten = \"f\"\n")}), std::nullopt);
  EXPECT_EQ(slots_, 8);
  EXPECT_EQ(grace_, absl::Seconds(7));
  EXPECT_EQ(listen_, "f");
}

TEST_F(LayeredOptionsTest, FlagsOverrideEverything) {
  environment_ = {{"BITSWEEP_SLOTS", "8"}, {"BITSWEEP_GRACE", "7s"}};
  EXPECT_EQ(Parse({"--config", File("slots = 4\n"), "--slots", "16", "--grace=9s"}), std::nullopt);
  EXPECT_EQ(slots_, 16);
  EXPECT_EQ(grace_, absl::Seconds(9));
}

TEST_F(LayeredOptionsTest, AnEmptyVariableSaysNothing) {
  environment_ = {{"BITSWEEP_SLOTS", ""}};
  EXPECT_EQ(Parse({"--config", File("slots = 4\n")}), std::nullopt);
  EXPECT_EQ(slots_, 4);
}

TEST_F(LayeredOptionsTest, TheEnvironmentMayNameTheFile) {
  environment_ = {{"BITSWEEP_CONFIG", File("slots = 4\n")}};
  EXPECT_EQ(Parse({}), std::nullopt);
  EXPECT_EQ(slots_, 4);
}

TEST_F(LayeredOptionsTest, DashesMayBeUnderscores) {
  environment_ = {{"BITSWEEP_DATA_DIR", "/e"}};
  EXPECT_EQ(Parse({}), std::nullopt);
  EXPECT_EQ(data_dir_, "/e");
  environment_.clear();
  EXPECT_EQ(Parse({"--config", File("data_dir = \"/f\"\n")}), std::nullopt);
  EXPECT_EQ(data_dir_, "/f");
  EXPECT_EQ(Parse({"--config", File("data-dir = \"/g\"\n")}), std::nullopt);
  EXPECT_EQ(data_dir_, "/g");
}

TEST_F(LayeredOptionsTest, ListsAreArraysOrCommas) {
  EXPECT_EQ(Parse({"--config", File("label = [\"a\", \"b\"]\n")}), std::nullopt) << err_;
  EXPECT_THAT(labels_, ElementsAre("a", "b"));
  environment_ = {{"BITSWEEP_LABEL", "x,y,z"}};
  EXPECT_EQ(Parse({}), std::nullopt) << err_;
  EXPECT_THAT(labels_, ElementsAre("x", "y", "z"));
}

TEST_F(LayeredOptionsTest, FlagsAreTrueOrFalse) {
  for (const std::string on : {"true", "1", "yes", "on"}) {
    environment_ = {{"BITSWEEP_INSECURE", on}};
    EXPECT_EQ(Parse({}), std::nullopt) << err_;
    EXPECT_TRUE(insecure_) << on;
    environment_.clear();
    EXPECT_EQ(Parse({"--config", File("insecure = false\n")}), std::nullopt) << err_;
    EXPECT_FALSE(insecure_);
  }
  EXPECT_EQ(Parse({"--insecure"}), std::nullopt);
  EXPECT_TRUE(insecure_);
}

TEST_F(LayeredOptionsTest, RefusesAFlagThatIsNeither) {
  environment_ = {{"BITSWEEP_INSECURE", "maybe"}};
  EXPECT_EQ(Parse({}), 2);
  EXPECT_THAT(err_, AllOf(HasSubstr("BITSWEEP_INSECURE"), HasSubstr("true or false")));
}

TEST_F(LayeredOptionsTest, UnknownKeysOfTheFileAreErrors) {
  EXPECT_EQ(Parse({"--config", File("slots = 4\nspeed = 3\ncolour = \"red\"\n")}), 2);
  EXPECT_THAT(err_, AllOf(HasSubstr("program.toml"), HasSubstr("unknown keys: colour, speed")));
}

TEST_F(LayeredOptionsTest, TheFileCannotSetWhatIsForTheCommandLine) {
  for (const std::string key : {"config = \"x\"", "help = true", "version = true"}) {
    EXPECT_EQ(Parse({"--config", File(key + "\n")}), 2) << key;
    EXPECT_THAT(err_, HasSubstr("unknown keys"));
  }
}

TEST_F(LayeredOptionsTest, UnknownFlagsAndWordsAreErrors) {
  EXPECT_EQ(Parse({"--speed", "3"}), 2);
  EXPECT_THAT(err_, HasSubstr("--speed"));
  EXPECT_EQ(Parse({"word"}), 2);
}

TEST_F(LayeredOptionsTest, ABadFlagNamesItself) {
  EXPECT_EQ(Parse({"--slots", "65"}), 2);
  EXPECT_THAT(err_, HasSubstr("--slots"));
  EXPECT_EQ(Parse({"--slots", "many"}), 2);
  EXPECT_THAT(err_, HasSubstr("--slots"));
}

TEST_F(LayeredOptionsTest, ABadVariableNamesItself) {
  environment_ = {{"BITSWEEP_SLOTS", "65"}};
  EXPECT_EQ(Parse({}), 2);
  EXPECT_THAT(err_, HasSubstr("BITSWEEP_SLOTS"));
}

TEST_F(LayeredOptionsTest, ABadValueOfTheFileNamesFileAndKey) {
  for (const std::string text :
       {"slots = 65", "slots = \"many\"", "slots = [1, 2]", "slots = 1979-05-27",
        "slots = { a = 1 }", "slots = [[1]]", "slots = []"}) {
    EXPECT_EQ(Parse({"--config", File(text + "\n")}), 2) << text;
    EXPECT_THAT(err_, AllOf(HasSubstr("program.toml"), HasSubstr("slots"))) << text;
  }
}

TEST_F(LayeredOptionsTest, AKeyInBothSpellingsIsAnError) {
  EXPECT_EQ(Parse({"--config", File("data-dir = \"a\"\ndata_dir = \"b\"\n")}), 2);
  EXPECT_THAT(err_, HasSubstr("data-dir is given twice"));
}

TEST_F(LayeredOptionsTest, ABrokenFileNamesItsLine) {
  EXPECT_EQ(Parse({"--config", File("slots = 4\nlisten = \n")}), 2);
  EXPECT_THAT(err_, HasSubstr("program.toml:2"));
}

TEST_F(LayeredOptionsTest, AMissingFileIsAnError) {
  EXPECT_EQ(Parse({"--config", "/nowhere/at-all.toml"}), 2);
  EXPECT_THAT(err_, HasSubstr("/nowhere/at-all.toml"));
}

TEST_F(LayeredOptionsTest, HelpIsASuccess) {
  EXPECT_EQ(Parse({"--help"}), 0);
  EXPECT_THAT(out_, AllOf(HasSubstr("--listen"), HasSubstr("--grace"), HasSubstr("--config")));
}

TEST_F(LayeredOptionsTest, VersionIsASuccess) {
  EXPECT_EQ(Parse({"--version"}), 0);
  EXPECT_EQ(out_, "program " + Version() + " (" + Revision() + ")\n");
}

TEST_F(LayeredOptionsTest, LogOptionsAreOptionsToo) {
  environment_ = {{"BITSWEEP_LOG_LEVEL", "debug"}};
  EXPECT_EQ(Parse({"--config", File("log_format = \"json\"\n")}), std::nullopt) << err_;
  EXPECT_EQ(layered_.log_options().level, "debug");
  EXPECT_EQ(layered_.log_options().format, LogFormat::kJson);
  EXPECT_EQ(Parse({"--log-format", "xml"}), 2);
  EXPECT_THAT(err_, HasSubstr("--log-format"));
}

TEST_F(LayeredOptionsTest, DurationsHaveUnits) {
  EXPECT_EQ(Parse({"--grace", "1m30s"}), std::nullopt);
  EXPECT_EQ(grace_, absl::Seconds(90));
  EXPECT_EQ(Parse({"--grace", "1500ms"}), std::nullopt);
  EXPECT_EQ(grace_, absl::Milliseconds(1500));
  for (const std::string text : {"30", "soon", "", "999ms", "-5s", "inf", "5 s"}) {
    EXPECT_EQ(Parse({"--grace", text}), 2) << text;
    EXPECT_THAT(err_, HasSubstr("--grace")) << text;
  }
  EXPECT_EQ(grace_, absl::Milliseconds(1500));
}

}  // namespace
}  // namespace bitsweep::options
