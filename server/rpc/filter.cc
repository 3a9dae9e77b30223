// SPDX-License-Identifier: Apache-2.0
#include "server/rpc/filter.h"

#include <cctype>
#include <charconv>
#include <cmath>
#include <optional>

#include "absl/strings/ascii.h"
#include "absl/strings/strip.h"
#include "core/base/errors.h"
#include "core/base/status_macros.h"
#include "core/spec/job_state.h"
#include "core/spec/trial.h"
#include "fmt/format.h"

namespace bitsweep::rpc {
namespace {

constexpr std::size_t kMaxFilter = 4096;
constexpr std::size_t kMaxConditions = 32;

absl::Status FilterError(std::string description) {
  return InvalidSpecError({{"filter", std::move(description)}}, "INVALID_FILTER");
}

bool IsWordChar(char c) {
  return std::isalnum(static_cast<unsigned char>(c)) || c == '_' || c == '-' || c == '.' ||
         c == '+' || c == '/';
}

// Reads one condition after another from the text.
class Parser {
 public:
  explicit Parser(std::string_view text) : text_(text) {}

  absl::StatusOr<std::vector<store::Condition>> Parse() {
    std::vector<store::Condition> conditions;
    SkipSpace();
    while (at_ < text_.size()) {
      if (!conditions.empty()) {
        const std::string_view word = Word();
        if (word != "AND") return Expected("AND");
        at_ += word.size();
        SkipSpace();
      }
      if (conditions.size() == kMaxConditions) {
        return FilterError(fmt::format("more than {} conditions", kMaxConditions));
      }
      ASSIGN_OR_RETURN(conditions.emplace_back(), ParseCondition());
      SkipSpace();
    }
    return conditions;
  }

 private:
  absl::StatusOr<store::Condition> ParseCondition() {
    store::Condition condition;
    const std::string_view field = Word();
    if (field.empty() || !std::isalpha(static_cast<unsigned char>(field[0])) || field == "AND" ||
        field == "OR" || field == "NOT") {
      return Expected("a field");
    }
    condition.field = std::string(field);
    at_ += field.size();
    SkipSpace();
    RETURN_IF_ERROR(ParseOperator(condition.comparison));
    SkipSpace();
    if (at_ < text_.size() && text_[at_] == '"') {
      ASSIGN_OR_RETURN(condition.value, Quoted());
      return condition;
    }
    const std::string_view word = Word();
    if (word.empty() || word == "AND") return Expected("a value");
    at_ += word.size();
    double number = 0;
    const auto [end, error] = std::from_chars(word.data(), word.data() + word.size(), number);
    if (error == std::errc() && end == word.data() + word.size() && std::isfinite(number)) {
      condition.value = number;
    } else {
      condition.value = std::string(word);
    }
    return condition;
  }

  absl::Status ParseOperator(store::Comparison& comparison) {
    static constexpr std::pair<std::string_view, store::Comparison> kOperators[] = {
        {"!=", store::Comparison::kNotEqual},
        {"<=", store::Comparison::kLessOrEqual},
        {">=", store::Comparison::kGreaterOrEqual},
        {"=", store::Comparison::kEqual},
        {"<", store::Comparison::kLess},
        {">", store::Comparison::kGreater}};
    for (const auto& [text, value] : kOperators) {
      if (text_.substr(at_).starts_with(text)) {
        at_ += text.size();
        comparison = value;
        return absl::OkStatus();
      }
    }
    return Expected("one of = != < <= > >=");
  }

  absl::StatusOr<std::string> Quoted() {
    std::string value;
    for (std::size_t i = at_ + 1; i < text_.size(); ++i) {
      if (text_[i] == '"') {
        at_ = i + 1;
        return value;
      }
      if (text_[i] == '\\') {
        ++i;
        if (i == text_.size() || (text_[i] != '"' && text_[i] != '\\')) {
          at_ = i - 1;
          return Expected("\\\" or \\\\");
        }
      }
      value += text_[i];
    }
    return Expected("a closing quote for the one");
  }

  std::string_view Word() const {
    std::size_t end = at_;
    while (end < text_.size() && IsWordChar(text_[end])) ++end;
    return text_.substr(at_, end - at_);
  }

  void SkipSpace() {
    while (at_ < text_.size() && absl::ascii_isspace(static_cast<unsigned char>(text_[at_]))) ++at_;
  }

  absl::Status Expected(std::string_view what) const {
    return FilterError(fmt::format("expected {} at character {} of \"{}\"", what, at_ + 1, text_));
  }

  const std::string_view text_;
  std::size_t at_ = 0;
};

bool IsEnum(std::string_view field) {
  return field == "state" || field == "failure_reason" || field == "optimizer" ||
         field == "schedule";
}

absl::Status Normalize(store::Condition& condition, Listed listed) {
  if (IsEnum(condition.field) && condition.comparison != store::Comparison::kEqual &&
      condition.comparison != store::Comparison::kNotEqual) {
    return FilterError(
        fmt::format("{}: its values have no order: expected = or !=", condition.field));
  }
  std::string* text = std::get_if<std::string>(&condition.value);
  if (text == nullptr) return absl::OkStatus();
  const auto strip = [&](std::string_view prefix) {
    *text = std::string(absl::StripPrefix(*text, absl::string_view(prefix.data(), prefix.size())));
  };
  if (condition.field == "state") {
    strip("STATE_");
    const bool is_whole = listed == Listed::kSweeps || listed == Listed::kTransforms;
    const bool known = is_whole ? spec::ParseSweepState(*text).has_value()
                                : spec::ParseJobState(*text).has_value();
    if (!known) return FilterError(fmt::format("state: no state \"{}\"", *text));
  } else if (condition.field == "failure_reason") {
    strip("FAILURE_REASON_");
    if (!spec::ParseFailureReason(*text)) {
      return FilterError(fmt::format("failure_reason: no reason \"{}\"", *text));
    }
  } else if (condition.field == "worker") {
    strip("workers/");
  } else if (condition.field == "optimizer" || condition.field == "schedule") {
    strip(condition.field == "optimizer" ? "OPTIMIZER_" : "SCHEDULE_");
    absl::AsciiStrToLower(text);
    const bool known = condition.field == "optimizer" ? spec::ParseOptimizer(*text).has_value()
                                                      : spec::ParseSchedule(*text).has_value();
    if (!known) return FilterError(fmt::format("{}: no value \"{}\"", condition.field, *text));
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<std::vector<store::Condition>> ParseFilter(std::string_view text, Listed listed) {
  if (text.size() > kMaxFilter) {
    return FilterError(fmt::format("{} characters: expected at most {}", text.size(), kMaxFilter));
  }
  ASSIGN_OR_RETURN(std::vector<store::Condition> conditions, Parser(text).Parse());
  for (store::Condition& condition : conditions) RETURN_IF_ERROR(Normalize(condition, listed));
  return conditions;
}

}  // namespace bitsweep::rpc
