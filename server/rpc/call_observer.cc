// SPDX-License-Identifier: Apache-2.0
#include "server/rpc/call_observer.h"

#include <functional>
#include <string_view>

#include "bitsweep/v1/admin_service.pb.h"
#include "bitsweep/v1/artifact_service.pb.h"
#include "bitsweep/v1/model_service.pb.h"
#include "bitsweep/v1/sweep_service.pb.h"
#include "bitsweep/v1/token_service.pb.h"
#include "bitsweep/v1/transform_service.pb.h"
#include "bitsweep/v1/worker_service.pb.h"
#include "google/protobuf/descriptor.h"
#include "spdlog/spdlog.h"

namespace bitsweep::rpc {
namespace {

using grpc::experimental::InterceptionHookPoints;
using grpc::experimental::ServerRpcInfo;

const char* TypeName(bool client_streams, bool server_streams) {
  if (client_streams) return server_streams ? "bidi_stream" : "client_stream";
  return server_streams ? "server_stream" : "unary";
}

// Errors that mean that the server, not its caller, has a problem.
bool IsServersFault(grpc::StatusCode code) {
  return code == grpc::StatusCode::UNKNOWN || code == grpc::StatusCode::INTERNAL ||
         code == grpc::StatusCode::DATA_LOSS;
}

class Call final : public grpc::experimental::Interceptor {
 public:
  Call(metrics::ServerMetrics& metrics, Clock& clock, metrics::ServerMetrics::Rpc* rpc,
       const char* method)
      : metrics_(metrics), clock_(clock), rpc_(rpc), method_(method), start_(clock.Now()) {
    metrics_.RpcStarted(rpc_);
  }

  void Intercept(grpc::experimental::InterceptorBatchMethods* batch) override {
    if (batch->QueryInterceptionHookPoint(InterceptionHookPoints::POST_RECV_MESSAGE) &&
        batch->GetRecvMessage() != nullptr) {
      metrics_.RpcMessageReceived(rpc_);
    }
    if (batch->QueryInterceptionHookPoint(InterceptionHookPoints::PRE_SEND_MESSAGE)) {
      metrics_.RpcMessageSent(rpc_);
    }
    if (batch->QueryInterceptionHookPoint(InterceptionHookPoints::PRE_SEND_STATUS)) {
      Ended(batch->GetSendStatus());
    }
    batch->Proceed();
  }

 private:
  void Ended(const grpc::Status& status) {
    const absl::Duration taken = clock_.Now() - start_;
    metrics_.RpcHandled(rpc_, status.error_code(), taken);
    const double ms = absl::ToDoubleMilliseconds(taken);
    const int code = status.error_code();
    if (IsServersFault(status.error_code())) {
      spdlog::error("call failed method={} code={} ms={:.3f} message=\"{}\"", method_, code, ms,
                    status.error_message());
    } else if (!status.ok() && status.error_code() != grpc::StatusCode::UNIMPLEMENTED) {
      spdlog::info("call refused method={} code={} ms={:.3f} message=\"{}\"", method_, code, ms,
                   status.error_message());
    } else {
      // What is not implemented is only asked for: clients look for a newer reflection first.
      spdlog::debug("call method={} code={} ms={:.3f}", method_, code, ms);
    }
  }

  metrics::ServerMetrics& metrics_;
  Clock& clock_;
  metrics::ServerMetrics::Rpc* const rpc_;
  const char* const method_;
  const absl::Time start_;
};

}  // namespace

CallObserver::CallObserver(metrics::ServerMetrics& metrics, Clock& clock)
    : metrics_(metrics), clock_(clock) {
  const auto declare = [this](const metrics::RpcMethod& method) {
    return rpcs_["/" + method.service + "/" + method.method] = metrics_.Declare(method);
  };
  for (const google::protobuf::FileDescriptor* file :
       {v1::SubmitSweepRequest::descriptor()->file(), v1::GetModelRequest::descriptor()->file(),
        v1::SubmitTransformRequest::descriptor()->file(),
        v1::GetArtifactRequest::descriptor()->file(), v1::LeaseJobsRequest::descriptor()->file(),
        v1::GetServerInfoRequest::descriptor()->file(),
        v1::CreateTokenRequest::descriptor()->file()}) {
    for (int s = 0; s < file->service_count(); ++s) {
      const google::protobuf::ServiceDescriptor* service = file->service(s);
      for (int m = 0; m < service->method_count(); ++m) {
        const google::protobuf::MethodDescriptor* method = service->method(m);
        declare({service->full_name(), method->name(),
                 TypeName(method->client_streaming(), method->server_streaming())});
      }
    }
  }
  declare({"grpc.health.v1.Health", "Check", "unary"});
  declare({"grpc.health.v1.Health", "Watch", "server_stream"});
  declare({"grpc.reflection.v1alpha.ServerReflection", "ServerReflectionInfo", "bidi_stream"});
  unknown_ = declare({"unknown", "unknown", "unary"});
}

grpc::experimental::Interceptor* CallObserver::CreateServerInterceptor(ServerRpcInfo* info) {
  // Calls of unknown methods come here too: they share one series, or callers could make any
  // number.
  const auto entry = rpcs_.find(std::string_view(info->method()));
  return new Call(metrics_, clock_, entry == rpcs_.end() ? unknown_ : entry->second,
                  info->method());
}

}  // namespace bitsweep::rpc
