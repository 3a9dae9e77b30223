// SPDX-License-Identifier: Apache-2.0
#include "core/spec/node_pattern.h"

#include <algorithm>
#include <cstdint>

#include "core/base/text.h"
#include "fmt/format.h"

namespace bitsweep::spec {
namespace {

constexpr std::size_t kMaxBytes = 200;
constexpr std::int64_t kMaxCount = 64;

// The largest counts of all {n,m}, multiplied: how often nested ones can repeat what is in them.
// Never below the truth; what looks like a count inside a class counts too.
std::int64_t CountProduct(std::string_view pattern) {
  std::int64_t product = 1;
  for (std::size_t i = 0; i < pattern.size(); ++i) {
    if (pattern[i] != '{') continue;
    std::int64_t largest = 1;
    std::int64_t count = 0;
    for (++i; i < pattern.size() && pattern[i] != '}'; ++i) {
      const bool digit = pattern[i] >= '0' && pattern[i] <= '9';
      count = digit ? std::min<std::int64_t>(count * 10 + (pattern[i] - '0'), kMaxCount + 1) : 0;
      largest = std::max(largest, count);
    }
    product = std::min(product * largest, kMaxCount + 1);
  }
  return product;
}

absl::Status Bad(std::string_view pattern, const std::string& why) {
  return absl::InvalidArgumentError(
      fmt::format("\"{}\": {}", ToValidUtf8(pattern, kMaxBytes), why));
}

}  // namespace

absl::StatusOr<NodePattern> NodePattern::Compile(std::string_view pattern) {
  if (pattern.empty()) return Bad(pattern, "expected a regular expression");
  if (pattern.size() > kMaxBytes) {
    return Bad(pattern, fmt::format("{} bytes: expected at most {}", pattern.size(), kMaxBytes));
  }
  if (pattern.find("(?=") != std::string_view::npos ||
      pattern.find("(?!") != std::string_view::npos) {
    return Bad(pattern, "(?= and (?! are not supported");
  }
  const std::int64_t count = CountProduct(pattern);
  if (count > kMaxCount) {
    return Bad(pattern,
               fmt::format("its counts multiply to more than {}, which is the most", kMaxCount));
  }
  try {
    // Without back-tracking, which takes exponential time for patterns such as (a*)*b: the
    // extension of libstdc++ that follows all ways at once.
    const auto syntax = std::regex::ECMAScript | std::regex_constants::__polynomial;
    return NodePattern(std::regex(pattern.begin(), pattern.end(), syntax),
                       static_cast<std::int64_t>(pattern.size()) * count);
  } catch (const std::regex_error& error) {
    if (error.code() == std::regex_constants::error_complexity ||
        error.code() == std::regex_constants::error_backref) {
      return Bad(pattern, "back-references are not supported");
    }
    return Bad(pattern, fmt::format("not a regular expression: {}", error.what()));
  }
}

bool NodePattern::Matches(const std::string& name) const {
  try {
    return std::regex_match(name, regex_);
  } catch (const std::regex_error&) {
    return false;  // out of the bounds that the library sets itself
  }
}

}  // namespace bitsweep::spec
