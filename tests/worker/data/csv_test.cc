// SPDX-License-Identifier: Apache-2.0
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/worker/data/folder.h"

namespace bitsweep::data {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

TEST(CsvTest, ReadsFeaturesInFileOrderAndNumericClasses) {
  const Folder folder;
  folder.Write("a.csv", "a,Label,b\n1,0,2.5\n-3e2,2,+4\n");
  const auto table = folder.Load("a.csv");
  ASSERT_TRUE(table.ok()) << table.status();
  EXPECT_THAT(table->x, ElementsAre(1, 2.5F, -300, 4));
  EXPECT_THAT(table->y, ElementsAre(0, 2));
  EXPECT_EQ(table->classes, 3);
  EXPECT_THAT(table->feature_names, ElementsAre("a", "b"));
  EXPECT_THAT(table->class_names, IsEmpty());
  EXPECT_EQ(table->digest.size(), 64U);
}

TEST(CsvTest, MapsTextClassesInSortedOrder) {
  const Folder folder;
  folder.Write("a.csv", "Class,x\nwhale,1\nbee,2\ncat,3\nbee,4\n");
  const auto table = folder.Load("a");  // the stem is enough
  ASSERT_TRUE(table.ok()) << table.status();
  EXPECT_THAT(table->class_names, ElementsAre("bee", "cat", "whale"));
  EXPECT_THAT(table->y, ElementsAre(2, 0, 1, 0));
}

TEST(CsvTest, UnderstandsQuotesCrLfByteOrderMarkAndBlankLines) {
  const Folder folder;
  folder.Write("a.csv",
               "\xEF\xBB\xBF\"x, \"\"1\"\"\", y ,label\r\n\r\n\"1\",2,\"a\nb\"\r\n3,4,a\r\n\r\n");
  const auto table = folder.Load("a.csv");
  ASSERT_TRUE(table.ok()) << table.status();
  EXPECT_THAT(table->feature_names, ElementsAre("x, \"1\"", "y"));
  EXPECT_THAT(table->x, ElementsAre(1, 2, 3, 4));
  EXPECT_THAT(table->class_names, ElementsAre("a", "a\nb"));
}

TEST(CsvTest, TakesTheColumnsThatAreNamed) {
  const Folder folder;
  folder.Write("a.csv", "id,c,a,kind\nq,1,2,0\nr,3,4,1\n");
  const auto table =
      folder.LoadSpec({.name = "a.csv", .label_column = "kind", .feature_columns = {"a", "c"}});
  ASSERT_TRUE(table.ok()) << table.status();
  EXPECT_THAT(table->x, ElementsAre(2, 1, 4, 3));
}

TEST(CsvTest, NamesFileLineAndColumnOfWhatIsWrong) {
  struct Case {
    std::string text;
    std::string message;
    std::string label_column;
  };
  const Case cases[] = {{"", "a.csv: empty", ""},
                        {"x,label\n", "a.csv: a header and no rows", ""},
                        {"x,label\n1,0\n2\n3,1\n", "a.csv:3: 1 fields where the header has 2", ""},
                        {"x,label\n1,0,7\n", "a.csv:2: 3 fields where the header has 2", ""},
                        {"x,label\n\n1,0\nnan,1\n", "a.csv:4: column \"x\": \"nan\"", ""},
                        {"x,label\n1e39,0\n", "a.csv:2: column \"x\": \"1e39\"", ""},
                        {"x,label\ninf,0\n", "a.csv:2: column \"x\": \"inf\"", ""},
                        {"x,label\n,0\n", "a.csv:2: column \"x\": \"\"", ""},
                        {"x,label\n1.5kg,0\n", "a.csv:2: column \"x\": \"1.5kg\"", ""},
                        {"x,label\n1,0\n2,-1\n", "a.csv:3: class -1", ""},
                        {"x,label\n1,0\n2,70000\n", "a.csv:3: class 70000", ""},
                        {"x,label\n1,0\n2,\n", "a.csv:3: the class is empty", ""},
                        {"x,y\n1,0\n", "no column \"label\" or \"class\"", ""},
                        {"x,y\n1,0\n", "no column \"z\": there are x, y", "z"},
                        {"x,x,label\n1,1,0\n", "a.csv:1: two columns are named \"x\"", ""},
                        {"x,label\n\"1,0\n", "a.csv:2: a quoted field has no closing quote", ""},
                        {"label\n0\n", "0 features", ""},
                        {std::string("x,label\n1\0,0\n", 13), "zero bytes", ""}};
  for (const Case& c : cases) {
    const Folder folder;
    folder.Write("a.csv", c.text);
    const auto table = folder.LoadSpec({.name = "a.csv", .label_column = c.label_column});
    EXPECT_TRUE(absl::IsInvalidArgument(table.status())) << c.text;
    EXPECT_THAT(std::string(table.status().message()), HasSubstr(c.message));
  }
}

TEST(CsvTest, DigestTellsEveryDifference) {
  const Folder folder;
  const std::string base = "x,label\n1,0\n2,1\n";
  folder.Write("a.csv", base);
  folder.Write("same.csv", "x,label\r\n1.0,0\r\n2,1");
  const std::string digest = folder.Load("a.csv")->digest;
  EXPECT_EQ(folder.Load("same.csv")->digest, digest);
  for (const char* other : {"x,label\n1,0\n2.0000002,1\n", "x,label\n1,0\n2,0\n",
                            "z,label\n1,0\n2,1\n", "x,label\n2,1\n1,0\n"}) {
    folder.Write("b.csv", other);
    EXPECT_NE(folder.Load("b.csv")->digest, digest) << other;
  }
}

}  // namespace
}  // namespace bitsweep::data
