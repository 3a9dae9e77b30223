// SPDX-License-Identifier: Apache-2.0
#include "core/options/man_page.h"

#include "CLI/CLI.hpp"
#include "gmock/gmock.h"

namespace bitsweep::options {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

// A program with an option of each kind, a verb in a group, and something hidden.
class ManPageTest : public ::testing::Test {
 protected:
  ManPageTest() {
    app_.name("prog-x");
    app_.add_option("--listen", text_, "Address")->capture_default_str();
    app_.add_option("--format", choice_, "Form")->check(CLI::IsMember({"table", "csv"}));
    app_.add_option("--root", folder_, "Folder")->check(CLI::ExistingDirectory);
    app_.add_option("--label", labels_, "Labels");
    app_.add_flag("--secret", flag_, "Not for people")->group("");
    CLI::App* group = app_.add_subcommand("sweep", "Sweeps");
    CLI::App* verb = group->add_subcommand("submit", "Stores a sweep");
    verb->add_option("FILE", file_, "Sweep file")->required();
    verb->add_option("-o,--output", text_, "Where to")->type_name("FILE");
    verb->add_flag("--watch", flag_, "Follow it");
  }

  CLI::App app_{"The program: Does a thing, and more."};
  std::string text_ = "127.0.0.1:1";
  std::string choice_;
  std::string folder_;
  std::string file_;
  std::vector<std::string> labels_;
  bool flag_ = false;
};

TEST_F(ManPageTest, DescribesOptionsAsTheyWereAdded) {
  const CommandInfo info = Describe(app_);
  ASSERT_EQ(info.options.size(), 5U);  // with --help, without what is hidden
  EXPECT_EQ(info.options[1].initial, "127.0.0.1:1");
  EXPECT_EQ(info.options[2].takes, Takes::kChoice);
  EXPECT_THAT(info.options[2].choices, ::testing::ElementsAre("table", "csv"));
  EXPECT_EQ(info.options[3].takes, Takes::kFolder);
  EXPECT_TRUE(info.options[4].repeats);
}

TEST_F(ManPageTest, DescribesVerbsOfVerbs) {
  const CommandInfo info = Describe(app_);
  ASSERT_EQ(info.verbs.size(), 1U);
  const CommandInfo& submit = info.verbs[0].verbs.at(0);
  EXPECT_EQ(submit.name, "submit");
  EXPECT_EQ(submit.positionals.at(0).takes, Takes::kFile);
  EXPECT_TRUE(submit.positionals.at(0).required);
  EXPECT_THAT(submit.options.at(1).names, ::testing::ElementsAre("-o", "--output"));
  EXPECT_EQ(submit.options.at(1).takes, Takes::kFile);
  EXPECT_EQ(submit.options.at(2).takes, Takes::kNothing);
}

TEST_F(ManPageTest, HasEveryOptionWithItsVariable) {
  const std::string page = ManPage(Describe(app_), "1.2.3", "8");
  EXPECT_THAT(page, HasSubstr(".TH PROG\\-X 8 \"\" \"prog\\-x 1.2.3\" \"Bitsweep\"\n"));
  EXPECT_THAT(page, HasSubstr("prog\\-x \\- does a thing\n"));
  EXPECT_THAT(page, HasSubstr("Default: \\fB127.0.0.1:1\\fR\n"));
  EXPECT_THAT(page, HasSubstr("\\fBBITSWEEP_LISTEN\\fR\nThe same as \\fB\\-\\-listen\\fR.\n"));
  EXPECT_THAT(page, HasSubstr("\\fB\\-\\-format\\fR \\fBtable\\fR|\\:\\fBcsv\\fR\n"));
  EXPECT_THAT(page, Not(HasSubstr("secret")));
}

TEST_F(ManPageTest, HasEveryVerb) {
  const std::string page = ManPage(Describe(app_), "1.2.3", "1");
  EXPECT_THAT(page,
              HasSubstr(".SS \\fBprog\\-x sweep submit\\fR \\fIFILE\\fR [\\fB\\-\\-output\\fR"));
  EXPECT_THAT(page, AllOf(HasSubstr("Stores a sweep.\n"), HasSubstr("\\fB\\-o\\fR, ")));
}

TEST_F(ManPageTest, TextMeansItself) {
  app_.add_flag("--odd", flag_, ".starts with a dot, has a \\ too");
  EXPECT_THAT(ManPage(Describe(app_), "1", "1"), HasSubstr("\\&.starts with a dot, has a \\e too"));
}

}  // namespace
}  // namespace bitsweep::options
