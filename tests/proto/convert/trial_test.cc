// SPDX-License-Identifier: Apache-2.0
#include "proto/convert/trial.h"

#include "core/base/errors.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/support/status_matchers.h"

namespace bitsweep::convert {
namespace {

using ::testing::ElementsAre;
using testing::StatusIs;

TEST(TrialResultTest, SaysWhichValidationWasUsed) {
  v1::TrialResult proto;
  proto.set_validation(v1::VALIDATION_TRAINING_ROWS);
  ASSERT_OK_AND_ASSIGN(const spec::TrialResult on_training, FromProto(proto));
  EXPECT_EQ(on_training.validation, spec::Validation::kTrainingRows);
  EXPECT_EQ(ToProto(on_training).validation(), v1::VALIDATION_TRAINING_ROWS);
  proto.set_validation(v1::VALIDATION_HELD_OUT);
  ASSERT_OK_AND_ASSIGN(const spec::TrialResult held_out, FromProto(proto));
  EXPECT_EQ(held_out.validation, spec::Validation::kHeldOut);
  EXPECT_EQ(ToProto(held_out).validation(), v1::VALIDATION_HELD_OUT);
}

TEST(TrialResultTest, AnUnsetValidationIsHeldOut) {
  ASSERT_OK_AND_ASSIGN(const spec::TrialResult result, FromProto(v1::TrialResult()));
  EXPECT_EQ(result.validation, spec::Validation::kHeldOut);
}

TEST(TrialResultTest, AnUnknownValidationIsRefusedByName) {
  v1::TrialResult proto;
  proto.set_validation(static_cast<v1::Validation>(9));
  const absl::Status status = FromProto(proto).status();
  EXPECT_THAT(status, StatusIs(absl::StatusCode::kInvalidArgument));
  EXPECT_THAT(GetErrorDetails(status)->violations,
              ElementsAre(FieldViolation{"result.validation", "unknown value 9"}));
}

TEST(TrialJobTest, CarriesTheQuantizationToTrainWith) {
  spec::TrialSpec trial;
  trial.model.builtin = "jsc-tiny";
  trial.dataset.name = "synthetic-jets";
  trial.quantization = spec::QuantizeSpec{
      .by = "type",
      .rules = {{.key = "linear",
                 .config = {.name = "integer",
                            .data_in = spec::TensorFormatSpec{.width = 8, .frac_width = 4},
                            .weight = spec::TensorFormatSpec{.width = 6}}}}};
  ASSERT_OK_AND_ASSIGN(const spec::TrialSpec read, FromProto(ToProto(trial)));
  EXPECT_EQ(read.quantization, trial.quantization);
  trial.quantization.reset();
  EXPECT_FALSE(ToProto(trial).has_quantization());
}

}  // namespace
}  // namespace bitsweep::convert
