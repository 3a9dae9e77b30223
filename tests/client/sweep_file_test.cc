// SPDX-License-Identifier: Apache-2.0
#include "client/api/sweep_file.h"

#include <cmath>
#include <fstream>
#include <iostream>
#include <sstream>

#include "core/base/errors.h"
#include "gmock/gmock.h"
#include "google/protobuf/util/message_differencer.h"
#include "tests/support/status_matchers.h"
#include "tests/support/test_paths.h"

namespace bitsweep::client {
namespace {

using ::bitsweep::testing::StatusIs;
using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;

std::vector<FieldViolation> ViolationsOf(const std::string& text, const std::string& name) {
  const absl::Status status = ParseSweepFile(text, name).status();
  EXPECT_THAT(status, StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr(name)));
  return GetErrorDetails(status).value_or(ErrorDetails{}).violations;
}

constexpr char kToml[] = R"(
sweep_id = "lab-1"
[sweep]
display_name = "lab 1"
repeats = 10
model.builtin = "jsc-tiny"
dataset = { name = "synthetic-jets", synthetic = { rows = 1_000_000 } }
base = { max_epochs = 10, learning_rate = 1e-5, optimizer = "adamw" }
keep_models = "all"
[sweep.one_at_a_time]
batch_size = [16, 32]
schedule = ["cosine", "constant"]
)";

constexpr char kJson[] = R"({"sweepId": "lab-1", "sweep": {
  "displayName": "lab 1", "repeats": "10", "model": {"builtin": "jsc-tiny"},
  "dataset": {"name": "synthetic-jets", "synthetic": {"rows": 1e6}},
  "base": {"maxEpochs": 10, "learningRate": 0.00001, "optimizer": "OPTIMIZER_ADAMW"},
  "keepModels": "KEEP_MODELS_ALL",
  "oneAtATime": {"batchSize": [16, "32"], "schedule": ["SCHEDULE_COSINE", "CONSTANT"]}}})";

TEST(SweepFileTest, ReadsToml) {
  ASSERT_OK_AND_ASSIGN(const v1::SubmitSweepRequest request, ParseSweepFile(kToml, "lab.toml"));
  EXPECT_EQ(request.sweep_id(), "lab-1");
  const v1::Sweep& sweep = request.sweep();
  EXPECT_EQ(sweep.display_name(), "lab 1");
  EXPECT_EQ(sweep.repeats(), 10);
  EXPECT_EQ(sweep.model().builtin(), "jsc-tiny");
  EXPECT_EQ(sweep.base().learning_rate(), 1e-5);
  EXPECT_EQ(sweep.base().optimizer(), v1::OPTIMIZER_ADAMW);
  EXPECT_FALSE(sweep.base().has_batch_size());
  EXPECT_EQ(sweep.keep_models(), v1::KEEP_MODELS_ALL);
  EXPECT_THAT(sweep.one_at_a_time().batch_size(), ElementsAre(16, 32));
  EXPECT_THAT(sweep.one_at_a_time().schedule(),
              ElementsAre(v1::SCHEDULE_COSINE, v1::SCHEDULE_CONSTANT));
}

TEST(SweepFileTest, ReadsNumbersWithUnderscores) {
  ASSERT_OK_AND_ASSIGN(const v1::SubmitSweepRequest request, ParseSweepFile(kToml, "lab.toml"));
  EXPECT_EQ(request.sweep().dataset().synthetic().rows(), 1000000);
}

TEST(SweepFileTest, ReadsTheSameFromProtobufJson) {
  ASSERT_OK_AND_ASSIGN(const v1::SubmitSweepRequest toml, ParseSweepFile(kToml, "lab.toml"));
  ASSERT_OK_AND_ASSIGN(const v1::SubmitSweepRequest json, ParseSweepFile(kJson, "lab.json"));
  EXPECT_TRUE(google::protobuf::util::MessageDifferencer::Equals(toml, json))
      << json.ShortDebugString();
}

TEST(SweepFileTest, ReadsSnakeCaseJson) {
  ASSERT_OK_AND_ASSIGN(
      const v1::SubmitSweepRequest request,
      ParseSweepFile(R"({"sweep": {"grid": {"learning_rate": [1e-3]}}, "validate_only": true})",
                     "x.json"));
  EXPECT_THAT(request.sweep().grid().learning_rate(), ElementsAre(1e-3));
  EXPECT_TRUE(request.validate_only());
}

TEST(SweepFileTest, TellsJsonFromTomlByItsFirstCharacterWhenTheNameDoesNot) {
  EXPECT_TRUE(ParseSweepFile(" \n{\"sweep\": {}}", "standard input").ok());
  EXPECT_TRUE(ParseSweepFile("[sweep]\n", "standard input").ok());
}

TEST(SweepFileTest, TakesShortEnumNamesInAnyCase) {
  for (const char* name : {"sgd", "SGD", "Sgd", "OPTIMIZER_SGD", "optimizer_sgd"}) {
    ASSERT_OK_AND_ASSIGN(
        const v1::SubmitSweepRequest request,
        ParseSweepFile("[sweep]\nbase.optimizer = \"" + std::string(name) + "\"", "x.toml"));
    EXPECT_EQ(request.sweep().base().optimizer(), v1::OPTIMIZER_SGD) << name;
  }
}

TEST(SweepFileTest, TakesNullInJsonAsUnset) {
  ASSERT_OK_AND_ASSIGN(const v1::SubmitSweepRequest request,
                       ParseSweepFile(R"({"sweep": {"repeats": null}})", "x.json"));
  EXPECT_FALSE(request.sweep().has_repeats());
}

