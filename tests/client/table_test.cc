// SPDX-License-Identifier: Apache-2.0
#include "client/output/table.h"

#include "gtest/gtest.h"
#include "tests/client/golden_text.h"

namespace bitsweep::client {
namespace {

// Every kind of cell, and texts that each format must take care of.
Table Mixed() {
  return {.columns = {{"configuration"},
                      {"learning_rate"},
                      {"optimizer"},
                      {"val_acc_mean", Precision::kFraction},
                      {"seconds_mean", Precision::kSeconds}},
          .rows = {{std::int64_t{0}, 1e-5, std::string("adam"), 0.71234999, 3.14159},
                   {std::int64_t{10}, 0.1, std::string("a\tb, \"c\"\nd"), 0.1 + 0.2, 123.456},
                   {std::int64_t{-2}, 100000000.0, std::string("größe"), std::monostate(), 0.0}}};
}

TEST(TableTest, AlignsOnATerminal) { ExpectGolden(Render(Mixed(), Format::kTable), "table"); }
TEST(TableTest, SeparatesWithTabsWhenPiped) { ExpectGolden(Render(Mixed(), Format::kTsv), "tsv"); }
TEST(TableTest, QuotesCsv) { ExpectGolden(Render(Mixed(), Format::kCsv), "csv"); }
TEST(TableTest, MakesAnArrayOfObjects) { ExpectGolden(Render(Mixed(), Format::kJson), "json"); }

TEST(TableTest, KeepsTheHeaderOfAnEmptyTable) {
  const Table empty{.columns = {{"sweep"}, {"state"}}};
  EXPECT_EQ(Render(empty, Format::kTable), "sweep  state\n");
  EXPECT_EQ(Render(empty, Format::kTsv), "sweep\tstate\n");
  EXPECT_EQ(Render(empty, Format::kCsv), "sweep,state\n");
  EXPECT_EQ(Render(empty, Format::kJson), "[]\n");
}

TEST(TableTest, GivesEveryDigitToPrograms) {
  const Table table{.columns = {{"x", Precision::kFraction}}, .rows = {{1.0 / 3}}};
  EXPECT_EQ(Render(table, Format::kTsv), "x\n0.3333333333333333\n");
  EXPECT_EQ(Render(table, Format::kTable), "     x\n0.3333\n");
}

TEST(FormatTest, KnowsFourNames) {
  EXPECT_EQ(ParseFormat("table"), Format::kTable);
  EXPECT_EQ(ParseFormat("tsv"), Format::kTsv);
  EXPECT_EQ(ParseFormat("csv"), Format::kCsv);
  EXPECT_EQ(ParseFormat("json"), Format::kJson);
  EXPECT_EQ(ParseFormat("xml"), std::nullopt);
}

}  // namespace
}  // namespace bitsweep::client
