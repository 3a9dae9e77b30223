// SPDX-License-Identifier: Apache-2.0
// SubmitSweep: what it stores, what it refuses, and what a repeat does.
#include "fmt/format.h"
#include "gmock/gmock.h"
#include "tests/server/rpc/rpc_fixture.h"

namespace bitsweep::rpc {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Key;
using ::testing::Pair;
using ::testing::UnorderedElementsAre;

class SubmitSweepTest : public RpcTest {
 protected:
  // A valid sweep with `more` fields.
  static std::string Sweep(const std::string& more) {
    return R"("sweep": {"model": {"builtin": "jsc-tiny"}, "dataset": {"name": "synthetic-jets"})" +
           (more.empty() ? "" : ", " + more) + "}";
  }
  Error Refusal(const std::string& fields) {
    return Call(&Sweeps::SubmitSweep, "{" + fields + "}").error;
  }
};

TEST_F(SubmitSweepTest, PlansTheLabReportsSweep) {
  const auto answer = Call(&Sweeps::SubmitSweep, R"({"sweep_id": "lab-1", "sweep": {
      "display_name": "lab 1", "model": {"builtin": "jsc-tiny"}, "dataset": {"name": "jsc"},
      "base": {"max_epochs": 10, "learning_rate": 1e-5, "batch_size": 256},
      "one_at_a_time": {"max_epochs": [50, 100], "batch_size": [16, 32, 64, 128, 512],
                        "learning_rate": [1e-6, 1e-4, 1e-3, 1e-2]},
      "repeats": 10, "seed": 1}})");
  ASSERT_TRUE(answer.ok()) << answer.error.message;
  const v1::Sweep& sweep = answer.response.sweep();
  EXPECT_EQ(sweep.name(), "sweeps/lab-1");
  EXPECT_EQ(sweep.state(), v1::Sweep::STATE_QUEUED);
  EXPECT_EQ(sweep.configuration_count(), 12);
  EXPECT_EQ(sweep.trial_count(), 120);
  EXPECT_EQ(sweep.counts().queued(), 120);
  EXPECT_THAT(sweep.varying(), ElementsAre("max_epochs", "learning_rate", "batch_size"));
  EXPECT_FALSE(answer.response.deduplicated());
}

TEST_F(SubmitSweepTest, GivesBackTheSpecificationThatWasSent) {
  const std::string spec = R"({"display_name": "all of it", "model": {"builtin": "jsc-rs1923",
      "output_activation": "OUTPUT_ACTIVATION_SIGMOID"},
      "dataset": {"name": "a/b.csv", "label_column": "class", "feature_columns": ["x", "y"],
      "drop_duplicate_rows": true, "split": {"validation_fraction": 0.25, "seed": "7",
      "stratified": true}, "scaler": "SCALER_NONE", "validation": "VALIDATION_TRAINING_ROWS"},
      "base": {"max_epochs": "3", "learning_rate": 0.5, "batch_size": "8",
      "optimizer": "OPTIMIZER_SGD", "weight_decay": 0.125, "schedule": "SCHEDULE_CONSTANT"},
      "random": {"count": "4", "learning_rate": {"min": 0.25, "max": 0.5, "scale": "SCALE_LOG"},
      "batch_size": {"values": ["8", "16"]}, "optimizer": ["OPTIMIZER_ADAM", "OPTIMIZER_ADAMW"]},
      "repeats": "2", "seed": "9", "keep_models": "KEEP_MODELS_ALL", "max_parallel_trials": "3",
      "priority": "-5", "failure_policy": {"stop_after_failures": "2"},
      "engine": "ENGINE_LIBTORCH"})";
  const auto submitted =
      Call(&Sweeps::SubmitSweep, R"({"sweep_id": "lab-1", "sweep": )" + spec + "}");
  ASSERT_TRUE(submitted.ok()) << submitted.error.message;
  auto got = Call(&Sweeps::GetSweep, R"({"name": "sweeps/lab-1"})");
  ASSERT_TRUE(got.ok());
  // What comes back, submitted again, is the same sweep: its digest says so.
  v1::SubmitSweepRequest again;
  *again.mutable_sweep() = got.response.sweep();
  again.mutable_sweep()->clear_name();
  again.set_validate_only(true);
  const auto repeated = Call(&Sweeps::SubmitSweep, again);
  ASSERT_TRUE(repeated.ok()) << repeated.error.message;
  EXPECT_EQ(repeated.response.sweep().spec_digest(), submitted.response.sweep().spec_digest());
  EXPECT_EQ(got.response.sweep().priority(), -5);
  EXPECT_EQ(got.response.sweep().random().learning_rate().scale(), v1::SCALE_LOG);
  EXPECT_EQ(got.response.sweep().dataset().split().seed(), 7);
}

