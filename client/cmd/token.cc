// SPDX-License-Identifier: Apache-2.0
// token create, list and revoke.
#include <memory>
#include <string>
#include <vector>

#include "CLI/CLI.hpp"
#include "client/cmd/command.h"
#include "client/output/error_report.h"
#include "core/base/scopes.h"
#include "core/base/status_macros.h"
#include "core/options/value_options.h"
#include "fmt/format.h"

namespace bitsweep::client {
namespace {

struct TokenOptions {
  std::string token;
  std::vector<std::string> scopes;
  absl::Duration expires;
};

using TokenStub = v1::TokenService::Stub;

std::string ScopesText(const v1::Token& token) {
  std::string text;
  for (const int scope : token.scopes()) {
    std::string name = ShortEnum(v1::Scope_Name(static_cast<v1::Scope>(scope)), "SCOPE_");
    for (char& c : name) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
    text += (text.empty() ? "" : ",") + name;
  }
  return text;
}

v1::Scope ScopeOf(const std::string& name) {
  if (name == Name(Scope::kRead)) return v1::SCOPE_READ;
  if (name == Name(Scope::kSubmit)) return v1::SCOPE_SUBMIT;
  return name == Name(Scope::kWorker) ? v1::SCOPE_WORKER : v1::SCOPE_ADMIN;
}

int CreateToken(Context& context, const TokenOptions& options) {
  v1::CreateTokenRequest request;
  request.set_token_id(LastPart(options.token));
  for (const std::string& scope : options.scopes) request.add_scopes(ScopeOf(scope));
  if (options.expires > absl::ZeroDuration()) {
    request.mutable_ttl()->set_seconds(absl::ToInt64Seconds(options.expires));
  }
  const Connection connection = context.Connect();
  v1::CreateTokenResponse made;
  const absl::Status status =
      connection.CallOnce(connection.tokens(), &TokenStub::CreateToken, request, &made);
  if (!status.ok()) {
    const int code = context.Fail(status);
    if (code == kExitUnreachable) {
      *context.err << fmt::format(
          "  it may have been made all the same: bitsweep token revoke {}\n", request.token_id());
    }
    return code;
  }
  if (context.json) {
    context.PrintJson(made);
    return kExitOk;
  }
  // The token alone on standard output, for a file or a variable.
  *context.out << made.secret() << "\n";
  const std::string until = FormatTime(made.token().expire_time());
  *context.err << fmt::format("{} may {}{}; keep it now, it is not shown again\n",
                              made.token().name(), ScopesText(made.token()),
                              until.empty() ? "" : fmt::format(" until {} UTC", until));
  return kExitOk;
}

absl::Status ListTokens(Context& context) {
  const Connection connection = context.Connect();
  v1::ListTokensRequest request;
  request.set_page_size(1000);
  v1::ListTokensResponse all;
  do {
    v1::ListTokensResponse page;
    RETURN_IF_ERROR(connection.Call(connection.tokens(), &TokenStub::ListTokens, request, &page));
    all.mutable_tokens()->MergeFrom(page.tokens());
    request.set_page_token(page.next_page_token());
  } while (!request.page_token().empty());
  if (context.json) {
    context.PrintJson(all);
    return absl::OkStatus();
  }
  Table table{.columns = {{"token"}, {"state"}, {"scopes"}, {"created"}, {"expires"}, {"revoked"}}};
  for (const v1::Token& token : all.tokens()) {
    table.rows.push_back({LastPart(token.name()),
                          ShortEnum(v1::Token::State_Name(token.state()), "STATE_"),
                          ScopesText(token), FormatTime(token.create_time()),
                          FormatTime(token.expire_time()), FormatTime(token.revoke_time())});
  }
  return context.PrintTable(table);
}

int RevokeToken(Context& context, const TokenOptions& options) {
  v1::RevokeTokenRequest request;
  request.set_name(FullName("tokens", options.token));
  const Connection connection = context.Connect();
  v1::RevokeTokenResponse response;
  const absl::Status status =
      connection.Call(connection.tokens(), &TokenStub::RevokeToken, request, &response);
  if (!status.ok()) return context.Fail(status);
  if (context.json) {
    context.PrintJson(response);
  } else {
    *context.out << fmt::format("{} is revoked\n", request.name());
  }
  return kExitOk;
}

}  // namespace

void RegisterToken(CLI::App& app, Command& chosen) {
  CLI::App* token = app.add_subcommand("token", "Bearer tokens: who may do what");
  const auto options = std::make_shared<TokenOptions>();
  CLI::App* create = token->add_subcommand("create", "Make a token and print it, this once");
  create->add_option("TOKEN", options->token, "Its id, [a-z][a-z0-9-]{3,62}")->required();
  create
      ->add_option("--scope", options->scopes,
                   "What its bearer may do: read, submit (and read), worker, admin (everything)")
      ->required()
      ->delimiter(',')
      ->check(CLI::IsMember({"read", "submit", "worker", "admin"}));
  options::AddDuration(*create, "--expires", options->expires, absl::Seconds(1),
                       "How long it is accepted, for example 720h (default: until it is revoked)");
  create->callback(
      [options, &chosen] { chosen = [options](Context& c) { return CreateToken(c, *options); }; });
  token->add_subcommand("list", "Tokens, by name; those that have ended too")->callback([&chosen] {
    chosen = [](Context& context) {
      const absl::Status status = ListTokens(context);
      return status.ok() ? kExitOk : context.Fail(status);
    };
  });
  CLI::App* revoke = token->add_subcommand("revoke", "End a token at once and for ever");
  revoke->add_option("TOKEN", options->token, "Its id")->required();
  revoke->callback(
      [options, &chosen] { chosen = [options](Context& c) { return RevokeToken(c, *options); }; });
  RequireVerb(*token);
}

}  // namespace bitsweep::client
