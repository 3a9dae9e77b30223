// SPDX-License-Identifier: Apache-2.0
#include <hdf5.h>

#include <cmath>
#include <fstream>
#include <iterator>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/worker/data/folder.h"
#include "tests/worker/data/hdf5_files.h"

namespace bitsweep::data {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

JetRow Jet(double first, int jet_class) {
  JetRow jet{};
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
  JetRow two = Jet(0, 1);
  two[17] = two[18] = 1;
  WriteJets(folder.path() / "two.h5", {Jet(0, 1), two});
  EXPECT_THAT(std::string(folder.Load("two.h5").status().message()),
              HasSubstr("row 1: the class is not one-hot"));
  JetRow nan = Jet(0, 1);
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

TEST(Hdf5Test, FindsFeaturesAndLabelsInsideGroups) {
  const Folder folder;
  const std::string file = folder.path() / "a.h5";
  const hid_t out = H5Fcreate(file.c_str(), H5F_ACC_TRUNC, H5P_DEFAULT, H5P_DEFAULT);
  H5Gclose(H5Gcreate2(out, "train", H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT));
  WriteArray<float>(out, "train/x", H5T_NATIVE_FLOAT, {2, 1}, {7, 8});
  WriteArray<std::int32_t>(out, "labels", H5T_NATIVE_INT32, {2}, {0, 1});
  WriteArray<float>(out, "features", H5T_NATIVE_FLOAT, {2, 1}, {1, 2});
  H5Fclose(out);
  const auto usual = folder.Load("a");  // "features" and "labels"
  ASSERT_TRUE(usual.ok()) << usual.status();
  EXPECT_THAT(usual->x, ElementsAre(1, 2));
  const auto inside = folder.LoadSpec({.name = "a", .features_key = "train/x"});
  ASSERT_TRUE(inside.ok()) << inside.status();
  EXPECT_THAT(inside->x, ElementsAre(7, 8));
  EXPECT_TRUE(
      absl::IsInvalidArgument(folder.LoadSpec({.name = "a", .features_key = "none/x"}).status()));
}

TEST(Hdf5Test, SaysWhatIsWrongWithPlainArrays) {
  const Folder folder;
  const std::string file = folder.path() / "a.h5";
  const hid_t out = H5Fcreate(file.c_str(), H5F_ACC_TRUNC, H5P_DEFAULT, H5P_DEFAULT);
  WriteArray<float>(out, "X", H5T_NATIVE_FLOAT, {3, 2}, {0, 1, 2, 3, 4, NAN});
  WriteArray<float>(out, "good", H5T_NATIVE_FLOAT, {3, 2}, {0, 1, 2, 3, 4, 5});
  WriteArray<std::int32_t>(out, "y", H5T_NATIVE_INT32, {3}, {0, 1, 1});
  WriteArray<std::int32_t>(out, "short", H5T_NATIVE_INT32, {2}, {0, 1});
  WriteArray<std::int32_t>(out, "negative", H5T_NATIVE_INT32, {3}, {0, 1, -1});
  WriteArray<double>(out, "half", H5T_NATIVE_DOUBLE, {3}, {0, 0.5, 1});
  WriteArray<std::int8_t>(out, "hot", H5T_NATIVE_INT8, {3, 2}, {0, 1, 1, 0, 1, 1});
  H5Gclose(H5Gcreate2(out, "group", H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT));
  H5Fclose(out);
  struct Case {
    std::string x;
    std::string y;
    std::string message;
  };
  for (const Case& c : {Case{"X", "y", "a.h5:X: row 2: column 1: nan"},
                        Case{"good", "short", "3 rows of features and 2 classes"},
                        Case{"good", "negative", "a.h5:negative: row 2: class -1"},
                        Case{"good", "half", "a.h5:half: row 1: class 0.5"},
                        Case{"good", "hot", "a.h5:hot: row 2: the class is not one-hot"},
                        Case{"group", "y", "a.h5:group: not an array"}}) {
    const auto table = folder.LoadSpec({.name = "a", .features_key = c.x, .labels_key = c.y});
    EXPECT_TRUE(absl::IsInvalidArgument(table.status())) << c.message;
    EXPECT_THAT(std::string(table.status().message()), HasSubstr(c.message));
  }
}

// A file of a few kilobytes can claim any number of rows: values that were never written.
TEST(Hdf5Test, RefusesMoreValuesThanTheFileStores) {
  const Folder folder;
  const std::string file = folder.path() / "claims.h5";
  const hid_t out = H5Fcreate(file.c_str(), H5F_ACC_TRUNC, H5P_DEFAULT, H5P_DEFAULT);
  for (const auto& [name, rows] :
       {std::pair<const char*, hsize_t>{"many", 1'000'000'000}, {"most", hsize_t{1} << 40}}) {
    const hsize_t extents[] = {rows, 16};
    const Hdf5Id space(H5Screate_simple(2, extents, nullptr), H5Sclose);
    const Hdf5Id set(
        H5Dcreate2(out, name, H5T_NATIVE_FLOAT, space.get(), H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT),
        H5Dclose);
  }
  WriteArray<std::int32_t>(out, "y", H5T_NATIVE_INT32, {2}, {0, 1});
  H5Fclose(out);
  for (const char* name : {"many", "most"}) {
    const auto table = folder.LoadSpec({.name = "claims", .features_key = name});
    EXPECT_TRUE(absl::IsInvalidArgument(table.status())) << table.status();
    EXPECT_THAT(std::string(table.status().message()), HasSubstr(name));
  }
}

TEST(Hdf5Test, ReadsNothingOutOfOtherFiles) {
  const Folder folder;
  {
    const Hdf5Id other(
        H5Fcreate((folder.path() / "other.h5").c_str(), H5F_ACC_TRUNC, H5P_DEFAULT, H5P_DEFAULT),
        H5Fclose);
    WriteArray<double>(other.get(), "X", H5T_NATIVE_DOUBLE, {2, 2}, {1, 2, 3, 4});
    folder.Write("raw.bin", std::string(32, '\0'));
  }
  const auto file_with = [&](const char* name, const auto& add_features) {
    const Hdf5Id file(
        H5Fcreate((folder.path() / name).c_str(), H5F_ACC_TRUNC, H5P_DEFAULT, H5P_DEFAULT),
        H5Fclose);
    WriteArray<double>(file.get(), "y", H5T_NATIVE_DOUBLE, {2}, {0, 1});
    add_features(file.get());
  };
  file_with("link.h5", [](hid_t file) {
    ASSERT_GE(H5Lcreate_external("other.h5", "/X", file, "X", H5P_DEFAULT, H5P_DEFAULT), 0);
  });
  EXPECT_THAT(std::string(folder.Load("link.h5").status().message()),
              HasSubstr("link.h5:X: not an array of this file"));

  const auto create = [](hid_t file, const Hdf5Id& how) {
    const hsize_t extents[] = {2, 2};
    const Hdf5Id space(H5Screate_simple(2, extents, nullptr), H5Sclose);
    const Hdf5Id set(
        H5Dcreate2(file, "X", H5T_NATIVE_DOUBLE, space.get(), H5P_DEFAULT, how.get(), H5P_DEFAULT),
        H5Dclose);
    ASSERT_GE(set.get(), 0);
  };
  file_with("external.h5", [&](hid_t file) {
    const Hdf5Id how(H5Pcreate(H5P_DATASET_CREATE), H5Pclose);
    ASSERT_GE(H5Pset_external(how.get(), "raw.bin", 0, 32), 0);
    create(file, how);
  });
  file_with("virtual.h5", [&](hid_t file) {
    const hsize_t extents[] = {2, 2};
    const Hdf5Id how(H5Pcreate(H5P_DATASET_CREATE), H5Pclose);
    const Hdf5Id space(H5Screate_simple(2, extents, nullptr), H5Sclose);
    ASSERT_GE(H5Pset_virtual(how.get(), space.get(), "other.h5", "X", space.get()), 0);
    create(file, how);
  });
  for (const char* name : {"external.h5", "virtual.h5"}) {
    EXPECT_THAT(std::string(folder.Load(name).status().message()),
                HasSubstr("X: its values lie in other files"));
  }
  EXPECT_TRUE(absl::IsInvalidArgument(folder.Load("link.h5").status()));
}

TEST(Hdf5Test, RefusesATruncatedFile) {
  const Folder folder;
  std::vector<JetRow> rows(500, Jet(0, 1));
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