TEST_F(SubmitSweepTest, ReportsMergedPoints) {
  const auto answer =
      Call(&Sweeps::SubmitSweep, "{" + Sweep(R"("points": [{"batch_size": 8}, {"batch_size": 16},
                                                     {"batch_size": 8}])") +
                                     "}");
  ASSERT_TRUE(answer.ok()) << answer.error.message;
  EXPECT_EQ(answer.response.sweep().configuration_count(), 2);
  ASSERT_EQ(answer.response.merged_duplicates_size(), 1);
  EXPECT_EQ(answer.response.merged_duplicates(0).point(), 2);
  EXPECT_EQ(answer.response.merged_duplicates(0).configuration(), 0);
  EXPECT_THAT(answer.response.warnings(), ElementsAre(HasSubstr("merged")));
}

TEST_F(SubmitSweepTest, MakesAnIdWhenNoneIsGiven) {
  const auto answer = Call(&Sweeps::SubmitSweep, "{" + Sweep("") + "}");
  ASSERT_TRUE(answer.ok()) << answer.error.message;
  EXPECT_TRUE(
      Call(&Sweeps::GetSweep, R"({"name": ")" + answer.response.sweep().name() + R"("})").ok());
}

TEST_F(SubmitSweepTest, SaysEveryProblemAtOnce) {
  const Error error = Refusal(R"("sweep_id": "No", "request_id": "\n", "sweep": {
      "model": {"builtin": "jsc-huge"}, "dataset": {"name": "../secret"},
      "base": {"batch_size": 0, "learning_rate": "NaN"},
      "grid": {"max_epochs": [5, 5], "optimizer": ["OPTIMIZER_UNSPECIFIED"]},
      "priority": 101})");
  EXPECT_EQ(error.code, grpc::StatusCode::INVALID_ARGUMENT);
  EXPECT_EQ(error.reason, "INVALID_SPEC");
  EXPECT_EQ(error.domain, "bitsweep");
  EXPECT_EQ(error.infos, 1);
  EXPECT_THAT(error.violations,
              UnorderedElementsAre(Pair("sweep_id", HasSubstr("No")),
                                   Pair("request_id", HasSubstr("printable")),
                                   Pair("sweep.model.builtin", HasSubstr("jsc-huge")),
                                   Pair("sweep.dataset.name", HasSubstr("..")),
                                   Pair("sweep.base.batch_size", HasSubstr("0")),
                                   Pair("sweep.base.learning_rate", HasSubstr("nan")),
                                   Pair("sweep.grid.max_epochs[1]", HasSubstr("same")),
                                   Pair("sweep.grid.optimizer[0]", HasSubstr("unspecified")),
                                   Pair("sweep.priority", HasSubstr("101"))));
}

struct BadSpec {
  const char* what;
  const char* more;   // fields beside a valid model and data set
  const char* field;  // that the violation names
};
void PrintTo(const BadSpec& bad, std::ostream* out) { *out << bad.what; }

class BadSpecTest : public SubmitSweepTest, public ::testing::WithParamInterface<BadSpec> {};

TEST_P(BadSpecTest, IsRefusedAndNotStored) {
  const Error error = Refusal(Sweep(GetParam().more));
  EXPECT_EQ(error.code, grpc::StatusCode::INVALID_ARGUMENT);
  EXPECT_EQ(error.reason, "INVALID_SPEC");
  EXPECT_THAT(error.violations, Contains(Key(GetParam().field)));
  EXPECT_EQ(Call(&Sweeps::ListSweeps).response.sweeps_size(), 0);
}

