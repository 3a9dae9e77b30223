// SPDX-License-Identifier: Apache-2.0
#ifndef BITSWEEP_CLIENT_API_CONNECTION_H_
#define BITSWEEP_CLIENT_API_CONNECTION_H_

#include <functional>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "bitsweep/v1/admin_service.grpc.pb.h"
#include "bitsweep/v1/artifact_service.grpc.pb.h"
#include "bitsweep/v1/model_service.grpc.pb.h"
#include "bitsweep/v1/sweep_service.grpc.pb.h"
#include "bitsweep/v1/token_service.grpc.pb.h"
#include "bitsweep/v1/transform_service.grpc.pb.h"
#include "core/options/server_access.h"
#include "grpc/health/v1/health.grpc.pb.h"
#include "grpcpp/channel.h"
#include "grpcpp/client_context.h"
#include "grpcpp/support/status.h"

namespace bitsweep::client {

// How commands reach the server: what proto/channel/channel.h says.
absl::StatusOr<std::shared_ptr<grpc::Channel>> OpenChannel(const std::string& address,
                                                           const options::ServerAccess& access);

// The server as a command uses it. Nothing is sent before the first call. Thread-safe.
class Connection {
 public:
  // `timeout`: of each call, without streams. `channel`: to `address`; without one it is plain.
  Connection(const std::string& address, absl::Duration timeout,
             std::shared_ptr<grpc::Channel> channel = nullptr);

  v1::SweepService::Stub& sweeps() const { return *sweeps_; }
  v1::TransformService::Stub& transforms() const { return *transforms_; }
  v1::ModelService::Stub& models() const { return *models_; }
  v1::ArtifactService::Stub& artifacts() const { return *artifacts_; }
  v1::AdminService::Stub& admin() const { return *admin_; }
  v1::TokenService::Stub& tokens() const { return *tokens_; }
  grpc::health::v1::Health::Stub& health() const { return *health_; }

  // Makes a call that is safe to repeat: Unavailable is tried again a few times, in all less than
  // two seconds and the timeout. Errors carry the server's details (core/base/errors.h).
  template <typename Stub, typename Request, typename Response>
  absl::Status Call(Stub& stub,
                    grpc::Status (Stub::*method)(grpc::ClientContext*, const Request&, Response*),
                    const Request& request, Response* response) const {
    return WithRetries([&](grpc::ClientContext& context) {
      response->Clear();
      return (stub.*method)(&context, request, response);
    });
  }

  const std::string& address() const { return address_; }
  absl::Duration timeout() const { return timeout_; }

  // Makes a call that is not safe to repeat, once.
  template <typename Stub, typename Request, typename Response>
  absl::Status CallOnce(Stub& stub,
                        grpc::Status (Stub::*method)(grpc::ClientContext*, const Request&,
                                                     Response*),
                        const Request& request, Response* response) const {
    return Once(
        [&](grpc::ClientContext& context) { return (stub.*method)(&context, request, response); });
  }

 private:
  absl::Status Once(const std::function<grpc::Status(grpc::ClientContext&)>& call) const;
  absl::Status WithRetries(const std::function<grpc::Status(grpc::ClientContext&)>& call) const;

  const std::string address_;
  const absl::Duration timeout_;
  std::unique_ptr<v1::SweepService::Stub> sweeps_;
  std::unique_ptr<v1::TransformService::Stub> transforms_;
  std::unique_ptr<v1::ModelService::Stub> models_;
  std::unique_ptr<v1::ArtifactService::Stub> artifacts_;
  std::unique_ptr<v1::AdminService::Stub> admin_;
  std::unique_ptr<v1::TokenService::Stub> tokens_;
  std::unique_ptr<grpc::health::v1::Health::Stub> health_;
};

absl::Status FromGrpc(const grpc::Status& status);

}  // namespace bitsweep::client

#endif  // BITSWEEP_CLIENT_API_CONNECTION_H_
