// SPDX-License-Identifier: Apache-2.0
#include "server/rpc/token_service.h"

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "core/base/errors.h"
#include "core/base/ids.h"
#include "core/base/status_macros.h"
#include "fmt/format.h"
#include "proto/convert/trial.h"
#include "server/rpc/paging.h"
#include "server/rpc/status_map.h"
#include "spdlog/spdlog.h"

namespace bitsweep::rpc {
namespace {

const absl::Duration kShortestLife = absl::Seconds(1);
const absl::Duration kLongestLife = absl::Hours(24) * 36525;  // a century: a typing error above

v1::Scope ScopeMessage(Scope scope) {
  switch (scope) {
    case Scope::kRead:
      return v1::SCOPE_READ;
    case Scope::kSubmit:
      return v1::SCOPE_SUBMIT;
    case Scope::kWorker:
      return v1::SCOPE_WORKER;
    case Scope::kAdmin:
      return v1::SCOPE_ADMIN;
  }
  return v1::SCOPE_UNSPECIFIED;
}

std::optional<Scope> ScopeValue(int scope) {
  for (const Scope known : kAllScopes) {
    if (ScopeMessage(known) == scope) return known;
  }
  return std::nullopt;
}

}  // namespace

v1::Token TokenServiceImpl::TokenMessage(const store::TokenRecord& record) const {
  v1::Token token;
  token.set_name(TokenName(record.token_id));
  for (const Scope scope : kAllScopes) {
    if (record.scopes.Has(scope)) token.add_scopes(ScopeMessage(scope));
  }
  *token.mutable_create_time() = convert::ToProto(record.create_time);
  token.set_state(v1::Token::STATE_ACTIVE);
  if (record.expire_time) {
    *token.mutable_expire_time() = convert::ToProto(*record.expire_time);
    if (*record.expire_time <= clock_.Now()) token.set_state(v1::Token::STATE_EXPIRED);
  }
  if (record.revoke_time) {
    *token.mutable_revoke_time() = convert::ToProto(*record.revoke_time);
    token.set_state(v1::Token::STATE_REVOKED);
  }
  return token;
}

absl::Status TokenServiceImpl::Create(const v1::CreateTokenRequest& request,
                                      v1::CreateTokenResponse& response) {
  std::vector<FieldViolation> violations;
  if (!IsValidResourceId(request.token_id())) {
    violations.push_back({"token_id", fmt::format("\"{}\": expected [a-z][a-z0-9-]{{3,62}}",
                                                  request.token_id().substr(0, 80))});
  }
  ScopeSet scopes;
  for (int i = 0; i < request.scopes_size(); ++i) {
    const std::optional<Scope> scope = ScopeValue(request.scopes(i));
    if (scope) {
      scopes.Add(*scope);
    } else {
      violations.push_back({fmt::format("scopes[{}]", i),
                            fmt::format("{}: expected SCOPE_READ, SCOPE_SUBMIT, SCOPE_WORKER or "
                                        "SCOPE_ADMIN",
                                        static_cast<int>(request.scopes(i)))});
    }
  }
  if (request.scopes_size() == 0) {
    violations.push_back({"scopes", "empty: expected at least one scope"});
  }
  std::optional<absl::Time> expire_time;
  if (request.has_ttl()) {
    const absl::Duration ttl = convert::FromProto(request.ttl());
    if (ttl < kShortestLife || ttl > kLongestLife) {
      violations.push_back({"ttl", fmt::format("{}: expected {} to {}", absl::FormatDuration(ttl),
                                               absl::FormatDuration(kShortestLife),
                                               absl::FormatDuration(kLongestLife))});
    } else {
      expire_time = clock_.Now() + ttl;
    }
  }
  if (!violations.empty()) return InvalidSpecError(std::move(violations));
  ASSIGN_OR_RETURN(CreatedToken created, access_.Create(request.token_id(), scopes, expire_time));
  *response.mutable_token() = TokenMessage(created.record);
  response.set_secret(std::move(created.secret));
  spdlog::info("token created token={} scopes={}", TokenName(request.token_id()), ToText(scopes));
  return absl::OkStatus();
}

grpc::Status TokenServiceImpl::CreateToken(grpc::ServerContext* context,
                                           const v1::CreateTokenRequest* request,
                                           v1::CreateTokenResponse* response) {
  return ToGrpcStatus([&]() -> absl::Status {
    RETURN_IF_ERROR(access_.Require(*context, {Scope::kAdmin}));
    return Create(*request, *response);
  }());
}

grpc::Status TokenServiceImpl::ListTokens(grpc::ServerContext* context,
                                          const v1::ListTokensRequest* request,
                                          v1::ListTokensResponse* response) {
  return ToGrpcStatus([&]() -> absl::Status {
    RETURN_IF_ERROR(access_.Require(*context, {Scope::kAdmin}));
    const ListRequest list{.method = "ListTokens"};
    ASSIGN_OR_RETURN(const std::int64_t limit, PageSize(request->page_size()));
    ASSIGN_OR_RETURN(const std::optional<PagePlace> place,
                     ParsePageToken(request->page_token(), list.QueryText()));
    std::vector<store::TokenRecord> tokens = access_.List(place ? place->name : "", limit + 1);
    const bool has_more = static_cast<std::int64_t>(tokens.size()) > limit;
    if (has_more) tokens.pop_back();
    for (const store::TokenRecord& token : tokens) *response->add_tokens() = TokenMessage(token);
    if (has_more) {
      response->set_next_page_token(
          MakePageToken({.name = tokens.back().token_id}, list.QueryText()));
    }
    return absl::OkStatus();
  }());
}

grpc::Status TokenServiceImpl::RevokeToken(grpc::ServerContext* context,
                                           const v1::RevokeTokenRequest* request,
                                           v1::RevokeTokenResponse* response) {
  return ToGrpcStatus([&]() -> absl::Status {
    RETURN_IF_ERROR(access_.Require(*context, {Scope::kAdmin}));
    ASSIGN_OR_RETURN(const std::string id, ParseTokenName(request->name()));
    ASSIGN_OR_RETURN(const store::TokenRecord token, access_.Revoke(id));
    *response->mutable_token() = TokenMessage(token);
    spdlog::info("token revoked token={}", request->name());
    return absl::OkStatus();
  }());
}

}  // namespace bitsweep::rpc
