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
// series of all methods of package bitsweep.v1, of health and of reflection when made; calls of
// anything else are counted as service and method "unknown". Thread-safe. `metrics` and `clock`
// must outlive it.
class CallObserver final : public grpc::experimental::ServerInterceptorFactoryInterface {
 public:
  CallObserver(metrics::ServerMetrics& metrics, Clock& clock);
  grpc::experimental::Interceptor* CreateServerInterceptor(
      grpc::experimental::ServerRpcInfo* info) override;

 private:
  metrics::ServerMetrics& metrics_;
  Clock& clock_;
  std::map<std::string, metrics::ServerMetrics::Rpc*, std::less<>> rpcs_;  // by path; const
  metrics::ServerMetrics::Rpc* unknown_ = nullptr;
};

}  // namespace bitsweep::rpc

#endif  // BITSWEEP_SERVER_RPC_CALL_OBSERVER_H_
