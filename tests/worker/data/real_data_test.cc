// SPDX-License-Identifier: Apache-2.0
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/support/test_paths.h"
#include "worker/data/dataset.h"

namespace bitsweep::data {
namespace {

using ::testing::ElementsAre;

TEST(RealDataTest, JetsAreAThousandRowsOfSixteenFeatures) {
  const auto table = LoadTable(bitsweep::testing::TestDataDir().string(), {.name = "jsc1k_raw"});
  ASSERT_TRUE(table.ok()) << table.status();
  EXPECT_EQ(table->rows, 1000);
  EXPECT_EQ(table->features, 16);
  EXPECT_EQ(table->classes, 5);
  EXPECT_FLOAT_EQ(table->x[0], -2.34413958F);
  EXPECT_EQ(table->y[0], 1);
  EXPECT_EQ(table->feature_names.front(), "j_zlogz");
}

TEST(RealDataTest, DryBeanMapsItsSevenNames) {
  const auto table = LoadTable(bitsweep::testing::TestDataDir().string(),
                               {.name = "drybean/Dry_Bean_Dataset.csv"});
  ASSERT_TRUE(table.ok()) << table.status();
  EXPECT_EQ(table->rows, 13611);
  EXPECT_EQ(table->features, 16);
  EXPECT_THAT(table->class_names,
              ElementsAre("BARBUNYA", "BOMBAY", "CALI", "DERMASON", "HOROZ", "SEKER", "SIRA"));
  EXPECT_EQ(table->y[0], 5);  // SEKER
  const auto data = Prepare(*table, {.name = "drybean", .stratified = true});
  ASSERT_TRUE(data.ok());
  EXPECT_EQ(data->val_y.size(), 2723U);
}

}  // namespace
}  // namespace bitsweep::data
