// SPDX-License-Identifier: Apache-2.0
#ifndef BITSWEEP_CLIENT_API_WATCHDOG_H_
#define BITSWEEP_CLIENT_API_WATCHDOG_H_

#include <cstdint>
#include <thread>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "grpcpp/client_context.h"

namespace bitsweep::client {

// Cancels a call when nothing has been heard of it for `limit`, so that a stream of any length may
// take its time. Thread-safe.
class Watchdog {
 public:
  // `context` must outlive it.
  Watchdog(grpc::ClientContext& context, absl::Duration limit);
  ~Watchdog();
  Watchdog(const Watchdog&) = delete;
  Watchdog& operator=(const Watchdog&) = delete;

  void Heard();
  bool has_bitten();

 private:
  void Watch();

  grpc::ClientContext& context_;
  const absl::Duration limit_;
  absl::Mutex mu_;
  std::int64_t heard_ ABSL_GUARDED_BY(mu_) = 0;
  bool is_over_ ABSL_GUARDED_BY(mu_) = false;
  bool has_bitten_ ABSL_GUARDED_BY(mu_) = false;
  std::thread thread_;  // last: uses all of the above
};

}  // namespace bitsweep::client

#endif  // BITSWEEP_CLIENT_API_WATCHDOG_H_
