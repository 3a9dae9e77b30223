// SPDX-License-Identifier: Apache-2.0
// RunPass: every kind of pass gives a result that the API can hold, and the headlines it promises.
#include "worker/passes/passes.h"

#include <google/protobuf/util/json_util.h>

#include <limits>

#include "bitsweep/v1/pass_result.pb.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/support/status_matchers.h"
#include "tests/worker/passes/reference_runner.h"

namespace bitsweep::passes {
namespace {

using ::bitsweep::testing::ReferenceRunners;
using ::bitsweep::testing::SampleNetwork;
using ::bitsweep::testing::StatusIs;
using ::testing::HasSubstr;

v1::PassResult Parse(const std::string& json) {
  v1::PassResult result;
  const auto status = google::protobuf::util::JsonStringToMessage(json, &result);
  EXPECT_TRUE(status.ok()) << std::string(status.message()) << " in " << json;
  return result;
}

data::Dataset SomeRows() {
  data::Dataset dataset;
  dataset.features = 16;
  dataset.classes = 5;
  for (std::int32_t i = 0; i < 40; ++i) {
    for (std::int32_t f = 0; f < 16; ++f) {
      dataset.val_x.push_back(static_cast<float>((i * 7 + f * 5) % 11 - 5) / 4);
    }
    dataset.val_y.push_back(i % 5);
  }
  dataset.train_x = dataset.val_x;
  dataset.train_y = dataset.val_y;
  dataset.class_names = {"g", "q", "w", "z", "t"};
  return dataset;
}

// A transform in the making: jsc-tiny, and the rows above.
class RunPassTest : public ::testing::Test {
 protected:
  PassOutcome Run(const spec::PassSpec& pass) {
    absl::StatusOr<PassOutcome> outcome = RunPass(pass, context_);
    EXPECT_TRUE(outcome.ok()) << outcome.status();
    return outcome.ok() ? *outcome : PassOutcome{};
  }
  v1::PassResult Result(const spec::PassSpec& pass) {
    const PassOutcome outcome = Run(pass);
    v1::PassResult result = Parse(outcome.json);
    EXPECT_EQ(result.pass(), outcome.pass);
    EXPECT_EQ(outcome.pass, spec::TraitsOf(pass).name);
    return result;
  }

  static spec::QuantizePass QuantizeLinear() {
    spec::TensorFormatSpec tensor;
    tensor.width = 8;
    tensor.frac_width = 4;
    spec::QuantizePass pass;
    pass.quantization.by = "type";
    pass.quantization.default_config.emplace();
    pass.quantization.default_config->name = "NA";
    pass.quantization.rules.push_back({.key = "linear", .config = {}});
    pass.quantization.rules[0].config.name = "integer";
    pass.quantization.rules[0].config.data_in = tensor;
    pass.quantization.rules[0].config.weight = tensor;
    pass.quantization.rules[0].config.bias = tensor;
    return pass;
  }
  GraphRunnerFactory CountingRunners() {
    return [this](const graph::Graph& graph, const std::vector<graph::TensorValue>& tensors) {
      ++runners_made_;
      return ReferenceRunners()(graph, tensors);
    };
  }

