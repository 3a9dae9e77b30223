// SPDX-License-Identifier: Apache-2.0
#include "worker/agent/job_runner.h"

#include <algorithm>
#include <memory>
#include <utility>

#include "core/base/sha256.h"
#include "core/base/status_macros.h"
#include "fmt/format.h"
#include "spdlog/spdlog.h"

namespace bitsweep::worker {
namespace {

// Carries what the executor tells to the jobs, and the directives back.
class JobObserver final : public TrialObserver {
 public:
  JobObserver(HeldJob& job, HeldJobs& jobs, Clock& clock, absl::Time start, AgentObserver& observer)
      : job_(job), jobs_(jobs), clock_(clock), start_(start), observer_(observer) {}

  bool ShouldStop() override {
    return job_.stop.load(std::memory_order_relaxed) != StopReason::kNone;
  }
  bool OnStart(const std::string& data_digest, std::int64_t train_rows) override {
    const std::string& expected = job_.leased.expected_data_digest;
    if (!expected.empty() && expected != data_digest) {
      job_.mismatch =
          fmt::format("this worker's data has digest {}, the sweep's other trials used {}",
                      data_digest, expected);
      job_.Stop(StopReason::kDataMismatch);
      return false;
    }
    train_rows_ = train_rows;
    jobs_.Started(job_, data_digest, train_rows);
    observer_.OnSetUp(clock_.Now() - start_);
    return !ShouldStop();
  }
  void OnSteps(std::int64_t steps, double seconds) override { observer_.OnSteps(steps, seconds); }
  void OnEpoch(const spec::EpochPoint& point) override {
    jobs_.Epoch(job_, point);
    observer_.OnEpoch(train_rows_);
  }

 private:
  HeldJob& job_;
  HeldJobs& jobs_;
  Clock& clock_;
  const absl::Time start_;
  AgentObserver& observer_;
  std::int64_t train_rows_ = 0;
};

void Log(const std::string& worker, const HeldJob& job, const char* outcome,
         const std::string& detail) {
  const bool is_transform =
      job.leased.work.ok() && std::holds_alternative<spec::TransformWork>(*job.leased.work);
  spdlog::info("{} {} job={} attempt={} worker={}{}{}", is_transform ? "transform" : "trial",
               outcome, job.leased.ref.job, job.leased.ref.attempt, worker,
               detail.empty() ? "" : " ", detail);
}

// Whether a call was given up although it might have succeeded later: the job has not failed.
bool WasCutOff(const HeldJob& job, const absl::Status& status) {
  const StopReason stop = job.stop.load();
  return IsTransient(status) ||
         (IsDoubtful(status) && (stop == StopReason::kDrain || stop == StopReason::kLost));
}

spec::JobFailure ArtifactFailure(const char* what, const absl::Status& status) {
  return {spec::FailureReason::kArtifactFailed,
          fmt::format("{}: {}", what, std::string(status.message()))};
}

}  // namespace

void JobRunner::Apply(const ReportAnswer& answer, HeldJob& job) {
  if (!answer.data_mismatch.empty()) {
    if (job.stop.load() == StopReason::kNone) job.mismatch = answer.data_mismatch;
    job.Stop(StopReason::kDataMismatch);
  } else if (answer.directive == Directive::kCancel) {
    job.Stop(StopReason::kCancelled);
  } else if (answer.directive == Directive::kLost) {
    job.Stop(StopReason::kLost);
  }
}

void JobRunner::TellBusySlots() {
  absl::MutexLock lock(&busy_mu_);
  observer_.OnBusySlots(jobs_.busy());
}

void JobRunner::GiveUpRetriesAt(absl::Time time) {
  absl::MutexLock lock(&mu_);
  give_up_ = time;
}

absl::Status JobRunner::Retry(const HeldJob& job, const char* method,
                              const std::function<absl::Status()>& call) {
  absl::Duration pause = kFirstPause;
  int doubtful = 0;
  while (true) {
    const absl::Status status = call();
    if (status.ok()) return status;
    if (!IsTransient(status) && !(IsDoubtful(status) && ++doubtful < kDoubtfulTries)) return status;
    observer_.OnCallFailed(method);
    absl::MutexLock lock(&mu_);
    const auto is_over = [&]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_) {
      return job.stop.load() == StopReason::kLost || clock_.Now() >= give_up_;
    };
    // Asked again at least each 100 ms: the stop reason is set without this mutex.
    const absl::Time next = clock_.Now() + pause;
    while (!is_over() && clock_.Now() < next) {
      bool never = false;
      clock_.AwaitUntil(mu_, absl::Condition(&never),
                        std::min(next, clock_.Now() + absl::Milliseconds(100)));
    }
    if (is_over()) return status;
    pause = std::min(pause * 2, kLongestPause);
  }
}

