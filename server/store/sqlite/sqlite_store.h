// SPDX-License-Identifier: Apache-2.0
#ifndef BITSWEEP_SERVER_STORE_SQLITE_SQLITE_STORE_H_
#define BITSWEEP_SERVER_STORE_SQLITE_SQLITE_STORE_H_

#include <atomic>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "absl/synchronization/mutex.h"
#include "server/store/sqlite/artifact_files.h"
#include "server/store/sqlite/open.h"
#include "server/store/sqlite/reader_pool.h"
#include "server/store/sqlite/writer.h"
#include "server/store/store.h"

namespace bitsweep::store {

class BackupFolder;

// The Store on SQLite. Methods are grouped by source: sweeps.cc, queue.cc, results.cc,
// trial_queries.cc, configuration_queries.cc, transforms.cc, transform_jobs.cc,
// transform_results.cc, models.cc, tokens.cc, backup.cc, verify.cc.
class SqliteStore final : public Store {
 public:
  SqliteStore(const SqliteStoreOptions& options, std::unique_ptr<Connection> connection,
              std::unique_ptr<ArtifactFiles> files, int lock_fd);
  ~SqliteStore() override;

  // SweepStore
  absl::StatusOr<SubmitOutcome> Submit(const NewSweep& sweep, absl::Time now) override;
  absl::StatusOr<SweepRecord> GetSweep(const std::string& sweep_id) override;
  absl::StatusOr<Page<SweepRecord>> ListSweeps(const PageQuery& query) override;
  absl::StatusOr<SweepRecord> PauseSweep(const std::string& sweep_id, absl::Time now) override;
  absl::StatusOr<SweepRecord> ResumeSweep(const std::string& sweep_id, absl::Time now) override;
  absl::StatusOr<ChangeOutcome> CancelSweep(const std::string& sweep_id, absl::Time now) override;
  absl::StatusOr<ChangeOutcome> RetrySweep(const std::string& sweep_id,
                                           const std::vector<spec::JobState>& states,
                                           absl::Time now) override;
  absl::Status DeleteSweep(const std::string& sweep_id, absl::Time now) override;
  absl::StatusOr<Page<ConfigurationRecord>> ListConfigurations(const std::string& sweep_id,
                                                               const PageQuery& query) override;
  absl::StatusOr<TrialRecord> GetTrial(const std::string& sweep_id, std::int64_t number) override;
  absl::StatusOr<Page<TrialRecord>> ListTrials(const std::string& sweep_id, const PageQuery& query,
                                               TrialDetail detail) override;
  absl::StatusOr<WorkSummary> SummarizeWork(SubmissionId submission) override;
  absl::StatusOr<std::vector<EventRecord>> EventsAfter(SubmissionId submission,
                                                       std::int64_t revision,
                                                       std::int64_t limit) override;
  absl::StatusOr<std::int64_t> CountEventsAfter(SubmissionId submission, std::int64_t revision,
                                                std::int64_t limit) override;

  // TransformStore
  absl::StatusOr<SubmitTransformOutcome> SubmitTransform(const NewTransform& transform,
                                                         absl::Time now) override;
  absl::StatusOr<TransformRecord> GetTransform(const std::string& transform_id) override;
  absl::StatusOr<Page<TransformRecord>> ListTransforms(const PageQuery& query) override;
  absl::StatusOr<ChangeTransformOutcome> CancelTransform(const std::string& transform_id,
                                                         absl::Time now) override;
  absl::Status DeleteTransform(const std::string& transform_id, absl::Time now) override;
  absl::StatusOr<TransformJobRecord> GetTransformJob(const std::string& transform_id,
                                                     std::int64_t number) override;
  absl::StatusOr<Page<TransformJobRecord>> ListTransformJobs(const std::string& transform_id,
                                                             const PageQuery& query) override;
  absl::StatusOr<CompleteOutcome> CompleteTransformJob(const LeaseRef& ref,
                                                       const TransformOutcome& outcome,
                                                       absl::Time now) override;
  absl::StatusOr<ModelRecord> ImportModel(const NewModel& model, absl::Time now) override;

  // QueueStore
  absl::StatusOr<std::vector<QueueSource>> Sources(absl::Time now) override;
  absl::StatusOr<std::vector<LeasedJob>> Lease(const std::vector<Allocation>& allocations,
                                               absl::Time now) override;
  absl::StatusOr<std::optional<absl::Time>> NextReadyTime(absl::Time now) override;
  absl::Status EndBackoffs() override;
  absl::StatusOr<std::vector<ActiveLease>> ActiveLeases() override;
  absl::StatusOr<std::vector<ProgressOutcome>> Progress(const std::vector<ProgressReport>& reports,
                                                        absl::Time now) override;
  absl::StatusOr<CompleteOutcome> Complete(const LeaseRef& ref,
                                           const std::vector<spec::EpochPoint>& points,
                                           const spec::TrialResult& result,
                                           absl::Time now) override;
  absl::StatusOr<FailOutcome> Fail(const LeaseRef& ref, const spec::JobFailure& failure,
                                   const spec::RetryLimits& limits, absl::Time now) override;
  absl::StatusOr<std::int64_t> Release(const std::vector<LeaseRef>& refs, const std::string& cause,
                                       absl::Time now) override;
  absl::StatusOr<std::vector<std::optional<FailOutcome>>> Expire(const std::vector<LeaseRef>& refs,
                                                                 const spec::RetryLimits& limits,
                                                                 absl::Time now) override;
  absl::Status SetQueuePaused(bool paused, absl::Time now) override;
  absl::StatusOr<bool> IsQueuePaused() override;
  absl::StatusOr<JobId> FindJob(const std::string& job_name) override;

