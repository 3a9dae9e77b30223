// SPDX-License-Identifier: Apache-2.0
#include "proto/convert/transform.h"

#include "core/base/errors.h"
#include "gmock/gmock.h"
#include "google/protobuf/util/json_util.h"
#include "google/protobuf/util/message_differencer.h"
#include "gtest/gtest.h"
#include "proto/convert/passes.h"
#include "tests/support/status_matchers.h"

namespace bitsweep::convert {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using testing::StatusIs;

template <typename Message>
Message Parse(const std::string& json) {
  Message proto;
  const auto status = google::protobuf::util::JsonStringToMessage(json, &proto);
  EXPECT_TRUE(status.ok()) << status.ToString();
  return proto;
}

spec::PassSpec ReadPass(const std::string& json) {
  std::vector<FieldViolation> violations;
  spec::PassSpec pass = FromProto(Parse<v1::Pass>(json), "transform.passes[0]", violations);
  EXPECT_THAT(violations, IsEmpty());
  return pass;
}

// Every kind of pass, with every field that it has.
constexpr char kWhole[] = R"({
  "display_name": "ptq", "model": {"name": "models/m-12"},
  "dataset": {"name": "synthetic-jets", "synthetic": {"rows": 1000, "seed": 3}},
  "passes": [
    {"report_graph": {}},
    {"report_node_meta": {"which": ["common", "software"], "batch_size": 4}},
    {"profile_statistics": {"by": "type", "target_weight_nodes": ["linear"],
       "target_activation_nodes": ["relu", "linear"], "num_samples": 32,
       "weight_statistics": [{"name": "range_quantile", "dims": "element", "abs": true,
                              "quantile": 0.9}],
       "activation_statistics": [{"name": "range_n_sigma", "reduce_dims": [0, 1], "num_sigma": 2,
                                  "var_mode": "online"},
                                 {"name": "record", "add_new_dim_before_concat": true}]}},
    {"quantize": {"quantization": {"by": "type", "rules": [{"key": "linear",
       "config": {"name": "integer", "data_in": {"width": 8}, "weight": {"width": 8}}}]}}},
    {"compare_graphs": {}},
    {"verify_quantization": {"input": [0.5, -0.25], "show": 8}},
    {"count_ops": {"batch_size": 8, "conventions": ["COUNT_CONVENTION_EBOPS",
       "COUNT_CONVENTION_LAB_REPORT", "COUNT_CONVENTION_MACS", "COUNT_CONVENTION_BOPS_UNIQ"],
       "data_width": 16, "weight_width": 8, "bias_width": 4}},
    {"evaluate": {"batch_size": 64, "skip_original": true}},
    {"prune": {"weight": {"scope": "global", "granularity": "elementwise", "method": "random",
                          "sparsity": 0.5}}}],
  "axes": [{"entry": "weight_width", "values": [4, 6]},
           {"entry": "linear.data_in_width", "values": [8]}],
  "seed": 7, "priority": -3, "max_parallel_jobs": 2, "keep_models": false})";

TEST(TransformConvertTest, GoesThereAndBackUnchanged) {
  std::vector<FieldViolation> violations;
  const spec::TransformSpec spec = FromProto(Parse<v1::Transform>(kWhole), violations);
  EXPECT_THAT(violations, IsEmpty());
  EXPECT_EQ(spec.passes.size(), std::variant_size_v<spec::PassSpec>);
  const v1::Transform written = ToProto(spec);
  EXPECT_EQ(FromProto(written, violations), spec);
  EXPECT_TRUE(google::protobuf::util::MessageDifferencer::Equals(ToProto(spec), written));
}

TEST(TransformConvertTest, KeepsEveryFieldOfTheSpecification) {
  std::vector<FieldViolation> violations;
  const spec::TransformSpec spec = FromProto(Parse<v1::Transform>(kWhole), violations);
  EXPECT_EQ(spec.display_name, "ptq");
  EXPECT_EQ(spec.model.stored, "models/m-12");
  ASSERT_TRUE(spec.dataset.has_value());
  EXPECT_EQ(spec.dataset->synthetic_rows, 1000);
  EXPECT_THAT(spec.axes, ElementsAre(spec::QuantizationAxis{"weight_width", {4, 6}},
                                     spec::QuantizationAxis{"linear.data_in_width", {8}}));
  EXPECT_EQ(spec.seed, 7);
  EXPECT_EQ(spec.priority, -3);
  EXPECT_EQ(spec.max_parallel_jobs, 2);
  EXPECT_EQ(spec.keep_models, false);
}

TEST(TransformConvertTest, UnsetIsNotFalse) {
  std::vector<FieldViolation> violations;
  const spec::TransformSpec spec =
      FromProto(Parse<v1::Transform>(R"({"model": {"builtin": "jsc-tiny"}})"), violations);
  EXPECT_EQ(spec.keep_models, std::nullopt);
  EXPECT_EQ(spec.dataset, std::nullopt);
  EXPECT_FALSE(ToProto(spec).has_keep_models());
  EXPECT_FALSE(ToProto(spec).has_dataset());
}

