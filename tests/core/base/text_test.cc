// SPDX-License-Identifier: Apache-2.0
#include "core/base/text.h"

#include "gtest/gtest.h"

namespace bitsweep {
namespace {

TEST(ToValidUtf8Test, LeavesValidTextAlone) {
  for (const char* text : {"", "plain", "caf\xc3\xa9", "\xe2\x82\xac 5", "\xf0\x9f\x98\x80"}) {
    EXPECT_EQ(ToValidUtf8(text, 100), text);
  }
  EXPECT_EQ(ToValidUtf8(std::string_view("a\0b", 3), 100), std::string("a\0b", 3));
}

TEST(ToValidUtf8Test, KeepsTheBordersOfEachLength) {
  for (const char* text :
       {"\x7f", "\xc2\x80", "\xdf\xbf", "\xe0\xa0\x80", "\xed\x9f\xbf", "\xee\x80\x80",
        "\xef\xbf\xbf", "\xf0\x90\x80\x80", "\xf4\x8f\xbf\xbf"}) {
    EXPECT_EQ(ToValidUtf8(text, 100), text);
  }
}

TEST(ToValidUtf8Test, MarksEachByteThatIsNoCharacter) {
  EXPECT_EQ(ToValidUtf8("a\x80z", 100), "a?z");             // a continuation alone
  EXPECT_EQ(ToValidUtf8("a\xff\xfez", 100), "a??z");        // never in UTF-8
  EXPECT_EQ(ToValidUtf8("\xc0\xaf", 100), "??");            // '/' in two bytes
  EXPECT_EQ(ToValidUtf8("\xe0\x80\xaf", 100), "???");       // and in three
  EXPECT_EQ(ToValidUtf8("\xf0\x80\x80\xaf", 100), "????");  // and in four
  EXPECT_EQ(ToValidUtf8("\xed\xa0\x80", 100), "???");       // a surrogate
  EXPECT_EQ(ToValidUtf8("\xf4\x90\x80\x80", 100), "????");  // above U+10FFFF
  EXPECT_EQ(ToValidUtf8("\xf5\x80\x80\x80", 100), "????");
}

TEST(ToValidUtf8Test, MarksCharactersThatAreCutOff) {
  EXPECT_EQ(ToValidUtf8("\xc3", 100), "?");
  EXPECT_EQ(ToValidUtf8("\xe2\x82", 100), "??");
  EXPECT_EQ(ToValidUtf8("\xf0\x9f\x98", 100), "???");
  EXPECT_EQ(ToValidUtf8("\xe2\x82z", 100), "??z");
  EXPECT_EQ(ToValidUtf8("\xf0\x9f\x98z", 100), "???z");
}

TEST(ToValidUtf8Test, EndsBeforeTheCharacterThatDoesNotFit) {
  EXPECT_EQ(ToValidUtf8("abcdef", 3), "abc");
  EXPECT_EQ(ToValidUtf8("ab\xc3\xa9", 3), "ab");
  EXPECT_EQ(ToValidUtf8("ab\xc3\xa9", 4), "ab\xc3\xa9");
  EXPECT_EQ(ToValidUtf8("\xf0\x9f\x98\x80", 3), "");
  EXPECT_EQ(ToValidUtf8("\xff\xff\xff", 2), "??");
  EXPECT_EQ(ToValidUtf8("abc", 0), "");
}

}  // namespace
}  // namespace bitsweep