INSTANTIATE_TEST_SUITE_P(
    Specs, BadSpecTest,
    ::testing::Values(
        BadSpec{"empty axes", R"("grid": {})", "sweep.grid"},
        BadSpec{"duplicate value", R"("grid": {"batch_size": [8, 16, 8]})",
                "sweep.grid.batch_size[2]"},
        BadSpec{"NaN", R"("grid": {"learning_rate": [0.1, "NaN"]})", "sweep.grid.learning_rate[1]"},
        BadSpec{"infinity", R"("base": {"weight_decay": "Infinity"})", "sweep.base.weight_decay"},
        BadSpec{"zero batch", R"("one_at_a_time": {"batch_size": [0]})",
                "sweep.one_at_a_time.batch_size[0]"},
        BadSpec{"negative epochs", R"("points": [{}, {"max_epochs": -1}])",
                "sweep.points[1].max_epochs"},
        BadSpec{"two searches", R"("grid": {"batch_size": [8]}, "random": {"count": 1,
                "batch_size": {"values": [8]}})",
                "sweep.random"},
        BadSpec{"random draws nothing", R"("random": {"count": 3})", "sweep.random"},
        BadSpec{"range the wrong way round", R"("random": {"count": 3, "learning_rate":
                {"min": 0.5, "max": 0.1}})",
                "sweep.random.learning_rate"},
        BadSpec{"no repeats", R"("repeats": 0)", "sweep.repeats"},
        BadSpec{"negative seed", R"("seed": -1)", "sweep.seed"},
        BadSpec{"negative limit", R"("max_parallel_trials": -1)", "sweep.max_parallel_trials"},
        BadSpec{"unknown enum value", R"("keep_models": 77)", "sweep.keep_models"},
        BadSpec{"option of another model",
                R"("model": {"output_activation": "OUTPUT_ACTIVATION_RELU"})",
                "sweep.model.output_activation"}));

TEST_F(SubmitSweepTest, NeedsASweep) {
  EXPECT_THAT(Refusal(R"("sweep_id": "lab-1")").violations, Contains(Key("sweep")));
}

TEST_F(SubmitSweepTest, NeedsExactlyOneModelAndADataset) {
  EXPECT_THAT(Refusal(R"("sweep": {})").violations,
              UnorderedElementsAre(Key("sweep.model"), Key("sweep.dataset.name")));
}

TEST_F(SubmitSweepTest, AnErrorWithManyProblemsStillFitsIntoTheTrailers) {
  std::string values = "0";
  for (int i = 0; i < 2000; ++i) values += ",0";
  const Error error = Refusal(Sweep(R"("grid": {"batch_size": [)" + values + "]}"));
  EXPECT_EQ(error.code, grpc::StatusCode::INVALID_ARGUMENT);
  EXPECT_EQ(error.reason, "INVALID_SPEC");
  EXPECT_THAT(error.violations, Contains(Key("sweep.grid.batch_size[0]")));
  EXPECT_THAT(error.violations, Contains(Pair("", HasSubstr("further problems"))));
}

