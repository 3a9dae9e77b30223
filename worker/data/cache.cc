// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <utility>

#include "core/base/status_macros.h"
#include "worker/data/dataset.h"
#include "worker/data/files.h"

namespace bitsweep::data {
namespace {

absl::StatusOr<std::vector<FileStamp>> Stamps(const std::string& data_root,
                                              const spec::DatasetSpec& spec) {
  ASSIGN_OR_RETURN(const std::vector<DataFile> files, FindFiles(data_root, spec));
  std::vector<FileStamp> stamps;
  for (const DataFile& file : files) {
    ASSIGN_OR_RETURN(stamps.emplace_back(), StampOf(file));
  }
  return stamps;
}

}  // namespace

struct DatasetCache::Entry {
  Entry(spec::DatasetSpec key, std::vector<FileStamp> key_stamps)
      : spec(std::move(key)), stamps(std::move(key_stamps)) {}

  const spec::DatasetSpec spec;
  const std::vector<FileStamp> stamps;  // of its files, from before they were read
  bool is_loading = true;               // guarded by the cache's mutex, as all below
  absl::Status status;                  // of the load, for those who waited for it
  std::shared_ptr<const Dataset> kept;  // of the latest entry only: in use or not
  std::weak_ptr<const Dataset> in_use;
};

DatasetCache::DatasetCache(std::string data_root) : data_root_(std::move(data_root)) {}

absl::StatusOr<std::shared_ptr<const Dataset>> DatasetCache::Get(const spec::DatasetSpec& spec) {
  ASSIGN_OR_RETURN(std::vector<FileStamp> stamps, Stamps(data_root_, spec));
  std::shared_ptr<Entry> entry;
  {
    absl::MutexLock lock(&mu_);
    const auto found = std::find_if(entries_.begin(), entries_.end(), [&](const auto& e) {
      return e->spec == spec && e->stamps == stamps;
    });
    if (found != entries_.end()) {
      entry = *found;
      mu_.Await(absl::Condition(
          +[](Entry* e) { return !e->is_loading; }, entry.get()));
      if (!entry->status.ok()) return entry->status;
      if (std::shared_ptr<const Dataset> data = entry->in_use.lock()) {
        for (const auto& other : entries_) other->kept.reset();
        entry->kept = data;
        return data;
      }
      std::erase(entries_, entry);  // nobody had it any more
    }
    entry = std::make_shared<Entry>(spec, std::move(stamps));
    entries_.push_back(entry);
    // The data set before is given up first, so that both need not fit in memory.
    for (const auto& other : entries_) other->kept.reset();
  }
  absl::StatusOr<Dataset> loaded = [&]() -> absl::StatusOr<Dataset> {
    ASSIGN_OR_RETURN(const Table table, LoadTable(data_root_, spec));
    return Prepare(table, spec);
  }();
  absl::MutexLock lock(&mu_);
  entry->is_loading = false;
  if (!loaded.ok()) {
    entry->status = loaded.status();
    std::erase(entries_, entry);
    return entry->status;
  }
  auto data = std::make_shared<const Dataset>(*std::move(loaded));
  for (const auto& other : entries_) other->kept.reset();
  std::erase_if(entries_,
                [&](const auto& e) { return e != entry && !e->is_loading && e->in_use.expired(); });
  entry->kept = data;
  entry->in_use = data;
  return std::shared_ptr<const Dataset>(std::move(data));
}

}  // namespace bitsweep::data
