// SPDX-License-Identifier: Apache-2.0
// Pages, page tokens, filters and orders, as a client sees them.
#include <set>

#include "fmt/format.h"
#include "gmock/gmock.h"
#include "tests/server/rpc/rpc_fixture.h"

namespace bitsweep::rpc {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Key;
using ::testing::Pair;

class ListsTest : public RpcTest {
 protected:
  // Numbers of the trials of lab-1 that a request (its fields after parent) gives, over all pages.
  std::vector<std::string> Trials(const std::string& fields) {
    std::vector<std::string> numbers;
    std::string token;
    do {
      const auto page = Call(&Sweeps::ListTrials,
                             fmt::format(R"({{"parent": "sweeps/lab-1", "page_token": "{}"{}}})",
                                         token, fields.empty() ? "" : ", " + fields));
      EXPECT_TRUE(page.ok()) << page.error.message;
      for (const v1::Trial& trial : page.response.trials()) {
        numbers.push_back(trial.name().substr(trial.name().rfind('/') + 1));
      }
      token = page.response.next_page_token();
    } while (!token.empty());
    return numbers;
  }
  Error TrialsError(const std::string& fields) {
    return Call(&Sweeps::ListTrials, R"({"parent": "sweeps/lab-1", )" + fields + "}").error;
  }
  void ExpectInvalid(const Error& error, const std::string& reason, const std::string& field) {
    EXPECT_EQ(error.code, grpc::StatusCode::INVALID_ARGUMENT);
    EXPECT_EQ(error.reason, reason);
    EXPECT_EQ(error.domain, "bitsweep");
    EXPECT_THAT(error.violations, Contains(Key(field)));
  }
};

TEST_F(ListsTest, PagesHoldEverythingOnceAndInOrder) {
  Submit("lab-1", 7);
  EXPECT_THAT(Trials(R"("page_size": 3)"), ElementsAre("0", "1", "2", "3", "4", "5", "6"));
  EXPECT_THAT(Trials(R"("page_size": 7)"), ElementsAre("0", "1", "2", "3", "4", "5", "6"));
}

TEST_F(ListsTest, APageHoldsFiftyUnlessAskedOtherwise) {
  Submit("lab-1", 60);
  const auto page = Call(&Sweeps::ListTrials, R"({"parent": "sweeps/lab-1"})");
  ASSERT_TRUE(page.ok());
  EXPECT_EQ(page.response.trials_size(), 50);
  EXPECT_FALSE(page.response.next_page_token().empty());
}

TEST_F(ListsTest, APageHoldsAtMostAThousand) {
  Submit("lab-1", 1001);
  const auto page =
      Call(&Sweeps::ListTrials, R"({"parent": "sweeps/lab-1", "page_size": 2000000})");
  ASSERT_TRUE(page.ok());
  EXPECT_EQ(page.response.trials_size(), 1000);
}

TEST_F(ListsTest, RefusesANegativePageSize) {
  Submit("lab-1");
  ExpectInvalid(TrialsError(R"("page_size": -1)"), "INVALID_SPEC", "page_size");
}

TEST_F(ListsTest, SweepsComeNewestFirstAndNewOnesDoNotShiftThePages) {
  for (const char* id : {"lab-1", "lab-2", "lab-3"}) Submit(id);
  const auto first = Call(&Sweeps::ListSweeps, R"({"page_size": 2})");
  ASSERT_TRUE(first.ok());
  EXPECT_EQ(first.response.sweeps(0).name(), "sweeps/lab-3");
  EXPECT_EQ(first.response.sweeps(1).name(), "sweeps/lab-2");
  Submit("lab-4");
  const auto second = Call(
      &Sweeps::ListSweeps,
      fmt::format(R"({{"page_size": 2, "page_token": "{}"}})", first.response.next_page_token()));
  ASSERT_TRUE(second.ok());
  ASSERT_EQ(second.response.sweeps_size(), 1);
  EXPECT_EQ(second.response.sweeps(0).name(), "sweeps/lab-1");
  EXPECT_TRUE(second.response.next_page_token().empty());
}

TEST_F(ListsTest, LargeSweepsMakeShorterPages) {
  for (const char* id : {"lab-1", "lab-2", "lab-3", "lab-4", "lab-5"}) {
    const auto submitted =
        Call(&Sweeps::SubmitSweep,
             fmt::format(R"({{"sweep_id": "{}", "sweep": {{"model": {{"builtin": "jsc-tiny"}},
                        "dataset": {{"name": "d.h5", "features_key": "{}"}}}}}})",
                         id, std::string(900000, 'x')));
    ASSERT_TRUE(submitted.ok()) << submitted.error.message;
  }
  std::vector<std::string> names;
  std::string token;
  int pages = 0;
  do {
    const auto page = Call(&Sweeps::ListSweeps, fmt::format(R"({{"page_token": "{}"}})", token));
    ASSERT_TRUE(page.ok()) << page.error.message;
    for (const v1::Sweep& sweep : page.response.sweeps()) names.push_back(sweep.name());
    token = page.response.next_page_token();
    ++pages;
  } while (!token.empty());
  EXPECT_GT(pages, 1);
  EXPECT_THAT(names, ElementsAre("sweeps/lab-5", "sweeps/lab-4", "sweeps/lab-3", "sweeps/lab-2",
                                 "sweeps/lab-1"));
}

