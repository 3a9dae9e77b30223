// SPDX-License-Identifier: Apache-2.0
// Jobs of transforms as workers see them, and what becomes of their results.
#include "fmt/format.h"
#include "gmock/gmock.h"
#include "google/protobuf/util/message_differencer.h"
#include "tests/server/rpc/rpc_fixture.h"
#include "tests/server/store/raw_sqlite.h"

namespace bitsweep::rpc {
namespace {

using ::testing::AllOf;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Key;
using ::testing::Not;
using ::testing::Pair;

// A result of every kind of pass, with numbers that a double holds exactly and some that it rounds.
constexpr char kWholeResult[] = R"json({
  "passes": [
    {"pass": "report_graph", "seconds": 0.125, "graph": {"listing": "graph():\n    %x",
       "counts": {"placeholder": 1, "call_module": 4, "output": 1},
       "modules": ["ReLU(inplace=True)"],
       "graph_name": "jsc-tiny", "parameter_count": 117
}
},
    {"pass": "profile_statistics", "position": 1, "statistics": {"samples": 512, "statistics": [
       {"node": "seq_blocks_2", "tensor": "weight", "statistic": "variance_precise", "values": [
          {"key": "mean", "values": [0.1]}, {"key": "variance", "values": []},
          {"key": "count", "values": ["NaN"]}]},
       {"node": "seq_blocks_2", "tensor": "data_in_0", "activation": true,
        "statistic": "range_quantile", "values": [{"key": "min", "values": [1, 2], "shape": [2]}]},
       {"node": "seq_blocks_2", "tensor": "data_in_0", "activation": true,
        "statistic": "range_quantile", "values": [{"key": "min", "values": [-3.5]}]}]}},
    {"pass": "verify_quantization", "position": 2, "quantization": {"tensors": [
       {"node": "seq_blocks_2", "tensor": "weight", "format": "integer (8, 4)", "shape": [5, 16],
        "width": 8, "original": [0.3333333333333333, -0.0], "quantized": [0.3125, 0],
        "elements": 80, "distinct": 17, "step": 0.0625, "saturated": 2, "flushed_to_zero": 3,
        "max_abs_error": 0.03125, "mean_abs_error": 0.0156, "sqnr_db": "Infinity"}]}},
    {"pass": "count_ops", "position": 3, "ops": {"batch_size": 1, "size_bits": 4768, "counts": [
       {"convention": "COUNT_CONVENTION_LAB_REPORT", "flops": 1833, "bitops": 79680,
        "nodes": [{"node": "seq_blocks_2", "op": "linear", "flops": 165, "bitops": 87200}]},
       {"convention": "COUNT_CONVENTION_EBOPS", "flops": 80, "bitops": 5120.5}]}}],
  "metrics": {"accuracy": 0.75, "original_accuracy": 0.8, "loss": 0.625, "flops": 1833,
              "bitops": 79680, "size_bits": 4768},
  "seconds": 1.5, "data_digest": "d1", "graph_name": "jsc-tiny", "parameter_count": 117
})json";

