// SPDX-License-Identifier: Apache-2.0
#include "worker/passes/profile_statistics.h"

#include <cmath>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/support/status_matchers.h"
#include "tests/worker/passes/reference_runner.h"

namespace bitsweep::passes {
namespace {

using ::bitsweep::testing::ReferenceRunners;
using ::bitsweep::testing::SampleNetwork;
using ::bitsweep::testing::StatusIs;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

spec::StatisticSpec Named(const std::string& name) {
  spec::StatisticSpec spec;
  spec.name = name;
  return spec;
}

// Rows whose first feature counts them; validation rows that nobody may look at.
data::Dataset Rows(std::int64_t rows) {
  data::Dataset dataset;
  dataset.features = 16;
  dataset.classes = 5;
  for (std::int64_t i = 0; i < rows; ++i) {
    for (std::int64_t f = 0; f < 16; ++f) {
      dataset.train_x.push_back(f == 0 ? static_cast<float>(i) : -1.0F);
    }
    dataset.train_y.push_back(0);
  }
  dataset.val_x.assign(16, 1e6F);
  dataset.val_y.assign(1, 0);
  return dataset;
}

spec::ProfileStatisticsPass Activations(const std::string& by, const std::string& key,
                                        const std::string& statistic, std::int64_t samples) {
  spec::ProfileStatisticsPass pass;
  pass.by = by;
  pass.target_activation_nodes = {key};
  pass.activation_statistics = {Named(statistic)};
  pass.num_samples = samples;
  return pass;
}

absl::StatusOr<StatisticsReport> Profile(const spec::ProfileStatisticsPass& pass,
                                         const Network& network, const data::Dataset* dataset) {
  return ProfileStatistics(pass, network, dataset, ReferenceRunners(), nullptr);
}

std::vector<double> ValueOf(const NodeStatistic& statistic, const std::string& key) {
  for (const StatisticValue& value : statistic.values) {
    if (value.key == key) return value.values;
  }
  ADD_FAILURE() << "no " << key;
  return {};
}

TEST(ProfileStatisticsTest, WeightsAreEveryParameterOfTheNodesOfAType) {
  spec::ProfileStatisticsPass pass;
  pass.by = "type";
  pass.target_weight_nodes = {"linear"};
  pass.weight_statistics = {Named("variance_precise")};
  ASSERT_OK_AND_ASSIGN(const StatisticsReport report,
                       Profile(pass, SampleNetwork("jsc-tiny"), nullptr));
  ASSERT_EQ(report.statistics.size(), 2U);
  EXPECT_EQ(report.statistics[0].node, "seq_blocks_2");
  EXPECT_EQ(report.statistics[0].tensor, "weight");
  EXPECT_FALSE(report.statistics[0].activation);
  EXPECT_THAT(ValueOf(report.statistics[0], "count"), ElementsAre(80));
  EXPECT_EQ(report.statistics[1].tensor, "bias");
  EXPECT_THAT(ValueOf(report.statistics[1], "count"), ElementsAre(5));
  EXPECT_EQ(report.samples, 0);
}

TEST(ProfileStatisticsTest, WeightsAreFloatBuffersToo) {
  spec::ProfileStatisticsPass pass;
  pass.by = "name";
  pass.target_weight_nodes = {"seq_blocks_0", "seq_blocks_1"};
  pass.weight_statistics = {Named("range_min_max")};
  ASSERT_OK_AND_ASSIGN(const StatisticsReport report,
                       Profile(pass, SampleNetwork("jsc-tiny"), nullptr));
  std::vector<std::string> tensors;
  for (const NodeStatistic& statistic : report.statistics) tensors.push_back(statistic.tensor);
  EXPECT_THAT(tensors, ElementsAre("weight", "bias", "running_mean", "running_var"));
}

// The report's counts: 32 samples of 16 and of 5 features.
TEST(ProfileStatisticsTest, ActivationsAreTheInputsOfTheNodes) {
  const data::Dataset dataset = Rows(100);
  ASSERT_OK_AND_ASSIGN(const StatisticsReport report,
                       Profile(Activations("type", "relu", "range_min_max", 32),
                               SampleNetwork("jsc-tiny"), &dataset));
  ASSERT_EQ(report.statistics.size(), 2U);
  EXPECT_EQ(report.statistics[0].tensor, "data_in_0");
  EXPECT_TRUE(report.statistics[0].activation);
  EXPECT_THAT(ValueOf(report.statistics[0], "count"), ElementsAre(512));
  EXPECT_THAT(ValueOf(report.statistics[1], "count"), ElementsAre(160));
  EXPECT_EQ(report.samples, 32);
}

TEST(ProfileStatisticsTest, ActivationsComeFromTheFirstTrainingRows) {
  const data::Dataset dataset = Rows(300);
  ASSERT_OK_AND_ASSIGN(const StatisticsReport report,
                       Profile(Activations("name", "seq_blocks_0", "range_min_max", 200),
                               SampleNetwork("jsc-tiny"), &dataset));
  EXPECT_THAT(ValueOf(report.statistics[0], "max"), ElementsAre(199));
  EXPECT_THAT(ValueOf(report.statistics[0], "min"), ElementsAre(-1));
}

TEST(ProfileStatisticsTest, SamplesKeepALeadingOne) {
  const data::Dataset dataset = Rows(3);
  ASSERT_OK_AND_ASSIGN(
      const StatisticsReport report,
      Profile(Activations("name", "conv1", "record", 2), SampleNetwork("jsc-rs1923"), &dataset));
  EXPECT_EQ(report.statistics[0].values[0].shape, (graph::Shape{2, 1, 16}));
  EXPECT_EQ(report.statistics[0].values[0].values[16], 1);
}

TEST(ProfileStatisticsTest, ActivationsAreThoseOfEvaluation) {
  const data::Dataset dataset = Rows(1);
  Network network = SampleNetwork("jsc-tiny");
  ASSERT_OK_AND_ASSIGN(
      const StatisticsReport report,
      Profile(Activations("name", "seq_blocks_1", "record", 1), network, &dataset));
  const std::vector<double> seen = ValueOf(report.statistics[0], "data");
  const auto at = [&](const char* leaf, std::size_t i) -> double {
    return bitsweep::testing::TensorOf(network, std::string("seq_blocks.0.") + leaf)[i];
  };
  const double wanted =
      (-1 - at("running_mean", 4)) / std::sqrt(at("running_var", 4) + 1e-5) * at("weight", 4) +
      at("bias", 4);
  EXPECT_NEAR(seen[4], wanted, 1e-6);
}

TEST(ProfileStatisticsTest, BothInputsOfAnAddCount) {
  const data::Dataset dataset = Rows(4);
  ASSERT_OK_AND_ASSIGN(
      const StatisticsReport report,
      Profile(Activations("type", "add", "abs_mean", 4), SampleNetwork("jsc-rs1923"), &dataset));
  ASSERT_EQ(report.statistics.size(), 2U);
  EXPECT_EQ(report.statistics[1].tensor, "data_in_1");
  EXPECT_NE(ValueOf(report.statistics[0], "abs_mean"), ValueOf(report.statistics[1], "abs_mean"));
}

TEST(ProfileStatisticsTest, MoreSamplesThanRowsRunsAllRows) {
  const data::Dataset dataset = Rows(10);
  ASSERT_OK_AND_ASSIGN(
      const StatisticsReport report,
      Profile(Activations("type", "linear", "abs_mean", 512), SampleNetwork("jsc-tiny"), &dataset));
  EXPECT_EQ(report.samples, 10);
  EXPECT_THAT(ValueOf(report.statistics[0], "count"), ElementsAre(160));
}

TEST(ProfileStatisticsTest, ATypeWithoutNodesGivesNothing) {
  const data::Dataset dataset = Rows(10);
  ASSERT_OK_AND_ASSIGN(
      const StatisticsReport report,
      Profile(Activations("type", "conv1d", "abs_mean", 4), SampleNetwork("jsc-tiny"), &dataset));
  EXPECT_THAT(report.statistics, IsEmpty());
}

TEST(ProfileStatisticsTest, WhatDoesNotFitIsRefused) {
  const data::Dataset dataset = Rows(10);
  const Network network = SampleNetwork("jsc-tiny");
  EXPECT_THAT(Profile(Activations("name", "fc", "abs_mean", 4), network, &dataset),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("no node \"fc\"")));
  EXPECT_THAT(Profile(Activations("kind", "relu", "abs_mean", 4), network, &dataset),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("by is \"kind\"")));
  EXPECT_THAT(Profile(Activations("type", "relu", "abs_mean", 4), network, nullptr),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("data set")));
  data::Dataset narrow = dataset;
  narrow.features = 8;
  EXPECT_THAT(Profile(Activations("type", "relu", "abs_mean", 4), network, &narrow),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("8 features")));
}

TEST(ProfileStatisticsTest, AStatisticThatDoesNotFitNamesTheNode) {
  const data::Dataset dataset = Rows(10);
  spec::ProfileStatisticsPass pass = Activations("type", "linear", "range_min_max", 4);
  pass.activation_statistics[0].reduce_dims = {7};
  EXPECT_THAT(Profile(pass, SampleNetwork("jsc-tiny"), &dataset),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       HasSubstr("node \"seq_blocks_2\", data_in_0: reduce_dims has 7")));
}

TEST(ProfileStatisticsTest, StopsWhenAsked) {
  const data::Dataset dataset = Rows(10);
  EXPECT_THAT(
      ProfileStatistics(Activations("type", "relu", "abs_mean", 4), SampleNetwork("jsc-tiny"),
                        &dataset, ReferenceRunners(), [] { return true; }),
      StatusIs(absl::StatusCode::kCancelled));
}

}  // namespace
}  // namespace bitsweep::passes