TEST_F(ListsTest, ATokenBelongsToItsQuery) {
  Submit("lab-1", 5);
  Submit("lab-2", 5);
  const auto page = Call(&Sweeps::ListTrials,
                         R"({"parent": "sweeps/lab-1", "page_size": 2, "filter": "repeat < 9"})");
  ASSERT_TRUE(page.ok()) << page.error.message;
  const std::string token = R"("page_token": ")" + page.response.next_page_token() + R"(")";
  ExpectInvalid(TrialsError(token), "PAGE_TOKEN_MISMATCH", "page_token");
  ExpectInvalid(TrialsError(token + R"(, "filter": "repeat < 8")"), "PAGE_TOKEN_MISMATCH",
                "page_token");
  ExpectInvalid(TrialsError(token + R"(, "filter": "repeat < 9", "order_by": "val_acc")"),
                "PAGE_TOKEN_MISMATCH", "page_token");
  ExpectInvalid(Call(&Sweeps::ListTrials,
                     R"({"parent": "sweeps/lab-2", "filter": "repeat < 9", )" + token + "}")
                    .error,
                "PAGE_TOKEN_MISMATCH", "page_token");
  ExpectInvalid(Call(&Sweeps::ListSweeps, "{" + token + "}").error, "PAGE_TOKEN_MISMATCH",
                "page_token");
  // Another page size is no other query.
  EXPECT_TRUE(Call(&Sweeps::ListTrials, R"({"parent": "sweeps/lab-1", "filter": "repeat < 9",
                                            "page_size": 1, )" +
                                            token + "}")
                  .ok());
}

TEST_F(ListsTest, RefusesATokenThatWasAltered) {
  Submit("lab-1", 5);
  const auto page = Call(&Sweeps::ListTrials, R"({"parent": "sweeps/lab-1", "page_size": 2})");
  ASSERT_TRUE(page.ok());
  const std::string token = page.response.next_page_token();
  for (std::size_t i = 0; i < token.size(); ++i) {
    std::string altered = token;
    altered[i] = altered[i] == 'A' ? 'B' : 'A';
    const Error error = TrialsError(R"("page_token": ")" + altered + R"(")");
    EXPECT_EQ(error.code, grpc::StatusCode::INVALID_ARGUMENT) << altered;
    EXPECT_EQ(error.reason, "INVALID_PAGE_TOKEN") << altered;
  }
}