  int runners_made_ = 0;
  const Network original_ = SampleNetwork("jsc-tiny");
  data::Dataset dataset_ = SomeRows();
  EvaluationCache cache_;
  PassContext context_{.original = &original_,
                       .network = original_,
                       .dataset = &dataset_,
                       .seed = 5,
                       .make_runner = CountingRunners(),
                       .should_stop = nullptr,
                       .cache = &cache_,
                       .cache_key = ""};
};

TEST_F(RunPassTest, ReportGraphListsTheGraph) {
  const v1::PassResult result = Result(spec::ReportGraphPass{});
  EXPECT_THAT(result.graph().listing(), HasSubstr("%seq_blocks_2"));
  EXPECT_EQ(result.graph().counts().placeholder(), 1);
  EXPECT_EQ(result.graph().counts().call_module(), 4);
  EXPECT_EQ(result.graph().counts().output(), 1);
  EXPECT_EQ(result.graph().modules_size(), 4);
  EXPECT_EQ(result.graph().graph_name(), original_.graph.name());
  EXPECT_EQ(result.graph().parameter_count(), 117);
}

TEST_F(RunPassTest, ReportNodeMetaDescribesTheNodes) {
  const v1::PassResult result = Result(spec::ReportNodeMetaPass{});
  ASSERT_EQ(result.node_meta().nodes_size(), 6);
  const v1::NodeMeta& linear = result.node_meta().nodes(3);
  EXPECT_EQ(linear.mase_op(), "linear");
  EXPECT_EQ(linear.args(1).name(), "weight");
  EXPECT_EQ(linear.args(1).shape(0), 5);
  EXPECT_EQ(linear.args(1).precision(0), 32);
  EXPECT_EQ(result.node_meta().which_size(), 2);
}

TEST_F(RunPassTest, ProfileStatisticsGivesValuesAndWhatIsNotDefined) {
  spec::ProfileStatisticsPass pass;
  pass.by = "type";
  pass.target_weight_nodes = {"linear"};
  pass.target_activation_nodes = {"relu"};
  spec::StatisticSpec variance;
  variance.name = "variance_precise";
  variance.dims = "element";
  pass.weight_statistics = {variance};
  pass.activation_statistics = {variance};
  pass.num_samples = 32;
  const v1::PassResult result = Result(pass);
  EXPECT_EQ(result.statistics().samples(), 32);
  ASSERT_EQ(result.statistics().statistics_size(), 4);
  const v1::NodeStatistic& input = result.statistics().statistics(0);
  EXPECT_TRUE(input.activation());
  EXPECT_EQ(input.values(0).key(), "mean");
  EXPECT_EQ(input.values(0).values_size(), 16);
  EXPECT_EQ(input.values(0).shape_size(), 2);
  const v1::NodeStatistic& weight = result.statistics().statistics(1);
  EXPECT_EQ(weight.tensor(), "weight");
  EXPECT_EQ(weight.values(0).values_size(), 0);
  EXPECT_EQ(weight.values(2).values(0), 1);
}

TEST_F(RunPassTest, NumbersThatAreNotFiniteSurvive) {
  dataset_.train_x[0] = std::numeric_limits<float>::infinity();
  spec::ProfileStatisticsPass pass;
  pass.by = "name";
  pass.target_activation_nodes = {"seq_blocks_0"};
  spec::StatisticSpec range;
  range.name = "range_min_max";
  pass.activation_statistics = {range};
  const v1::PassResult result = Result(pass);
  EXPECT_EQ(result.statistics().statistics(0).values(1).values(0),
            std::numeric_limits<double>::infinity());
}

TEST_F(RunPassTest, QuantizeRewritesTheNetworkAndKeepsTheOriginal) {
  const PassOutcome outcome = Run(QuantizeLinear());
  EXPECT_TRUE(outcome.rewrote);
  const v1::PassResult result = Parse(outcome.json);
  ASSERT_EQ(result.quantize().nodes_size(), 1);
  EXPECT_EQ(result.quantize().nodes(0).weight(), "integer (8, 4)");
  EXPECT_EQ(result.quantize().average_bitwidth(), 8);
  EXPECT_EQ(result.quantize().memory_density(), 4);
  EXPECT_FALSE(context_.network.graph == original_.graph);
}

TEST_F(RunPassTest, QuantizeOfNothingRewritesNothing) {
  spec::QuantizePass pass = QuantizeLinear();
  pass.quantization.rules.clear();
  EXPECT_FALSE(Run(pass).rewrote);
}

TEST_F(RunPassTest, CompareGraphsShowsWhatChangedSinceTheBeginning) {
  Run(QuantizeLinear());
  const v1::PassResult result = Result(spec::CompareGraphsPass{});
  ASSERT_EQ(result.comparison().nodes_size(), 6);
  int changed = 0;
  for (const v1::NodeComparison& node : result.comparison().nodes()) changed += node.changed();
  EXPECT_EQ(changed, 1);
  EXPECT_EQ(result.comparison().nodes(3).quantized_type(), "LinearInteger");
  EXPECT_EQ(result.comparison().histogram_size(), 5);
}

TEST_F(RunPassTest, VerifyQuantizationShowsTensorsAndOutputs) {
  Run(QuantizeLinear());
  const v1::PassResult result = Result(spec::VerifyQuantizationPass{});
  ASSERT_EQ(result.quantization().tensors_size(), 2);
  const v1::QuantizedTensor& weight = result.quantization().tensors(0);
  EXPECT_EQ(weight.elements(), 80);
  EXPECT_EQ(weight.original_size(), 32);
  EXPECT_EQ(weight.step(), 0.0625);
  EXPECT_LE(weight.max_abs_error(), 0.03125);
  EXPECT_GT(weight.sqnr_db(), 20);
  ASSERT_EQ(result.quantization().outputs_size(), 1);
  EXPECT_EQ(result.quantization().outputs(0).quantized_size(), 5);
}

TEST_F(RunPassTest, CountOpsGivesEveryConventionAndTheHeadlines) {
  spec::CountOpsPass pass;
  pass.batch_size = 8;
  pass.data_width = 8;
  const PassOutcome outcome = Run(pass);
  EXPECT_EQ(outcome.flops, 1833);
  EXPECT_EQ(outcome.bitops, 79680);
  EXPECT_EQ(outcome.size_bits, (117 + 32) * 32);
  const v1::PassResult result = Parse(outcome.json);
  ASSERT_EQ(result.ops().counts_size(), 4);
  EXPECT_EQ(result.ops().counts(0).convention(), v1::COUNT_CONVENTION_LAB_REPORT);
  EXPECT_EQ(result.ops().counts(1).convention(), v1::COUNT_CONVENTION_MACS);
  EXPECT_EQ(result.ops().counts(2).convention(), v1::COUNT_CONVENTION_BOPS_UNIQ);
  EXPECT_EQ(result.ops().counts(3).convention(), v1::COUNT_CONVENTION_EBOPS);
  EXPECT_EQ(result.ops().counts(1).unsupported(0), "seq_blocks_0");
  EXPECT_EQ(result.ops().batch_size(), 8);
}

TEST_F(RunPassTest, EvaluateMeasuresBeforeAndNow) {
  Run(QuantizeLinear());
  const PassOutcome outcome = Run(spec::EvaluatePass{});
  const v1::PassResult result = Parse(outcome.json);
  EXPECT_EQ(outcome.accuracy, result.evaluation().current().accuracy());
  EXPECT_EQ(outcome.loss, result.evaluation().current().loss());
  EXPECT_EQ(outcome.original_accuracy, result.evaluation().original().accuracy());
  EXPECT_NE(result.evaluation().current().loss(), result.evaluation().original().loss());
  EXPECT_EQ(result.evaluation().rows(), 40);
  EXPECT_EQ(result.evaluation().classes(), 5);
  EXPECT_EQ(result.evaluation().current().confusion_size(), 25);
  EXPECT_EQ(result.evaluation().class_names(4), "t");
}

TEST_F(RunPassTest, EvaluateCanLeaveOutTheOriginal) {
  Run(QuantizeLinear());
  spec::EvaluatePass pass;
  pass.skip_original = true;
  const PassOutcome outcome = Run(pass);
  EXPECT_FALSE(outcome.original_accuracy.has_value());
  EXPECT_FALSE(Parse(outcome.json).evaluation().has_original());
  EXPECT_EQ(runners_made_, 1);
}

TEST_F(RunPassTest, EvaluateMeasuresAnUnchangedNetworkOnce) {
  const PassOutcome outcome = Run(spec::EvaluatePass{});
  EXPECT_EQ(outcome.accuracy, outcome.original_accuracy);
  EXPECT_EQ(runners_made_, 1);
}

TEST_F(RunPassTest, EvaluateTakesTheOriginalFromTheCache) {
  context_.cache_key = "model|data";
  Run(QuantizeLinear());
  const PassOutcome first = Run(spec::EvaluatePass{});
  EXPECT_EQ(runners_made_, 2);
  const PassOutcome second = Run(spec::EvaluatePass{});
  EXPECT_EQ(runners_made_, 3);
  EXPECT_EQ(first.json, second.json);
  spec::EvaluatePass other_batches;
  other_batches.batch_size = 7;
  Run(other_batches);
  EXPECT_EQ(runners_made_, 5);
}

TEST_F(RunPassTest, PruneRewritesTheNetwork) {
  spec::PrunePass pass;
  pass.sparsity = 0.5;
  const PassOutcome outcome = Run(pass);
  EXPECT_TRUE(outcome.rewrote);
  const v1::PassResult result = Parse(outcome.json);
  ASSERT_EQ(result.prune().tensors_size(), 1);
  EXPECT_EQ(result.prune().tensors(0).zeros(), 40);
  EXPECT_TRUE(result.prune().tensors(0).has_threshold());
  EXPECT_EQ(result.prune().sparsity(), 0.5);
}

TEST_F(RunPassTest, RandomPruningHasNoThreshold) {
  spec::PrunePass pass;
  pass.sparsity = 0.5;
  pass.method = "random";
  EXPECT_FALSE(Result(pass).prune().tensors(0).has_threshold());
}

TEST_F(RunPassTest, PassesThatNeedDataSayWhenThereIsNone) {
  context_.dataset = nullptr;
  EXPECT_THAT(RunPass(spec::EvaluatePass{}, context_),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("data set")));
}

TEST_F(RunPassTest, DataThatDoesNotFitIsRefused) {
  dataset_.features = 8;
  EXPECT_THAT(RunPass(spec::EvaluatePass{}, context_),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("8 features")));
  dataset_.features = 16;
  dataset_.classes = 6;
  EXPECT_THAT(RunPass(spec::EvaluatePass{}, context_),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("6 classes")));
}

