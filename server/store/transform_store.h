// SPDX-License-Identifier: Apache-2.0
#ifndef BITSWEEP_SERVER_STORE_TRANSFORM_STORE_H_
#define BITSWEEP_SERVER_STORE_TRANSFORM_STORE_H_

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "server/store/transform_records.h"

namespace bitsweep::store {

struct SubmitTransformOutcome {
  TransformRecord transform;
  bool deduplicated = false;  // an earlier request with this request_id had stored it
};
// Leases that a change ended: the scheduler tells their workers to stop.
struct ChangeTransformOutcome {
  TransformRecord transform;
  std::int64_t changed_jobs = 0;
  std::vector<LeaseRef> revoked;
};

// Transforms, their jobs and their results, as people see them. Same promises as SweepStore;
// events, counters, leases and retries are the queue's (QueueStore), for jobs of both kinds.
// Errors: NotFound (TRANSFORM_NOT_FOUND, TRANSFORM_JOB_NOT_FOUND), AlreadyExists (ID_IN_USE,
// REQUEST_ID_REUSED), FailedPrecondition (INVALID_STATE, ARTIFACT_MISSING), InvalidArgument,
// ResourceExhausted (STORE_FULL), Unavailable (closing).
class TransformStore {
 public:
  virtual ~TransformStore() = default;

  // Stores the transform and all its jobs, in one transaction.
  virtual absl::StatusOr<SubmitTransformOutcome> SubmitTransform(const NewTransform& transform,
                                                                 absl::Time now) = 0;
  virtual absl::StatusOr<TransformRecord> GetTransform(const std::string& transform_id) = 0;
  // Newest first. Filter fields: state, display_name, transform_id, model, dataset.
  virtual absl::StatusOr<Page<TransformRecord>> ListTransforms(const PageQuery& query) = 0;
  // OK (0 jobs) when it was cancelled already; INVALID_STATE when all jobs had ended by themselves.
  virtual absl::StatusOr<ChangeTransformOutcome> CancelTransform(const std::string& transform_id,
                                                                 absl::Time now) = 0;
  // INVALID_STATE while any job has not ended.
  virtual absl::Status DeleteTransform(const std::string& transform_id, absl::Time now) = 0;
  virtual absl::StatusOr<TransformJobRecord> GetTransformJob(const std::string& transform_id,
                                                             std::int64_t number) = 0;
  // Order fields: number (natural), accuracy, bitops, size_bits, seconds (without a value last;
  // ties by number). Filter fields: state, number, accuracy, bitops.
  virtual absl::StatusOr<Page<TransformJobRecord>> ListTransformJobs(
      const std::string& transform_id, const PageQuery& query) = 0;

  // -> SUCCEEDED, with results, rows and model (its lineage: the job and the parent model). Errors
  // as QueueStore::Complete's.
  virtual absl::StatusOr<CompleteOutcome> CompleteTransformJob(const LeaseRef& ref,
                                                               const TransformOutcome& outcome,
                                                               absl::Time now) = 0;

  // Stores a model from an artifact that is stored. AlreadyExists / ID_IN_USE; FailedPrecondition /
  // ARTIFACT_MISSING.
  virtual absl::StatusOr<ModelRecord> ImportModel(const NewModel& model, absl::Time now) = 0;
};

}  // namespace bitsweep::store

#endif  // BITSWEEP_SERVER_STORE_TRANSFORM_STORE_H_
