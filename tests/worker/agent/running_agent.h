// SPDX-License-Identifier: Apache-2.0
#ifndef BITSWEEP_TESTS_WORKER_AGENT_RUNNING_AGENT_H_
#define BITSWEEP_TESTS_WORKER_AGENT_RUNNING_AGENT_H_

#include <map>
#include <string>
#include <thread>
#include <utility>

#include "absl/synchronization/mutex.h"
#include "tests/worker/agent/scripted_executor.h"
#include "worker/agent/agent.h"

namespace bitsweep::worker {

// Counts what the agent tells, and waits for it.
class Listener final : public AgentObserver {
 public:
  void OnHeld(std::int64_t held) override { Note("held " + std::to_string(held)); }
  void OnTrialEnded(std::string_view outcome, absl::Duration) override {
    Note(std::string(outcome));
  }
  void OnCallFailed(std::string_view method) override { Note("failed " + std::string(method)); }

  bool WaitFor(const std::string& event, int times = 1) {
    absl::MutexLock lock(&mu_);
    const auto has_come = [&]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_) {
      return events_[event] >= times;
    };
    return mu_.AwaitWithTimeout(absl::Condition(&has_come), kLong);
  }
  int Count(const std::string& event) {
    absl::MutexLock lock(&mu_);
    return events_[event];
  }

 private:
  void Note(const std::string& event) {
    absl::MutexLock lock(&mu_);
    ++events_[event];
  }

  absl::Mutex mu_;
  std::map<std::string, int> events_ ABSL_GUARDED_BY(mu_);
};

// An agent that runs in a thread of its own.
class RunningAgent {
 public:
  RunningAgent(const AgentOptions& options, ScriptedExecutor::Script script)
      : executor_(std::move(script)),
        agent_(options, executor_, SystemClock(), listener_),
        thread_([this] { status_ = agent_.Run(); }) {}
  ~RunningAgent() {
    BeginDrain();
    if (thread_.joinable()) thread_.join();
  }

  Listener& listener() { return listener_; }
  void BeginDrain() { agent_.BeginDrain(); }
  // Waits for the end; what Run returned.
  absl::Status Join() {
    if (thread_.joinable()) thread_.join();
    return status_;
  }
  absl::Status Drain() {
    BeginDrain();
    return Join();
  }

 private:
  Listener listener_;
  ScriptedExecutor executor_;
  Agent agent_;
  absl::Status status_;
  std::thread thread_;
};

}  // namespace bitsweep::worker

#endif  // BITSWEEP_TESTS_WORKER_AGENT_RUNNING_AGENT_H_