TEST_F(RunPassTest, AFailureLeavesTheNetwork) {
  spec::PrunePass pass;
  pass.sparsity = 2;
  EXPECT_THAT(RunPass(pass, context_), StatusIs(absl::StatusCode::kInvalidArgument));
  EXPECT_EQ(context_.network.tensors, original_.tensors);
}

TEST_F(RunPassTest, StopsWhenAsked) {
  context_.should_stop = [] { return true; };
  EXPECT_THAT(RunPass(spec::ReportGraphPass{}, context_), StatusIs(absl::StatusCode::kCancelled));
}

TEST(EvaluationCacheTest, KeepsTheLatestFew) {
  EvaluationCache cache;
  EvaluationMetrics metrics;
  for (int i = 0; i < 100; ++i) {
    metrics.rows = i;
    cache.Put(std::to_string(i), metrics);
  }
  EXPECT_FALSE(cache.Find("0").has_value());
  ASSERT_TRUE(cache.Find("99").has_value());
  EXPECT_EQ(cache.Find("99")->rows, 99);
}

TEST(EvaluationCacheTest, PuttingAgainReplaces) {
  EvaluationCache cache;
  EvaluationMetrics metrics;
  cache.Put("a", metrics);
  metrics.rows = 7;
  cache.Put("a", metrics);
  EXPECT_EQ(cache.Find("a")->rows, 7);
}

}  // namespace
}  // namespace bitsweep::passes
