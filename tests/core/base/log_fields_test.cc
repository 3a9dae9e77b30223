// SPDX-License-Identifier: Apache-2.0
#include "core/base/log_fields.h"

#include "gmock/gmock.h"

namespace bitsweep {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::Pair;

TEST(LogFieldsTest, TakesALineApart) {
  const LogLine line = ParseLogLine(
      "trial failed job=sweeps/a/trials/1 attempt=2 message=\"no x=1 "
      "in \"a.csv\" here\" worker=w-1");
  EXPECT_EQ(line.text, "trial failed");
  EXPECT_THAT(line.fields,
              ElementsAre(Pair("job", "sweeps/a/trials/1"), Pair("attempt", "2"),
                          Pair("message", "no x=1 in \"a.csv\" here"), Pair("worker", "w-1")));
}

TEST(LogFieldsTest, LeavesTextAlone) {
  EXPECT_EQ(ParseLogLine("serving on 127.0.0.1:1").text, "serving on 127.0.0.1:1");
  EXPECT_THAT(ParseLogLine("A=1 2=3 =x").fields, IsEmpty());
  EXPECT_EQ(ParseLogLine("A=1 2=3 =x").text, "A=1 2=3 =x");
  EXPECT_EQ(ParseLogLine("").text, "");
}

TEST(LogFieldsTest, TakesEmptyAndOpenValues) {
  EXPECT_THAT(ParseLogLine("a= b=\"\" c=\"open end").fields,
              ElementsAre(Pair("a", ""), Pair("b", ""), Pair("c", "\"open")));
  EXPECT_EQ(ParseLogLine("c=\"open end").text, "end");
}

}  // namespace
}  // namespace bitsweep
