// SPDX-License-Identifier: Apache-2.0
#ifndef BITSWEEP_SERVER_RPC_CALL_OBSERVER_H_
#define BITSWEEP_SERVER_RPC_CALL_OBSERVER_H_

#include <map>
#include <string>

#include "core/base/clock.h"
#include "grpcpp/support/server_interceptor.h"
#include "server/metrics/server_metrics.h"

namespace bitsweep::rpc {

// Counts and logs every call, of every service: give it to the server's builder. Declares the
// series of all methods of package bitsweep.v1 when made; calls of other services (reflection,
// health) get theirs at their first call. Thread-safe. `metrics` and `clock` must outlive it.
class CallObserver final : public grpc::experimental::ServerInterceptorFactoryInterface {
 public:
  CallObserver(metrics::ServerMetrics& metrics, Clock& clock);
  grpc::experimental::Interceptor* CreateServerInterceptor(
      grpc::experimental::ServerRpcInfo* info) override;

 private:
  metrics::ServerMetrics& metrics_;
  Clock& clock_;
  absl::Mutex mu_;
  std::map<std::string, metrics::ServerMetrics::Rpc*, std::less<>> rpcs_ ABSL_GUARDED_BY(mu_);
};

}  // namespace bitsweep::rpc

#endif  // BITSWEEP_SERVER_RPC_CALL_OBSERVER_H_
