// SPDX-License-Identifier: Apache-2.0
#include <cmath>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/worker/data/folder.h"
#include "tests/worker/data/npy_bytes.h"

namespace bitsweep::data {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

TEST(NpyTest, ReadsEveryTypeOfNumber) {
  const Folder folder;
  folder.Write("s_x.npy", Npy<float>("<f4", "(2, 2)", {1, 2, 3, 4}));
  const auto check = [&](const std::string& y) {
    folder.Write("s_y.npy", y);
    const auto table = folder.Load("s");  // finds s_x.npy and s_y.npy
    ASSERT_TRUE(table.ok()) << table.status();
    EXPECT_THAT(table->x, ElementsAre(1, 2, 3, 4));
    EXPECT_THAT(table->y, ElementsAre(1, 0));
    EXPECT_EQ(table->classes, 2);
  };
  check(Npy<std::int64_t>("<i8", "(2,)", {1, 0}));
  check(Npy<std::int32_t>("<i4", "(2,)", {1, 0}));
  check(Npy<std::int16_t>("<i2", "(2, 1)", {1, 0}));
  check(Npy<std::int8_t>("|i1", "(2,)", {1, 0}));
  check(Npy<std::uint8_t>("|u1", "(2,)", {1, 0}));
  check(Npy<std::uint8_t>("|b1", "(2,)", {1, 0}));
  check(Npy<std::uint64_t>("<u8", "(2,)", {1, 0}));
  check(Npy<double>("<f8", "(2,)", {1, 0}));
  check(Npy<float>("<f4", "(2,)", {1, 0}, "False", 2));
  check(Npy<float>("<f4", "(2, 2)", {0, 1, 1, 0}));  // one-hot
}

TEST(NpyTest, FindsTheClassesByNameOrAsTold) {
  const Folder folder;
  const std::string x = Npy<float>("<f4", "(1, 1)", {1});
  const std::string y = Npy<std::int64_t>("<i8", "(1,)", {0});
  folder.Write("d/jsc_x_raw_f32.npy", x);
  folder.Write("d/jsc_y_i64.npy", y);
  EXPECT_TRUE(folder.Load("d/jsc_x_raw_f32.npy").ok());
  folder.Write("d/jsc_y_other.npy", y);
  EXPECT_THAT(std::string(folder.Load("d/jsc_x_raw_f32.npy").status().message()),
              HasSubstr("2 files of classes"));
  EXPECT_TRUE(
      folder.LoadSpec({.name = "d/jsc_x_raw_f32.npy", .labels_file = "d/jsc_y_i64.npy"}).ok());
  EXPECT_TRUE(absl::IsNotFound(
      folder.LoadSpec({.name = "d/jsc_x_raw_f32.npy", .labels_file = "d/none.npy"}).status()));
  EXPECT_TRUE(absl::IsInvalidArgument(
      folder.LoadSpec({.name = "d/jsc_x_raw_f32.npy", .labels_file = "../d/jsc_y_i64.npy"})
          .status()));
}

TEST(NpyTest, RefusesWhatIsNoPlainArray) {
  const std::string good_y = Npy<std::int64_t>("<i8", "(2,)", {0, 1});
  const std::string good_x = Npy<float>("<f4", "(2, 1)", {1, 2});
  struct Case {
    std::string x;
    std::string y;
    std::string message;
  };
  const Case cases[] = {
      {"hello", good_y, "a_x.npy: not an npy file"},
      {good_x.substr(0, 40), good_y, "a_x.npy: truncated"},
      {good_x.substr(0, good_x.size() - 1), good_y, "a_x.npy: 7 bytes of values"},
      {good_x + "x", good_y, "a_x.npy: 9 bytes of values"},
      {Npy<float>(">f4", "(2, 1)", {1, 2}), good_y, "a_x.npy: type '>f4'"},
      {Npy<float>("<c8", "(1, 1)", {1, 2}), good_y, "a_x.npy: type '<c8'"},
      {Npy<float>("<f4", "(2, 1)", {1, 2}, "True"), good_y, "a_x.npy: in Fortran order"},
      {Npy<float>("<f4", "(2,)", {1, 2}), good_y, "a_x.npy: shape (2): expected [rows, features]"},
      {Npy<float>("<f4", "(4611686018427387904, 4)", {1}), good_y, "a_x.npy: a bad header"},
      {Npy<float>("<f4", "(1000000000, 1000000000)", {1}), good_y, "a_x.npy: 4 bytes of values"},
      {Npy<float>("<f4", "(3, 1)", {1, 2, 3}), good_y, "3 rows of features and 2 classes"},
      {Npy<float>("<f4", "(2, 1)", {1, NAN}), good_y, "a_x.npy: row 1: column 0: nan"},
      {Npy<float>("<f4", "(0, 1)", {}), Npy<std::int64_t>("<i8", "(0,)", {}), "no rows"},
      {good_x, Npy<std::int64_t>("<i8", "(2,)", {0, -4}), "a_y.npy: row 1: class -4"},
      {good_x, Npy<double>("<f8", "(2,)", {0.5, 1}), "a_y.npy: row 0: class 0.5"},
      {good_x, Npy<float>("<f4", "(2, 2)", {1, 1, 0, 1}),
       "a_y.npy: row 0: the class is not one-hot"},
      {good_x, Npy<float>("<f4", "(1, 1, 2)", {1, 1}), "a_y.npy: shape (1, 1, 2)"}};
  for (const Case& c : cases) {
    const Folder folder;
    folder.Write("a_x.npy", c.x);
    folder.Write("a_y.npy", c.y);
    const auto table = folder.Load("a_x.npy");
    EXPECT_TRUE(absl::IsInvalidArgument(table.status())) << c.message;
    EXPECT_THAT(std::string(table.status().message()), HasSubstr(c.message));
  }
}

}  // namespace
}  // namespace bitsweep::data
