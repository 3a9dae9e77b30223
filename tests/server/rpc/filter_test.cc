// SPDX-License-Identifier: Apache-2.0
#include "server/rpc/filter.h"

#include <string>
#include <variant>

#include "core/base/random.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/support/status_matchers.h"

namespace bitsweep::rpc {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;
using testing::IsOk;
using ::testing::SizeIs;
using testing::StatusIs;

std::vector<store::Condition> Parsed(std::string_view text, Listed listed = Listed::kTrials) {
  auto conditions = ParseFilter(text, listed);
  EXPECT_THAT(conditions, IsOk());
  return conditions.ok() ? *std::move(conditions) : std::vector<store::Condition>{};
}

std::string TextOf(std::string_view filter, Listed listed = Listed::kTrials) {
  const auto conditions = Parsed(filter, listed);
  if (conditions.size() != 1) return "(not one condition)";
  const auto* text = std::get_if<std::string>(&conditions[0].value);
  return text == nullptr ? "(a number)" : *text;
}

TEST(FilterTest, AnEmptyTextHasNoCondition) {
  EXPECT_THAT(Parsed(""), IsEmpty());
  EXPECT_THAT(Parsed(" \t\n"), IsEmpty());
}

TEST(FilterTest, ReadsEachOperator) {
  const std::pair<const char*, store::Comparison> operators[] = {
      {"=", store::Comparison::kEqual},   {"!=", store::Comparison::kNotEqual},
      {"<", store::Comparison::kLess},    {"<=", store::Comparison::kLessOrEqual},
      {">", store::Comparison::kGreater}, {">=", store::Comparison::kGreaterOrEqual}};
  for (const auto& [text, comparison] : operators) {
    const auto conditions = Parsed(std::string("val_acc") + text + "0.5");
    ASSERT_THAT(conditions, SizeIs(1)) << text;
    EXPECT_EQ(conditions[0].field, "val_acc");
    EXPECT_EQ(conditions[0].comparison, comparison) << text;
    EXPECT_EQ(std::get<double>(conditions[0].value), 0.5);
  }
}

TEST(FilterTest, ReadsNumbersInEveryForm) {
  for (const char* text : {"-1500", "-1.5e3", "-1.5E+3", "-15000e-1"}) {
    const auto conditions = Parsed(std::string("val_loss = ") + text);
    ASSERT_THAT(conditions, SizeIs(1)) << text;
    EXPECT_EQ(std::get<double>(conditions[0].value), -1500) << text;
  }
}

TEST(FilterTest, ReadsQuotedText) {
  EXPECT_EQ(TextOf(R"(display_name = "a b AND c = 1")", Listed::kSweeps), "a b AND c = 1");
  EXPECT_EQ(TextOf(R"(display_name = "")", Listed::kSweeps), "");
  EXPECT_EQ(TextOf(R"(display_name = "\"\\")", Listed::kSweeps), R"("\)");
  EXPECT_EQ(TextOf(R"(display_name = "0.5")", Listed::kSweeps), "0.5");
}

TEST(FilterTest, JoinsConditionsByAnd) {
  const auto conditions = Parsed("val_acc > 0.7 AND configuration=3 AND state = FAILED");
  ASSERT_THAT(conditions, SizeIs(3));
  EXPECT_EQ(conditions[1].field, "configuration");
  EXPECT_EQ(std::get<std::string>(conditions[2].value), "FAILED");
}

TEST(FilterTest, AcceptsEnumValuesWithAndWithoutTheirPrefix) {
  EXPECT_EQ(TextOf("state = RUNNING"), "RUNNING");
  EXPECT_EQ(TextOf("state = STATE_RUNNING"), "RUNNING");
  EXPECT_EQ(TextOf("state = PAUSED", Listed::kSweeps), "PAUSED");
  EXPECT_EQ(TextOf("failure_reason = FAILURE_REASON_NAN_LOSS"), "NAN_LOSS");
  EXPECT_EQ(TextOf("optimizer = OPTIMIZER_ADAMW"), "adamw");
  EXPECT_EQ(TextOf("schedule != COSINE"), "cosine");
  EXPECT_EQ(TextOf("worker = workers/worker-1"), "worker-1");
}

struct Bad {
  std::string text;
  std::string message;
};

class BadFilterTest : public ::testing::TestWithParam<Bad> {};

TEST_P(BadFilterTest, SaysWhatIsWrong) {
  EXPECT_THAT(ParseFilter(GetParam().text, Listed::kTrials),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr(GetParam().message)));
}

INSTANTIATE_TEST_SUITE_P(
    Filters, BadFilterTest,
    ::testing::Values(
        Bad{"= 1", "expected a field at character 1"},
        Bad{"3 = 1", "expected a field at character 1"},
        Bad{"AND", "expected a field at character 1"},
        Bad{"NOT state = FAILED", "expected a field at character 1"},
        Bad{"val_acc", "expected one of = != < <= > >= at character 8"},
        Bad{"val_acc ! 3", "expected one of = != < <= > >= at character 9"},
        Bad{"val_acc ~ 3", "expected one of = != < <= > >= at character 9"},
        Bad{"val_acc >", "expected a value at character 10"},
        Bad{"val_acc > AND number = 1", "expected a value at character 11"},
        Bad{"val_acc > (3)", "expected a value at character 11"},
        Bad{"val_acc > 3 number = 1", "expected AND at character 13"},
        Bad{"val_acc > 3 OR number = 1", "expected AND at character 13"},
        Bad{"val_acc > 3 and number = 1", "expected AND at character 13"},
        Bad{"val_acc > 3 AND", "expected a field"}, Bad{"val_acc > 3)", "expected AND"},
        Bad{R"(worker = "w)", "expected a closing quote"},
        Bad{R"(worker = "w\n")", R"(expected \" or \\)"},
        Bad{R"(worker = "w\)", R"(expected \" or \\)"}, Bad{"state = DONE", "no state \"DONE\""},
        Bad{"state = PAUSED", "no state \"PAUSED\""},  // a sweep's, not a trial's
        Bad{"failure_reason = BAD_LUCK", "no reason \"BAD_LUCK\""},
        Bad{"optimizer = LION", "no value \"lion\""}, Bad{"schedule = STEP", "no value \"step\""},
        Bad{"state < FAILED", "expected = or !="}, Bad{"optimizer >= ADAM", "expected = or !="}));

TEST(FilterTest, LimitsItsLengthAndItsConditions) {
  std::string many = "number = 0";
  for (int i = 1; i < 32; ++i) many += " AND number = 0";
  EXPECT_THAT(ParseFilter(many, Listed::kTrials), IsOk());
  EXPECT_THAT(ParseFilter(many + " AND number = 0", Listed::kTrials),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("more than 32")));
  EXPECT_THAT(ParseFilter("worker = " + std::string(4087, 'w'), Listed::kTrials), IsOk());
  EXPECT_THAT(ParseFilter("worker = " + std::string(4088, 'w'), Listed::kTrials),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("at most 4096")));
}

