// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <utility>

#include "core/base/status_macros.h"
#include "worker/data/dataset.h"

namespace bitsweep::data {

struct DatasetCache::Entry {
  explicit Entry(spec::DatasetSpec key) : spec(std::move(key)) {}

  const spec::DatasetSpec spec;
  bool is_loading = true;               // guarded by the cache's mutex, as all below
  absl::Status status;                  // of the load, for those who waited for it
  std::shared_ptr<const Dataset> kept;  // of the latest entry only: in use or not
  std::weak_ptr<const Dataset> in_use;
};

DatasetCache::DatasetCache(std::string data_root) : data_root_(std::move(data_root)) {}

absl::StatusOr<std::shared_ptr<const Dataset>> DatasetCache::Get(const spec::DatasetSpec& spec) {
  std::shared_ptr<Entry> entry;
  {
    absl::MutexLock lock(&mu_);
    const auto found = std::find_if(entries_.begin(), entries_.end(),
                                    [&](const auto& e) { return e->spec == spec; });
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
    entry = std::make_shared<Entry>(spec);
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
