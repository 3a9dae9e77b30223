// SPDX-License-Identifier: Apache-2.0
#include "worker/passes/evaluate.h"

#include <cmath>
#include <utility>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/support/status_matchers.h"

namespace bitsweep::passes {
namespace {

using ::bitsweep::testing::StatusIs;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

using Values = std::vector<float>;
using Classes = std::vector<std::int32_t>;

// The identity: a row's features are its outputs.
class EchoRunner final : public GraphRunner {
 public:
  absl::StatusOr<Values> Forward(std::span<const float> x, std::int64_t rows) override {
    calls.push_back(rows);
    return Values(x.begin(), x.end());
  }
  absl::Status VisitInputs(std::span<const float>, std::int64_t, const std::vector<std::size_t>&,
                           const std::function<void(const NodeInput&)>&) override {
    return absl::UnimplementedError("not asked");
  }
  absl::StatusOr<Values> RunNode(std::size_t, const std::vector<Values>&, std::int64_t) override {
    return absl::UnimplementedError("not asked");
  }

  std::vector<std::int64_t> calls;  // rows of each
};

// Of outputs {a, 0} for class 0: log(1 + exp(-a)).
double Loss(double a) { return std::log1p(std::exp(-a)); }

TEST(EvaluateTest, CountsWhatIsTakenForWhat) {
  EchoRunner runner;
  const Values x = {2, 0, 0, 2, 1, 3, 5, 4};
  const Classes y = {0, 0, 1, 1};
  ASSERT_OK_AND_ASSIGN(const EvaluationMetrics metrics, Evaluate(runner, x, y, 2, 4, nullptr));
  EXPECT_THAT(metrics.confusion, ElementsAre(1, 1, 1, 1));
  EXPECT_EQ(metrics.accuracy, 0.5);
  EXPECT_EQ(metrics.rows, 4);
}

TEST(EvaluateTest, FirstOfEqualOutputsIsThePrediction) {
  EchoRunner runner;
  ASSERT_OK_AND_ASSIGN(const EvaluationMetrics metrics,
                       Evaluate(runner, Values{1, 3, 3}, Classes{2}, 3, 1, nullptr));
  EXPECT_THAT(metrics.confusion, ElementsAre(0, 0, 0, 0, 0, 0, 0, 1, 0));
}

TEST(EvaluateTest, LossIsTheMeanOverRowsOrOverBatches) {
  EchoRunner runner;
  const Values x = {1, 0, 2, 0, 3, 0};
  ASSERT_OK_AND_ASSIGN(const EvaluationMetrics metrics,
                       Evaluate(runner, x, Classes{0, 0, 0}, 2, 2, nullptr));
  EXPECT_DOUBLE_EQ(metrics.loss, (Loss(1) + Loss(2) + Loss(3)) / 3);
  EXPECT_DOUBLE_EQ(metrics.loss_batch_mean, ((Loss(1) + Loss(2)) / 2 + Loss(3)) / 2);
}

TEST(EvaluateTest, LossOfLargeOutputsIsFinite) {
  EchoRunner runner;
  ASSERT_OK_AND_ASSIGN(const EvaluationMetrics metrics,
                       Evaluate(runner, Values{1000, -1000}, Classes{1}, 2, 1, nullptr));
  EXPECT_EQ(metrics.loss, 2000);
}

TEST(EvaluateTest, MacroAccuracyLeavesOutClassesThatDoNotOccur) {
  EchoRunner runner;
  const Values x = {1, 0, 0, 1, 0, 0, 0, 1, 0};
  ASSERT_OK_AND_ASSIGN(const EvaluationMetrics metrics,
                       Evaluate(runner, x, Classes{0, 0, 1}, 3, 3, nullptr));
  EXPECT_EQ(metrics.macro_accuracy, 1);
  const std::vector<std::int64_t> confusion = {3, 1, 0, 2, 2, 0, 0, 0, 0};
  EXPECT_DOUBLE_EQ(MacroAccuracy(confusion, 3), (0.75 + 0.5) / 2);
}

TEST(EvaluateTest, RowsAtOnceChangeOnlyTheCalls) {
  const Values x = {1, 0, 2, 0, 0, 3, 4, 0, 5, 9};
  const Classes y = {0, 1, 0, 1, 0};
  EchoRunner by_batch;
  ASSERT_OK_AND_ASSIGN(const EvaluationMetrics one, Evaluate(by_batch, x, y, 2, 2, nullptr));
  EXPECT_THAT(by_batch.calls, ElementsAre(2, 2, 1));
  for (const std::int64_t rows : {1, 3, 100}) {
    EchoRunner runner;
    ASSERT_OK_AND_ASSIGN(const EvaluationMetrics other,
                         Evaluate(runner, x, y, 2, 2, nullptr, rows));
    EXPECT_EQ(runner.calls.front(), std::min<std::int64_t>(rows, 5));
    EXPECT_EQ(other.loss, one.loss);
    EXPECT_EQ(other.loss_batch_mean, one.loss_batch_mean);
    EXPECT_EQ(other.confusion, one.confusion);
  }
}

TEST(EvaluateTest, RefusesNoRowsAndClassesWithoutAnOutput) {
  EchoRunner runner;
  EXPECT_THAT(Evaluate(runner, Values{}, Classes{}, 2, 1, nullptr),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("no rows")));
  EXPECT_THAT(Evaluate(runner, Values{1, 2}, Classes{2}, 2, 1, nullptr),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("of class 2")));
}

TEST(EvaluateTest, StopsWhenAsked) {
  EchoRunner runner;
  const auto stop_after_one = [&] { return runner.calls.size() == 1; };
  EXPECT_THAT(Evaluate(runner, Values{1, 0, 1, 0}, Classes{0, 0}, 2, 1, stop_after_one),
              StatusIs(absl::StatusCode::kCancelled));
  EXPECT_EQ(runner.calls.size(), 1U);
}

}  // namespace
}  // namespace bitsweep::passes
