// SPDX-License-Identifier: Apache-2.0
#include "worker/passes/prune.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/support/status_matchers.h"
#include "tests/worker/passes/reference_runner.h"

namespace bitsweep::passes {
namespace {

using ::bitsweep::testing::SampleNetwork;
using ::bitsweep::testing::StatusIs;
using ::bitsweep::testing::TensorOf;
using ::testing::HasSubstr;

spec::PrunePass Pass(const std::string& method, const std::string& scope, double sparsity) {
  return {.scope = scope, .granularity = "", .method = method, .sparsity = sparsity};
}

std::int64_t Zeros(const std::vector<float>& values) {
  return std::count(values.begin(), values.end(), 0.0F);
}

TEST(PruneTest, TouchesOnlyWeightsOfLinearAndConvolution) {
  for (const char* model : {"jsc-tiny", "jsc-rs1923"}) {
    Network network = SampleNetwork(model);
    const Network before = network;
    ASSERT_TRUE(Prune(Pass("l1-norm", "local", 0.5), 1, network).ok());
    for (std::size_t t = 0; t < network.tensors.size(); ++t) {
      const graph::TensorInfo& info = network.graph.tensors()[t];
      const graph::Op& op = bitsweep::testing::NodeOf(network.graph, info.node).op;
      const bool pruned =
          info.name.ends_with(".weight") && !std::holds_alternative<graph::BatchNorm1d>(op);
      EXPECT_EQ(network.tensors[t] != before.tensors[t], pruned) << info.name;
    }
  }
}

TEST(PruneTest, LocalRemovesTheSmallestOfEachTensor) {
  Network network = SampleNetwork("jsc-rs1923");
  const Network before = network;
  ASSERT_OK_AND_ASSIGN(const PruneReport report, Prune(Pass("", "", 0.25), 1, network));
  ASSERT_EQ(report.tensors.size(), 5U);
  for (const PrunedTensor& tensor : report.tensors) {
    EXPECT_NEAR(static_cast<double>(tensor.zeros), 0.25 * static_cast<double>(tensor.elements), 1);
  }
  const std::vector<float> old = before.tensors.front().f32;
  for (std::size_t i = 0; i < old.size(); ++i) {
    const bool kept = std::abs(old[i]) > *report.tensors.front().threshold;
    EXPECT_EQ(network.tensors.front().f32[i], kept ? old[i] : 0.0F);
  }
}

TEST(PruneTest, GlobalHasOneThreshold) {
  Network network = SampleNetwork("jsc-rs1923");
  for (float& weight : TensorOf(network, "fc.weight")) weight *= 1e-6F;
  // fc has 1280 of the 3216 weights, and now the smallest.
  ASSERT_OK_AND_ASSIGN(const PruneReport report, Prune(Pass("", "global", 0.3), 1, network));
  EXPECT_NEAR(report.sparsity, 0.3, 0.001);
  for (const PrunedTensor& tensor : report.tensors) {
    EXPECT_EQ(tensor.threshold, report.tensors.front().threshold);
    if (tensor.node == "fc") {
      EXPECT_GT(tensor.zeros, 900);
    } else {
      EXPECT_EQ(tensor.zeros, 0);
    }
  }
}

TEST(PruneTest, RandomRemovesExactlyItsPart) {
  Network network = SampleNetwork("jsc-tiny");
  ASSERT_OK_AND_ASSIGN(const PruneReport report, Prune(Pass("random", "local", 0.3), 7, network));
  EXPECT_EQ(report.tensors.front().zeros, 24);
  EXPECT_EQ(report.sparsity, 0.3);
  EXPECT_EQ(report.tensors.front().threshold, std::nullopt);
}

TEST(PruneTest, RandomIsAFunctionOfTheSeed) {
  Network first = SampleNetwork("jsc-rs1923");
  Network second = first;
  Network other = first;
  for (const char* scope : {"local", "global"}) {
    ASSERT_TRUE(Prune(Pass("random", scope, 0.5), 7, first).ok());
    ASSERT_TRUE(Prune(Pass("random", scope, 0.5), 7, second).ok());
    ASSERT_TRUE(Prune(Pass("random", scope, 0.5), 8, other).ok());
    EXPECT_EQ(first.tensors, second.tensors);
    EXPECT_NE(first.tensors, other.tensors);
  }
}

TEST(PruneTest, RandomTensorsDoNotShareTheirDraws) {
  Network network = SampleNetwork("jsc-rs1923");
  ASSERT_TRUE(Prune(Pass("random", "local", 0.5), 7, network).ok());
  const std::vector<float>& first = TensorOf(network, "block.conv1.weight");
  const std::vector<float>& second = TensorOf(network, "block.conv2.weight");
  std::int64_t same = 0;
  for (std::size_t i = 0; i < first.size(); ++i) same += (first[i] == 0) == (second[i] == 0);
  EXPECT_GT(same, 300);
  EXPECT_LT(same, 468);
}

TEST(PruneTest, SparsityOneLeavesNothing) {
  for (const char* method : {"l1-norm", "random"}) {
    Network network = SampleNetwork("jsc-tiny");
    ASSERT_OK_AND_ASSIGN(const PruneReport report, Prune(Pass(method, "", 1), 1, network));
    EXPECT_EQ(report.sparsity, 1);
    EXPECT_EQ(Zeros(TensorOf(network, "seq_blocks.2.weight")), 80);
  }
}

TEST(PruneTest, WeightsThatAreNotNumbersAreRefusedAndKept) {
  Network network = SampleNetwork("jsc-tiny");
  TensorOf(network, "seq_blocks.2.weight")[5] = std::numeric_limits<float>::quiet_NaN();
  EXPECT_THAT(Prune(Pass("", "", 0.5), 1, network),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("seq_blocks.2.weight")));
  EXPECT_EQ(Zeros(TensorOf(network, "seq_blocks.2.weight")), 0);
}

TEST(PruneTest, UnknownWordsAndSparsitiesAreRefused) {
  Network network = SampleNetwork("jsc-tiny");
  EXPECT_THAT(Prune(Pass("l2", "", 0.5), 1, network),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("method is \"l2\"")));
  EXPECT_THAT(Prune(Pass("", "layer", 0.5), 1, network),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("scope is \"layer\"")));
  EXPECT_THAT(Prune(Pass("", "", 1.5), 1, network),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("sparsity is 1.5")));
}

}  // namespace
}  // namespace bitsweep::passes
