// SPDX-License-Identifier: Apache-2.0
#include <thread>
#include <vector>

#include "gtest/gtest.h"
#include "tests/worker/data/folder.h"
#include "tests/worker/data/npy_bytes.h"

namespace bitsweep::data {
namespace {

TEST(DatasetCacheTest, SlotsShareOneCopy) {
  DatasetCache cache("/");
  const spec::DatasetSpec spec{.name = "synthetic-jets", .synthetic_rows = 20000};
  std::vector<std::shared_ptr<const Dataset>> got(8);
  std::vector<std::thread> threads;
  for (auto& place : got) threads.emplace_back([&] { place = *cache.Get(spec); });
  for (std::thread& thread : threads) thread.join();
  for (const auto& data : got) EXPECT_EQ(data, got[0]);
  EXPECT_EQ(got[0]->train_rows(), 16000);
}

TEST(DatasetCacheTest, KeepsTheLastOneAndWhatIsInUse) {
  DatasetCache cache("/");
  const spec::DatasetSpec small{.name = "synthetic-jets", .synthetic_rows = 100};
  spec::DatasetSpec other = small;
  other.synthetic_seed = 1;
  std::weak_ptr<const Dataset> first = *cache.Get(small);
  EXPECT_FALSE(first.expired());  // kept although nobody has it
  EXPECT_EQ(first.lock(), *cache.Get(small));
  const auto held = *cache.Get(small);
  const auto second = *cache.Get(other);
  EXPECT_EQ(held, *cache.Get(small));  // still in use: not loaded again
  EXPECT_NE(held->digest, second->digest);
}

TEST(DatasetCacheTest, AFailureIsNotRemembered) {
  const Folder folder;
  DatasetCache cache(folder.path().string());
  EXPECT_TRUE(absl::IsNotFound(cache.Get({.name = "late.csv"}).status()));
  folder.Write("late.csv", "x,label\n1,0\n2,1\n3,1\n");
  EXPECT_TRUE(cache.Get({.name = "late.csv"}).ok());
}

TEST(DatasetCacheTest, AFileThatIsWrittenAnewIsLoadedAnew) {
  const Folder folder;
  DatasetCache cache(folder.path().string());
  folder.Write("a.csv", "x,label\n1,0\n2,1\n3,1\n");
  const auto before = *cache.Get({.name = "a.csv"});
  EXPECT_EQ(before, *cache.Get({.name = "a.csv"}));
  folder.Write("a.csv", "x,label\n1,0\n2,1\n3,1\n4,0\n");
  const auto after = *cache.Get({.name = "a.csv"});
  EXPECT_NE(before->digest, after->digest);
  EXPECT_EQ(after->digest, folder.Load("a.csv")->digest);
  EXPECT_EQ(after, *cache.Get({.name = "a.csv"}));
}

TEST(DatasetCacheTest, AFileThatIsReplacedByOneOfItsSizeAndTimeIsLoadedAnew) {
  const Folder folder;
  DatasetCache cache(folder.path().string());
  folder.Write("a.csv", "x,label\n1,0\n2,1\n3,1\n");
  const std::string before = (*cache.Get({.name = "a.csv"}))->digest;
  folder.Write("new.csv", "x,label\n1,0\n2,1\n9,1\n");
  std::filesystem::last_write_time(folder.path() / "new.csv",
                                   std::filesystem::last_write_time(folder.path() / "a.csv"));
  std::filesystem::rename(folder.path() / "new.csv", folder.path() / "a.csv");
  EXPECT_NE((*cache.Get({.name = "a.csv"}))->digest, before);
}

TEST(DatasetCacheTest, TheFileOfClassesCountsToo) {
  const Folder folder;
  DatasetCache cache(folder.path().string());
  folder.Write("set_x.npy", Npy("<f4", "(4, 1)", std::vector<float>{1, 2, 3, 4}));
  folder.Write("set_y.npy", Npy("<i4", "(4,)", std::vector<std::int32_t>{0, 1, 0, 1}));
  const auto before = *cache.Get({.name = "set"});
  folder.Write("set_y.npy", Npy("<i8", "(4,)", std::vector<std::int64_t>{1, 1, 0, 0}));
  EXPECT_NE((*cache.Get({.name = "set"}))->digest, before->digest);
}

TEST(DatasetCacheTest, AFileThatHasGoneIsNotFound) {
  const Folder folder;
  DatasetCache cache(folder.path().string());
  folder.Write("a.csv", "x,label\n1,0\n2,1\n3,1\n");
  ASSERT_TRUE(cache.Get({.name = "a.csv"}).ok());
  std::filesystem::remove(folder.path() / "a.csv");
  EXPECT_TRUE(absl::IsNotFound(cache.Get({.name = "a.csv"}).status()));
}

}  // namespace
}  // namespace bitsweep::data