// Whatever comes, the answer is conditions or INVALID_ARGUMENT.
TEST(FilterTest, SurvivesAnyMutation) {
  const std::string seeds[] = {R"(state = STATE_FAILED AND val_acc >= 0.7)",
                               R"(display_name = "a \"b\" \\ c" AND worker != workers/w-1)",
                               R"(failure_reason = NAN_LOSS AND learning_rate < 1e-3)"};
  const std::string alphabet = std::string("AND=!<>\"\\ .-+/e09_()\t\n\xff\xc3") + '\0';
  Random random(20240521, RandomStream::kShuffle);
  const auto pick = [&](std::size_t n) {
    return static_cast<std::size_t>(random.NextBelow(static_cast<std::uint64_t>(n)));
  };
  int accepted = 0;
  for (int round = 0; round < 20000; ++round) {
    std::string text = seeds[pick(std::size(seeds))];
    for (std::size_t edits = 1 + pick(4); edits > 0; --edits) {
      const std::size_t at = pick(text.size() + 1);
      switch (pick(3)) {
        case 0:
          text.insert(at, 1, alphabet[pick(alphabet.size())]);
          break;
        case 1:
          if (at < text.size()) text.erase(at, 1 + pick(5));
          break;
        default:
          if (at < text.size()) text[at] = alphabet[pick(alphabet.size())];
      }
    }
    const auto conditions = ParseFilter(text, Listed::kTrials);
    if (conditions.ok()) {
      ++accepted;
      for (const store::Condition& condition : *conditions) EXPECT_FALSE(condition.field.empty());
    } else {
      ASSERT_EQ(conditions.status().code(), absl::StatusCode::kInvalidArgument) << text;
    }
  }
  EXPECT_GT(accepted, 0);
  EXPECT_LT(accepted, 20000);
}

}  // namespace
}  // namespace bitsweep::rpc