class TransformJobsRpcTest : public RpcTest {
 protected:
  void SetUp() override {
    RpcTest::SetUp();
    Register("worker-1");
  }
  static v1::CompleteJobRequest WholeResult(const v1::LeasedJob& job) {
    v1::CompleteJobRequest request = FromJson<v1::CompleteJobRequest>(
        std::string(
            R"({"worker": "workers/worker-1", "instance_id": "first", "transform_result": )") +
        kWholeResult + "}");
    *request.mutable_ref() = job.ref();
    return request;
  }
  v1::TransformJob GetJob(const std::string& name = "transforms/ptq-1/jobs/0") {
    const auto answer =
        Call(&Transforms::GetTransformJob, fmt::format(R"({{"name": "{}"}})", name));
    EXPECT_TRUE(answer.ok()) << answer.error.message;
    return answer.response.job();
  }
  v1::Transform GetTransform() {
    return Call(&Transforms::GetTransform, R"({"name": "transforms/ptq-1"})").response.transform();
  }
  std::vector<std::string> Rows(const std::string& sql) {
    return store::RawSql((folder_.path() / "bitsweep.db").string(), sql);
  }
  // The transform that kWholeResult is a result of.
  void SubmitWhole() {
    const auto answer = Call(&Transforms::SubmitTransform, R"({"transform_id": "ptq-1",
        "transform": {"model": {"builtin": "jsc-tiny"}, "dataset": {"name": "synthetic-jets"},
        "passes": [{"report_graph": {}}, {"profile_statistics": {"by": "type",
            "target_weight_nodes": ["linear"], "target_activation_nodes": ["linear"],
            "weight_statistics": [{"name": "variance_precise"}],
            "activation_statistics": [{"name": "range_quantile"}]}},
            {"verify_quantization": {}}, {"count_ops": {}}]}})");
    ASSERT_TRUE(answer.ok()) << answer.error.message;
  }
  // A transform of the stored model "tiny" that quantizes it.
  void SubmitOfStoredModel(const std::string& more = "") {
    artifact_ = "artifacts/" + Upload(TinyCheckpoint());
    const auto imported =
        Call(&Models::ImportModel,
             fmt::format(R"({{"model_id": "tiny", "artifact": "{}"}})", artifact_));
    ASSERT_TRUE(imported.ok()) << imported.error.message;
    const auto submitted =
        Call(&Transforms::SubmitTransform,
             R"({"transform_id": "ptq-1", "transform": {"model": {"name": "models/tiny"},
            "passes": [{"quantize": {"quantization": {"by": "type",
            "default_config": {"name": "NA"}, "rules": [{"key": "linear", "config":
            {"name": "integer", "data_in": {"width": 8}, "weight": {"width": 8}}}]}}}])" +
                 more + "}}");
    ASSERT_TRUE(submitted.ok()) << submitted.error.message;
  }
  std::string artifact_;
};

TEST_F(TransformJobsRpcTest, TensorsOfAStoredResultAreCountedOnce) {
  StartServer("127.0.0.1:0");
  Register("worker-1");
  SubmitWhole();
  const v1::CompleteJobRequest request = WholeResult(Lease("worker-1"));
  for (int i = 0; i < 2; ++i) ASSERT_TRUE(Call(&Workers::CompleteJob, request).ok());
  EXPECT_EQ(Metric(R"(bitsweep_quant_tensors_total{role="weight"})"), 1);
  EXPECT_EQ(Metric(R"(bitsweep_quant_elements_total{role="weight"})"), 80);
  EXPECT_EQ(Metric(R"(bitsweep_quant_saturated_elements_total{role="weight"})"), 2);
  EXPECT_EQ(Metric(R"(bitsweep_quant_sqnr_db_sum{role="weight"})"), 200);  // exact
  EXPECT_EQ(Metric(R"(bitsweep_trial_run_seconds_sum{kind="transform"})"), 1.5);
}

TEST_F(TransformJobsRpcTest, AJobHoldsAllThatItsResultsDependOn) {
  SubmitTransform("ptq-1", R"(, "seed": 5, "dataset": {"name": "synthetic-jets"})");
  const v1::LeasedJob job = Lease("worker-1");
  EXPECT_EQ(job.ref().job(), "transforms/ptq-1/jobs/0");
  EXPECT_EQ(job.ref().attempt(), 1);
  EXPECT_FALSE(job.has_trial());
  const v1::TransformWork& work = job.transform();
  EXPECT_EQ(work.model().builtin(), "jsc-tiny");
  EXPECT_EQ(work.model_artifact(), "");
  EXPECT_EQ(work.dataset().name(), "synthetic-jets");
  EXPECT_EQ(work.seed(), 5);
  EXPECT_TRUE(work.keep_model());
  ASSERT_EQ(work.passes_size(), 1);
  EXPECT_EQ(work.passes(0).count_ops().batch_size(), 1);
}

