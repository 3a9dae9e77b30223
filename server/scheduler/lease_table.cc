// SPDX-License-Identifier: Apache-2.0
#include "server/scheduler/lease_table.h"

#include <algorithm>

namespace bitsweep::scheduler {
namespace {

constexpr std::size_t kMaxExpired = 1024;  // that are remembered

}  // namespace

bool LeaseTable::Add(Lease lease) {
  if (WasCancelled(lease.ref)) return false;
  leases_[lease.ref.job.value] = std::move(lease);
  return true;
}

const Lease* LeaseTable::Find(const store::LeaseRef& ref) const {
  const auto found = leases_.find(ref.job.value);
  return found != leases_.end() && found->second.ref == ref ? &found->second : nullptr;
}

bool LeaseTable::Renew(const store::LeaseRef& ref, const std::string& worker_id,
                       absl::Time deadline) {
  const Lease* lease = Find(ref);
  if (lease == nullptr || lease->worker_id != worker_id) return false;
  leases_.at(ref.job.value).deadline = deadline;
  return true;
}

void LeaseTable::Remove(const store::LeaseRef& ref) {
  if (Find(ref) != nullptr) leases_.erase(ref.job.value);
}

void LeaseTable::Cancel(const store::LeaseRef& ref, absl::Time until) {
  const Lease* lease = Find(ref);
  cancelled_[ref] = lease == nullptr ? until : lease->deadline;
  Remove(ref);
}

bool LeaseTable::WasCancelled(const store::LeaseRef& ref) const { return cancelled_.contains(ref); }

std::vector<Lease> LeaseTable::TakeExpired(absl::Time now) {
  std::erase_if(cancelled_, [&](const auto& entry) { return entry.second <= now; });
  std::vector<Lease> expired;
  for (const auto& [job, lease] : leases_) {
    if (lease.deadline <= now) expired.push_back(lease);
  }
  for (const Lease& lease : expired) {
    Remove(lease.ref);
    if (std::find(expired_.begin(), expired_.end(), lease.ref) != expired_.end()) continue;
    if (expired_.size() == kMaxExpired) expired_.pop_front();
    expired_.push_back(lease.ref);
  }
  return expired;
}

bool LeaseTable::TakeFalseExpiry(const store::LeaseRef& ref) {
  const auto found = std::find(expired_.begin(), expired_.end(), ref);
  if (found == expired_.end()) return false;
  expired_.erase(found);
  return true;
}

LeaseCounts LeaseTable::Counts(absl::Time now, absl::Duration ttl) const {
  LeaseCounts counts;
  for (const auto& [job, lease] : leases_) {
    ++(lease.deadline - now < ttl / 2 ? counts.suspect : counts.active);
  }
  return counts;
}

std::vector<Lease> LeaseTable::TakeWorker(const std::string& worker_id) {
  std::vector<Lease> taken;
  for (const auto& [job, lease] : leases_) {
    if (lease.worker_id == worker_id) taken.push_back(lease);
  }
  for (const Lease& lease : taken) Remove(lease.ref);
  return taken;
}

std::optional<absl::Time> LeaseTable::NextDeadline() const {
  std::optional<absl::Time> next;
  for (const auto& [job, lease] : leases_) {
    if (!next || lease.deadline < *next) next = lease.deadline;
  }
  return next;
}

std::int64_t LeaseTable::CountOf(const std::string& worker_id) const {
  return std::count_if(leases_.begin(), leases_.end(),
                       [&](const auto& entry) { return entry.second.worker_id == worker_id; });
}

}  // namespace bitsweep::scheduler