TEST_F(ListsTest, OrdersTrialsByAMetricWithThoseWithoutLast) {
  Submit("lab-1", 5);
  FinishAll({0.3, 0.9, 0.3, 0.5});
  for (const char* size : {"1", "2", "9"}) {
    const std::string pages = std::string(R"("page_size": )") + size;
    EXPECT_THAT(Trials(pages + R"(, "order_by": "val_acc desc")"),
                ElementsAre("1", "3", "0", "2", "4"));
    EXPECT_THAT(Trials(pages + R"(, "order_by": "val_acc")"), ElementsAre("0", "2", "3", "1", "4"));
    EXPECT_THAT(Trials(pages + R"(, "order_by": "number desc")"),
                ElementsAre("4", "3", "2", "1", "0"));
  }
}

TEST_F(ListsTest, RefusesOrdersThatAreNotOnTheList) {
  Submit("lab-1");
  for (const char* order : {"engine", "val_acc;", "val_acc sideways", "val_acc desc desc",
                            "val_acc, number", "1; DROP TABLE trials"}) {
    ExpectInvalid(TrialsError(fmt::format(R"("order_by": "{}")", order)), "INVALID_ORDER",
                  "order_by");
    ExpectInvalid(Call(&Sweeps::ListConfigurations,
                       fmt::format(R"({{"parent": "sweeps/lab-1", "order_by": "{}"}})", order))
                      .error,
                  "INVALID_ORDER", "order_by");
  }
}

TEST_F(ListsTest, FiltersTrials) {
  Submit("lab-1", 2, R"(, "grid": {"batch_size": [8, 16], "optimizer": ["OPTIMIZER_ADAM",
                                                                        "OPTIMIZER_SGD"]})");
  FinishAll({0.3, 0.9, 0.5});  // trials 0, 1, 2; configurations (8 adam) (8 sgd) (16 adam) (16 sgd)
  EXPECT_THAT(Trials(R"("filter": "state = SUCCEEDED")"), ElementsAre("0", "1", "2"));
  EXPECT_THAT(Trials(R"("filter": "state != STATE_SUCCEEDED AND repeat = 0")"),
              ElementsAre("4", "6"));
  EXPECT_THAT(Trials(R"("filter": "val_acc > 0.3")"), ElementsAre("1", "2"));
  EXPECT_THAT(Trials(R"("filter": "val_acc >= 3e-1 AND val_acc < 0.9")"), ElementsAre("0", "2"));
  EXPECT_THAT(Trials(R"("filter": "configuration = 3")"), ElementsAre("6", "7"));
  EXPECT_THAT(Trials(R"("filter": "batch_size = 16 AND optimizer = ADAM")"), ElementsAre("4", "5"));
  EXPECT_THAT(Trials(R"("filter": "optimizer = OPTIMIZER_SGD AND number <= 3")"),
              ElementsAre("2", "3"));
  EXPECT_THAT(Trials(R"("filter": "worker = \"workers/worker-1\"")"), ElementsAre("0", "1", "2"));
  EXPECT_THAT(Trials(R"("filter": "failure_reason = NAN_LOSS")"), IsEmpty());
}