TEST_F(TransformJobsRpcTest, AJobOfAStoredModelNamesItsCheckpoint) {
  SubmitOfStoredModel();
  const v1::TransformWork work = Lease("worker-1").transform();
  EXPECT_EQ(work.model().name(), "models/tiny");
  EXPECT_EQ(work.model_artifact(), artifact_);
}

TEST_F(TransformJobsRpcTest, TheValuesOfTheAxesArePutIn) {
  SubmitOfStoredModel(R"(, "axes": [{"entry": "weight_width", "values": [2, 4]},
                                    {"entry": "linear.data_in_width", "values": [6]}])");
  for (const std::int64_t width : {2, 4}) {
    const v1::TransformWork work = Lease("worker-1").transform();
    const v1::QuantizationConfig& config =
        work.passes(0).quantize().quantization().rules(0).config();
    EXPECT_EQ(config.weight().width(), width);
    EXPECT_EQ(config.data_in().width(), 6);
    EXPECT_FALSE(work.keep_model());  // with axes models are not kept unless asked for
  }
}

TEST_F(TransformJobsRpcTest, GivesBackTheResultsThatWereSent) {
  SubmitWhole();
  const v1::CompleteJobRequest sent = WholeResult(Lease("worker-1"));
  const auto answer = Call(&Workers::CompleteJob, sent);
  ASSERT_TRUE(answer.ok()) << answer.error.message;
  const v1::TransformJob job = GetJob();
  EXPECT_EQ(job.state(), v1::Trial::STATE_SUCCEEDED);
  EXPECT_EQ(job.worker(), "workers/worker-1");
  EXPECT_EQ(job.seconds(), 1.5);
  google::protobuf::util::MessageDifferencer differencer;
  differencer.set_float_comparison(google::protobuf::util::MessageDifferencer::EXACT);
  std::string difference;
  differencer.ReportDifferencesToString(&difference);
  google::protobuf::util::DefaultFieldComparator comparator;
  comparator.set_treat_nan_as_equal(true);
  differencer.set_field_comparator(&comparator);
  ASSERT_EQ(job.results_size(), sent.transform_result().passes_size());
  for (int i = 0; i < job.results_size(); ++i) {
    EXPECT_TRUE(differencer.Compare(sent.transform_result().passes(i), job.results(i)))
        << difference;
  }
  EXPECT_TRUE(differencer.Compare(sent.transform_result().metrics(), job.metrics())) << difference;
}

TEST_F(TransformJobsRpcTest, ResultsBecomeRows) {
  SubmitWhole();
  ASSERT_TRUE(Call(&Workers::CompleteJob, WholeResult(Lease("worker-1"))).ok());
  EXPECT_THAT(Rows("SELECT position, pass, seconds FROM pass_results ORDER BY position"),
              ElementsAre("0|report_graph|0.125", "1|profile_statistics|0.0",
                          "2|verify_quantization|0.0", "3|count_ops|0.0"));
  // What is not one finite number has a row without value; the numbers are in the JSON.
  EXPECT_THAT(Rows("SELECT model, node, tensor, statistic, key, value FROM node_statistics "
                   "ORDER BY tensor, statistic, key"),
              ElementsAre("jsc-tiny|seq_blocks_2|data_in_0|range_quantile|min|NULL",
                          "jsc-tiny|seq_blocks_2|data_in_0|range_quantile#2|min|-3.5",
                          "jsc-tiny|seq_blocks_2|weight|variance_precise|count|NULL",
                          "jsc-tiny|seq_blocks_2|weight|variance_precise|mean|0.1",
                          "jsc-tiny|seq_blocks_2|weight|variance_precise|variance|NULL"));
  EXPECT_THAT(Rows("SELECT convention, node, flops, bitops FROM op_counts ORDER BY 1, 2"),
              ElementsAre("EBOPS||80.0|5120.5", "LAB_REPORT||1833.0|79680.0",
                          "LAB_REPORT|seq_blocks_2|165.0|87200.0"));
  EXPECT_THAT(
      Rows("SELECT node, tensor, format, width, elements, distinct_values, step, saturated, "
           "flushed_to_zero, max_abs_error, mean_abs_error, sqnr_db FROM quantized_tensors"),
      ElementsAre("seq_blocks_2|weight|integer (8, 4)|8|80|17|0.0625|2|3|0.03125|0.0156|"
                  "NULL"));
  EXPECT_THAT(Rows("SELECT accuracy, original_accuracy, loss, flops, bitops, size_bits, seconds, "
                   "data_digest FROM transform_jobs"),
              ElementsAre("0.75|0.8|0.625|1833.0|79680.0|4768|1.5|d1"));
}

