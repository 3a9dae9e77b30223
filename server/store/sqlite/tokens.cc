// SPDX-License-Identifier: Apache-2.0
// Bearer tokens.
#include "core/base/errors.h"
#include "core/base/ids.h"
#include "core/base/status_macros.h"
#include "fmt/format.h"
#include "server/store/sqlite/rows.h"
#include "server/store/sqlite/sqlite_store.h"

namespace bitsweep::store {
namespace {

constexpr char kTokenColumns[] = "token_id, hash, scopes, create_time, expire_time, revoke_time";

absl::StatusOr<TokenRecord> ReadToken(const Statement& row) {
  TokenRecord token{.token_id = row.Text(0),
                    .hash = row.Text(1),
                    .create_time = FromMicros(row.Int(3)),
                    .expire_time = MaybeTime(row, 4),
                    .revoke_time = MaybeTime(row, 5)};
  const absl::StatusOr<ScopeSet> scopes = ParseScopes(row.Text(2));
  if (!scopes.ok()) {
    return absl::DataLossError(
        fmt::format("{}: {}", TokenName(token.token_id), std::string(scopes.status().message())));
  }
  token.scopes = *scopes;
  return token;
}

std::optional<std::int64_t> MaybeMicros(const std::optional<absl::Time>& time) {
  return time ? std::optional<std::int64_t>(ToMicros(*time)) : std::nullopt;
}

}  // namespace

absl::Status SqliteStore::CreateToken(const TokenRecord& token) {
  return writer_.Run([&](Connection& db) -> absl::Status {
    Statement taken = db.Query("SELECT 1 FROM tokens WHERE token_id = ?1", token.token_id);
    if (taken.Step()) {
      const std::string name = TokenName(token.token_id);
      return ErrorWithDetails(
          absl::StatusCode::kAlreadyExists,
          fmt::format("a token {} exists or existed already", name),
          {.reason = "ID_IN_USE", .resource_type = "token", .resource_name = name});
    }
    db.Run(
        "INSERT INTO tokens (token_id, hash, scopes, create_time, expire_time) VALUES (?1, ?2, "
        "?3, ?4, ?5)",
        token.token_id, token.hash, ToText(token.scopes), ToMicros(token.create_time),
        MaybeMicros(token.expire_time));
    return absl::OkStatus();
  });
}

absl::StatusOr<std::vector<TokenRecord>> SqliteStore::ListTokens() {
  std::vector<TokenRecord> tokens;
  static const std::string sql =
      fmt::format("SELECT {} FROM tokens ORDER BY token_id", kTokenColumns);
  RETURN_IF_ERROR(readers_.Read([&](Connection& db) -> absl::Status {
    Statement row = db.Query(sql);
    while (row.Step()) {
      ASSIGN_OR_RETURN(TokenRecord token, ReadToken(row));
      tokens.push_back(std::move(token));
    }
    return absl::OkStatus();
  }));
  return tokens;
}

absl::StatusOr<TokenRecord> SqliteStore::RevokeToken(const std::string& token_id, absl::Time now) {
  TokenRecord token;
  static const std::string sql = fmt::format(
      "UPDATE tokens SET revoke_time = coalesce(revoke_time, ?2) WHERE token_id = ?1 RETURNING {}",
      kTokenColumns);
  RETURN_IF_ERROR(writer_.Run([&](Connection& db) -> absl::Status {
    Statement row = db.Query(sql, token_id, ToMicros(now));
    if (!row.Step()) return NotFoundError("token", TokenName(token_id));
    ASSIGN_OR_RETURN(token, ReadToken(row));
    while (row.Step()) {
    }
    return absl::OkStatus();
  }));
  return token;
}

}  // namespace bitsweep::store
