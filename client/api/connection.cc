// SPDX-License-Identifier: Apache-2.0
#include "client/api/connection.h"

#include <chrono>

#include "absl/time/clock.h"
#include "client/api/retry.h"
#include "grpcpp/support/channel_arguments.h"
#include "proto/channel/channel.h"
#include "proto/convert/status.h"

namespace bitsweep::client {

absl::StatusOr<std::shared_ptr<grpc::Channel>> OpenChannel(const std::string& address,
                                                           const options::ServerAccess& access) {
  grpc::ChannelArguments arguments;
  arguments.SetInt(GRPC_ARG_INITIAL_RECONNECT_BACKOFF_MS, 100);
  // How long one attempt to connect may take, its TLS handshake included.
  arguments.SetInt(GRPC_ARG_MIN_RECONNECT_BACKOFF_MS, 10000);
  arguments.SetInt(GRPC_ARG_MAX_RECONNECT_BACKOFF_MS, 2000);
  arguments.SetInt(GRPC_ARG_KEEPALIVE_TIME_MS, 20000);
  return channel::Open(address, access, arguments);
}

absl::Status FromGrpc(const grpc::Status& status) {
  return convert::StatusFromCall(status.error_code(), status.error_message(),
                                 status.error_details());
}

Connection::Connection(const std::string& address, absl::Duration timeout,
                       std::shared_ptr<grpc::Channel> channel)
    : address_(address), timeout_(timeout) {
  if (channel == nullptr) channel = *OpenChannel(address, {});  // plain: nothing to fail
  sweeps_ = v1::SweepService::NewStub(channel);
  transforms_ = v1::TransformService::NewStub(channel);
  models_ = v1::ModelService::NewStub(channel);
  artifacts_ = v1::ArtifactService::NewStub(channel);
  admin_ = v1::AdminService::NewStub(channel);
  tokens_ = v1::TokenService::NewStub(channel);
  health_ = grpc::health::v1::Health::NewStub(channel);
}

absl::Status Connection::Once(const std::function<grpc::Status(grpc::ClientContext&)>& call) const {
  grpc::ClientContext context;
  context.set_deadline(std::chrono::system_clock::now() + absl::ToChronoMilliseconds(timeout_));
  return FromGrpc(call(context));
}

absl::Status Connection::WithRetries(
    const std::function<grpc::Status(grpc::ClientContext&)>& call) const {
  const auto deadline = std::chrono::system_clock::now() + absl::ToChronoMilliseconds(timeout_);
  absl::Duration pause = kFirstPause;
  for (int attempt = 1;; ++attempt) {
    grpc::ClientContext context;
    context.set_deadline(deadline);
    const absl::Status status = FromGrpc(call(context));
    if (!absl::IsUnavailable(status) || attempt == kTries ||
        std::chrono::system_clock::now() + absl::ToChronoMilliseconds(pause) >= deadline) {
      return status;
    }
    absl::SleepFor(pause);
    pause *= 2;
  }
}

}  // namespace bitsweep::client
