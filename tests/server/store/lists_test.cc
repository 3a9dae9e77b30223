// SPDX-License-Identifier: Apache-2.0
// Lists: pages, orders, filters, and what is computed over repeats.
#include <cmath>

#include "tests/server/store/store_fixture.h"

namespace bitsweep::store {
namespace {

using spec::FailureReason;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;
using testing::StatusIs;

class ListsTest : public StoreTest {
 protected:
  // All pages of `limit` trials, one vector of numbers a page.
  std::vector<std::vector<std::int64_t>> TrialPages(PageQuery query, std::int64_t limit) {
    query.limit = limit;
    std::vector<std::vector<std::int64_t>> pages;
    do {
      const auto page = store().ListTrials("grid", query, TrialDetail::kBasic);
      EXPECT_THAT(page, testing::IsOk());
      if (!page.ok()) break;
      pages.emplace_back();
      for (const TrialRecord& trial : page->items) pages.back().push_back(trial.number);
      query.after = page->next;
    } while (query.after && pages.size() < 100);
    return pages;
  }
  std::vector<std::int64_t> Trials(std::vector<Condition> conditions) {
    return TrialPages({.conditions = std::move(conditions)}, 100).at(0);
  }
  std::vector<std::int64_t> Configurations(PageQuery query, std::int64_t limit = 2) {
    query.limit = limit;
    std::vector<std::int64_t> numbers;
    do {
      const auto page = store().ListConfigurations("grid", query);
      EXPECT_THAT(page, testing::IsOk());
      if (!page.ok()) break;
      for (const ConfigurationRecord& c : page->items) numbers.push_back(c.number);
      query.after = page->next;
    } while (query.after && numbers.size() < 100);
    return numbers;
  }
};
INSTANTIATE_TEST_SUITE_P(Stores, ListsTest, ::testing::ValuesIn(Implementations()), NameOf);

TEST_P(ListsTest, SweepsComeNewestFirstPageByPage) {
  for (const char* id : {"aaaa", "bbbb", "cccc"}) Submit(id, 1);
  ASSERT_OK_AND_ASSIGN(const Page<SweepRecord> first, store().ListSweeps({.limit = 2}));
  ASSERT_THAT(first.items, SizeIs(2));
  EXPECT_EQ(first.items[0].sweep_id, "cccc");
  EXPECT_EQ(first.items[1].sweep_id, "bbbb");
  Submit("dddd", 1);  // a new sweep moves no later page
  ASSERT_OK_AND_ASSIGN(const Page<SweepRecord> second,
                       store().ListSweeps({.after = first.next, .limit = 2}));
  ASSERT_THAT(second.items, SizeIs(1));
  EXPECT_EQ(second.items[0].sweep_id, "aaaa");
  EXPECT_FALSE(second.next.has_value());
}

TEST_P(ListsTest, SweepsAreFiltered) {
  CompleteAll(Submit("done", 1), {0.5});
  spec::SweepSpec spec = GridSpec(1, 1);
  spec.model.builtin = "jsc-toy";
  spec.display_name = "it's \"new\"";
  Submit(Planned("open", spec));
  const auto matching = [&](const std::string& field, const std::string& value) {
    const auto page = store().ListSweeps({.conditions = {{field, Comparison::kEqual, value}}});
    EXPECT_THAT(page, testing::IsOk());
    std::vector<std::string> ids;
    for (const SweepRecord& sweep : page->items) ids.push_back(sweep.sweep_id);
    return ids;
  };
  EXPECT_THAT(matching("state", "SUCCEEDED"), ElementsAre("done"));
  EXPECT_THAT(matching("model", "jsc-toy"), ElementsAre("open"));
  EXPECT_THAT(matching("display_name", "it's \"new\""), ElementsAre("open"));
  EXPECT_THAT(matching("sweep_id", "done"), ElementsAre("done"));
  EXPECT_THAT(matching("dataset", "synthetic-jets"), ElementsAre("open", "done"));
  EXPECT_THAT(matching("dataset", "' OR 1 --"), IsEmpty());
}

TEST_P(ListsTest, TrialsArePagedInBothDirections) {
  Submit("grid", 5);
  EXPECT_THAT(TrialPages({}, 2), ElementsAre(ElementsAre(0, 1), ElementsAre(2, 3), ElementsAre(4)));
  EXPECT_THAT(TrialPages({.direction = Direction::kDescending}, 2),
              ElementsAre(ElementsAre(4, 3), ElementsAre(2, 1), ElementsAre(0)));
  EXPECT_THAT(TrialPages({}, 5), ElementsAre(ElementsAre(0, 1, 2, 3, 4)));
}

TEST_P(ListsTest, TrialsAreOrderedByAMetricWithTiesByNumberAndTheUnfinishedLast) {
  CompleteAll(Submit("grid", 6), {0.25, 0.75, 0.5, 0.75});
  for (const std::int64_t limit : {1, 2, 3, 100}) {
    std::vector<std::int64_t> descending;
    for (const auto& page :
         TrialPages({.order_field = "val_acc", .direction = Direction::kDescending}, limit)) {
      descending.insert(descending.end(), page.begin(), page.end());
    }
    EXPECT_THAT(descending, ElementsAre(1, 3, 2, 0, 4, 5)) << limit;
    std::vector<std::int64_t> ascending;
    for (const auto& page : TrialPages({.order_field = "val_acc"}, limit)) {
      ascending.insert(ascending.end(), page.begin(), page.end());
    }
    EXPECT_THAT(ascending, ElementsAre(0, 2, 1, 3, 4, 5)) << limit;
  }
}

TEST_P(ListsTest, TrialsAreFilteredByEveryKindOfField) {
  const SweepRecord sweep = Submit("grid", 3, 2);
  CompleteAll(sweep, {0.25, 0.75});
  Fail(StartOne(sweep), FailureReason::kNanLoss);
  Lease(sweep, 1, At(2), "other");
  using enum Comparison;
  EXPECT_THAT(Trials({{"state", kEqual, "SUCCEEDED"}}), ElementsAre(0, 1));
  EXPECT_THAT(Trials({{"state", kNotEqual, "QUEUED"}}), ElementsAre(0, 1, 2, 3));
  EXPECT_THAT(Trials({{"val_acc", kGreater, 0.25}}), ElementsAre(1));
  EXPECT_THAT(Trials({{"val_acc", kGreaterOrEqual, 0.25}}), ElementsAre(0, 1));
  EXPECT_THAT(Trials({{"number", kLess, 2.0}}), ElementsAre(0, 1));
  EXPECT_THAT(Trials({{"number", kLessOrEqual, 2.0}, {"repeat", kEqual, 0.0}}), ElementsAre(0, 2));
  EXPECT_THAT(Trials({{"configuration", kEqual, 2.0}}), ElementsAre(4, 5));
  EXPECT_THAT(Trials({{"attempt", kEqual, 0.0}}), ElementsAre(4, 5));
  EXPECT_THAT(Trials({{"worker", kEqual, "other"}}), ElementsAre(3));
  EXPECT_THAT(Trials({{"failure_reason", kEqual, "NAN_LOSS"}}), ElementsAre(2));
  EXPECT_THAT(Trials({{"learning_rate", kEqual, 0.001}}), ElementsAre(0, 1));
  EXPECT_THAT(Trials({{"max_epochs", kEqual, 2.0}, {"batch_size", kEqual, 100.0}}), SizeIs(6));
  EXPECT_THAT(Trials({{"optimizer", kEqual, "adam"}, {"schedule", kEqual, "cosine"}}), SizeIs(6));
  EXPECT_THAT(Trials({{"weight_decay", kGreater, 0.0}}), IsEmpty());
}

TEST_P(ListsTest, UnknownFieldsAndWrongTypesAreAllNamed) {
  Submit("grid", 1);
  const auto refused = store().ListTrials("grid",
                                          {.conditions = {{"colour", Comparison::kEqual, "red"},
                                                          {"number", Comparison::kEqual, "one"},
                                                          {"state", Comparison::kEqual, 1.0}}},
                                          TrialDetail::kBasic);
  EXPECT_THAT(refused, StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("colour")));
  EXPECT_EQ(Reason(refused), "INVALID_FILTER");
  EXPECT_THAT(GetErrorDetails(refused.status())->violations, SizeIs(3));
  EXPECT_EQ(Reason(store().ListTrials("grid", {.order_field = "colour"}, TrialDetail::kBasic)),
            "INVALID_ORDER");
  EXPECT_EQ(Reason(store().ListConfigurations("grid", {.order_field = "t.seed"})), "INVALID_ORDER");
  EXPECT_EQ(Reason(store().ListSweeps({.conditions = {{"val_acc", Comparison::kEqual, 1.0}}})),
            "INVALID_FILTER");
}

TEST_P(ListsTest, ConfigurationsSummarizeTheirRepeats) {
  const SweepRecord sweep = Submit("grid", 3, 4);
  CompleteAll(sweep, {0.5, 0.75, 0.625, 0.875, 0.25});
  Fail(StartOne(sweep), FailureReason::kNanLoss);
  ASSERT_OK_AND_ASSIGN(const Page<ConfigurationRecord> page,
                       store().ListConfigurations("grid", {}));
  ASSERT_THAT(page.items, SizeIs(3));
  const ConfigurationRecord& full = page.items[0];
  EXPECT_EQ(full.counts, (spec::JobCounts{.succeeded = 4}));
  EXPECT_EQ(full.val_acc.n, 4);
  EXPECT_DOUBLE_EQ(full.val_acc.mean, 0.6875);
  // Squares of the distances: 0.03515625 + 0.00390625 + 0.00390625 + 0.03515625 = 0.078125.
  EXPECT_DOUBLE_EQ(full.val_acc.sd.value(), std::sqrt(0.078125 / 3));
  EXPECT_DOUBLE_EQ(full.val_acc.min, 0.5);
  EXPECT_DOUBLE_EQ(full.val_acc.max, 0.875);
  EXPECT_DOUBLE_EQ(full.seconds.mean, 1.0);
  EXPECT_DOUBLE_EQ(full.seconds.sd.value(), 0.0);
  EXPECT_DOUBLE_EQ(full.val_loss.mean, 1.125);
  EXPECT_DOUBLE_EQ(full.val_loss_batch_mean.mean, 1.0625);
  EXPECT_DOUBLE_EQ(full.train_acc_last_step.mean, 0.5);
  EXPECT_DOUBLE_EQ(full.best_val_acc.mean, 0.6875);
  EXPECT_DOUBLE_EQ(full.rows_per_second.mean, 1600);
  const ConfigurationRecord& one = page.items[1];
  EXPECT_EQ(one.counts, (spec::JobCounts{.queued = 2, .succeeded = 1, .failed = 1}));
  EXPECT_EQ(one.val_acc.n, 1);
  EXPECT_DOUBLE_EQ(one.val_acc.mean, 0.25);
  EXPECT_FALSE(one.val_acc.sd.has_value());
  EXPECT_EQ(page.items[2].val_acc.n, 0);
  EXPECT_EQ(page.items[2].counts, (spec::JobCounts{.queued = 4}));
  EXPECT_DOUBLE_EQ(page.items[2].hyperparameters.learning_rate, 0.003);
}

TEST_P(ListsTest, ConfigurationsComeInPlanOrderOrByTheMeanOfAMetric) {
  // Means: 0.375, 0.5, 0.5, 0.25; the fifth has no result.
  CompleteAll(Submit("grid", 5, 2), {0.25, 0.5, 0.5, 0.5, 0.25, 0.75, 0.25, 0.25});
  EXPECT_THAT(Configurations({}), ElementsAre(0, 1, 2, 3, 4));
  EXPECT_THAT(Configurations({.order_field = "number", .direction = Direction::kDescending}),
              ElementsAre(4, 3, 2, 1, 0));
  EXPECT_THAT(Configurations({.order_field = "val_acc", .direction = Direction::kDescending}),
              ElementsAre(1, 2, 0, 3, 4));
  EXPECT_THAT(Configurations({.order_field = "best_val_acc"}), ElementsAre(3, 0, 1, 2, 4));
  EXPECT_THAT(Configurations({.order_field = "val_loss"}, 100), ElementsAre(0, 1, 2, 3, 4));
}

}  // namespace
}  // namespace bitsweep::store
