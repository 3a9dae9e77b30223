// SPDX-License-Identifier: Apache-2.0
#include "core/spec/node_pattern.h"

#include "tests/support/status_matchers.h"

namespace bitsweep::spec {
namespace {

using ::bitsweep::testing::StatusIs;
using ::testing::HasSubstr;

bool Matches(const std::string& pattern, const std::string& name) {
  return NodePattern::Compile(pattern).value().Matches(name);
}

void ExpectRefused(const std::string& pattern, const std::string& why) {
  EXPECT_THAT(NodePattern::Compile(pattern),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr(why)));
}

TEST(NodePatternTest, MatchesWholeNames) {
  EXPECT_TRUE(Matches("seq_blocks_2", "seq_blocks_2"));
  EXPECT_FALSE(Matches("seq_blocks", "seq_blocks_2"));
  EXPECT_FALSE(Matches("blocks_2", "seq_blocks_2"));
  EXPECT_TRUE(Matches("seq_blocks_.*", "seq_blocks_10"));
  EXPECT_TRUE(Matches("relu(_[0-9]+)?", "relu"));
  EXPECT_TRUE(Matches("relu(_\\d{1,2})?", "relu_12"));
  EXPECT_FALSE(Matches("relu(_\\d{1,2})?", "relu_123"));
  EXPECT_TRUE(Matches("(block_)?conv[12]", "block_conv2"));
}

TEST(NodePatternTest, EndsSoonWhereBacktrackingWouldNot) {
  const std::string name = std::string(199, 'a') + "c";
  EXPECT_FALSE(Matches("(a*)*b", name));
  EXPECT_FALSE(Matches("(a|aa|a?)*b", name));
  EXPECT_TRUE(Matches("((a?){8}a*)*c", name));
}

TEST(NodePatternTest, RefusesWhatIsNoRegularExpression) {
  ExpectRefused("", "expected a regular expression");
  ExpectRefused("seq_(", "\"seq_(\": not a regular expression");
  ExpectRefused("[a", "not a regular expression");
  ExpectRefused("*", "not a regular expression");
}

TEST(NodePatternTest, RefusesWhatCannotBeBounded) {
  ExpectRefused(std::string(201, 'a'), "201 bytes: expected at most 200");
  ExpectRefused("(a)\\1", "back-references are not supported");
  ExpectRefused("(?=a).*", "(?= and (?! are not supported");
  ExpectRefused("(?!a).*", "(?= and (?! are not supported");
  ExpectRefused("a{65}", "more than 64");
  ExpectRefused("((a{8}){3}){3}", "more than 64");
  ExpectRefused("a{99999999999999999999999}", "more than 64");
  ExpectRefused("a{1,65}", "more than 64");
}

TEST(NodePatternTest, CostGrowsWithLengthAndCounts) {
  EXPECT_EQ(NodePattern::Compile("abc").value().cost(), 3);
  EXPECT_EQ(NodePattern::Compile("(ab){4}c").value().cost(), 8 * 4);
}

}  // namespace
}  // namespace bitsweep::spec