bool JobRunner::TellStart(HeldJob& job) {
  const absl::Status status = Retry(job, "ReportProgress", [&]() -> absl::Status {
    ASSIGN_OR_RETURN(const std::vector<ReportAnswer> answers,
                     api_.ReportProgress({{.ref = job.leased.ref, .started = true}}));
    Apply(answers.front(), job);
    return absl::OkStatus();
  });
  if (!status.ok() && !absl::IsAborted(status) && !WasCutOff(job, status)) {
    spdlog::warn("could not tell the start job={} worker={} message=\"{}\"", job.leased.ref.job,
                 worker_, std::string(status.message()));
    const absl::Status released = api_.Release({job.leased.ref}, "START_NOT_TOLD");
    if (!released.ok()) {  // it comes back when its lease expires
      spdlog::warn("could not give back job={} worker={} message=\"{}\"", job.leased.ref.job,
                   worker_, std::string(released.message()));
    }
  }
  return status.ok() && job.stop.load() == StopReason::kNone;
}

JobRunner::Outcome JobRunner::Execute(HeldJob& job) {
  const absl::Time start = clock_.Now();
  if (!job.leased.work.ok()) {
    return spec::JobFailure{spec::FailureReason::kException,
                            std::string(job.leased.work.status().message())};
  }
  if (job.stop.load() != StopReason::kNone) return TrialStopped{};
  // A first attempt tells its start with its data's digest: one report a job.
  if (job.leased.ref.attempt > 1 && !TellStart(job)) return TrialStopped{};
  const Work& work = *job.leased.work;
  const std::string& artifact =
      std::visit([](const auto& any) -> const std::string& { return any.model_artifact; }, work);
  std::shared_ptr<const std::string> checkpoint = std::make_shared<const std::string>();
  if (!artifact.empty()) {
    const absl::Status status = Retry(job, "DownloadArtifact", [&]() -> absl::Status {
      ASSIGN_OR_RETURN(checkpoint, checkpoints_.Get(artifact));
      return absl::OkStatus();
    });
    if (WasCutOff(job, status)) return TrialStopped{};
    if (!status.ok()) return ArtifactFailure("the checkpoint could not be fetched", status);
  }
  JobObserver observer(job, jobs_, clock_, start, observer_);
  const auto widen = [](auto outcome) {
    return std::visit([](auto& any) { return Outcome(std::move(any)); }, outcome);
  };
  if (const auto* trial = std::get_if<spec::TrialSpec>(&work)) {
    return widen(executor_.Run(*trial, *checkpoint, observer));
  }
  return widen(executor_.RunTransform(std::get<spec::TransformWork>(work), *checkpoint, observer));
}

std::string JobRunner::Run(HeldJob& job) {
  Outcome outcome = Execute(job);
  const absl::Time computed = clock_.Now();
  jobs_.FreeSlot(job);
  TellBusySlots();
  std::string end = Bring(job, std::move(outcome));
  if (end == "succeeded") observer_.OnReported(clock_.Now() - computed);
  return end;
}

std::string JobRunner::Bring(HeldJob& job, Outcome outcome) {
  // Its work is of no use, whether or not the executor noticed in time. A drain's stop is
  // different: what has finished nevertheless counts.
  const StopReason stop = job.stop.load();
  if (stop == StopReason::kLost || stop == StopReason::kCancelled ||
      stop == StopReason::kDataMismatch || std::holds_alternative<TrialStopped>(outcome)) {
    return Stopped(job);
  }
  if (const auto* failure = std::get_if<spec::JobFailure>(&outcome)) return Failed(job, *failure);
  if (const auto* transform = std::get_if<TransformSuccess>(&outcome)) {
    return TransformSucceeded(job, *transform);
  }
  return Succeeded(job, std::get<TrialSuccess>(std::move(outcome)));
}

absl::Status JobRunner::Flush(HeldJob& job, Report& rest) {
  rest = jobs_.CloseJob(job);
  while (rest.points.size() == HeldJobs::kMaxPoints) {
    const absl::Status status = Retry(job, "ReportProgress", [&]() -> absl::Status {
      const absl::StatusOr<std::vector<ReportAnswer>> answers = api_.ReportProgress({rest});
      if (answers.ok()) Apply(answers->front(), job);
      return answers.status();
    });
    if (!status.ok()) return status;
    rest = jobs_.CloseJob(job);
  }
  return absl::OkStatus();
}

