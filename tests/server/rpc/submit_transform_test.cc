// SPDX-License-Identifier: Apache-2.0
// SubmitTransform: what it stores, what it refuses, and what a repeat does.
#include "fmt/format.h"
#include "gmock/gmock.h"
#include "google/protobuf/util/message_differencer.h"
#include "tests/server/rpc/rpc_fixture.h"

namespace bitsweep::rpc {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Key;
using ::testing::Pair;
using ::testing::UnorderedElementsAre;

constexpr char kQuantizeLinear[] = R"({"quantize": {"quantization": {"by": "type",
    "default_config": {"name": "NA"}, "rules": [{"key": "linear", "config": {"name": "integer",
    "data_in": {"width": 8, "frac_width": 4}, "weight": {"width": 8, "frac_width": 4}}}]}}})";

class SubmitTransformTest : public RpcTest {
 protected:
  // A request for jsc-tiny with these passes and `more` fields of the transform.
  static std::string Request(const std::string& passes, const std::string& more = "",
                             const std::string& outside = "") {
    return fmt::format(
        R"({{"transform": {{"model": {{"builtin": "jsc-tiny"}}, "passes": [{}]{}}}{}}})", passes,
        more, outside);
  }
  Error Refusal(const std::string& request) {
    return Call(&Transforms::SubmitTransform, request).error;
  }
  int StoredTransforms() { return Call(&Transforms::ListTransforms).response.transforms_size(); }
};

TEST_F(SubmitTransformTest, StoresOneJobWithoutAxes) {
  const auto answer = Call(&Transforms::SubmitTransform,
                           Request(R"({"report_graph": {}})", "", R"(, "transform_id": "ptq-1")"));
  ASSERT_TRUE(answer.ok()) << answer.error.message;
  const v1::Transform& transform = answer.response.transform();
  EXPECT_EQ(transform.name(), "transforms/ptq-1");
  EXPECT_EQ(transform.state(), v1::Sweep::STATE_QUEUED);
  EXPECT_EQ(transform.job_count(), 1);
  EXPECT_EQ(transform.counts().queued(), 1);
  EXPECT_EQ(transform.spec_digest().size(), 64u);
  EXPECT_GT(transform.revision(), 0);
  EXPECT_GT(transform.create_time().seconds(), 0);
  EXPECT_FALSE(answer.response.deduplicated());
}

TEST_F(SubmitTransformTest, GivesBackTheSpecificationThatWasSent) {
  const std::string spec = R"({"display_name": "all of it", "model": {"builtin": "jsc-rs1923",
      "output_activation": "OUTPUT_ACTIVATION_SIGMOID"}, "dataset": {"name": "jsc.h5",
      "split": {"validation_fraction": 0.25, "seed": 7, "stratified": true},
      "scaler": "SCALER_NONE", "validation": "VALIDATION_HELD_OUT"},
      "passes": [{"evaluate": {"batch_size": 64, "skip_original": true}},
                 {"prune": {"weight": {"scope": "global", "granularity": "elementwise",
                                       "method": "random", "sparsity": 0.25}}},
                 {"count_ops": {"batch_size": 8, "conventions": ["COUNT_CONVENTION_MACS"],
                                "data_width": 16}}],
      "seed": 5, "priority": -7, "max_parallel_jobs": 3, "keep_models": false})";
  const auto answer = Call(&Transforms::SubmitTransform, R"({"transform": )" + spec + "}");
  ASSERT_TRUE(answer.ok()) << answer.error.message;
  v1::Transform stored = answer.response.transform();
  for (const int field : {1, 20, 21, 22, 23, 26, 27, 28}) {  // what the server fills
    stored.GetReflection()->ClearField(&stored, stored.GetDescriptor()->FindFieldByNumber(field));
  }
  std::string difference;
  google::protobuf::util::MessageDifferencer differencer;
  differencer.ReportDifferencesToString(&difference);
  EXPECT_TRUE(differencer.Compare(FromJson<v1::Transform>(spec), stored)) << difference;
}

