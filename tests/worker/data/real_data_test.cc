// SPDX-License-Identifier: Apache-2.0
#include <vector>

#include "fmt/format.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/support/test_paths.h"
#include "tests/worker/data/folder.h"
#include "tests/worker/data/hdf5_files.h"
#include "tests/worker/data/npy_bytes.h"
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

TEST(RealDataTest, JetsAreTheSameFromEveryFormat) {
  const auto csv = LoadTable(bitsweep::testing::TestDataDir().string(), {.name = "jsc1k_raw.csv"});
  ASSERT_TRUE(csv.ok()) << csv.status();
  const auto rows = static_cast<std::size_t>(csv->rows);
  const Folder folder;
  folder.Write("jets_x.npy", Npy<float>("<f4", fmt::format("({}, 16)", rows), csv->x));
  folder.Write("jets_y.npy", Npy<std::int32_t>("<i4", fmt::format("({},)", rows), csv->y));
  std::vector<JetRow> jets(rows);
  for (std::size_t r = 0; r < rows; ++r) {
    for (std::size_t f = 0; f < 16; ++f) jets[r][f] = csv->x[16 * r + f];
    jets[r][16 + static_cast<std::size_t>(csv->y[r])] = 1;
  }
  WriteJets(folder.path() / "jets.h5", jets);
  const auto npy = folder.Load("jets_x.npy");
  const auto hdf5 = folder.Load("jets.h5");
  ASSERT_TRUE(npy.ok()) << npy.status();
  ASSERT_TRUE(hdf5.ok()) << hdf5.status();
  EXPECT_EQ(npy->x, csv->x);
  EXPECT_EQ(npy->y, csv->y);
  EXPECT_EQ(hdf5->x, csv->x);
  EXPECT_EQ(hdf5->y, csv->y);
  EXPECT_EQ(hdf5->feature_names, csv->feature_names);
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
