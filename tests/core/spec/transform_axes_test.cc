// SPDX-License-Identifier: Apache-2.0
#include "core/base/errors.h"
#include "core/spec/transform_spec.h"
#include "tests/core/spec/quantize_specs.h"
#include "tests/support/status_matchers.h"

namespace bitsweep::spec {
namespace {

using ::bitsweep::testing::StatusIs;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::SizeIs;

TransformSpec WithAxes(std::vector<QuantizationAxis> axes) {
  TransformSpec spec;
  spec.passes = {QuantizePass{LabReport()}};
  spec.axes = std::move(axes);
  return spec;
}

// The quantization of the only pass after `assignment`.
absl::StatusOr<QuantizeSpec> Applied(const QuantizeSpec& spec, const Assignment& assignment) {
  const absl::StatusOr<std::vector<PassSpec>> passes =
      ApplyAssignment({QuantizePass{spec}}, assignment);
  if (!passes.ok()) return passes.status();
  return std::get<QuantizePass>(passes->front()).quantization;
}

TEST(ExpandAxesTest, WithoutAxesThereIsOneJob) {
  ASSERT_OK_AND_ASSIGN(const std::vector<Assignment> jobs, ExpandAxes(WithAxes({})));
  EXPECT_THAT(jobs, ElementsAre(Assignment{}));
}

TEST(ExpandAxesTest, TheLastAxisVariesFastest) {
  ASSERT_OK_AND_ASSIGN(const std::vector<Assignment> jobs,
                       ExpandAxes(WithAxes({{"data_in_width", {8, 4}}, {"weight_width", {6, 2}}})));
  EXPECT_THAT(jobs, ElementsAre(Assignment{{"data_in_width", 8}, {"weight_width", 6}},
                                Assignment{{"data_in_width", 8}, {"weight_width", 2}},
                                Assignment{{"data_in_width", 4}, {"weight_width", 6}},
                                Assignment{{"data_in_width", 4}, {"weight_width", 2}}));
}

TEST(ExpandAxesTest, RefusesMoreJobsThanTheLimit) {
  std::vector<std::int64_t> values(1000);
  for (std::size_t i = 0; i < values.size(); ++i) values[i] = static_cast<std::int64_t>(i);
  std::vector<std::int64_t> few(values.begin(), values.begin() + 100);
  EXPECT_THAT(ExpandAxes(WithAxes({{"data_in_width", values}, {"weight_width", few}})).value(),
              SizeIs(100'000));
  few.push_back(100);
  const absl::Status status =
      ExpandAxes(WithAxes({{"data_in_width", values}, {"weight_width", few}})).status();
  EXPECT_THAT(status, StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("101000")));
  EXPECT_EQ(GetErrorDetails(status)->reason, "PLAN_TOO_LARGE");
}

TEST(ApplyAssignmentTest, PutsAValueIntoEveryRuleThatHasTheTensor) {
  ASSERT_OK_AND_ASSIGN(const QuantizeSpec spec,
                       Applied(LabReport(), {{"weight_width", 3}, {"data_in_frac_width", -1}}));
  EXPECT_EQ(spec.rules[0].config.weight, Bits(3, 4));
  EXPECT_EQ(spec.rules[1].config.weight, Bits(3, 4));
  EXPECT_EQ(spec.rules[0].config.data_in, Bits(8, -1));
  EXPECT_EQ(spec.default_config, LeaveAlone());
}

TEST(ApplyAssignmentTest, PutsAValueIntoTheNamedRuleAlone) {
  ASSERT_OK_AND_ASSIGN(const QuantizeSpec spec, Applied(LabReport(), {{"conv1d.weight_width", 3}}));
  EXPECT_EQ(spec.rules[0].config.weight, Bits(8, 4));
  EXPECT_EQ(spec.rules[1].config.weight, Bits(3, 4));
}

TEST(ApplyAssignmentTest, KeysMayHoldDots) {
  QuantizeSpec spec = By("regex_name", {{"conv.", Integer84()}});
  ASSERT_OK_AND_ASSIGN(spec, Applied(spec, {{"conv..weight_width", 2}}));
  EXPECT_EQ(spec.rules[0].config.weight, Bits(2, 4));
}

TEST(ApplyAssignmentTest, PutsAValueIntoTheDefault) {
  QuantizeSpec spec = By("type", {{"linear", Integer84()}});
  spec.default_config = Integer84();
  ASSERT_OK_AND_ASSIGN(const QuantizeSpec all, Applied(spec, {{"weight_width", 2}}));
  EXPECT_EQ(all.rules[0].config.weight, Bits(2, 4));
  EXPECT_EQ(all.default_config->weight, Bits(2, 4));
  ASSERT_OK_AND_ASSIGN(const QuantizeSpec one, Applied(spec, {{"default.weight_width", 2}}));
  EXPECT_EQ(one.rules[0].config.weight, Bits(8, 4));
  EXPECT_EQ(one.default_config->weight, Bits(2, 4));
}

TEST(ApplyAssignmentTest, PassesByRulesWhoseFormatDoesNotTakeTheEntry) {
  const QuantizeSpec mixed = By(
      "type", {{"linear", Integer84()},
               {"conv1d", {.name = "log", .data_in = {{.width = 8}}, .weight = {{.width = 8}}}}});
  ASSERT_OK_AND_ASSIGN(const QuantizeSpec spec, Applied(mixed, {{"weight_frac_width", 2}}));
  EXPECT_EQ(spec.rules[0].config.weight, Bits(8, 2));
  EXPECT_EQ(spec.rules[1].config.weight, mixed.rules[1].config.weight);
}

TEST(ApplyAssignmentTest, SetsBlockSizes) {
  const TensorFormatSpec entries = {.width = 8, .block_size = {16}};
  const QuantizeSpec mx =
      By("type", {{"linear", {.name = "mxint", .data_in = entries, .weight = entries}}});
  ASSERT_OK_AND_ASSIGN(const QuantizeSpec spec, Applied(mx, {{"weight_block_size", 4}}));
  EXPECT_THAT(spec.rules[0].config.weight->block_size, ElementsAre(4));
}

TEST(ApplyAssignmentTest, GoesIntoEveryQuantizePass) {
  const std::vector<PassSpec> passes = {QuantizePass{LabReport()}, EvaluatePass{},
                                        QuantizePass{LabReport()}};
  ASSERT_OK_AND_ASSIGN(const std::vector<PassSpec> applied,
                       ApplyAssignment(passes, {{"weight_width", 3}}));
  for (const std::size_t i : {0, 2}) {
    EXPECT_EQ(std::get<QuantizePass>(applied[i]).quantization.rules[0].config.weight, Bits(3, 4));
  }
  EXPECT_EQ(applied[1], passes[1]);
}

TEST(ApplyAssignmentTest, RefusesWhatFitsNowhere) {
  const auto refused = [](const std::string& entry, const std::string& why) {
    EXPECT_THAT(Applied(LabReport(), {{entry, 4}}),
                StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr(why)));
  };
  refused("width", "\"width\": expected an entry such as data_in_width");
  refused("weight_stochastic", "expected an entry");
  refused(".weight_width", "expected an entry");
  refused("bias_width", "no quantize pass has a rule or default with this tensor");
  refused("weight_exponent_width", "whose format takes exponent_width");
  refused("relu.data_in_width", "no quantize pass has a rule \"relu\"");
  EXPECT_THAT(ApplyAssignment({EvaluatePass{}}, {{"weight_width", 4}}),
              StatusIs(absl::StatusCode::kInvalidArgument));
}

TEST(AssignmentJsonTest, RoundTrips) {
  const Assignment assignment = {{"weight_width", 4}, {"linear.data_in_frac_width", -2}};
  EXPECT_EQ(
      ToJson(assignment),
      R"([{"entry":"weight_width","value":4},{"entry":"linear.data_in_frac_width","value":-2}])");
  EXPECT_EQ(AssignmentFromJson(ToJson(assignment)).value(), assignment);
  EXPECT_EQ(AssignmentFromJson("[]").value(), Assignment{});
}

TEST(AssignmentJsonTest, RefusesWhatIsNone) {
  for (const char* text :
       {"", "{}", "[1]", R"([{"entry":"a"}])", R"([{"entry":1,"value":1}])",
        R"([{"entry":"a","value":1.5}])", R"([{"entry":"a","value":"1"}])",
        R"([{"entry":"a","value":9223372036854775808}])", R"([{"entry":"a","value":1,"x":2}])"}) {
    EXPECT_THAT(AssignmentFromJson(text), StatusIs(absl::StatusCode::kInvalidArgument)) << text;
  }
}

}  // namespace
}  // namespace bitsweep::spec