TEST_F(TransformJobsRpcTest, ARepeatedCompletionIsAnsweredAlike) {
  SubmitWhole();
  const v1::CompleteJobRequest request = WholeResult(Lease("worker-1"));
  for (int i = 0; i < 2; ++i) {
    const auto answer = Call(&Workers::CompleteJob, request);
    EXPECT_TRUE(answer.ok()) << answer.error.message;
  }
  EXPECT_EQ(GetTransform().counts().succeeded(), 1);
  EXPECT_THAT(Rows("SELECT count(*) FROM pass_results"), ElementsAre("4"));
}

TEST_F(TransformJobsRpcTest, AnotherProcessTakesTheLeaseAway) {
  SubmitWhole();
  const v1::LeasedJob job = Lease("worker-1");
  Register("worker-1", "second");
  const Error error = Call(&Workers::CompleteJob, WholeResult(job)).error;
  EXPECT_EQ(error.code, grpc::StatusCode::ABORTED);
  EXPECT_EQ(error.reason, "LEASE_LOST");
  EXPECT_THAT(error.metadata, Contains(Pair("job", "transforms/ptq-1/jobs/0")));
  EXPECT_THAT(Rows("SELECT count(*) FROM pass_results"), ElementsAre("0"));
}

TEST_F(TransformJobsRpcTest, AStartWithoutDataRecordsNoDigest) {
  SubmitTransform("ptq-1");
  v1::ReportProgressRequest request;
  request.set_worker("workers/worker-1");
  request.set_instance_id("first");
  *request.add_reports()->mutable_ref() = Lease("worker-1").ref();
  request.mutable_reports(0)->set_started(true);
  const auto answer = Call(&Workers::ReportProgress, request);
  ASSERT_TRUE(answer.ok()) << answer.error.message;
  EXPECT_THAT(answer.response.directives(), ElementsAre(v1::DIRECTIVE_CONTINUE));
  EXPECT_EQ(GetJob().state(), v1::Trial::STATE_RUNNING);
  EXPECT_EQ(GetTransform().data_digest(), "");
}

TEST_F(TransformJobsRpcTest, RefusesResultsWithoutAPass) {
  SubmitWhole();
  v1::CompleteJobRequest request = WholeResult(Lease("worker-1"));
  request.mutable_transform_result()->clear_passes();
  const Error error = Call(&Workers::CompleteJob, request).error;
  EXPECT_EQ(error.code, grpc::StatusCode::INVALID_ARGUMENT);
  EXPECT_EQ(error.reason, "INCOMPLETE_RESULT");
  EXPECT_EQ(GetJob().state(), v1::Trial::STATE_LEASED);
}

TEST_F(TransformJobsRpcTest, RefusesAResultThatIsNotWhatWasPlanned) {
  SubmitWhole();
  const v1::LeasedJob job = Lease("worker-1");
  v1::CompleteJobRequest request = WholeResult(job);
  v1::TransformResult& result = *request.mutable_transform_result();
  result.mutable_passes()->RemoveLast();
  result.mutable_metrics()->clear_bitops();
  result.clear_data_digest();
  const Error error = Call(&Workers::CompleteJob, request).error;
  EXPECT_EQ(error.code, grpc::StatusCode::INVALID_ARGUMENT);
  EXPECT_EQ(error.reason, "INCOMPLETE_RESULT");
  EXPECT_THAT(error.message, AllOf(HasSubstr("planned are [report_graph, profile_statistics, "
                                             "verify_quantization, count_ops]"),
                                   HasSubstr("metrics.bitops is missing"),
                                   HasSubstr("data_digest is missing"), Not(HasSubstr("flops"))));
  EXPECT_EQ(GetJob().state(), v1::Trial::STATE_LEASED);
  EXPECT_TRUE(Call(&Workers::CompleteJob, WholeResult(job)).ok());
}

