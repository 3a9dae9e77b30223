// SPDX-License-Identifier: Apache-2.0
#include "core/base/scopes.h"

#include "core/base/status_macros.h"
#include "fmt/format.h"

namespace bitsweep {

std::string_view Name(Scope scope) {
  switch (scope) {
    case Scope::kRead:
      return "read";
    case Scope::kSubmit:
      return "submit";
    case Scope::kWorker:
      return "worker";
    case Scope::kAdmin:
      return "admin";
  }
  return "unknown";
}

absl::StatusOr<Scope> ParseScope(std::string_view name) {
  for (const Scope scope : kAllScopes) {
    if (name == Name(scope)) return scope;
  }
  return absl::InvalidArgumentError(
      fmt::format("scope \"{}\": expected read, submit, worker or admin", name.substr(0, 80)));
}

std::string ToText(ScopeSet scopes) {
  std::string text;
  for (const Scope scope : kAllScopes) {
    if (!scopes.Has(scope)) continue;
    text += fmt::format("{}{}", text.empty() ? "" : ",", Name(scope));
  }
  return text;
}

absl::StatusOr<ScopeSet> ParseScopes(std::string_view text) {
  ScopeSet scopes;
  while (true) {
    const std::size_t comma = text.find(',');
    ASSIGN_OR_RETURN(const Scope scope, ParseScope(text.substr(0, comma)));
    scopes.Add(scope);
    if (comma == std::string_view::npos) return scopes;
    text.remove_prefix(comma + 1);
  }
}

}  // namespace bitsweep
