// SPDX-License-Identifier: Apache-2.0
#include <thread>
#include <vector>

#include "gtest/gtest.h"
#include "tests/worker/data/folder.h"

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

}  // namespace
}  // namespace bitsweep::data
