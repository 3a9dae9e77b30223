// SPDX-License-Identifier: Apache-2.0
#include "core/options/value_options.h"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>

#include "tests/support/status_matchers.h"
#include "tests/support/test_paths.h"

namespace bitsweep::options {
namespace {

using ::bitsweep::testing::IsOk;
using ::bitsweep::testing::StatusIs;
using ::testing::HasSubstr;

std::string Read(const std::filesystem::path& file) {
  std::ifstream in(file, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}
std::ptrdiff_t FilesIn(const std::filesystem::path& folder) {
  return std::distance(std::filesystem::directory_iterator(folder), {});
}

TEST(WriteWholeFileTest, WritesAndReplaces) {
  const bitsweep::testing::TempDir folder;
  const std::filesystem::path file = folder.path() / "port";
  EXPECT_THAT(WriteWholeFile(file, "50051\n"), IsOk());
  EXPECT_EQ(Read(file), "50051\n");
  EXPECT_THAT(WriteWholeFile(file, std::string("a\0b", 3)), IsOk());
  EXPECT_EQ(Read(file), std::string("a\0b", 3));
  EXPECT_EQ(FilesIn(folder.path()), 1);
}

TEST(WriteWholeFileTest, NamesTheFileThatCannotBeWritten) {
  const bitsweep::testing::TempDir folder;
  EXPECT_THAT(WriteWholeFile(folder.path() / "none" / "port", "1"),
              StatusIs(absl::StatusCode::kUnavailable, HasSubstr("none/port")));
}

TEST(WriteWholeFileTest, LeavesNothingBehindWhenItFails) {
  const bitsweep::testing::TempDir folder;
  std::filesystem::create_directory(folder.path() / "port");  // a file cannot replace a folder
  EXPECT_THAT(WriteWholeFile(folder.path() / "port", "1"),
              StatusIs(absl::StatusCode::kUnavailable, HasSubstr("port")));
  EXPECT_EQ(FilesIn(folder.path()), 1);
}

TEST(IsLoopbackTest, KnowsTheAddressesOfThisMachineAlone) {
  for (const char* address : {"localhost", "localhost:50051", "127.0.0.1", "127.0.0.1:50051",
                              "127.8.9.10:1", "[::1]", "[::1]:50051", "unix:/run/bitsweep.sock"}) {
    EXPECT_TRUE(IsLoopback(address)) << address;
  }
}

TEST(IsLoopbackTest, TakesNothingElseForOne) {
  for (const char* address :
       {"", ":50051", "0.0.0.0:50051", "[::]:50051", "10.0.0.1:50051", "128.0.0.1:1",
        "127.example.com:50051", "127.0.0.1.example.com:1", "localhost.example.com:1",
        "mylocalhost:1", "[2001:db8::1]:50051", "*:50051", "[::1]:1,0.0.0.0:2",
        "127.0.0.1:1, 10.0.0.1:2", "[::1]x", "127.0.0.1:x", "localhost:1:2"}) {
    EXPECT_FALSE(IsLoopback(address)) << address;
  }
}

}  // namespace
}  // namespace bitsweep::options
