// SPDX-License-Identifier: Apache-2.0
// Transform files in the request's shape; the lab report's form is in report_form_test.cc.
#include "client/api/transform_file.h"

#include <fstream>

#include "core/base/errors.h"
#include "gmock/gmock.h"
#include "google/protobuf/util/message_differencer.h"
#include "tests/support/status_matchers.h"
#include "tests/support/test_paths.h"

namespace bitsweep::client {
namespace {

using ::bitsweep::testing::StatusIs;
using ::testing::ElementsAre;
using ::testing::Field;
using ::testing::HasSubstr;

constexpr char kTransformToml[] = R"(
transform_id = "grid"
[transform]
model.name = "models/lab-1-0"
dataset = { name = "synthetic-jets", synthetic = { rows = 5_000 } }
axes = [{ entry = "linear.weight_width", values = [4, 8] }]
keep_models = true
[[transform.passes]]
[transform.passes.quantize.quantization]
by = "type"
default_config = { name = "NA" }
rules = [{ key = "linear", config = { name = "integer", data_in = { width = 8 }, weight = { width = 8, frac_width = -1 } } }]
[[transform.passes]]
count_ops = { conventions = ["macs", "LAB_REPORT"] }
)";

constexpr char kTransformJson[] = R"({"transformId": "grid", "transform": {
  "model": {"name": "models/lab-1-0"},
  "dataset": {"name": "synthetic-jets", "synthetic": {"rows": "5000"}},
  "axes": [{"entry": "linear.weight_width", "values": [4, "8"]}], "keepModels": true,
  "passes": [
    {"quantize": {"quantization": {"by": "type", "defaultConfig": {"name": "NA"}, "rules": [
      {"key": "linear", "config": {"name": "integer", "dataIn": {"width": 8},
       "weight": {"width": 8, "fracWidth": -1}}}]}}},
    {"countOps": {"conventions": ["COUNT_CONVENTION_MACS", "COUNT_CONVENTION_LAB_REPORT"]}}]}})";

TEST(TransformFileTest, ReadsToml) {
  ASSERT_OK_AND_ASSIGN(const v1::SubmitTransformRequest request,
                       ParseTransformFile(kTransformToml, "grid.toml"));
  EXPECT_EQ(request.transform_id(), "grid");
  const v1::Transform& transform = request.transform();
  EXPECT_EQ(transform.model().name(), "models/lab-1-0");
  EXPECT_EQ(transform.dataset().synthetic().rows(), 5000);
  EXPECT_EQ(transform.axes(0).entry(), "linear.weight_width");
  EXPECT_THAT(transform.axes(0).values(), ElementsAre(4, 8));
  EXPECT_TRUE(transform.keep_models());
  ASSERT_EQ(transform.passes_size(), 2);
  const v1::Quantization& quantization = transform.passes(0).quantize().quantization();
  EXPECT_EQ(quantization.default_config().name(), "NA");
  EXPECT_EQ(quantization.rules(0).config().weight().frac_width(), -1);
  EXPECT_FALSE(quantization.rules(0).config().has_bias());
  EXPECT_THAT(transform.passes(1).count_ops().conventions(),
              ElementsAre(v1::COUNT_CONVENTION_MACS, v1::COUNT_CONVENTION_LAB_REPORT));
}

TEST(TransformFileTest, ReadsTheSameFromProtobufJson) {
  ASSERT_OK_AND_ASSIGN(const v1::SubmitTransformRequest toml,
                       ParseTransformFile(kTransformToml, "grid.toml"));
  ASSERT_OK_AND_ASSIGN(const v1::SubmitTransformRequest json,
                       ParseTransformFile(kTransformJson, "grid.json"));
  EXPECT_TRUE(google::protobuf::util::MessageDifferencer::Equals(toml, json))
      << json.ShortDebugString();
}

TEST(TransformFileTest, NamesEveryProblemWithItsPosition) {
  const absl::Status status = ParseTransformFile(R"(
[transform]
model.builtin = 1
[[transform.passes]]
quantise = {}
[[transform.passes]]
count_ops = { batch_size = 1.5, conventions = ["flops"] }
)",
                                                 "bad.toml")
                                  .status();
  EXPECT_THAT(status, StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("bad.toml")));
  EXPECT_THAT(
      GetErrorDetails(status).value_or(ErrorDetails{}).violations,
      ElementsAre(FieldViolation{"transform.model.builtin", "1: expected text"},
                  Field(&FieldViolation::field, "transform.passes[0].quantise"),
                  FieldViolation{"transform.passes[1].count_ops.batch_size",
                                 "1.5: expected a whole number"},
                  FieldViolation{"transform.passes[1].count_ops.conventions[0]",
                                 "\"flops\": expected one of lab_report, macs, bops_uniq, ebops"}));
}

TEST(TransformFileTest, TakesAnotherModelAndDataSet) {
  ASSERT_OK_AND_ASSIGN(
      const v1::SubmitTransformRequest request,
      ParseTransformFile(kTransformToml, "grid.toml", {.model = "jsc-s", .dataset = "jets.csv"}));
  EXPECT_EQ(request.transform().model().builtin(), "jsc-s");
  EXPECT_EQ(request.transform().model().name(), "");
  EXPECT_EQ(request.transform().dataset().name(), "jets.csv");
  EXPECT_FALSE(request.transform().dataset().has_synthetic());
}

TEST(TransformFileTest, TakesAStoredModelByItsFullName) {
  ASSERT_OK_AND_ASSIGN(
      const v1::SubmitTransformRequest request,
      ParseTransformFile("", "empty.toml", {.model = "models/m-1", .dataset = ""}));
  EXPECT_EQ(request.transform().model().name(), "models/m-1");
}

TEST(TransformFileTest, NamesAFileThatCannotBeRead) {
  const bitsweep::testing::TempDir folder;
  const std::string missing = (folder.path() / "none.toml").string();
  EXPECT_THAT(ReadTransformFile(missing),
              StatusIs(absl::StatusCode::kNotFound, HasSubstr(missing)));
}

TEST(TransformFileTest, ReadsTheExamples) {
  for (const char* name : {"lab2", "ptq-grid", "ptq-400"}) {
    ASSERT_OK_AND_ASSIGN(const v1::SubmitTransformRequest request,
                         ReadTransformFile("deploy/examples/" + std::string(name) + ".toml"));
    EXPECT_GE(request.transform().passes_size(), 3) << name;
  }
}

}  // namespace
}  // namespace bitsweep::client