TEST_F(SubmitSweepTest, RefusesAPlanThatIsTooLarge) {
  const Error error =
      Refusal(Sweep(R"("random": {"count": 200000, "learning_rate": {"min": 0.1, "max": 0.9}},
               "repeats": 10)"));
  EXPECT_EQ(error.code, grpc::StatusCode::INVALID_ARGUMENT);
  EXPECT_EQ(error.reason, "PLAN_TOO_LARGE");
  EXPECT_THAT(error.metadata, ElementsAre(Pair("limit", "1000000")));
}

TEST_F(SubmitSweepTest, RefusesASpecificationOfMoreThanAMebibyte) {
  const Error error =
      Refusal(fmt::format(R"("sweep": {{"display_name": "{}"}})", std::string((1 << 20) + 1, 'x')));
  EXPECT_EQ(error.code, grpc::StatusCode::INVALID_ARGUMENT);
  EXPECT_EQ(error.reason, "INVALID_SPEC");
  EXPECT_THAT(error.violations, Contains(Pair("sweep", HasSubstr("1048576"))));
}

TEST_F(SubmitSweepTest, RefusesAMessageOfMoreThanFourMebibytes) {
  EXPECT_EQ(
      Refusal(fmt::format(R"("sweep": {{"display_name": "{}"}})", std::string((4 << 20) + 1, 'x')))
          .code,
      grpc::StatusCode::RESOURCE_EXHAUSTED);
}

TEST_F(SubmitSweepTest, RefusesAnIdInUse) {
  Submit("lab-1");
  const Error error = Refusal(R"("sweep_id": "lab-1", )" + Sweep(""));
  EXPECT_EQ(error.code, grpc::StatusCode::ALREADY_EXISTS);
  EXPECT_EQ(error.reason, "ID_IN_USE");
  EXPECT_EQ(error.domain, "bitsweep");
  EXPECT_EQ(error.resource.resource_type(), "sweep");
  EXPECT_EQ(error.resource.resource_name(), "sweeps/lab-1");
}

TEST_F(SubmitSweepTest, RefusesAModelThatIsNotStored) {
  const Error error = Refusal(
      R"("sweep": {"model": {"name": "models/none"}, "dataset": {"name": "synthetic-jets"}})");
  EXPECT_EQ(error.code, grpc::StatusCode::NOT_FOUND);
  EXPECT_EQ(error.reason, "MODEL_NOT_FOUND");
}

TEST_F(SubmitSweepTest, ARepeatedRequestGetsTheFirstAnswer) {
  const std::string request = "{" + Sweep(R"("repeats": 3)") + R"(, "request_id": "r-1"})";
  const auto first = Call(&Sweeps::SubmitSweep, request);
  const auto second = Call(&Sweeps::SubmitSweep, request);
  ASSERT_TRUE(first.ok() && second.ok());
  EXPECT_FALSE(first.response.deduplicated());
  EXPECT_TRUE(second.response.deduplicated());
  EXPECT_EQ(second.response.sweep().name(), first.response.sweep().name());
  EXPECT_EQ(Call(&Sweeps::ListSweeps).response.sweeps_size(), 1);
}

TEST_F(SubmitSweepTest, ARepeatedRequestIsKnownAfterARestart) {
  const std::string request = "{" + Sweep("") + R"(, "request_id": "r-1"})";
  const auto first = Call(&Sweeps::SubmitSweep, request);
  StartServer();
  const auto second = Call(&Sweeps::SubmitSweep, request);
  ASSERT_TRUE(first.ok() && second.ok());
  EXPECT_TRUE(second.response.deduplicated());
  EXPECT_EQ(second.response.sweep().name(), first.response.sweep().name());
}

TEST_F(SubmitSweepTest, ARequestIdWithAnotherBodyIsRefused) {
  ASSERT_TRUE(
      Call(&Sweeps::SubmitSweep, "{" + Sweep(R"("seed": 1)") + R"(, "request_id": "r-1"})").ok());
  const Error error = Refusal(Sweep(R"("seed": 2)") + R"(, "request_id": "r-1")");
  EXPECT_EQ(error.code, grpc::StatusCode::ALREADY_EXISTS);
  EXPECT_EQ(error.reason, "REQUEST_ID_REUSED");
  EXPECT_THAT(error.metadata, ElementsAre(Pair("request_id", "r-1")));
}

TEST_F(SubmitSweepTest, ARequestIdWithAnotherSweepIdIsRefused) {
  ASSERT_TRUE(
      Call(&Sweeps::SubmitSweep, "{" + Sweep("") + R"(, "request_id": "r-1", "sweep_id": "lab-1"})")
          .ok());
  EXPECT_EQ(Refusal(Sweep("") + R"(, "request_id": "r-1", "sweep_id": "lab-2")").reason,
            "REQUEST_ID_REUSED");
}

TEST_F(SubmitSweepTest, ValidateOnlySaysWhatWouldBeRunAndWritesNothing) {
  const auto answer =
      Call(&Sweeps::SubmitSweep,
           "{" + Sweep(R"("grid": {"batch_size": [8, 16]}, "repeats": 5)") +
               R"(, "validate_only": true, "sweep_id": "lab-1", "request_id": "r-1"})");
  ASSERT_TRUE(answer.ok()) << answer.error.message;
  EXPECT_EQ(answer.response.sweep().trial_count(), 10);
  EXPECT_EQ(answer.response.sweep().configuration_count(), 2);
  EXPECT_FALSE(answer.response.sweep().has_create_time());
  EXPECT_EQ(Call(&Sweeps::ListSweeps).response.sweeps_size(), 0);
  EXPECT_EQ(Call(&Sweeps::GetSweep, R"({"name": "sweeps/lab-1"})").error.code,
            grpc::StatusCode::NOT_FOUND);
  // Not even the request_id is remembered.
  EXPECT_TRUE(
      Call(&Sweeps::SubmitSweep, "{" + Sweep(R"("seed": 3)") + R"(, "request_id": "r-1"})").ok());
}

TEST_F(SubmitSweepTest, ValidateOnlyFindsTheSameProblems) {
  EXPECT_THAT(Refusal(Sweep(R"("repeats": 0)") + R"(, "validate_only": true)").violations,
              Contains(Key("sweep.repeats")));
}

TEST_F(SubmitSweepTest, SaysThatAServersFieldIsNotUsed) {
  const auto answer = Call(&Sweeps::SubmitSweep, "{" + Sweep(R"("name": "sweeps/mine")") + "}");
  ASSERT_TRUE(answer.ok()) << answer.error.message;
  EXPECT_NE(answer.response.sweep().name(), "sweeps/mine");
  EXPECT_THAT(answer.response.warnings(), ElementsAre(HasSubstr("sweeps/mine")));
}

}  // namespace
}  // namespace bitsweep::rpc
