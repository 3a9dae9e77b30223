// SPDX-License-Identifier: Apache-2.0
#ifndef BITSWEEP_SERVER_APP_UPKEEP_H_
#define BITSWEEP_SERVER_APP_UPKEEP_H_

#include <thread>

#include "core/base/clock.h"
#include "server/metrics/server_metrics.h"
#include "server/scheduler/scheduler.h"
#include "server/store/store.h"

namespace bitsweep::server {

// What is done from time to time: gauges each second, those of sweeps and transforms and stamps of
// live workers each 10 s, counters against rows each minute, artifacts that nothing refers to each
// hour (those older than an hour).
//
// Life-cycle: works from its construction until destroyed. What it is given must outlive it.
class Upkeep {
 public:
  Upkeep(scheduler::Scheduler& scheduler, store::Store& store, metrics::ServerMetrics& metrics,
         Clock& clock);
  ~Upkeep();

 private:
  void Loop(absl::Time start);
  void RefreshGauges();
  void CountSubmissions();
  void TouchWorkers();
  void CheckCounters();
  void CollectGarbage();

  scheduler::Scheduler& scheduler_;
  store::Store& store_;
  metrics::ServerMetrics& metrics_;
  Clock& clock_;
  absl::Mutex mu_;
  bool stopping_ ABSL_GUARDED_BY(mu_) = false;
  std::thread thread_;
};

}  // namespace bitsweep::server

#endif  // BITSWEEP_SERVER_APP_UPKEEP_H_
