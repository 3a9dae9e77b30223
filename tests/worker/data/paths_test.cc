// SPDX-License-Identifier: Apache-2.0
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/worker/data/folder.h"

namespace bitsweep::data {
namespace {

using ::testing::HasSubstr;

TEST(DataPathTest, NeverLeavesTheRoot) {
  const Folder outside;
  outside.Write("secret.csv", "x,label\n1,0\n2,1\n");
  const Folder folder;
  folder.Write("inside.csv", "x,label\n1,0\n2,1\n");
  std::filesystem::create_symlink(outside.path() / "secret.csv", folder.path() / "link.csv");
  std::filesystem::create_directory_symlink(outside.path(), folder.path() / "dir");
  std::filesystem::create_symlink(folder.path() / "inside.csv", folder.path() / "fine.csv");
  EXPECT_TRUE(folder.Load("fine.csv").ok());
  const std::string absolute = outside.path() / "secret.csv";
  for (const std::string& name :
       {absolute, std::string("../x.csv"), std::string("a/../inside.csv"), std::string("link.csv"),
        std::string("dir/secret.csv"), std::string("link"), std::string("")}) {
    const auto table = folder.Load(name);
    EXPECT_TRUE(absl::IsInvalidArgument(table.status())) << name << ": " << table.status();
  }
}

TEST(DataPathTest, SaysWhatItLookedFor) {
  const Folder folder;
  const auto table = folder.Load("jsc");
  EXPECT_TRUE(absl::IsNotFound(table.status()));
  EXPECT_THAT(std::string(table.status().message()), HasSubstr("jsc.h5, jsc.hdf5, jsc.csv"));
  EXPECT_TRUE(absl::IsNotFound(LoadTable("/no/such/root", {.name = "a"}).status()));
}

TEST(DataPathTest, RefusesAnUnknownKindOfFile) {
  const Folder folder;
  folder.Write("a.parquet", "PAR1");
  EXPECT_THAT(std::string(folder.Load("a.parquet").status().message()),
              HasSubstr("expected a .csv, .h5, .hdf5 or .npy file"));
}

}  // namespace
}  // namespace bitsweep::data
