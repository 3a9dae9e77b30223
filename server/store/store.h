// SPDX-License-Identifier: Apache-2.0
#ifndef BITSWEEP_SERVER_STORE_STORE_H_
#define BITSWEEP_SERVER_STORE_STORE_H_

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "server/store/artifact_store.h"
#include "server/store/backup.h"
#include "server/store/queue_store.h"
#include "server/store/store_observer.h"
#include "server/store/sweep_store.h"
#include "server/store/token_store.h"
#include "server/store/transform_store.h"

namespace bitsweep::store {

struct StoreProblem {
  std::string check;  // counters, states, results, events, leases, artifacts, integrity
  std::string description;
};
struct VerifyReport {
  std::vector<StoreProblem> problems;
  std::int64_t sweeps = 0;
  std::int64_t trials = 0;
  std::int64_t transforms = 0;
  std::int64_t artifacts = 0;
};
enum class VerifyDepth {
  kCounters,  // the counters against the rows, one pass over each index
  kRows,      // also results, events, attempts, states
  kDeep,      // also every artifact's bytes and SQLite's integrity_check
};

struct StoreInfo {
  std::string sqlite_version;
  int schema_version = 0;
  spec::JobCounts counts;            // of all sweeps and transforms
  spec::JobCounts transform_counts;  // of transforms alone
  // Since when the job that is next in some sweep or transform waits, the oldest of them. Those
  // that are paused do not count.
  std::optional<absl::Time> oldest_queued;
  std::int64_t ready = 0;  // queued jobs whose submission is not paused
  std::optional<absl::Time> last_backup;
  std::int64_t store_bytes = 0;
  std::int64_t wal_bytes = 0;
  std::int64_t free_bytes = 0;
  // Since the store was opened.
  std::int64_t commits = 0;
  std::int64_t operations = 0;  // writes: several share one commit
};

// How many sweeps, or transforms, are in each state.
using SubmissionCounts = std::map<spec::SweepState, std::int64_t>;

// All that the server keeps. See docs/storage.md.
class Store : public SweepStore,
              public TransformStore,
              public QueueStore,
              public ArtifactStore,
              public TokenStore,
              public BackupSource {
 public:
  // A worker (re)appears: counts of an earlier process of the same name go on.
  virtual absl::Status PutWorker(const WorkerRecord& worker) = 0;
  // Stamps of when workers were last heard of.
  virtual absl::Status TouchWorkers(const std::vector<std::string>& worker_ids, absl::Time now) = 0;
  // By name.
  virtual absl::StatusOr<Page<WorkerRecord>> ListWorkers(const std::string& after,
                                                         std::int64_t limit) = 0;
  virtual absl::StatusOr<VerifyReport> Verify(VerifyDepth depth) = 0;
  virtual absl::StatusOr<StoreInfo> Info() = 0;
  // Reads every row of them: for gauges, not for requests.
  virtual absl::StatusOr<SubmissionCounts> CountSubmissions(SubmissionKind kind) = 0;
};

}  // namespace bitsweep::store

#endif  // BITSWEEP_SERVER_STORE_STORE_H_