  // ArtifactStore
  absl::StatusOr<std::unique_ptr<ArtifactUpload>> Begin(const std::string& sha256,
                                                        std::int64_t size_bytes) override;
  absl::StatusOr<ArtifactRecord> GetArtifact(const std::string& sha256) override;
  absl::StatusOr<std::string> Read(const std::string& sha256, std::int64_t offset,
                                   std::int64_t max_bytes) override;
  absl::StatusOr<std::int64_t> CollectGarbage(absl::Time before) override;
  absl::StatusOr<ModelRecord> GetModel(const std::string& model_id) override;
  absl::StatusOr<Page<ModelRecord>> ListModels(const PageQuery& query) override;
  absl::Status DeleteModel(const std::string& model_id) override;

  // TokenStore
  absl::Status CreateToken(const TokenRecord& token) override;
  absl::StatusOr<std::vector<TokenRecord>> ListTokens() override;
  absl::StatusOr<TokenRecord> RevokeToken(const std::string& token_id, absl::Time now) override;

  // BackupSource
  absl::StatusOr<std::unique_ptr<Backup>> StartBackup(
      absl::Time now, absl::FunctionRef<bool()> keep_going) override;
  absl::Status NoteBackup(absl::Time time) override;

  // Store
  absl::Status PutWorker(const WorkerRecord& worker) override;
  absl::Status TouchWorkers(const std::vector<std::string>& worker_ids, absl::Time now) override;
  absl::StatusOr<Page<WorkerRecord>> ListWorkers(const std::string& after,
                                                 std::int64_t limit) override;
  absl::StatusOr<VerifyReport> Verify(VerifyDepth depth) override;
  absl::StatusOr<StoreInfo> Info() override;
  absl::StatusOr<SubmissionCounts> CountSubmissions(SubmissionKind kind) override;

 private:
  // What of a sweep or transform every lease of it needs; it never changes.
  struct Inputs {
    std::string name;                      // "sweeps/lab-1"
    std::optional<spec::SweepSpec> sweep;  // unset: a transform
    std::string transform;                 // its specification
    std::string model_artifact;
  };

  // STORE_FULL when less than this is free.
  absl::Status CheckSpace(std::int64_t reserve_bytes) const;
  absl::StatusOr<std::shared_ptr<const Inputs>> InputsOf(Connection& db, SubmissionId submission);
  void ForgetInputs(SubmissionId submission);
  // State, times and revision of a submission whose jobs have changed are derived once for all
  // operations of a commit, at its end, and before an operation that reads them (RefreshTouched).
  enum class Touch { kMoved, kStarted };
  void RefreshBeforeCommit(SubmissionId submission, absl::Time now, Touch touch = Touch::kMoved);
  void RefreshTouched(Connection& db);
  absl::Status LeaseOne(Connection& db, const Allocation& allocation, absl::Time now,
                        std::vector<LeasedJob>& leased);
  absl::StatusOr<ProgressOutcome> ProgressOne(Connection& db, const ProgressReport& report,
                                              absl::Time now);
  absl::StatusOr<CompleteOutcome> CompleteOne(Connection& db, const LeaseRef& ref,
                                              const std::vector<spec::EpochPoint>& points,
                                              const spec::TrialResult& result, absl::Time now);
  absl::StatusOr<CompleteOutcome> CompleteTransformOne(Connection& db, const LeaseRef& ref,
                                                       const TransformOutcome& outcome,
                                                       absl::Time now);
  absl::StatusOr<FailOutcome> FailOne(Connection& db, const LeaseRef& ref,
                                      const spec::JobFailure& failure,
                                      const spec::RetryLimits& limits, std::string_view outcome,
                                      absl::Time now);

  absl::StatusOr<std::unique_ptr<Backup>> CopyInto(std::unique_ptr<BackupFolder> folder,
                                                   absl::Time now,
                                                   absl::FunctionRef<bool()> keep_going);

  const SqliteStoreOptions options_;
  const int lock_fd_;
  const std::unique_ptr<ArtifactFiles> files_;
  struct Touched {
    absl::Time latest = absl::InfinitePast();
    bool has_started = false;
  };
  std::map<std::int64_t, Touched> touched_;  // by submission; writer thread only
  std::atomic<bool> is_backing_up_ = false;
  bool is_linking_ = false;  // no artifact is removed meanwhile; writer thread only
  Writer writer_;
  ReaderPool readers_;
  absl::Mutex mu_;
  std::unordered_map<std::int64_t, std::shared_ptr<const Inputs>> inputs_ ABSL_GUARDED_BY(mu_);
};

}  // namespace bitsweep::store

#endif  // BITSWEEP_SERVER_STORE_SQLITE_SQLITE_STORE_H_
