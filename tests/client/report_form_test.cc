// SPDX-License-Identifier: Apache-2.0
// Transform files in the lab report's own form.
#include "client/api/transform_file.h"
#include "core/base/errors.h"
#include "gmock/gmock.h"

namespace bitsweep::client {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::Field;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

// A file as the request it is, and what was said about it.
struct TransformFile {
  v1::SubmitTransformRequest request;
  std::vector<std::string> warnings;
};

TransformFile Parsed(const std::string& text, const TransformOverrides& overrides = {}) {
  TransformFile file;
  auto request = ParseTransformFile(text, "lab.toml", overrides, &file.warnings);
  EXPECT_TRUE(request.ok()) << request.status();
  if (request.ok()) file.request = *std::move(request);
  return file;
}

TransformFile Example(const std::string& name) {
  TransformFile file;
  auto request = ReadTransformFile("deploy/examples/" + name, {}, &file.warnings);
  EXPECT_TRUE(request.ok()) << request.status();
  if (request.ok()) file.request = *std::move(request);
  return file;
}

std::vector<FieldViolation> ViolationsOf(const std::string& text) {
  return GetErrorDetails(ParseTransformFile(text, "lab.toml").status())
      .value_or(ErrorDetails{})
      .violations;
}

const v1::Pass& OnlyPass(const TransformFile& file) {
  EXPECT_EQ(file.request.transform().passes_size(), 1);
  return file.request.transform().passes(0);
}

std::vector<std::string> KindsOf(const TransformFile& file) {
  std::vector<std::string> kinds;
  for (const v1::Pass& pass : file.request.transform().passes()) {
    std::vector<const google::protobuf::FieldDescriptor*> set;
    pass.GetReflection()->ListFields(pass, &set);
    for (const auto* field : set) kinds.push_back(field->name());
  }
  return kinds;
}

TEST(ReportFormTest, ReadsSection7sFile) {
  const TransformFile file = Example("jsc_rs1923_by_type.toml");
  const v1::Transform& transform = file.request.transform();
  EXPECT_EQ(transform.model().builtin(), "jsc-rs1923");
  EXPECT_EQ(transform.dataset().name(), "synthetic-jets");
  EXPECT_EQ(transform.seed(), 42);
  EXPECT_THAT(KindsOf(file), ElementsAre("quantize", "compare_graphs"));
  const v1::Quantization& quantization = transform.passes(0).quantize().quantization();
  EXPECT_EQ(quantization.by(), "type");
  EXPECT_EQ(quantization.default_config().name(), "NA");
  ASSERT_EQ(quantization.rules_size(), 2);
  EXPECT_EQ(quantization.rules(0).key(), "linear");
  EXPECT_EQ(quantization.rules(1).key(), "conv1d");
  const v1::QuantizationConfig& config = quantization.rules(1).config();
  EXPECT_EQ(config.name(), "integer");
  for (const v1::TensorFormat& tensor : {config.data_in(), config.weight(), config.bias()}) {
    EXPECT_EQ(tensor.width(), 8);
    EXPECT_EQ(tensor.frac_width(), 4);
  }
}

TEST(ReportFormTest, NamesTheTrainersKeysInOneWarning) {
  const TransformFile file = Example("jsc_rs1923_by_type.toml");
  EXPECT_THAT(
      file.warnings,
      ElementsAre("no effect on a transform: max_epochs, batch_size, learning_rate, accelerator, "
                  "project, log_every_n_steps, load_type"));
}

TEST(ReportFormTest, RunsPassesInTheFilesOrder) {
  EXPECT_THAT(
      KindsOf(Parsed(R"(
model = "jsc-tiny"
[passes.verify_quantization]
[passes.report_graph]
[passes.quantize.default.config]
name = "NA"
[passes.evaluate]
[passes.compare_graphs]
[passes.quantize]
by = "type"
)")),
      ElementsAre("verify_quantization", "report_graph", "quantize", "evaluate", "compare_graphs"));
}

TEST(ReportFormTest, KeepsTheOrderOfRules) {
  const TransformFile file = Parsed(R"(
[passes.quantize]
by = "regex_name"
[passes.quantize."seq_blocks_[24]".config]
name = "integer"
[passes.quantize.".*"]
config = { name = "NA" }
[passes.quantize.seq_blocks_1.config]
name = "log"
)");
  std::vector<std::string> keys;
  for (const auto& rule : OnlyPass(file).quantize().quantization().rules()) {
    keys.push_back(rule.key());
  }
  EXPECT_THAT(keys, ElementsAre("seq_blocks_[24]", ".*", "seq_blocks_1"));
}

TEST(ReportFormTest, ReadsEveryEntryOfAConfig) {
  const TransformFile file = Parsed(R"(
[passes.quantize.linear.config]
name = "block_fp"
bypass = true
semantics = "exact"
data_in_width = 8
data_in_exponent_width = 4
data_in_exponent_bias = "NA"
data_in_block_size = [1, 16]
weight_exponent_bias_width = 3
weight_block_size = 16
weight_scaling_factor = true
weight_mean = 0.25
weight_median = 1
bias_stochastic = false
bias_bipolar = true
bias_frac_width = -2
)");
  const v1::QuantizationConfig& config = OnlyPass(file).quantize().quantization().rules(0).config();
  EXPECT_EQ(config.name(), "block_fp");
  EXPECT_TRUE(config.bypass());
  EXPECT_EQ(config.semantics(), v1::SEMANTICS_EXACT);
  EXPECT_EQ(config.data_in().width(), 8);
  EXPECT_EQ(config.data_in().exponent_width(), 4);
  EXPECT_FALSE(config.data_in().has_exponent_bias());
  EXPECT_THAT(config.data_in().block_size(), ElementsAre(1, 16));
  EXPECT_EQ(config.weight().exponent_bias_width(), 3);
  EXPECT_THAT(config.weight().block_size(), ElementsAre(16));
  EXPECT_TRUE(config.weight().scaling_factor());
  EXPECT_EQ(config.weight().mean(), 0.25);
  EXPECT_EQ(config.weight().median(), 1);
  EXPECT_FALSE(config.bias().stochastic());
  EXPECT_TRUE(config.bias().bipolar());
  EXPECT_EQ(config.bias().frac_width(), -2);
}

TEST(ReportFormTest, LeavesATensorOutWhoseEntriesAreAllNotSet) {
  const TransformFile file = Parsed(R"(
[passes.quantize.linear.config]
name = "integer"
data_in_width = 8
bias_width = "NA"
)");
  EXPECT_FALSE(OnlyPass(file).quantize().quantization().rules(0).config().has_bias());
}

TEST(ReportFormTest, RefusesNumbersInQuotes) {
  EXPECT_THAT(ViolationsOf(R"(
seed = "42"
[passes.quantize.linear.config]
data_in_width = "8"
weight_mean = "0.5"
)"),
              ElementsAre(FieldViolation{"seed", "\"42\": expected a whole number, without quotes"},
                          FieldViolation{"passes.quantize.linear.config.data_in_width",
                                         "\"8\": expected a whole number, without quotes"},
                          FieldViolation{"passes.quantize.linear.config.weight_mean",
                                         "\"0.5\": expected a number, without quotes"}));
}

TEST(ReportFormTest, ReadsStatistics) {
  const TransformFile file = Parsed(R"(
dataset = "synthetic-jets"
[passes.profile_statistics]
by = "type"
target_weight_nodes = ["linear"]
target_activation_nodes = ["relu"]
num_samples = 32
[passes.profile_statistics.weight_statistics]
variance_precise = { device = "cpu", dims = "all" }
abs_mean = { dims = "NA" }
[passes.profile_statistics.activation_statistics]
range_quantile = { quantile = 0.9, abs = true, dims = [0, 1] }
record = { device = "NA", add_new_dim_before_concat = true }
)");
  const v1::ProfileStatisticsPass& pass = OnlyPass(file).profile_statistics();
  EXPECT_EQ(pass.by(), "type");
  EXPECT_THAT(pass.target_weight_nodes(), ElementsAre("linear"));
  EXPECT_THAT(pass.target_activation_nodes(), ElementsAre("relu"));
  EXPECT_EQ(pass.num_samples(), 32);
  ASSERT_EQ(pass.weight_statistics_size(), 2);
  EXPECT_EQ(pass.weight_statistics(0).name(), "variance_precise");
  EXPECT_EQ(pass.weight_statistics(0).dims(), "all");
  EXPECT_EQ(pass.weight_statistics(1).dims(), "element");
  ASSERT_EQ(pass.activation_statistics_size(), 2);
  EXPECT_EQ(pass.activation_statistics(0).quantile(), 0.9);
  EXPECT_TRUE(pass.activation_statistics(0).abs());
  EXPECT_THAT(pass.activation_statistics(0).reduce_dims(), ElementsAre(0, 1));
  EXPECT_TRUE(pass.activation_statistics(1).add_new_dim_before_concat());
}

TEST(ReportFormTest, ReadsTheOtherPasses) {
  const TransformFile file = Parsed(R"(
model = "jsc-tiny"
[passes.report_node_meta_param]
which = ["common"]
save_path = "NA"
[passes.summary]
[passes.count_ops]
batch_size = 8
conventions = ["lab_report"]
[passes.prune.weight]
scope = "global"
granularity = "elementwise"
method = "l1-norm"
sparsity = 0.5
)");
  EXPECT_THAT(KindsOf(file),
              ElementsAre("report_node_meta", "compare_graphs", "count_ops", "prune"));
  EXPECT_THAT(file.request.transform().passes(0).report_node_meta().which(), ElementsAre("common"));
  EXPECT_EQ(file.request.transform().passes(2).count_ops().batch_size(), 8);
  EXPECT_EQ(file.request.transform().passes(3).prune().weight().sparsity(), 0.5);
}

TEST(ReportFormTest, TakesWhatTheToolsFilesHaveBesides) {
  const TransformFile file = Parsed(R"(
model = "jsc-tiny"
load_name = "NA"
[passes.quantize]
by = "type"
report = true
[transform]
style = "graph"
[search.search_space]
name = "graph/quantize/mixed_precision_ptq"
)");
  EXPECT_THAT(file.warnings, ElementsAre("passes.quantize.report: the pass compare_graphs reports",
                                         "no effect on a transform: search"));
}

TEST(ReportFormTest, TakesAStoredModel) {
  EXPECT_EQ(Parsed("model = \"models/lab-1-0\"").request.transform().model().name(),
            "models/lab-1-0");
  for (const char* text : {"model = \"jsc-tiny\"\nload_name = \"models/lab-1-0\"",
                           "load_name = \"models/lab-1-0\"\nmodel = \"jsc-tiny\""}) {
    const v1::ModelSource model = Parsed(text).request.transform().model();
    EXPECT_EQ(model.name(), "models/lab-1-0") << text;
    EXPECT_EQ(model.builtin(), "") << text;
  }
}

TEST(ReportFormTest, RefusesWeightsThatItCannotLoad) {
  EXPECT_THAT(
      ViolationsOf("model = \"jsc-tiny\"\nload_name = \"../out/best.ckpt\""),
      ElementsAre(AllOf(Field(&FieldViolation::field, "load_name"),
                        Field(&FieldViolation::description, HasSubstr("bitsweep model import")))));
}

TEST(ReportFormTest, IgnoresTheFilesWeightsBesideAnotherModel) {
  const TransformFile file = Parsed("model = \"jsc-tiny\"\nload_name = \"../out/best.ckpt\"",
                                    {.model = "models/lab-1-0", .dataset = ""});
  EXPECT_EQ(file.request.transform().model().name(), "models/lab-1-0");
}

TEST(ReportFormTest, NamesEveryProblemWithItsPosition) {
  EXPECT_THAT(
      ViolationsOf(R"(
model = 3
task = "lm"
colour = "blue"
[transform]
passes = []
[passes.report_graph]
file_name = "graph.txt"
[passes.paint]
[passes.profile_statistics]
input_generator = "x"
[passes.profile_statistics.weight_statistics]
variance_precise = { device = "cuda", dim = "all" }
[passes.quantize]
linear = 8
[passes.quantize.relu]
name = "integer"
[passes.quantize.add.config]
data_width = 8
)"),
      ElementsAre(
          FieldViolation{"model", "3: expected a name"},
          FieldViolation{"task", "\"lm\": expected \"cls\""},
          Field(&FieldViolation::field, "colour"),
          Field(&FieldViolation::field, "transform.passes"),
          FieldViolation{"passes.report_graph.file_name",
                         "\"graph.txt\": the server keeps the result, expected \"NA\""},
          AllOf(Field(&FieldViolation::field, "passes.paint"),
                Field(&FieldViolation::description, HasSubstr("report_graph, "))),
          FieldViolation{"passes.profile_statistics.weight_statistics.variance_precise.device",
                         "\"cuda\": expected \"cpu\""},
          Field(&FieldViolation::field,
                "passes.profile_statistics.weight_statistics.variance_precise.dim"),
          Field(&FieldViolation::field, "passes.profile_statistics.input_generator"),
          Field(&FieldViolation::field, "passes.quantize.linear"),
          FieldViolation{"passes.quantize.relu",
                         "expected a table with config: [passes.quantize.relu.config]"},
          AllOf(Field(&FieldViolation::field, "passes.quantize.add.config.data_width"),
                Field(&FieldViolation::description, HasSubstr("frac_width")))));
}

TEST(ReportFormTest, ReadsTheTinyExample) {
  const TransformFile file = Example("jsc_tiny_by_type.toml");
  EXPECT_THAT(KindsOf(file), ElementsAre("report_graph", "profile_statistics", "report_node_meta",
                                         "quantize", "compare_graphs", "count_ops"));
  EXPECT_THAT(file.warnings, IsEmpty());
}

}  // namespace
}  // namespace bitsweep::client
