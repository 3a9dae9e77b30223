// SPDX-License-Identifier: Apache-2.0
#ifndef BITSWEEP_SERVER_SCHEDULER_LEASE_TABLE_H_
#define BITSWEEP_SERVER_SCHEDULER_LEASE_TABLE_H_

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "absl/time/time.h"
#include "server/store/records.h"

namespace bitsweep::scheduler {

// A lease that a worker holds now.
struct Lease {
  store::LeaseRef ref;
  std::string job_name;  // sweeps/{sweep}/trials/{trial}
  std::string sweep_id;
  std::int64_t number = 0;
  std::string worker_id;
  absl::Time deadline;
  absl::Time leased_at;
};

// The leases in force, in memory: renewals cost no write. What ended is forgotten; what was
// cancelled is remembered until its worker has heard of it, or the deadline has passed. Not
// thread-safe.
class LeaseTable {
 public:
  void Add(Lease lease);
  // The lease of this job, if `attempt` is the one in force.
  const Lease* Find(const std::string& job_name, std::int64_t attempt) const;
  // False when the lease is not in force, or not this worker's.
  bool Renew(const std::string& job_name, std::int64_t attempt, const std::string& worker_id,
             absl::Time deadline);
  void Remove(const store::LeaseRef& ref);
  // Ends the lease and remembers that it was a cancellation.
  void Cancel(const store::LeaseRef& ref);
  bool WasCancelled(const std::string& job_name, std::int64_t attempt) const;

  // Removes and returns the leases whose deadline has come.
  std::vector<Lease> TakeExpired(absl::Time now);
  // Removes and returns all leases of a worker.
  std::vector<Lease> TakeWorker(const std::string& worker_id);
  std::optional<absl::Time> NextDeadline() const;
  std::int64_t size() const { return static_cast<std::int64_t>(leases_.size()); }
  std::int64_t CountOf(const std::string& worker_id) const;

 private:
  std::unordered_map<std::int64_t, Lease> leases_;      // by job
  std::unordered_map<std::string, std::int64_t> jobs_;  // by job name
  std::map<std::pair<std::string, std::int64_t>, absl::Time> cancelled_;
};

}  // namespace bitsweep::scheduler

#endif  // BITSWEEP_SERVER_SCHEDULER_LEASE_TABLE_H_
