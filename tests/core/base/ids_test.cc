// SPDX-License-Identifier: Apache-2.0
#include "core/base/ids.h"

#include <set>

#include "core/base/errors.h"
#include "tests/support/status_matchers.h"

namespace bitsweep {
namespace {

using ::bitsweep::testing::IsOk;
using ::bitsweep::testing::StatusIs;
using ::testing::HasSubstr;
using ::testing::StartsWith;

TEST(ResourceIdTest, AcceptsLowerCaseLettersDigitsAndDashes) {
  for (const char* id : {"lab1", "a---", "z999", "lab-1-of-3"}) {
    EXPECT_TRUE(IsValidResourceId(id)) << id;
  }
}

TEST(ResourceIdTest, HasFourToSixtyThreeCharacters) {
  EXPECT_FALSE(IsValidResourceId(""));
  EXPECT_FALSE(IsValidResourceId("abc"));
  EXPECT_TRUE(IsValidResourceId("abcd"));
  EXPECT_TRUE(IsValidResourceId(std::string(63, 'a')));
  EXPECT_FALSE(IsValidResourceId(std::string(64, 'a')));
}

TEST(ResourceIdTest, RefusesWhatIsNoId) {
  for (const char* id : {"1lab", "-lab", "Lab1", "labA", "lab_1", "lab.1", "lab/1", "lab 1",
                         "lab1\n", "../lab", "lab\xc3\xa9"}) {
    EXPECT_FALSE(IsValidResourceId(id)) << id;
  }
  EXPECT_FALSE(IsValidResourceId(std::string_view("lab\0x", 5)));
}

TEST(ResourceIdTest, GeneratedIdsAreValidAndDiffer) {
  std::set<std::string> ids;
  for (int i = 0; i < 1000; ++i) {
    const std::string id = GenerateResourceId("sweep");
    EXPECT_TRUE(IsValidResourceId(id)) << id;
    EXPECT_THAT(id, StartsWith("sweep-"));
    ids.insert(id);
  }
  EXPECT_EQ(ids.size(), 1000u);
}

TEST(ResourceNameTest, NamesAreWhatTheApiPrints) {
  EXPECT_EQ(SweepName("lab-1"), "sweeps/lab-1");
  EXPECT_EQ(TrialNameText("lab-1", 17), "sweeps/lab-1/trials/17");
  EXPECT_EQ(ConfigurationName("lab-1", 0), "sweeps/lab-1/configurations/0");
  EXPECT_EQ(ModelName("best"), "models/best");
  EXPECT_EQ(ArtifactName("00ff"), "artifacts/00ff");
  EXPECT_EQ(WorkerName("w-1-a"), "workers/w-1-a");
}

TEST(ResourceNameTest, ParsersInvertNames) {
  EXPECT_EQ(*ParseSweepName("sweeps/lab-1"), "lab-1");
  EXPECT_EQ(*ParseModelName("models/lab-1"), "lab-1");
  EXPECT_EQ(*ParseWorkerName("workers/lab-1"), "lab-1");
  EXPECT_EQ(*ParseArtifactName("artifacts/" + std::string(64, 'a')), std::string(64, 'a'));
  const absl::StatusOr<TrialName> trial = ParseTrialName("sweeps/lab-1/trials/17");
  ASSERT_THAT(trial, IsOk());
  EXPECT_EQ(trial->sweep_id, "lab-1");
  EXPECT_EQ(trial->number, 17);
}

TEST(ResourceNameTest, RefusesOtherCollectionsAndPathTricks) {
  for (const char* name :
       {"", "lab-1", "sweeps", "sweeps/", "sweep/lab-1", "Sweeps/lab-1", "/sweeps/lab-1",
        "sweeps//lab-1", "sweeps/lab-1/", "sweeps/../lab-1", "sweeps/lab-1/..", "sweeps/..%2flab",
        "sweeps/lab-1\n", " sweeps/lab-1", "sweeps/sweeps/lab-1", "models/lab-1"}) {
    EXPECT_THAT(ParseSweepName(name), StatusIs(absl::StatusCode::kInvalidArgument)) << name;
  }
  EXPECT_THAT(ParseModelName("sweeps/lab-1"), StatusIs(absl::StatusCode::kInvalidArgument));
  EXPECT_THAT(ParseWorkerName("workers/../etc"), StatusIs(absl::StatusCode::kInvalidArgument));
}

TEST(ResourceNameTest, ErrorsNameTheTextAndThePattern) {
  const absl::StatusOr<std::string> parsed = ParseSweepName("sweeps/X");
  EXPECT_THAT(parsed, StatusIs(absl::StatusCode::kInvalidArgument,
                               "name \"sweeps/X\": expected sweeps/{sweep}, the id as "
                               "[a-z][a-z0-9-]{3,62}"));
  EXPECT_EQ(GetErrorDetails(parsed.status())->reason, "INVALID_NAME");
}

TEST(TrialNameTest, RefusesNumbersThatAreNotWrittenPlainly) {
  for (const char* number : {"", "x", "-1", "-0", "+1", "007", "1.0", "1e3", " 1", "1 ", "0x1",
                             "1/2", "9223372036854775808", "99999999999999999999"}) {
    EXPECT_THAT(ParseTrialName(std::string("sweeps/lab-1/trials/") + number),
                StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("sweeps/{sweep}/trials/")))
        << number;
  }
}

TEST(TrialNameTest, AcceptsEveryNumberFromZero) {
  EXPECT_EQ(ParseTrialName("sweeps/lab-1/trials/0")->number, 0);
  EXPECT_EQ(ParseTrialName("sweeps/lab-1/trials/9223372036854775807")->number, 9223372036854775807);
}

TEST(TrialNameTest, RefusesAWrongSweep) {
  for (const char* name : {"sweeps/x/trials/1", "sweeps//trials/1", "lab-1/trials/1", "/trials/1",
                           "sweeps/lab-1/trial/1", "sweeps/lab-1/trials/1/trials/1"}) {
    EXPECT_THAT(ParseTrialName(name), StatusIs(absl::StatusCode::kInvalidArgument)) << name;
  }
}

TEST(ArtifactNameTest, TakesOnlyDigestsInLowerCaseHex) {
  for (const std::string& digest :
       {std::string(63, 'a'), std::string(65, 'a'), std::string(64, 'A'), std::string(64, 'g'),
        "../" + std::string(61, 'a'), std::string()}) {
    EXPECT_THAT(ParseArtifactName("artifacts/" + digest),
                StatusIs(absl::StatusCode::kInvalidArgument))
        << digest;
  }
}

}  // namespace
}  // namespace bitsweep
