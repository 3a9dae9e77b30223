// SPDX-License-Identifier: Apache-2.0
// What a caller of the API may do.
#ifndef BITSWEEP_CORE_BASE_SCOPES_H_
#define BITSWEEP_CORE_BASE_SCOPES_H_

#include <array>
#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"

namespace bitsweep {

enum class Scope : std::uint8_t {
  kRead,    // look at everything but tokens
  kSubmit,  // submit, change and delete; includes kRead
  kWorker,  // what a worker does, nothing else
  kAdmin,   // everything
};
inline constexpr std::array kAllScopes = {Scope::kRead, Scope::kSubmit, Scope::kWorker,
                                          Scope::kAdmin};

// "read", "submit", "worker", "admin".
std::string_view Name(Scope scope);
// InvalidArgument that lists them.
absl::StatusOr<Scope> ParseScope(std::string_view name);

// A set of scopes. A value.
class ScopeSet {
 public:
  constexpr ScopeSet() = default;
  constexpr ScopeSet(std::initializer_list<Scope> scopes) {
    for (const Scope scope : scopes) Add(scope);
  }
  constexpr void Add(Scope scope) { bits_ = static_cast<std::uint8_t>(bits_ | Bit(scope)); }
  constexpr void Add(ScopeSet others) { bits_ = static_cast<std::uint8_t>(bits_ | others.bits_); }
  constexpr bool Has(Scope scope) const { return (bits_ & Bit(scope)) != 0; }
  constexpr bool empty() const { return bits_ == 0; }
  // Whether a caller with these scopes may do what any one of `enough` allows: what a scope
  // includes counts.
  constexpr bool Grants(ScopeSet enough) const {
    ScopeSet held = *this;
    if (Has(Scope::kSubmit) || Has(Scope::kAdmin)) held.Add(Scope::kRead);
    if (Has(Scope::kAdmin)) held = {Scope::kRead, Scope::kSubmit, Scope::kWorker, Scope::kAdmin};
    return (held.bits_ & enough.bits_) != 0;
  }
  constexpr bool operator==(const ScopeSet&) const = default;

 private:
  static constexpr int Bit(Scope scope) { return 1 << static_cast<int>(scope); }
  std::uint8_t bits_ = 0;
};

// "read,submit" <-> the set, in the order of kAllScopes. Parsing: InvalidArgument for an empty text
// and for what is no scope.
std::string ToText(ScopeSet scopes);
absl::StatusOr<ScopeSet> ParseScopes(std::string_view text);

}  // namespace bitsweep

#endif  // BITSWEEP_CORE_BASE_SCOPES_H_