TEST(SweepFileTest, LeavesWhatIsNotFiniteToTheServer) {
  ASSERT_OK_AND_ASSIGN(
      const v1::SubmitSweepRequest request,
      ParseSweepFile("[sweep]\nbase = {learning_rate = nan, weight_decay = -inf}", "x.toml"));
  EXPECT_TRUE(std::isnan(request.sweep().base().learning_rate()));
  EXPECT_EQ(request.sweep().base().weight_decay(), -INFINITY);
}

TEST(SweepFileTest, KeepsAGraphAsItIs) {
  ASSERT_OK_AND_ASSIGN(
      const v1::SubmitSweepRequest request,
      ParseSweepFile(R"({"sweep": {"model": {"graph": {"any": {"thing": [1, "x"]}}}}})", "x.json"));
  EXPECT_EQ(request.sweep().model().graph().fields().count("any"), 1u);
}

TEST(SweepFileTest, NamesEveryProblemWithItsPosition) {
  EXPECT_THAT(
      ViolationsOf(R"(
sweeps = 1
[sweep]
colour = "blue"
seed = "one"
base = { optimizer = "adamx", batch_size = 1.5 }
grid = { learning_rate = [1e-3, "fast"], batch_size = 32 }
points = [{ max_epochs = 1 }, { epochs = 2 }]
)",
                   "bad.toml"),
      ::testing::UnorderedElementsAre(
          AllOf(::testing::Field(&FieldViolation::field, "sweeps"),
                ::testing::Field(&FieldViolation::description,
                                 HasSubstr("sweep, sweep_id, request_id"))),
          ::testing::Field(&FieldViolation::field, "sweep.colour"),
          FieldViolation{"sweep.seed", "\"one\": expected a whole number"},
          FieldViolation{"sweep.base.optimizer", "\"adamx\": expected one of adam, adamw, sgd"},
          FieldViolation{"sweep.base.batch_size", "1.5: expected a whole number"},
          FieldViolation{"sweep.grid.learning_rate[1]", "\"fast\": expected a number"},
          FieldViolation{"sweep.grid.batch_size", "expected a list, found number"},
          ::testing::Field(&FieldViolation::field, "sweep.points[1].epochs")));
}

TEST(SweepFileTest, RefusesAFieldInTwoSpellings) {
  const auto violations =
      ViolationsOf(R"({"sweep": {"displayName": "x", "display_name": "y"}})", "x.json");
  ASSERT_EQ(violations.size(), 1u);
  EXPECT_THAT(violations[0].description, HasSubstr("given twice"));
}

TEST(SweepFileTest, RefusesWholeNumbersThatDoNotFit) {
  for (const char* number : {"99999999999999999999", "\"9223372036854775808\"", "1e19", "0.5"}) {
    EXPECT_THAT(ViolationsOf(R"({"sweep": {"repeats": )" + std::string(number) + "}}", "x.json"),
                ElementsAre(::testing::Field(&FieldViolation::field, "sweep.repeats")))
        << number;
  }
}

TEST(SweepFileTest, NamesTheLineOfASyntaxError) {
  EXPECT_THAT(ParseSweepFile("[sweep]\nrepeats = 1\nseed == 2\n", "bad.toml"),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("bad.toml:3: ")));
  EXPECT_THAT(ParseSweepFile("{\"sweep\":\n {\"seed\": }}", "bad.json"),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       AllOf(HasSubstr("bad.json: "), HasSubstr("line 2"),
                             Not(HasSubstr("json.exception")))));
}

TEST(SweepFileTest, RefusesWhatIsNoSweep) {
  EXPECT_THAT(ViolationsOf("[1, 2]", "list.json"),
              ElementsAre(FieldViolation{"the file", "expected a table, found array"}));
  EXPECT_THAT(ParseSweepFile("{\"sweep\": {\"seed\": 1e400}}", "big.json"),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("big.json")));
  EXPECT_THAT(ParseSweepFile("[sweep]\nseed = 2026-01-31\n", "date.toml"),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("sweep.seed")));
}

TEST(SweepFileTest, NamesAFileThatCannotBeRead) {
  const bitsweep::testing::TempDir folder;
  const std::string missing = (folder.path() / "none.toml").string();
  EXPECT_THAT(ReadSweepFile(missing), StatusIs(absl::StatusCode::kNotFound, HasSubstr(missing)));
  EXPECT_THAT(ReadSweepFile(folder.path().string()),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("folder")));
}

TEST(SweepFileTest, ReadsAFile) {
  const bitsweep::testing::TempDir folder;
  const std::string path = (folder.path() / "s.toml").string();
  std::ofstream(path) << "[sweep]\nseed = 7\n";
  ASSERT_OK_AND_ASSIGN(const v1::SubmitSweepRequest request, ReadSweepFile(path));
  EXPECT_EQ(request.sweep().seed(), 7);
}

TEST(SweepFileTest, ReadsStandardInputForADash) {
  std::istringstream input("{\"sweep\": {\"seed\": 8}}");
  std::streambuf* const terminal = std::cin.rdbuf(input.rdbuf());
  const absl::StatusOr<v1::SubmitSweepRequest> request = ReadSweepFile("-");
  std::cin.rdbuf(terminal);
  ASSERT_TRUE(request.ok()) << request.status();
  EXPECT_EQ(request->sweep().seed(), 8);
}

}  // namespace
}  // namespace bitsweep::client