TEST_F(TransformJobsRpcTest, AnEvaluationMustHaveAnAccuracy) {
  const auto submitted = Call(&Transforms::SubmitTransform, R"({"transform_id": "ptq-1",
      "transform": {"model": {"builtin": "jsc-tiny"}, "dataset": {"name": "synthetic-jets"},
      "passes": [{"evaluate": {}}]}})");
  ASSERT_TRUE(submitted.ok()) << submitted.error.message;
  v1::CompleteJobRequest request = FromJson<v1::CompleteJobRequest>(
      R"({"worker": "workers/worker-1", "instance_id": "first", "transform_result": {
          "passes": [{"pass": "evaluate", "evaluation": {}}], "data_digest": "d1",
          "graph_name": "jsc-tiny", "parameter_count": 117}})");
  *request.mutable_ref() = Lease("worker-1").ref();
  EXPECT_THAT(Call(&Workers::CompleteJob, request).error.message,
              AllOf(HasSubstr("metrics.accuracy is missing"), Not(HasSubstr("flops"))));
}

TEST_F(TransformJobsRpcTest, NamesEveryProblemOfAResult) {
  SubmitWhole();
  v1::CompleteJobRequest request = WholeResult(Lease("worker-1"));
  v1::TransformResult& result = *request.mutable_transform_result();
  result.set_artifact("artifacts/short");
  result.mutable_passes(0)->clear_graph();
  result.mutable_passes(1)->set_position(7);
  *result.mutable_passes(2)->mutable_quantization()->add_tensors() =
      result.passes(2).quantization().tensors(0);
  result.mutable_passes(3)->mutable_ops()->mutable_counts(0)->set_convention(
      static_cast<v1::CountConvention>(77));
  *result.mutable_passes(3)->mutable_ops()->add_counts() = result.passes(3).ops().counts(1);
  const Error error = Call(&Workers::CompleteJob, request).error;
  EXPECT_EQ(error.reason, "INVALID_SPEC");
  EXPECT_THAT(error.violations,
              ElementsAre(Key("transform_result.artifact"), Key("transform_result.passes[0]"),
                          Key("transform_result.passes[1].position"),
                          Key("transform_result.passes[2].quantization.tensors[1]"),
                          Key("transform_result.passes[3].ops.counts[0].convention"),
                          Key("transform_result.passes[3].ops.counts[2]")));
}

TEST_F(TransformJobsRpcTest, RefusesBothKindsOfResultInOne) {
  SubmitWhole();
  v1::CompleteJobRequest request = WholeResult(Lease("worker-1"));
  request.mutable_result()->set_epochs(1);
  const Error error = Call(&Workers::CompleteJob, request).error;
  EXPECT_EQ(error.code, grpc::StatusCode::INVALID_ARGUMENT);
  EXPECT_THAT(error.violations, ElementsAre(Key("transform_result")));
}

TEST_F(TransformJobsRpcTest, ATrialsResultDoesNotEndATransformsJob) {
  SubmitWhole();
  const v1::LeasedJob job = Lease("worker-1");
  EXPECT_EQ(Call(&Workers::CompleteJob, ResultOf(job)).error.code,
            grpc::StatusCode::INVALID_ARGUMENT);
  EXPECT_TRUE(Call(&Workers::CompleteJob, WholeResult(job)).ok());
}

TEST_F(TransformJobsRpcTest, RefusesResultsThatNoAnswerCouldHold) {
  SubmitWhole();
  v1::CompleteJobRequest request = WholeResult(Lease("worker-1"));
  request.mutable_transform_result()->mutable_passes(0)->mutable_graph()->set_listing(
      std::string((4 << 20) - (32 << 10), 'x'));
  const Error error = Call(&Workers::CompleteJob, request).error;
  EXPECT_EQ(error.code, grpc::StatusCode::INVALID_ARGUMENT);
  EXPECT_THAT(error.violations, ElementsAre(Pair("transform_result", HasSubstr("at most"))));
}