TEST_F(SubmitTransformTest, MakesAJobOfEveryCombination) {
  const auto answer =
      Call(&Transforms::SubmitTransform,
           Request(kQuantizeLinear, R"(, "axes": [{"entry": "data_in_width", "values": [4, 6, 8]},
                                             {"entry": "weight_width", "values": [2, 4]}])",
                   R"(, "transform_id": "ptq-1")"));
  ASSERT_TRUE(answer.ok()) << answer.error.message;
  EXPECT_EQ(answer.response.transform().job_count(), 6);
  const auto jobs = Call(&Transforms::ListTransformJobs, R"({"parent": "transforms/ptq-1"})");
  std::vector<std::string> values;
  for (const v1::TransformJob& job : jobs.response.jobs()) {
    ASSERT_EQ(job.values_size(), 2) << job.name();
    EXPECT_EQ(job.values(0).entry(), "data_in_width");
    EXPECT_EQ(job.values(1).entry(), "weight_width");
    values.push_back(fmt::format("{} {}", job.values(0).value(), job.values(1).value()));
  }
  EXPECT_THAT(values, ElementsAre("4 2", "4 4", "6 2", "6 4", "8 2", "8 4"));
}

TEST_F(SubmitTransformTest, OnlyChecksWhenAskedTo) {
  const auto answer =
      Call(&Transforms::SubmitTransform,
           Request(kQuantizeLinear, R"(, "axes": [{"entry": "weight_width", "values": [2, 4]}])",
                   R"(, "validate_only": true)"));
  ASSERT_TRUE(answer.ok()) << answer.error.message;
  EXPECT_EQ(answer.response.transform().job_count(), 2);
  EXPECT_EQ(answer.response.transform().counts().queued(), 2);
  EXPECT_EQ(answer.response.transform().name(), "");
  EXPECT_FALSE(answer.response.transform().has_create_time());
  EXPECT_EQ(StoredTransforms(), 0);
}

TEST_F(SubmitTransformTest, ARepeatGivesTheFirstAnswer) {
  const std::string request = Request(R"({"report_graph": {}})", "", R"(, "request_id": "r-1")");
  const auto first = Call(&Transforms::SubmitTransform, request);
  const auto second = Call(&Transforms::SubmitTransform, request);
  ASSERT_TRUE(second.ok()) << second.error.message;
  EXPECT_TRUE(second.response.deduplicated());
  EXPECT_EQ(second.response.transform().name(), first.response.transform().name());
  EXPECT_EQ(StoredTransforms(), 1);
}

TEST_F(SubmitTransformTest, ARepeatWithAGraphIsARepeatWhateverTheOrderOfItsKeys) {
  const auto submit = [&](const std::string& graph) {
    return Call(&Transforms::SubmitTransform,
                R"({"request_id": "r-1", "transform": {"passes": [{"report_graph": {}}],
                    "model": {"graph": )" +
                    graph + "}}}");
  };
  const auto first = submit(R"({"format": "bitsweep.graph", "version": 1, "name": "g", "nodes": [
      {"kind": "placeholder", "name": "x", "shape": [16]},
      {"kind": "output", "name": "output", "inputs": ["x"]}]})");
  ASSERT_TRUE(first.ok()) << first.error.message;
  const auto second = submit(R"({"nodes": [{"shape": [16], "name": "x", "kind": "placeholder"},
      {"inputs": ["x"], "name": "output", "kind": "output"}], "name": "g", "version": 1,
      "format": "bitsweep.graph"})");
  ASSERT_TRUE(second.ok()) << second.error.message;
  EXPECT_TRUE(second.response.deduplicated());
}

TEST_F(SubmitTransformTest, ARequestIdIsForOneBody) {
  ASSERT_TRUE(Call(&Transforms::SubmitTransform,
                   Request(R"({"report_graph": {}})", "", R"(, "request_id": "r-1")"))
                  .ok());
  for (const std::string& other :
       {Request(R"({"compare_graphs": {}})", "", R"(, "request_id": "r-1")"),
        Request(R"({"report_graph": {}})", "",
                R"(, "request_id": "r-1", "transform_id": "another-one")")}) {
    const Error error = Refusal(other);
    EXPECT_EQ(error.code, grpc::StatusCode::ALREADY_EXISTS);
    EXPECT_EQ(error.reason, "REQUEST_ID_REUSED");
    EXPECT_THAT(error.metadata, ElementsAre(Pair("request_id", "r-1")));
  }
  EXPECT_EQ(StoredTransforms(), 1);
}

