// SPDX-License-Identifier: Apache-2.0
#ifndef BITSWEEP_SERVER_RPC_ACCESS_CONTROL_H_
#define BITSWEEP_SERVER_RPC_ACCESS_CONTROL_H_

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/statusor.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "core/base/clock.h"
#include "core/base/scopes.h"
#include "server/store/token_store.h"

namespace grpc {
class ServerContext;
}  // namespace grpc

namespace bitsweep::rpc {

// A token that the operator gives by a file; it is not in the store and cannot be revoked there.
struct ConfiguredToken {
  std::string hash;  // SHA-256 of the token, hex
  ScopeSet scopes;
};

struct AccessOptions {
  bool tokens_required = false;  // else every caller may do everything
  std::vector<ConfiguredToken> configured;
};

// A token as it was just made: the only time that its secret is known.
struct CreatedToken {
  store::TokenRecord record;
  std::string secret;
};

// Who may do what: looks at the bearer token of each call. The store's tokens are kept in memory,
// so that a call costs one hash and no query; every change goes through here.
//
// Life-cycle: Load before the first call. Thread-safe. `tokens` and `clock` must outlive it.
class AccessControl {
 public:
  AccessControl(store::TokenStore& tokens, Clock& clock, AccessOptions options);

  absl::Status Load();

  // OK when the caller may do what any scope of `enough` allows. Every method of every service asks
  // this first, before it looks at the request. UNAUTHENTICATED: TOKEN_MISSING without
  // `authorization: Bearer TOKEN`, TOKEN_INVALID, TOKEN_EXPIRED, TOKEN_REVOKED; PERMISSION_DENIED:
  // SCOPE_MISSING. No message repeats the token.
  absl::Status Require(const grpc::ServerContext& context, ScopeSet enough) const;

  // A new token: `bsw_{id}_{43 characters of base64url}`, 256 bits from the operating system.
  // REQUIRES: a valid id, scopes; expire_time after now. AlreadyExists / ID_IN_USE.
  absl::StatusOr<CreatedToken> Create(const std::string& token_id, ScopeSet scopes,
                                      std::optional<absl::Time> expire_time);
  // Those after the id `after`, by id, at most `limit`.
  std::vector<store::TokenRecord> List(const std::string& after, std::int64_t limit) const;
  // At once, for calls that begin from now on. NotFound / TOKEN_NOT_FOUND.
  absl::StatusOr<store::TokenRecord> Revoke(const std::string& token_id);

 private:
  struct Bearer {
    std::string name;
    ScopeSet scopes;
  };
  absl::StatusOr<Bearer> Identify(std::string_view token) const;

  store::TokenStore& store_;
  Clock& clock_;
  const AccessOptions options_;
  mutable absl::Mutex mu_;
  std::map<std::string, store::TokenRecord, std::less<>> tokens_ ABSL_GUARDED_BY(mu_);  // by id
};

}  // namespace bitsweep::rpc

#endif  // BITSWEEP_SERVER_RPC_ACCESS_CONTROL_H_
