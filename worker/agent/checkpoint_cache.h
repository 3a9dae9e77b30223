// SPDX-License-Identifier: Apache-2.0
#ifndef BITSWEEP_WORKER_AGENT_CHECKPOINT_CACHE_H_
#define BITSWEEP_WORKER_AGENT_CHECKPOINT_CACHE_H_

#include <cstddef>
#include <list>
#include <memory>
#include <set>
#include <string>
#include <utility>

#include "absl/status/statusor.h"
#include "absl/synchronization/mutex.h"
#include "worker/agent/server_api.h"

namespace bitsweep::worker {

// Checkpoints that trials start from, fetched once for all trials of a sweep; the last few are
// kept. Thread-safe: a fetch makes those wait who want the same, and nobody else.
class CheckpointCache {
 public:
  explicit CheckpointCache(ServerApi& api) : api_(api) {}

  absl::StatusOr<std::shared_ptr<const std::string>> Get(const std::string& sha256) {
    {
      absl::MutexLock lock(&mu_);
      const auto is_still = [&]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_) {
        return !loading_.contains(sha256);
      };
      mu_.Await(absl::Condition(&is_still));
      if (auto kept = Find(sha256)) return kept;
      loading_.insert(sha256);
    }
    absl::StatusOr<std::string> bytes = api_.Download(sha256);
    absl::MutexLock lock(&mu_);
    loading_.erase(sha256);
    if (!bytes.ok()) return bytes.status();  // whoever waits for it tries by himself
    entries_.emplace_front(sha256, std::make_shared<const std::string>(*std::move(bytes)));
    if (entries_.size() > kKept) entries_.pop_back();
    return entries_.front().second;
  }

 private:
  // Nothing when it is not there.
  std::shared_ptr<const std::string> Find(const std::string& sha256)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_) {
    for (auto entry = entries_.begin(); entry != entries_.end(); ++entry) {
      if (entry->first != sha256) continue;
      entries_.splice(entries_.begin(), entries_, entry);
      return entry->second;
    }
    return nullptr;
  }

  static constexpr std::size_t kKept = 4;
  ServerApi& api_;
  absl::Mutex mu_;
  std::set<std::string> loading_ ABSL_GUARDED_BY(mu_);
  // Latest use first. The strings are shared with the trials that start from them.
  std::list<std::pair<std::string, std::shared_ptr<const std::string>>> entries_
      ABSL_GUARDED_BY(mu_);
};

}  // namespace bitsweep::worker

#endif  // BITSWEEP_WORKER_AGENT_CHECKPOINT_CACHE_H_