TEST_F(ListsTest, FiltersSweeps) {
  Submit("lab-1", 1, R"(, "display_name": "say \"x\"")");
  Submit("lab-2", 1, R"(, "display_name": "other")");
  const auto names = [&](const std::string& filter) {
    v1::ListSweepsRequest request;
    request.set_filter(filter);
    const auto answer = Call(&Sweeps::ListSweeps, request);
    EXPECT_TRUE(answer.ok()) << answer.error.message;
    std::vector<std::string> found;
    for (const v1::Sweep& sweep : answer.response.sweeps()) found.push_back(sweep.name());
    return found;
  };
  EXPECT_THAT(names(R"(display_name = "say \"x\"")"), ElementsAre("sweeps/lab-1"));
  EXPECT_THAT(names("sweep_id = lab-2"), ElementsAre("sweeps/lab-2"));
  EXPECT_THAT(names("state = QUEUED AND model = jsc-tiny AND dataset = synthetic-jets"),
              ElementsAre("sweeps/lab-2", "sweeps/lab-1"));
  EXPECT_THAT(names(R"(display_name = "' OR 1=1 --")"), IsEmpty());
}

TEST_F(ListsTest, RefusesFiltersOnOtherFieldsOrTypes) {
  Submit("lab-1");
  for (const char* filter : {"no_such = 1", "val_acc = high", "worker = 3", "state = 3",
                             "state = DONE", "state < RUNNING", "val_acc >", "OR = 1"}) {
    ExpectInvalid(TrialsError(fmt::format(R"("filter": "{}")", filter)), "INVALID_FILTER",
                  "filter");
  }
  ExpectInvalid(Call(&Sweeps::ListSweeps, R"({"filter": "val_acc > 0.5"})").error, "INVALID_FILTER",
                "filter");
  ExpectInvalid(Call(&Models::ListModels, R"({"filter": "state = RUNNING"})").error,
                "INVALID_FILTER", "filter");
}

TEST_F(ListsTest, ConfigurationsSumUpTheirRepeats) {
  Submit("lab-1", 3, R"(, "grid": {"batch_size": [8, 16]})");
  FinishAll({0.25, 0.5, 0.75, 0.5});
  const auto answer =
      Call(&Sweeps::ListConfigurations, R"({"parent": "sweeps/lab-1", "order_by": "number"})");
  ASSERT_TRUE(answer.ok()) << answer.error.message;
  ASSERT_EQ(answer.response.configurations_size(), 2);
  const v1::Configuration& first = answer.response.configurations(0);
  EXPECT_EQ(first.name(), "sweeps/lab-1/configurations/0");
  EXPECT_EQ(first.hyperparameters().batch_size(), 8);
  EXPECT_EQ(first.val_acc().n(), 3);
  EXPECT_DOUBLE_EQ(first.val_acc().mean(), 0.5);
  EXPECT_DOUBLE_EQ(first.val_acc().sd(), 0.25);  // sqrt((1/16 + 0 + 1/16) / 2)
  EXPECT_EQ(first.val_acc().min(), 0.25);
  EXPECT_EQ(first.val_acc().max(), 0.75);
  const v1::Configuration& second = answer.response.configurations(1);
  EXPECT_EQ(second.val_acc().n(), 1);
  EXPECT_FALSE(second.val_acc().has_sd());
  EXPECT_EQ(second.counts().queued(), 2);
}

TEST_F(ListsTest, TheBestConfigurationsComeFirst) {
  Submit("lab-1", 1, R"(, "grid": {"batch_size": [8, 16, 32, 64]})");
  FinishAll({0.5, 0.9, 0.5});
  const auto best = [&](const std::string& fields) {
    const auto answer =
        Call(&Sweeps::ListOptimalConfigurations, R"({"parent": "sweeps/lab-1")" + fields + "}");
    EXPECT_TRUE(answer.ok()) << answer.error.message;
    std::vector<std::int64_t> sizes;
    for (const v1::Configuration& c : answer.response.configurations()) {
      sizes.push_back(c.hyperparameters().batch_size());
    }
    return sizes;
  };
  EXPECT_THAT(best(""), ElementsAre(16));
  EXPECT_THAT(best(R"(, "limit": 10)"), ElementsAre(16, 8, 32));  // 64 has no result
  EXPECT_THAT(best(R"(, "objective": {"goal": "GOAL_MINIMIZE"})"), ElementsAre(8));
  EXPECT_THAT(best(R"(, "objective": {"metric": "val_loss"}, "limit": 2)"), ElementsAre(8, 16));
}

TEST_F(ListsTest, RefusesUnknownObjectives) {
  Submit("lab-1");
  const Error metric = Call(&Sweeps::ListOptimalConfigurations,
                            R"({"parent": "sweeps/lab-1", "objective": {"metric": "beauty"}})")
                           .error;
  ExpectInvalid(metric, "INVALID_SPEC", "objective.metric");
  EXPECT_THAT(metric.violations, Contains(Pair("objective.metric", HasSubstr("val_acc"))));
  ExpectInvalid(
      Call(&Sweeps::ListOptimalConfigurations, R"({"parent": "sweeps/lab-1", "limit": -1})").error,
      "INVALID_SPEC", "limit");
}

}  // namespace
}  // namespace bitsweep::rpc
