// SPDX-License-Identifier: Apache-2.0
#include <hdf5.h>

#include <fstream>
#include <iterator>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/worker/data/folder.h"

namespace bitsweep::data {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

constexpr const char* kColumns[] = {"j_zlogz",
                                    "j_c1_b0_mmdt",
                                    "j_c1_b1_mmdt",
                                    "j_c1_b2_mmdt",
                                    "j_c2_b1_mmdt",
                                    "j_c2_b2_mmdt",
                                    "j_d2_b1_mmdt",
                                    "j_d2_b2_mmdt",
                                    "j_d2_a1_b1_mmdt",
                                    "j_d2_a1_b2_mmdt",
                                    "j_m2_b1_mmdt",
                                    "j_m2_b2_mmdt",
                                    "j_n2_b1_mmdt",
                                    "j_n2_b2_mmdt",
                                    "j_mass_mmdt",
                                    "j_multiplicity",
                                    "j_g",
                                    "j_q",
                                    "j_w",
                                    "j_z",
                                    "j_t",
                                    "j_undef"};
constexpr std::size_t kCount = std::size(kColumns);

// A table of doubles as the JSC set has it, its columns in reverse order and one too many.
void WriteJets(const std::string& file, const std::vector<std::array<double, kCount>>& rows,
               const std::string& without = "") {
  const hid_t type = H5Tcreate(H5T_COMPOUND, kCount * sizeof(double));
  for (std::size_t i = kCount; i-- > 0;) {
    if (kColumns[i] != without) H5Tinsert(type, kColumns[i], i * sizeof(double), H5T_NATIVE_DOUBLE);
  }
  const hid_t out = H5Fcreate(file.c_str(), H5F_ACC_TRUNC, H5P_DEFAULT, H5P_DEFAULT);
  const hsize_t extent = rows.size();
  const hid_t space = H5Screate_simple(1, &extent, nullptr);
  const hid_t set =
      H5Dcreate2(out, "t_allpar_new", type, space, H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT);
  ASSERT_GE(H5Dwrite(set, type, H5S_ALL, H5S_ALL, H5P_DEFAULT, rows.data()), 0);
  H5Dclose(set);
  H5Sclose(space);
  H5Fclose(out);
  H5Tclose(type);
}

template <typename T>
void WriteArray(hid_t file, const char* name, hid_t type, std::vector<hsize_t> shape,
                const std::vector<T>& values) {
  const hid_t space = H5Screate_simple(static_cast<int>(shape.size()), shape.data(), nullptr);
  const hid_t set = H5Dcreate2(file, name, type, space, H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT);
  ASSERT_GE(H5Dwrite(set, type, H5S_ALL, H5S_ALL, H5P_DEFAULT, values.data()), 0);
  H5Dclose(set);
  H5Sclose(space);
}

std::array<double, kCount> Jet(double first, int jet_class) {
  std::array<double, kCount> jet{};
  for (std::size_t i = 0; i < 16; ++i) jet[i] = first + static_cast<double>(i);
  jet[16 + static_cast<std::size_t>(jet_class)] = 1;
  jet[21] = 9;
  return jet;
}

TEST(Hdf5Test, ReadsTheJetTableByColumnNames) {
  const Folder folder;
  WriteJets(folder.path() / "jets.h5", {Jet(0, 4), Jet(100, 0), Jet(200, 2)});
  const auto table = folder.Load("jets");
  ASSERT_TRUE(table.ok()) << table.status();
  EXPECT_EQ(table->features, 16);
  EXPECT_EQ(table->classes, 5);
  EXPECT_THAT(table->y, ElementsAre(4, 0, 2));
  EXPECT_THAT(table->class_names, ElementsAre("g", "q", "w", "z", "t"));
  EXPECT_EQ(table->x[16], 100);
  EXPECT_EQ(table->x[31], 115);
  EXPECT_EQ(table->feature_names[15], "j_multiplicity");
}

TEST(Hdf5Test, SaysWhatIsWrongWithAJetTable) {
  const Folder folder;
  WriteJets(folder.path() / "missing.h5", {Jet(0, 1)}, "j_mass_mmdt");
  EXPECT_THAT(std::string(folder.Load("missing.h5").status().message()),
              HasSubstr("missing.h5:t_allpar_new: no column \"j_mass_mmdt\""));
  std::array<double, kCount> two = Jet(0, 1);
  two[17] = two[18] = 1;
  WriteJets(folder.path() / "two.h5", {Jet(0, 1), two});
  EXPECT_THAT(std::string(folder.Load("two.h5").status().message()),
              HasSubstr("row 1: the class is not one-hot"));
  std::array<double, kCount> nan = Jet(0, 1);
  nan[3] = std::nan("");
  WriteJets(folder.path() / "nan.h5", {nan});
  EXPECT_THAT(std::string(folder.Load("nan.h5").status().message()),
              HasSubstr("row 0: column \"j_c1_b2_mmdt\": nan"));
}

TEST(Hdf5Test, ReadsPlainArraysUnderKnownOrGivenNames) {
  const Folder folder;
  const std::string file = folder.path() / "a.hdf5";
  const hid_t out = H5Fcreate(file.c_str(), H5F_ACC_TRUNC, H5P_DEFAULT, H5P_DEFAULT);
  WriteArray<double>(out, "X", H5T_NATIVE_DOUBLE, {2, 2}, {1, 2, 3, 4});
  WriteArray<std::int64_t>(out, "y", H5T_NATIVE_INT64, {2}, {1, 0});
  WriteArray<float>(out, "other", H5T_NATIVE_FLOAT, {2, 1}, {7, 8});
  WriteArray<std::uint8_t>(out, "hot", H5T_NATIVE_UINT8, {2, 3}, {0, 0, 1, 1, 0, 0});
  WriteArray<float>(out, "flat", H5T_NATIVE_FLOAT, {2}, {7, 8});
  H5Fclose(out);
  const auto plain = folder.Load("a");
  ASSERT_TRUE(plain.ok()) << plain.status();
  EXPECT_THAT(plain->x, ElementsAre(1, 2, 3, 4));
  EXPECT_THAT(plain->y, ElementsAre(1, 0));
  const auto named =
      folder.LoadSpec({.name = "a.hdf5", .features_key = "other", .labels_key = "hot"});
  ASSERT_TRUE(named.ok()) << named.status();
  EXPECT_THAT(named->x, ElementsAre(7, 8));
  EXPECT_THAT(named->y, ElementsAre(2, 0));
  EXPECT_EQ(named->classes, 3);
  EXPECT_THAT(
      std::string(folder.LoadSpec({.name = "a.hdf5", .features_key = "flat"}).status().message()),
      HasSubstr("a.hdf5:flat: shape (2): expected [rows, features]"));
  EXPECT_THAT(
      std::string(folder.LoadSpec({.name = "a.hdf5", .features_key = "none"}).status().message()),
      HasSubstr("no \"none\" and \"y\""));
}

TEST(Hdf5Test, RefusesATruncatedFile) {
  const Folder folder;
  std::vector<std::array<double, kCount>> rows(500, Jet(0, 1));
  WriteJets(folder.path() / "whole.h5", rows);
  ASSERT_TRUE(folder.Load("whole.h5").ok());
  std::ifstream stream(folder.path() / "whole.h5", std::ios::binary);
  const std::string bytes((std::istreambuf_iterator<char>(stream)), {});
  for (const double part : {0.0, 0.01, 0.3, 0.9, 0.99}) {
    folder.Write(
        "cut.h5",
        bytes.substr(0, static_cast<std::size_t>(static_cast<double>(bytes.size()) * part)));
    const auto table = folder.Load("cut.h5");
    EXPECT_TRUE(absl::IsInvalidArgument(table.status())) << part;
    EXPECT_THAT(std::string(table.status().message()), HasSubstr("cut.h5"));
  }
}

}  // namespace
}  // namespace bitsweep::data
