// SPDX-License-Identifier: Apache-2.0
#include "server/scheduler/watch_hub.h"

#include <algorithm>

namespace bitsweep::scheduler {

void WatchHub::Changed(const std::string& submission) {
  absl::MutexLock lock(&mu_);
  entries_[submission].version = next_version_++;
}

void WatchHub::Started(const std::string& submission, std::int64_t number,
                       std::int64_t train_rows) {
  absl::MutexLock lock(&mu_);
  Entry& entry = entries_[submission];
  entry.version = next_version_++;
  entry.live[number] = Live{.train_rows = train_rows};
}

void WatchHub::Epoch(const std::string& submission, std::int64_t number, std::int64_t attempt,
                     const spec::EpochPoint& point) {
  absl::MutexLock lock(&mu_);
  Entry& entry = entries_[submission];
  entry.version = next_version_++;
  Live& live = entry.live[number];
  const double rate = point.seconds > 0 ? static_cast<double>(live.train_rows) / point.seconds : 0;
  live.point = {number, attempt, point, rate, entry.version};
}

void WatchHub::Ended(const std::string& submission, std::int64_t number) {
  absl::MutexLock lock(&mu_);
  const auto entry = entries_.find(submission);
  if (entry == entries_.end()) {
    forgotten_version_ = next_version_++;
    return;
  }
  entry->second.version = next_version_++;
  entry->second.live.erase(number);
}

void WatchHub::Forget(const std::string& submission) {
  absl::MutexLock lock(&mu_);
  entries_.erase(submission);
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

std::uint64_t WatchHub::Version(const std::string& submission) const {
  absl::MutexLock lock(&mu_);
  return VersionOf(submission);
}

std::uint64_t WatchHub::VersionOf(const std::string& submission) const {
  const auto entry = entries_.find(submission);
  return entry == entries_.end() ? forgotten_version_ : entry->second.version;
}

std::uint64_t WatchHub::WaitForChange(const std::string& submission, std::uint64_t seen,
                                      absl::Time deadline, const std::function<bool()>& cancelled) {
  absl::MutexLock lock(&mu_);
  const auto changed = [&]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_) {
    return closed_ || VersionOf(submission) != seen;
  };
  while (!clock_.AwaitUntil(mu_, absl::Condition(&changed),
                            std::min(deadline, clock_.Now() + absl::Seconds(1)))) {
    if (clock_.Now() >= deadline || cancelled()) break;
  }
  return VersionOf(submission);
}

std::vector<LivePoint> WatchHub::PointsAfter(const std::string& submission,
                                             std::uint64_t version) const {
  absl::MutexLock lock(&mu_);
  std::vector<LivePoint> points;
  const auto entry = entries_.find(submission);
  if (entry == entries_.end()) return points;
  for (const auto& [trial, live] : entry->second.live) {
    if (live.point.version > version) points.push_back(live.point);
  }
  return points;
}

double WatchHub::RowsPerSecond(const std::string& submission) const {
  absl::MutexLock lock(&mu_);
  const auto entry = entries_.find(submission);
  if (entry == entries_.end()) return 0;
  double sum = 0;
  for (const auto& [trial, live] : entry->second.live) sum += live.point.rows_per_second;
  return sum;
}

}  // namespace bitsweep::scheduler