TEST_F(SubmitTransformTest, AnIdIsTakenOnce) {
  SubmitTransform("ptq-1");
  const Error error =
      Refusal(Request(R"({"report_graph": {}})", "", R"(, "transform_id": "ptq-1")"));
  EXPECT_EQ(error.code, grpc::StatusCode::ALREADY_EXISTS);
  EXPECT_EQ(error.reason, "ID_IN_USE");
  EXPECT_EQ(error.resource.resource_name(), "transforms/ptq-1");
}

TEST_F(SubmitTransformTest, ASweepAndATransformMayShareAnId) {
  Submit("lab-1");
  SubmitTransform("lab-1");
  EXPECT_TRUE(Call(&Transforms::GetTransform, R"({"name": "transforms/lab-1"})").ok());
  EXPECT_TRUE(Call(&Sweeps::GetSweep, R"({"name": "sweeps/lab-1"})").ok());
}

TEST_F(SubmitTransformTest, AnEmptyRequestIsRefused) {
  const Error error = Refusal("{}");
  EXPECT_EQ(error.code, grpc::StatusCode::INVALID_ARGUMENT);
  EXPECT_EQ(error.reason, "INVALID_SPEC");
  EXPECT_THAT(error.violations, ElementsAre(Pair("transform", "required")));
}

TEST_F(SubmitTransformTest, NamesEveryProblemAtOnce) {
  const Error error = Refusal(
      R"({"transform_id": "Bad Id", "request_id": "a\nb", "transform": {
          "model": {"builtin": "jsc-huge"}, "seed": -1, "priority": 101, "max_parallel_jobs": -1,
          "passes": [{}, {"count_ops": {"batch_size": 0}}, {"evaluate": {}},
                     {"prune": {}},
                     {"quantize": {"quantization": {"by": "type", "rules": [
                        {"key": "linear", "config": {"name": "integer", "data_in": {"width": 40},
                                                     "weight": {"width": 8}}}]}}}]}})");
  EXPECT_EQ(error.code, grpc::StatusCode::INVALID_ARGUMENT);
  EXPECT_EQ(error.reason, "INVALID_SPEC");
  EXPECT_EQ(error.infos, 1);
  for (const char* field :
       {"transform_id", "request_id", "transform.model.builtin", "transform.seed",
        "transform.priority", "transform.max_parallel_jobs", "transform.passes[0]",
        "transform.passes[1].count_ops.batch_size", "transform.passes[3].prune.weight",
        "transform.passes[4].quantize.quantization.rules[0].config.data_in.width"}) {
    EXPECT_THAT(error.violations, ::testing::Contains(Key(field)));
  }
  EXPECT_EQ(StoredTransforms(), 0);
}

TEST_F(SubmitTransformTest, AnEvaluationNeedsADataSet) {
  const Error error = Refusal(Request(R"({"evaluate": {}})"));
  EXPECT_EQ(error.reason, "INVALID_SPEC");
  ASSERT_EQ(error.violations.size(), 1u);
  EXPECT_THAT(error.message, HasSubstr("data"));
}

TEST_F(SubmitTransformTest, RefusesAnUnknownFormat) {
  const Error error = Refusal(Request(
      R"({"quantize": {"quantization": {"by": "type", "default_config": {"name": "NA"},
          "rules": [{"key": "linear", "config": {"name": "posit"}}]}}})"));
  EXPECT_THAT(error.violations,
              ElementsAre(Pair("transform.passes[0].quantize.quantization.rules[0].config.name",
                               HasSubstr("posit"))));
}

