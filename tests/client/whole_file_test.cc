// SPDX-License-Identifier: Apache-2.0
#include "client/api/whole_file.h"

#include <unistd.h>

#include <filesystem>

#include "fmt/format.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/support/status_matchers.h"
#include "tests/support/test_paths.h"

namespace bitsweep::client {
namespace {

namespace fs = std::filesystem;

using ::bitsweep::testing::IsOk;
using ::bitsweep::testing::StatusIs;
using ::testing::HasSubstr;

TEST(WriteWholeFileTest, ReplacesNothingButFiles) {
  const testing::TempDir folder;
  const fs::path file = folder.path() / "file";
  const fs::path link = folder.path() / "link";
  for (const char* bytes : {"1", "2"}) {
    EXPECT_THAT(WriteWholeFile(file, bytes), IsOk());
    EXPECT_EQ(ReadWholeFile(file).value(), bytes);
  }
  fs::create_symlink("/dev/null", link);
  for (const fs::path& path : {link, folder.path()}) {
    EXPECT_THAT(WriteWholeFile(path, "3"),
                StatusIs(absl::StatusCode::kNotFound,
                         HasSubstr(path.string() + ": is a link, a folder or a device")));
  }
  EXPECT_TRUE(fs::is_symlink(link));
  EXPECT_THAT(WriteWholeFile(folder.path() / "none" / "file", "4"),
              StatusIs(absl::StatusCode::kNotFound, HasSubstr("none/file: No such file")));
}

TEST(WriteWholeFolderTest, WritesANewOneOrIntoAnEmptyOne) {
  const testing::TempDir folder;
  fs::create_directory(folder.path() / "empty");
  for (const char* name : {"new", "empty", "slash/"}) {
    EXPECT_THAT(WriteWholeFolder(folder.path() / name, {{"a", "1"}, {"b", ""}}), IsOk());
    EXPECT_EQ(ReadWholeFile(folder.path() / name / "a").value(), "1");
    EXPECT_EQ(ReadWholeFile(folder.path() / name / "b").value(), "");
  }
  EXPECT_THAT(WriteWholeFolder(folder.path() / "new", {{"a", "2"}}),
              StatusIs(absl::StatusCode::kAlreadyExists, HasSubstr("is there already")));
  EXPECT_EQ(ReadWholeFile(folder.path() / "new" / "a").value(), "1");
}

TEST(WriteWholeFolderTest, NeverWritesThroughALinkThatWaitsForIt) {
  const testing::TempDir folder;
  const testing::TempDir other;
  fs::create_directory_symlink(other.path(), folder.path() / fmt::format("new.{}.part", getpid()));
  EXPECT_THAT(WriteWholeFolder(folder.path() / "new", {{"a", "1"}}),
              StatusIs(absl::StatusCode::kNotFound, HasSubstr(".part")));
  EXPECT_TRUE(fs::is_empty(other.path()));
  EXPECT_FALSE(fs::exists(folder.path() / "new"));
}

TEST(ReadWholeFileTest, SaysWhatCannotBeRead) {
  const testing::TempDir folder;
  for (const fs::path& path : {folder.path() / "none", folder.path()}) {
    EXPECT_THAT(ReadWholeFile(path),
                StatusIs(absl::StatusCode::kNotFound, HasSubstr("cannot be read")));
  }
}

}  // namespace
}  // namespace bitsweep::client
