// SPDX-License-Identifier: Apache-2.0
#include "server/rpc/access_control.h"

#include <openssl/crypto.h>
#include <openssl/rand.h>

#include <array>
#include <optional>
#include <utility>

#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "core/base/errors.h"
#include "core/base/ids.h"
#include "core/base/sha256.h"
#include "core/base/status_macros.h"
#include "fmt/format.h"
#include "grpcpp/server_context.h"

namespace bitsweep::rpc {
namespace {

constexpr std::string_view kPrefix = "bsw_";
constexpr std::string_view kScheme = "Bearer ";

absl::Status Unauthenticated(std::string reason, const std::string& message) {
  return ErrorWithDetails(absl::StatusCode::kUnauthenticated, message,
                          {.reason = std::move(reason)});
}

// In a time that does not depend on where they differ.
bool AreEqual(const std::string& a, const std::string& b) {
  return a.size() == b.size() && CRYPTO_memcmp(a.data(), b.data(), a.size()) == 0;
}

// "bsw_{id}_{secret}" -> "{id}"; empty when it is none of ours. Ids have no underscore.
std::string_view IdOf(std::string_view token) {
  if (!token.starts_with(kPrefix)) return "";
  token.remove_prefix(kPrefix.size());
  const std::size_t end = token.find('_');
  return end == std::string_view::npos ? "" : token.substr(0, end);
}

absl::StatusOr<std::string> NewSecret(const std::string& token_id) {
  std::array<unsigned char, 32> bytes{};
  if (RAND_bytes(bytes.data(), static_cast<int>(bytes.size())) != 1) {
    return absl::InternalError("the operating system gave no random bytes");
  }
  const std::string text(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  return fmt::format("{}{}_{}", kPrefix, token_id, absl::WebSafeBase64Escape(text));
}

}  // namespace

AccessControl::AccessControl(store::TokenStore& tokens, Clock& clock, AccessOptions options)
    : store_(tokens), clock_(clock), options_(std::move(options)) {}

absl::Status AccessControl::Load() {
  ASSIGN_OR_RETURN(std::vector<store::TokenRecord> tokens, store_.ListTokens());
  absl::MutexLock lock(&mu_);
  for (store::TokenRecord& token : tokens) {
    std::string id = token.token_id;
    tokens_.insert_or_assign(std::move(id), std::move(token));
  }
  return absl::OkStatus();
}

absl::StatusOr<AccessControl::Bearer> AccessControl::Identify(std::string_view token) const {
  const std::string hash = Sha256Hex(token);
  for (const ConfiguredToken& configured : options_.configured) {
    if (AreEqual(configured.hash, hash)) return Bearer{"a configured token", configured.scopes};
  }
  const absl::Status invalid =
      Unauthenticated("TOKEN_INVALID", "the bearer token is none of this server's");
  absl::MutexLock lock(&mu_);
  const auto entry = tokens_.find(IdOf(token));
  if (entry == tokens_.end() || !AreEqual(entry->second.hash, hash)) return invalid;
  const store::TokenRecord& record = entry->second;
  const std::string name = TokenName(record.token_id);
  if (record.revoke_time) {
    return Unauthenticated("TOKEN_REVOKED", fmt::format("{} was revoked", name));
  }
  if (record.expire_time && *record.expire_time <= clock_.Now()) {
    return Unauthenticated(
        "TOKEN_EXPIRED",
        fmt::format("{} expired at {}", name,
                    absl::FormatTime(absl::RFC3339_sec, *record.expire_time, absl::UTCTimeZone())));
  }
  return Bearer{name, record.scopes};
}

absl::Status AccessControl::Require(const grpc::ServerContext& context, ScopeSet enough) const {
  if (!options_.tokens_required) return absl::OkStatus();
  const auto [first, last] = context.client_metadata().equal_range("authorization");
  const bool is_one = first != last && std::next(first) == last;
  const std::string_view header =
      is_one ? std::string_view(first->second.data(), first->second.size()) : "";
  if (!absl::StartsWithIgnoreCase(absl::string_view(header.data(), header.size()),
                                  absl::string_view(kScheme.data(), kScheme.size()))) {
    return Unauthenticated("TOKEN_MISSING",
                           "this server wants one metadata entry `authorization: Bearer TOKEN`");
  }
  ASSIGN_OR_RETURN(const Bearer bearer, Identify(header.substr(kScheme.size())));
  if (bearer.scopes.Grants(enough)) return absl::OkStatus();
  return ErrorWithDetails(
      absl::StatusCode::kPermissionDenied,
      fmt::format("{} has scope {}, this call needs {}", bearer.name, ToText(bearer.scopes),
                  ToText(enough)),
      {.reason = "SCOPE_MISSING",
       .metadata = {
           {"token", bearer.name}, {"scope", ToText(bearer.scopes)}, {"needed", ToText(enough)}}});
}

absl::StatusOr<CreatedToken> AccessControl::Create(const std::string& token_id, ScopeSet scopes,
                                                   std::optional<absl::Time> expire_time) {
  ASSIGN_OR_RETURN(std::string secret, NewSecret(token_id));
  store::TokenRecord record{.token_id = token_id,
                            .hash = Sha256Hex(secret),
                            .scopes = scopes,
                            .create_time = clock_.Now(),
                            .expire_time = expire_time};
  RETURN_IF_ERROR(store_.CreateToken(record));
  {
    absl::MutexLock lock(&mu_);
    tokens_.emplace(token_id, record);  // a revocation that was quicker stays
  }
  return CreatedToken{std::move(record), std::move(secret)};
}

std::vector<store::TokenRecord> AccessControl::List(const std::string& after,
                                                    std::int64_t limit) const {
  std::vector<store::TokenRecord> listed;
  absl::MutexLock lock(&mu_);
  for (auto entry = tokens_.upper_bound(after);
       entry != tokens_.end() && static_cast<std::int64_t>(listed.size()) < limit; ++entry) {
    listed.push_back(entry->second);
  }
  return listed;
}

absl::StatusOr<store::TokenRecord> AccessControl::Revoke(const std::string& token_id) {
  ASSIGN_OR_RETURN(store::TokenRecord record, store_.RevokeToken(token_id, clock_.Now()));
  absl::MutexLock lock(&mu_);
  tokens_.insert_or_assign(token_id, record);
  return record;
}

}  // namespace bitsweep::rpc