TEST(TransformConvertTest, EqualGraphsGiveEqualTextWhateverTheOrderOfTheirKeys) {
  std::vector<FieldViolation> violations;
  const auto text = [&](const char* graph) {
    return FromProto(Parse<v1::Transform>(std::string(R"({"model": {"graph": )") + graph + "}}"),
                     violations)
        .model.graph_json;
  };
  const std::string first = text(R"({"format": "bitsweep.graph", "version": 1, "name": "g",
      "nodes": [{"kind": "placeholder", "name": "x", "shape": [16]},
                {"kind": "output", "name": "output", "inputs": ["x"]}]})");
  const std::string second = text(R"({"nodes": [{"shape": [16.0], "name": "x",
      "kind": "placeholder"}, {"inputs": ["x"], "name": "output", "kind": "output"}],
      "name": "g", "version": 1, "format": "bitsweep.graph"})");
  EXPECT_EQ(first, second);
  EXPECT_THAT(violations, IsEmpty());
}

TEST(PassConvertTest, UnsetFieldsHaveTheDocumentedDefaults) {
  EXPECT_EQ(std::get<spec::ReportNodeMetaPass>(ReadPass(R"({"report_node_meta": {}})")).batch_size,
            8);
  EXPECT_EQ(
      std::get<spec::ProfileStatisticsPass>(ReadPass(R"({"profile_statistics": {}})")).num_samples,
      512);
  EXPECT_EQ(std::get<spec::VerifyQuantizationPass>(ReadPass(R"({"verify_quantization": {}})")).show,
            32);
  EXPECT_EQ(std::get<spec::EvaluatePass>(ReadPass(R"({"evaluate": {}})")).batch_size, 256);
  const auto count = std::get<spec::CountOpsPass>(ReadPass(R"({"count_ops": {}})"));
  EXPECT_EQ(count.batch_size, 1);
  EXPECT_THAT(count.conventions, IsEmpty());
  EXPECT_EQ(count.data_width, std::nullopt);
}

TEST(PassConvertTest, NamesEveryFieldThatTheValueCannotCarry) {
  v1::Transform proto = Parse<v1::Transform>(
      R"({"passes": [{}, {"prune": {}}, {"count_ops": {}}, {"quantize": {"quantization":
          {"by": "type", "default_config": {"name": "NA"}}}}]})");
  proto.mutable_passes(2)->mutable_count_ops()->add_conventions(v1::COUNT_CONVENTION_MACS);
  proto.mutable_passes(2)->mutable_count_ops()->add_conventions(v1::COUNT_CONVENTION_UNSPECIFIED);
  proto.mutable_passes(3)
      ->mutable_quantize()
      ->mutable_quantization()
      ->mutable_default_config()
      ->set_semantics(static_cast<v1::Semantics>(9));
  std::vector<FieldViolation> violations;
  FromProto(proto, violations);
  std::vector<std::string> fields;
  for (const FieldViolation& violation : violations) fields.push_back(violation.field);
  EXPECT_THAT(fields,
              ElementsAre("transform.passes[0]", "transform.passes[1].prune.weight",
                          "transform.passes[2].count_ops.conventions[1]",
                          "transform.passes[3].quantize.quantization.default_config.semantics"));
}

TEST(TransformWorkTest, GoesThereAndBackUnchanged) {
  std::vector<FieldViolation> violations;
  const spec::TransformSpec spec = FromProto(Parse<v1::Transform>(kWhole), violations);
  const spec::TransformWork work{.model = spec.model,
                                 .model_artifact = std::string(64, 'a'),
                                 .dataset = spec.dataset,
                                 .passes = spec.passes,
                                 .seed = 5,
                                 .keep_model = false};
  ASSERT_OK_AND_ASSIGN(const spec::TransformWork read, FromProto(ToProto(work)));
  EXPECT_EQ(read.model, work.model);
  EXPECT_EQ(read.model_artifact, work.model_artifact);
  EXPECT_EQ(read.dataset, work.dataset);
  EXPECT_EQ(read.passes, work.passes);
  EXPECT_EQ(read.seed, 5);
  EXPECT_FALSE(read.keep_model);
  EXPECT_EQ(ToProto(work).model_artifact(), "artifacts/" + std::string(64, 'a'));
}

TEST(TransformWorkTest, RefusesWhatItDoesNotKnowWithEveryProblem) {
  v1::TransformWork proto;
  proto.set_model_artifact("artifacts/short");
  proto.add_passes();
  const absl::Status status = FromProto(proto).status();
  EXPECT_THAT(status, StatusIs(absl::StatusCode::kInvalidArgument));
  const std::optional<ErrorDetails> details = GetErrorDetails(status);
  ASSERT_TRUE(details.has_value());
  std::vector<std::string> fields;
  for (const FieldViolation& violation : details->violations) fields.push_back(violation.field);
  EXPECT_THAT(fields, ElementsAre("transform.passes[0]", "transform.model_artifact"));
}

}  // namespace
}  // namespace bitsweep::convert
