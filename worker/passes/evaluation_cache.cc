// SPDX-License-Identifier: Apache-2.0
#include "worker/passes/passes.h"

namespace bitsweep::passes {
namespace {

constexpr std::size_t kMostEntries = 16;

}  // namespace

std::optional<EvaluationMetrics> EvaluationCache::Find(const std::string& key) {
  const absl::MutexLock lock(&mu_);
  const auto found = entries_.find(key);
  if (found == entries_.end()) return std::nullopt;
  return found->second;
}

void EvaluationCache::Put(const std::string& key, const EvaluationMetrics& metrics) {
  const absl::MutexLock lock(&mu_);
  if (!entries_.insert_or_assign(key, metrics).second) return;
  order_.push_back(key);
  if (order_.size() <= kMostEntries) return;
  entries_.erase(order_.front());
  order_.pop_front();
}

}  // namespace bitsweep::passes