std::optional<std::string> JobRunner::Upload(HeldJob& job, const std::string& checkpoint,
                                             const std::string& sha256) {
  if (checkpoint.empty()) return std::nullopt;
  const absl::Status uploaded =
      Retry(job, "UploadArtifact", [&] { return api_.Upload(sha256, checkpoint); });
  if (uploaded.ok()) return std::nullopt;
  if (WasCutOff(job, uploaded)) return Stopped(job);
  return Failed(job, ArtifactFailure("the checkpoint could not be stored", uploaded));
}

std::string JobRunner::Refused(HeldJob& job, const Report& rest, const absl::Status& status) {
  if (WasCutOff(job, status) || absl::IsAborted(status)) return Stopped(job);
  if (ReasonOf(status) == "INCOMPLETE_RESULT" && !job.start_reported) {
    // Too short for its start to have been told: the answer to that names other bytes.
    const absl::StatusOr<std::vector<ReportAnswer>> answers = api_.ReportProgress({rest});
    if (answers.ok()) Apply(answers->front(), job);
    if (job.stop.load() == StopReason::kDataMismatch) return Stopped(job);
  }
  return Failed(job,
                {spec::FailureReason::kException,
                 fmt::format("the server refused the result: {}", std::string(status.message()))});
}

std::string JobRunner::Succeeded(HeldJob& job, TrialSuccess success) {
  if (!success.checkpoint.empty()) {
    success.result.artifact = Sha256Hex(success.checkpoint);
    success.result.artifact_bytes = static_cast<std::int64_t>(success.checkpoint.size());
  }
  if (auto ended = Upload(job, success.checkpoint, success.result.artifact)) return *ended;
  Report rest;
  absl::Status status = Flush(job, rest);
  if (status.ok()) {
    status = Retry(job, "CompleteJob",
                   [&] { return api_.Complete(job.leased.ref, rest.points, success.result); });
  }
  if (!status.ok()) return Refused(job, rest, status);
  Log(worker_, job, "succeeded",
      fmt::format("val_acc={:.4f} seconds={:.3f}", success.result.val_acc, success.result.seconds));
  return "succeeded";
}

std::string JobRunner::TransformSucceeded(HeldJob& job, const TransformSuccess& success) {
  const std::string sha256 = success.checkpoint.empty() ? "" : Sha256Hex(success.checkpoint);
  if (auto ended = Upload(job, success.checkpoint, sha256)) return *ended;
  Report rest;
  absl::Status status = Flush(job, rest);
  if (status.ok()) {
    status = Retry(job, "CompleteJob", [&] {
      return api_.CompleteTransform(job.leased.ref, success, sha256,
                                    static_cast<std::int64_t>(success.checkpoint.size()));
    });
  }
  if (ReasonOf(status) == "RESULT_TOO_LARGE") {  // another attempt's would be as large
    return Failed(job, {spec::FailureReason::kInvalidModel, std::string(status.message())});
  }
  if (!status.ok()) return Refused(job, rest, status);
  Log(worker_, job, "succeeded",
      fmt::format("passes={} seconds={:.3f}", success.passes.size(), success.seconds));
  return "succeeded";
}

std::string JobRunner::Failed(HeldJob& job, const spec::JobFailure& failure) {
  jobs_.CloseJob(job);
  const absl::Status status =
      Retry(job, "FailJob", [&] { return api_.Fail(job.leased.ref, failure); });
  Log(worker_, job, "failed",
      fmt::format("reason={} message=\"{}\"", std::string(spec::Name(failure.reason)),
                  failure.message));
  if (status.ok()) return "failed";
  if (!absl::IsAborted(status)) {
    spdlog::warn("could not tell the failure job={} worker={} message=\"{}\"", job.leased.ref.job,
                 worker_, std::string(status.message()));
  }
  return "lost";
}

std::string JobRunner::Stopped(HeldJob& job) {
  jobs_.CloseJob(job);
  switch (job.stop.load()) {
    case StopReason::kDataMismatch:
      return Failed(job, {spec::FailureReason::kDatasetMismatch, job.mismatch});
    case StopReason::kDrain: {
      const absl::Status status = Retry(
          job, "ReleaseJobs", [&] { return api_.Release({job.leased.ref}, "WORKER_DRAINING"); });
      if (!status.ok()) {
        spdlog::warn("could not give back job={} worker={} message=\"{}\"", job.leased.ref.job,
                     worker_, std::string(status.message()));
        return "lost";
      }
      Log(worker_, job, "given back", "");
      return "released";
    }
    case StopReason::kCancelled:
      Log(worker_, job, "cancelled", "");
      return "cancelled";
    case StopReason::kLost:
    case StopReason::kNone:  // the server refused the result: another attempt has the lease
      break;
  }
  Log(worker_, job, "lost", "");
  return "lost";
}

}  // namespace bitsweep::worker
