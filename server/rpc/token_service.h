// SPDX-License-Identifier: Apache-2.0
#ifndef BITSWEEP_SERVER_RPC_TOKEN_SERVICE_H_
#define BITSWEEP_SERVER_RPC_TOKEN_SERVICE_H_

#include "bitsweep/v1/token_service.grpc.pb.h"
#include "core/base/clock.h"
#include "server/rpc/access_control.h"

namespace bitsweep::rpc {

// TokenService on the access control. Thread-safe; what it is given must outlive it.
class TokenServiceImpl final : public v1::TokenService::Service {
 public:
  TokenServiceImpl(AccessControl& access, Clock& clock) : access_(access), clock_(clock) {}

  grpc::Status CreateToken(grpc::ServerContext* context, const v1::CreateTokenRequest* request,
                           v1::CreateTokenResponse* response) override;
  grpc::Status ListTokens(grpc::ServerContext* context, const v1::ListTokensRequest* request,
                          v1::ListTokensResponse* response) override;
  grpc::Status RevokeToken(grpc::ServerContext* context, const v1::RevokeTokenRequest* request,
                           v1::RevokeTokenResponse* response) override;

 private:
  absl::Status Create(const v1::CreateTokenRequest& request, v1::CreateTokenResponse& response);
  v1::Token TokenMessage(const store::TokenRecord& record) const;

  AccessControl& access_;
  Clock& clock_;
};

}  // namespace bitsweep::rpc

#endif  // BITSWEEP_SERVER_RPC_TOKEN_SERVICE_H_
