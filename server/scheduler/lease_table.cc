// SPDX-License-Identifier: Apache-2.0
#include "server/scheduler/lease_table.h"

#include <algorithm>

namespace bitsweep::scheduler {

void LeaseTable::Add(Lease lease) {
  jobs_[lease.job_name] = lease.ref.job.value;
  leases_[lease.ref.job.value] = std::move(lease);
}

const Lease* LeaseTable::Find(const std::string& job_name, std::int64_t attempt) const {
  const auto job = jobs_.find(job_name);
  if (job == jobs_.end()) return nullptr;
  const Lease& lease = leases_.at(job->second);
  return lease.ref.attempt == attempt ? &lease : nullptr;
}

bool LeaseTable::Renew(const std::string& job_name, std::int64_t attempt,
                       const std::string& worker_id, absl::Time deadline) {
  const Lease* lease = Find(job_name, attempt);
  if (lease == nullptr || lease->worker_id != worker_id) return false;
  leases_.at(lease->ref.job.value).deadline = deadline;
  return true;
}

void LeaseTable::Remove(const store::LeaseRef& ref) {
  const auto found = leases_.find(ref.job.value);
  if (found == leases_.end() || found->second.ref != ref) return;
  jobs_.erase(found->second.job_name);
  leases_.erase(found);
}

void LeaseTable::Cancel(const store::LeaseRef& ref) {
  const auto found = leases_.find(ref.job.value);
  if (found == leases_.end() || found->second.ref != ref) return;
  cancelled_[{found->second.job_name, ref.attempt}] = found->second.deadline;
  Remove(ref);
}

bool LeaseTable::WasCancelled(const std::string& job_name, std::int64_t attempt) const {
  return cancelled_.contains({job_name, attempt});
}

std::vector<Lease> LeaseTable::TakeExpired(absl::Time now) {
  std::erase_if(cancelled_, [&](const auto& entry) { return entry.second <= now; });
  std::vector<Lease> expired;
  for (const auto& [job, lease] : leases_) {
    if (lease.deadline <= now) expired.push_back(lease);
  }
  for (const Lease& lease : expired) Remove(lease.ref);
  return expired;
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
