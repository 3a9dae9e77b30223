// SPDX-License-Identifier: Apache-2.0
#ifndef BITSWEEP_WORKER_AGENT_JOB_RUNNER_H_
#define BITSWEEP_WORKER_AGENT_JOB_RUNNER_H_

#include <functional>
#include <optional>
#include <string>
#include <variant>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"
#include "core/base/clock.h"
#include "worker/agent/agent.h"
#include "worker/agent/checkpoint_cache.h"
#include "worker/agent/held_jobs.h"
#include "worker/agent/server_api.h"
#include "worker/executor/executor.h"

namespace bitsweep::worker {

// What is done with one job: fetch what it starts from, run it, bring the result back. The slot
// that it runs in is free for another while the result is brought. Thread-safe: each job has its
// own thread.
class JobRunner {
 public:
  JobRunner(ServerApi& api, HeldJobs& jobs, Executor& executor, Clock& clock,
            AgentObserver& observer)
      : api_(api),
        jobs_(jobs),
        executor_(executor),
        clock_(clock),
        observer_(observer),
        worker_(api.worker_name().substr(api.worker_name().find('/') + 1)),
        checkpoints_(api) {}

  // How often a call is made that ends in errors which may be accidents (IsDoubtful): within 9 s.
  static constexpr int kDoubtfulTries = 8;

  // Returns how it ended: succeeded, failed, cancelled, lost or released.
  std::string Run(HeldJob& job);
  // Tells the observer how many slots compute; the last that it hears is true.
  void TellBusySlots();
  // Calls are not tried again after this time.
  void GiveUpRetriesAt(absl::Time time);

  // What the server's answer to a report means for its job.
  static void Apply(const ReportAnswer& answer, HeldJob& job);

 private:
  using Outcome = std::variant<TrialSuccess, TransformSuccess, spec::JobFailure, TrialStopped>;

  Outcome Execute(HeldJob& job);
  // Brings what Execute gave to the server; returns how the job ended.
  std::string Bring(HeldJob& job, Outcome outcome);
  // Tells that the job has started, before anything of it is done: it may be what ends this
  // process, and an attempt that was only leased does not count as a worker's death. Returns
  // whether to go on.
  bool TellStart(HeldJob& job);
  std::string Succeeded(HeldJob& job, TrialSuccess success);
  std::string TransformSucceeded(HeldJob& job, const TransformSuccess& success);
  // Stores a checkpoint, unless it is empty. Returns how the job ended when it could not.
  std::optional<std::string> Upload(HeldJob& job, const std::string& checkpoint,
                                    const std::string& sha256);
  // What follows an answer to a job's completion that is not OK.
  std::string Refused(HeldJob& job, const Report& rest, const absl::Status& status);
  std::string Failed(HeldJob& job, const spec::JobFailure& failure);
  std::string Stopped(HeldJob& job);
  // Tells the epochs that were not told, but for the last kMaxPoints of them.
  absl::Status Flush(HeldJob& job, Report& rest);
  // Calls until it succeeds, fails for good (a doubtful error: kDoubtfulTries times), the lease is
  // lost, or retries are given up.
  absl::Status Retry(const HeldJob& job, const char* method,
                     const std::function<absl::Status()>& call);

  ServerApi& api_;
  HeldJobs& jobs_;
  Executor& executor_;
  Clock& clock_;
  AgentObserver& observer_;
  const std::string worker_;  // its id, for the log
  CheckpointCache checkpoints_;
  absl::Mutex busy_mu_;
  absl::Mutex mu_;
  absl::Time give_up_ ABSL_GUARDED_BY(mu_) = absl::InfiniteFuture();
};

}  // namespace bitsweep::worker

#endif  // BITSWEEP_WORKER_AGENT_JOB_RUNNER_H_
