// SPDX-License-Identifier: Apache-2.0
// What the ends of trials and of transforms' jobs have in common. Called inside a writer's
// operation; throws SqliteError.
#ifndef BITSWEEP_SERVER_STORE_SQLITE_COMPLETION_H_
#define BITSWEEP_SERVER_STORE_SQLITE_COMPLETION_H_

#include <optional>
#include <string>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "server/store/sqlite/transitions.h"

namespace bitsweep::store {

// Aborted / LEASE_LOST for a write by an attempt that does not hold the job.
absl::Status LeaseLost(Connection& db, const LeaseRef& ref, const std::optional<JobRow>& job);
// How the attempt ended; empty while it has not, or when there is none.
std::string OutcomeOf(Connection& db, const LeaseRef& ref);
// InvalidArgument / INCOMPLETE_RESULT.
absl::Status Incomplete(const std::string& why);
// LEASED -> RUNNING, with its times.
absl::Status Start(Connection& db, JobRow& job, absl::Time now);
// -> SUCCEEDED, from LEASED by way of RUNNING, with the attempt's end and the worker's count. The
// rows of the trial or transform's job are the caller's.
absl::Status Succeed(Connection& db, JobRow& job, absl::Time now);
// Epochs that an earlier attempt has left.
void ForgetEarlierEpochs(Connection& db, const JobRow& job);
// Records the digest of the job's sweep or transform when it has none; else what is wrong with this
// one, or nothing.
std::string CheckDigest(Connection& db, const JobRow& job, const std::string& digest);
// The same when it has been read: `known`, empty when there is none.
std::string CheckDigest(Connection& db, const JobRow& job, const std::string& known,
                        const std::string& digest);
// FailedPrecondition / ARTIFACT_MISSING when a result names an artifact that is not stored.
absl::Status CheckArtifact(Connection& db, const std::string& sha256);
// A free id for the model that a job of a submission made: "{submission_id}-{number}", or that with
// something behind it where a transform, a sweep or an import has it already.
std::string NewModelId(Connection& db, const std::string& submission_id, std::int64_t number);

}  // namespace bitsweep::store

#endif  // BITSWEEP_SERVER_STORE_SQLITE_COMPLETION_H_
