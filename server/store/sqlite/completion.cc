// SPDX-License-Identifier: Apache-2.0
#include "server/store/sqlite/completion.h"

#include <array>
#include <span>

#include "core/base/errors.h"
#include "core/base/ids.h"
#include "core/base/sha256.h"
#include "core/base/status_macros.h"
#include "fmt/format.h"
#include "server/store/sqlite/rows.h"

namespace bitsweep::store {
namespace {

std::string JobText(Connection& db, JobId job) {
  const std::optional<JobRow> row = LoadJob(db, job);
  if (!row) return fmt::format("job {}", job.value);
  return fmt::format("{}/{}/{}", NameOf(db, row->submission),
                     row->kind == SubmissionKind::kSweep ? "trials" : "jobs", row->number);
}

}  // namespace

absl::Status LeaseLost(Connection& db, const LeaseRef& ref, const std::optional<JobRow>& job) {
  const std::string why = job ? fmt::format("is not the current lease: attempt {}, {}",
                                            job->attempt, spec::Name(job->state))
                              : "has no job any more: its sweep or transform was deleted";
  return LeaseLostError(JobText(db, ref.job), ref.attempt, why);
}

std::string OutcomeOf(Connection& db, const LeaseRef& ref) {
  Statement row = db.Query("SELECT outcome FROM attempts WHERE job = ?1 AND number = ?2",
                           ref.job.value, ref.attempt);
  return row.Step() ? row.Text(0) : "";
}

absl::Status Incomplete(const std::string& why) {
  return ErrorWithDetails(absl::StatusCode::kInvalidArgument, why, {.reason = "INCOMPLETE_RESULT"});
}

void ForgetEarlierEpochs(Connection& db, const JobRow& job) {
  if (job.attempt == 1) return;
  db.Run("DELETE FROM epochs WHERE job = ?1 AND attempt <> ?2", job.job.value, job.attempt);
}

absl::Status Succeed(Connection& db, JobRow& job, absl::Time now) {
  const bool starts_now = job.state == spec::JobState::kLeased;
  const LeaseRef ref{job.job, job.attempt};
  const std::array<Transition, 2> both = {Transition{spec::JobEvent::kStart, job.worker_id, ""},
                                          Transition{spec::JobEvent::kSucceed, job.worker_id, ""}};
  RETURN_IF_ERROR(Move(db, job, std::span(both).subspan(starts_now ? 0 : 1), now));
  EndAttempt(db, ref, "SUCCEEDED", std::nullopt, now, starts_now);
  db.Run("UPDATE workers SET completed = completed + 1, last_seen_time = ?2 WHERE worker_id = ?1",
         job.worker_id, ToMicros(now));
  return absl::OkStatus();
}

absl::Status Start(Connection& db, JobRow& job, absl::Time now) {
  RETURN_IF_ERROR(Move(db, job, {spec::JobEvent::kStart, job.worker_id, ""}, now));
  if (job.kind == SubmissionKind::kSweep) {
    ForgetEarlierEpochs(db, job);
    db.Run("UPDATE trials SET start_time = ?2, epochs_done = 0 WHERE job = ?1", job.job.value,
           ToMicros(now));
  } else {
    db.Run("UPDATE transform_jobs SET start_time = ?2 WHERE job = ?1", job.job.value,
           ToMicros(now));
  }
  db.Run("UPDATE attempts SET start_time = ?3 WHERE job = ?1 AND number = ?2", job.job.value,
         job.attempt, ToMicros(now));
  return absl::OkStatus();
}

std::string CheckDigest(Connection& db, const JobRow& job, const std::string& digest) {
  if (digest.empty()) return "";
  std::string known;
  {
    Statement row = db.Query(job.kind == SubmissionKind::kSweep
                                 ? "SELECT data_digest FROM sweeps WHERE id = ?1"
                                 : "SELECT data_digest FROM transforms WHERE id = ?1",
                             job.submission.value);
    if (row.Step()) known = row.Text(0);
  }
  return CheckDigest(db, job, known, digest);
}

std::string CheckDigest(Connection& db, const JobRow& job, const std::string& known,
                        const std::string& digest) {
  if (known.empty()) {
    db.Run(fmt::format("UPDATE {} SET data_digest = ?2 WHERE id = ?1", TableOf(job.kind)),
           job.submission.value, digest);
    return "";
  }
  if (known == digest) return "";
  return fmt::format(
      "the data set has digest {}, other {} used {}", digest,
      job.kind == SubmissionKind::kSweep ? "trials of the sweep" : "jobs of the transform", known);
}

std::string NewModelId(Connection& db, const std::string& submission_id, std::int64_t number) {
  const std::string base = fmt::format("{}-{}", submission_id, number);
  std::string id = IsValidResourceId(base) ? base : "m-" + Sha256Hex(base).substr(0, 12);
  for (int other = 2;; ++other) {
    Statement taken = db.Query("SELECT 1 FROM models WHERE model_id = ?1", id);
    if (!taken.Step()) return id;
    id = fmt::format("{}-{}", base, other);
    if (!IsValidResourceId(id)) id = "m-" + Sha256Hex(id).substr(0, 12);
  }
}

absl::Status CheckArtifact(Connection& db, const std::string& sha256) {
  if (sha256.empty()) return absl::OkStatus();
  Statement artifact = db.Query("SELECT 1 FROM artifacts WHERE sha256 = ?1", sha256);
  if (artifact.Step()) return absl::OkStatus();
  return ErrorWithDetails(absl::StatusCode::kFailedPrecondition,
                          fmt::format("{} is not stored: upload it first", ArtifactName(sha256)),
                          {.reason = "ARTIFACT_MISSING", .metadata = {{"artifact", sha256}}});
}

}  // namespace bitsweep::store
