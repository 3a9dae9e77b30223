// SPDX-License-Identifier: Apache-2.0
#ifndef BITSWEEP_SERVER_SCHEDULER_LEASE_TABLE_H_
#define BITSWEEP_SERVER_SCHEDULER_LEASE_TABLE_H_

#include <cstdint>
#include <deque>
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
  std::string job_name;    // "sweeps/lab-1/trials/0"
  std::string submission;  // "sweeps/lab-1"
  std::int64_t number = 0;
  std::string worker_id;
  absl::Time deadline;
  absl::Time leased_at;
};

struct LeaseCounts {
  std::int64_t active = 0;
  std::int64_t suspect = 0;  // not renewed for more than half of the ttl
};

// The leases in force, in memory: renewals cost no write. What ended is forgotten; what was
// cancelled is remembered until its deadline has passed, what expired until its worker came with it
// (the latest of them). A reference names a job by its row, which no later job gets: that of a
// deleted sweep or transform is never found again. Not thread-safe.
class LeaseTable {
 public:
  // False, and the lease is not added, when it has been cancelled already.
  bool Add(Lease lease);
  // The lease, if it is in force.
  const Lease* Find(const store::LeaseRef& ref) const;
  // False when the lease is not in force, or not this worker's.
  bool Renew(const store::LeaseRef& ref, const std::string& worker_id, absl::Time deadline);
  void Remove(const store::LeaseRef& ref);
  // Ends the lease and remembers that it was a cancellation; of a lease that has not come here yet,
  // until `until`.
  void Cancel(const store::LeaseRef& ref, absl::Time until);
  bool WasCancelled(const store::LeaseRef& ref) const;

  // True, once, for a lease that TakeExpired gave: its worker is alive.
  bool TakeFalseExpiry(const store::LeaseRef& ref);

  // Removes and returns the leases whose deadline has come.
  std::vector<Lease> TakeExpired(absl::Time now);
  // Removes and returns all leases of a worker.
  std::vector<Lease> TakeWorker(const std::string& worker_id);
  std::optional<absl::Time> NextDeadline() const;
  std::int64_t size() const { return static_cast<std::int64_t>(leases_.size()); }
  LeaseCounts Counts(absl::Time now, absl::Duration ttl) const;
  std::int64_t CountOf(const std::string& worker_id) const;

 private:
  std::unordered_map<std::int64_t, Lease> leases_;   // by job
  std::map<store::LeaseRef, absl::Time> cancelled_;  // until when to remember it
  std::deque<store::LeaseRef> expired_;              // the latest of them
};

}  // namespace bitsweep::scheduler

#endif  // BITSWEEP_SERVER_SCHEDULER_LEASE_TABLE_H_