TEST_F(SubmitTransformTest, RefusesAxesThatFitNowhere) {
  const Error error =
      Refusal(Request(kQuantizeLinear, R"(, "axes": [{"entry": "colour", "values": [4]},
                                                     {"entry": "weight_width", "values": []}])"));
  EXPECT_EQ(error.reason, "INVALID_SPEC");
  EXPECT_THAT(error.violations, UnorderedElementsAre(Key("transform.axes[0].entry"),
                                                     Key("transform.axes[1].values")));
}

TEST_F(SubmitTransformTest, RefusesTooManyJobs) {
  const auto axis = [](const std::string& entry, int first, int last) {
    std::string values;
    for (int i = first; i <= last; ++i) values += fmt::format("{}{}", i == first ? "" : ",", i);
    return fmt::format(R"({{"entry": "{}", "values": [{}]}})", entry, values);
  };
  // 65 * 65 * 31 combinations.
  const Error error = Refusal(
      Request(kQuantizeLinear,
              fmt::format(R"(, "axes": [{}, {}, {}])", axis("weight_frac_width", -32, 32),
                          axis("data_in_frac_width", -32, 32), axis("weight_width", 2, 32))));
  EXPECT_EQ(error.code, grpc::StatusCode::INVALID_ARGUMENT);
  EXPECT_EQ(error.reason, "PLAN_TOO_LARGE");
  EXPECT_THAT(error.message, HasSubstr("130975"));
  EXPECT_EQ(StoredTransforms(), 0);
}

TEST_F(SubmitTransformTest, AnUnknownModelIsNotFound) {
  const Error error = Refusal(R"({"transform": {"model": {"name": "models/none"},
                                "passes": [{"report_graph": {}}]}})");
  EXPECT_EQ(error.code, grpc::StatusCode::NOT_FOUND);
  EXPECT_EQ(error.reason, "MODEL_NOT_FOUND");
}

TEST_F(SubmitTransformTest, ChecksNodesAgainstAStoredModelsGraph) {
  const std::string artifact = "artifacts/" + Upload(TinyCheckpoint());
  ASSERT_TRUE(
      Call(&Models::ImportModel, R"({"model_id": "tiny", "artifact": ")" + artifact + R"("})")
          .ok());
  const auto request = [](const std::string& node) {
    return fmt::format(
        R"({{"transform": {{"model": {{"name": "models/tiny"}}, "passes": [{{"quantize":
            {{"quantization": {{"by": "name", "default_config": {{"name": "NA"}}, "rules": [
            {{"key": "{}", "config": {{"name": "integer", "data_in": {{"width": 8}},
            "weight": {{"width": 8}}}}}}]}}}}}}]}}}})",
        node);
  };
  const Error error = Refusal(request("no_such_node"));
  EXPECT_EQ(error.reason, "INVALID_SPEC");
  EXPECT_THAT(error.violations,
              ElementsAre(Pair("transform.passes[0].quantize.quantization.rules[0].key",
                               HasSubstr("no_such_node"))));
  const auto answer = Call(&Transforms::SubmitTransform, request("seq_blocks_2"));
  EXPECT_TRUE(answer.ok()) << answer.error.message;
}

TEST_F(SubmitTransformTest, SaysWhatIsUnusual) {
  const auto named =
      Call(&Transforms::SubmitTransform, Request(R"({"report_graph": {}})", R"(, "name": "mine")"));
  ASSERT_TRUE(named.ok()) << named.error.message;
  EXPECT_THAT(named.response.warnings(), ElementsAre(HasSubstr("transform_id chooses the id")));
  const auto usual = Call(&Transforms::SubmitTransform, Request(R"({"report_graph": {}})"));
  EXPECT_THAT(usual.response.warnings(), IsEmpty());
}

TEST_F(SubmitTransformTest, RefusesASpecificationOfMoreThanAMegabyte) {
  const Error error =
      Refusal(Request(R"({"verify_quantization": {}})",
                      R"(, "display_name": ")" + std::string((1 << 20) + 1, 'x') + R"(")"));
  EXPECT_EQ(error.reason, "INVALID_SPEC");
  EXPECT_THAT(error.violations, ::testing::Contains(Key("transform")));
}

}  // namespace
}  // namespace bitsweep::rpc
