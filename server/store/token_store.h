// SPDX-License-Identifier: Apache-2.0
#ifndef BITSWEEP_SERVER_STORE_TOKEN_STORE_H_
#define BITSWEEP_SERVER_STORE_TOKEN_STORE_H_

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "core/base/scopes.h"

namespace bitsweep::store {

// A bearer token as the server keeps it: never the token itself.
struct TokenRecord {
  std::string token_id;
  std::string hash;  // SHA-256 of the whole token, hex
  ScopeSet scopes;   // not empty
  absl::Time create_time;
  std::optional<absl::Time> expire_time;
  std::optional<absl::Time> revoke_time;
};

// Bearer tokens. Thread-safe.
class TokenStore {
 public:
  virtual ~TokenStore() = default;
  // AlreadyExists / ID_IN_USE, also for the id of a token that was revoked.
  virtual absl::Status CreateToken(const TokenRecord& token) = 0;
  // All of them, by id.
  virtual absl::StatusOr<std::vector<TokenRecord>> ListTokens() = 0;
  // The token as it is then; one that was revoked keeps its time. NotFound / TOKEN_NOT_FOUND.
  virtual absl::StatusOr<TokenRecord> RevokeToken(const std::string& token_id, absl::Time now) = 0;
};

}  // namespace bitsweep::store

#endif  // BITSWEEP_SERVER_STORE_TOKEN_STORE_H_
