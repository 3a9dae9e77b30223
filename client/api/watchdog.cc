// SPDX-License-Identifier: Apache-2.0
#include "client/api/watchdog.h"

namespace bitsweep::client {

Watchdog::Watchdog(grpc::ClientContext& context, absl::Duration limit)
    : context_(context), limit_(limit), thread_([this] { Watch(); }) {}

Watchdog::~Watchdog() {
  {
    absl::MutexLock lock(&mu_);
    is_over_ = true;
  }
  thread_.join();
}

void Watchdog::Heard() {
  absl::MutexLock lock(&mu_);
  ++heard_;
}

bool Watchdog::has_bitten() {
  absl::MutexLock lock(&mu_);
  return has_bitten_;
}

void Watchdog::Watch() {
  absl::MutexLock lock(&mu_);
  while (!is_over_) {
    const std::int64_t before = heard_;
    const auto has_news = [&]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_) {
      return is_over_ || heard_ != before;
    };
    if (mu_.AwaitWithTimeout(absl::Condition(&has_news), limit_)) continue;
    has_bitten_ = true;
    context_.TryCancel();
    return;
  }
}

}  // namespace bitsweep::client
