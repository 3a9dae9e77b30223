// SPDX-License-Identifier: Apache-2.0
#ifndef BITSWEEP_CORE_SPEC_NODE_PATTERN_H_
#define BITSWEEP_CORE_SPEC_NODE_PATTERN_H_

#include <cstdint>
#include <regex>
#include <string>
#include <string_view>
#include <utility>

#include "absl/status/statusor.h"

namespace bitsweep::spec {

// A user's regular expression over names of nodes, matched in time and stack that the user cannot
// make grow without bound. Value type; thread-safe.
class NodePattern {
 public:
  // ECMAScript without back-references and without (?= and (?!. InvalidArgument: not one; empty or
  // over 200 bytes; counted repetitions ({n,m}) whose largest counts multiply to more than 64.
  static absl::StatusOr<NodePattern> Compile(std::string_view pattern);

  // Whether the whole name matches. Takes time of at most cost() for each byte.
  bool Matches(const std::string& name) const;
  std::int64_t cost() const { return cost_; }

 private:
  NodePattern(std::regex regex, std::int64_t cost) : regex_(std::move(regex)), cost_(cost) {}
  std::regex regex_;
  std::int64_t cost_;
};

}  // namespace bitsweep::spec

#endif  // BITSWEEP_CORE_SPEC_NODE_PATTERN_H_