TEST_F(TransformJobsRpcTest, AFailureIsShownWithItsReason) {
  SubmitTransform("ptq-1");
  v1::FailJobRequest request;
  request.set_worker("workers/worker-1");
  request.set_instance_id("first");
  *request.mutable_ref() = Lease("worker-1").ref();
  request.set_reason(v1::FAILURE_REASON_DATASET_NOT_FOUND);
  request.set_message("no file jsc.h5");
  const auto answer = Call(&Workers::FailJob, request);
  ASSERT_TRUE(answer.ok()) << answer.error.message;
  const v1::TransformJob job = GetJob();
  EXPECT_EQ(job.failure_reason(), v1::FAILURE_REASON_DATASET_NOT_FOUND);
  EXPECT_EQ(job.failure_message(), "no file jsc.h5");
  EXPECT_FALSE(job.has_metrics());
}

TEST_F(TransformJobsRpcTest, TheLastGraphBecomesAModelWithItsLineage) {
  SubmitOfStoredModel();
  v1::CompleteJobRequest request = FromJson<v1::CompleteJobRequest>(
      R"({"worker": "workers/worker-1", "instance_id": "first", "transform_result": {
          "passes": [{"pass": "quantize", "quantize": {}}], "metrics": {"accuracy": 0.75},
          "graph_name": "jsc-tiny", "parameter_count": 117}})");
  *request.mutable_ref() = Lease("worker-1").ref();
  request.mutable_transform_result()->set_artifact(artifact_);
  request.mutable_transform_result()->set_artifact_bytes(
      static_cast<std::int64_t>(TinyCheckpoint().size()));
  const auto answer = Call(&Workers::CompleteJob, request);
  ASSERT_TRUE(answer.ok()) << answer.error.message;
  const std::string name = GetJob().model();
  const auto model = Call(&Models::GetModel, fmt::format(R"({{"name": "{}"}})", name));
  ASSERT_TRUE(model.ok()) << model.error.message;
  EXPECT_EQ(model.response.model().source_job(), "transforms/ptq-1/jobs/0");
  EXPECT_EQ(model.response.model().source_trial(), "");
  EXPECT_EQ(model.response.model().parent_model(), "models/tiny");
  EXPECT_EQ(model.response.model().val_acc(), 0.75);
  EXPECT_EQ(model.response.model().parameter_count(), 117);
}

TEST_F(TransformJobsRpcTest, AnArtifactThatIsNotStoredIsRefused) {
  SubmitWhole();
  v1::CompleteJobRequest request = WholeResult(Lease("worker-1"));
  request.mutable_transform_result()->set_artifact("artifacts/" + std::string(64, 'a'));
  const Error error = Call(&Workers::CompleteJob, request).error;
  EXPECT_EQ(error.code, grpc::StatusCode::FAILED_PRECONDITION);
  EXPECT_EQ(error.reason, "ARTIFACT_MISSING");
}

TEST_F(TransformJobsRpcTest, AJobThatCannotBeMadeOutFails) {
  SubmitTransform("ptq-1");
  Rows(R"(UPDATE transforms SET spec = '{"from_another_version": 1}')");
  const auto answer =
      Call(&Workers::LeaseJobs, R"({"worker": "workers/worker-1", "instance_id": "first",
                                    "max_jobs": 1, "wait": "20s"})");
  ASSERT_TRUE(answer.ok()) << answer.error.message;
  EXPECT_THAT(answer.response.jobs(), IsEmpty());
  EXPECT_THAT(Rows("SELECT failure_reason, failure_message LIKE '%from_another_version%' FROM "
                   "transform_jobs"),
              ElementsAre("EXCEPTION|1"));
}

}  // namespace
}  // namespace bitsweep::rpc
