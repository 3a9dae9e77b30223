// SPDX-License-Identifier: Apache-2.0
#include "server/scheduler/watch_hub.h"

#include <algorithm>

namespace bitsweep::scheduler {

void WatchHub::Changed(const std::string& sweep_id) {
  absl::MutexLock lock(&mu_);
  sweeps_[sweep_id].version = next_version_++;
}

void WatchHub::Started(const std::string& sweep_id, std::int64_t trial, std::int64_t train_rows) {
  absl::MutexLock lock(&mu_);
  Sweep& sweep = sweeps_[sweep_id];
  sweep.version = next_version_++;
  sweep.live[trial] = Live{.train_rows = train_rows};
}

void WatchHub::Epoch(const std::string& sweep_id, std::int64_t trial, std::int64_t attempt,
                     const spec::EpochPoint& point) {
  absl::MutexLock lock(&mu_);
  Sweep& sweep = sweeps_[sweep_id];
  sweep.version = next_version_++;
  Live& live = sweep.live[trial];
  const double rate = point.seconds > 0 ? static_cast<double>(live.train_rows) / point.seconds : 0;
  live.point = {trial, attempt, point, rate, sweep.version};
}

void WatchHub::Ended(const std::string& sweep_id, std::int64_t trial) {
  absl::MutexLock lock(&mu_);
  const auto sweep = sweeps_.find(sweep_id);
  if (sweep == sweeps_.end()) {
    forgotten_version_ = next_version_++;
    return;
  }
  sweep->second.version = next_version_++;
  sweep->second.live.erase(trial);
}

void WatchHub::Forget(const std::string& sweep_id) {
  absl::MutexLock lock(&mu_);
  sweeps_.erase(sweep_id);
  forgotten_version_ = next_version_++;
}

void WatchHub::Close() {
  absl::MutexLock lock(&mu_);
  closed_ = true;
}

bool WatchHub::closed() const {
  absl::MutexLock lock(&mu_);
  return closed_;
}

std::uint64_t WatchHub::Version(const std::string& sweep_id) const {
  absl::MutexLock lock(&mu_);
  return VersionOf(sweep_id);
}

std::uint64_t WatchHub::VersionOf(const std::string& sweep_id) const {
  const auto sweep = sweeps_.find(sweep_id);
  return sweep == sweeps_.end() ? forgotten_version_ : sweep->second.version;
}

std::uint64_t WatchHub::WaitForChange(const std::string& sweep_id, std::uint64_t seen,
                                      absl::Time deadline, const std::function<bool()>& cancelled) {
  absl::MutexLock lock(&mu_);
  const auto changed = [&]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_) {
    return closed_ || VersionOf(sweep_id) != seen;
  };
  while (!clock_.AwaitUntil(mu_, absl::Condition(&changed),
                            std::min(deadline, clock_.Now() + absl::Seconds(1)))) {
    if (clock_.Now() >= deadline || cancelled()) break;
  }
  return VersionOf(sweep_id);
}

std::vector<LivePoint> WatchHub::PointsAfter(const std::string& sweep_id,
                                             std::uint64_t version) const {
  absl::MutexLock lock(&mu_);
  std::vector<LivePoint> points;
  const auto sweep = sweeps_.find(sweep_id);
  if (sweep == sweeps_.end()) return points;
  for (const auto& [trial, live] : sweep->second.live) {
    if (live.point.version > version) points.push_back(live.point);
  }
  return points;
}

double WatchHub::RowsPerSecond(const std::string& sweep_id) const {
  absl::MutexLock lock(&mu_);
  const auto sweep = sweeps_.find(sweep_id);
  if (sweep == sweeps_.end()) return 0;
  double sum = 0;
  for (const auto& [trial, live] : sweep->second.live) sum += live.point.rows_per_second;
  return sum;
}

}  // namespace bitsweep::scheduler
