// SPDX-License-Identifier: Apache-2.0
#include "core/spec/spec_json.h"

#include <utility>

#include "core/base/sha256.h"
#include "nlohmann/json.hpp"
#include "tests/core/spec/lab1.h"
#include "tests/support/status_matchers.h"

namespace bitsweep::spec {
namespace {

using ::bitsweep::testing::StatusIs;
using ::testing::HasSubstr;
using Json = nlohmann::json;

SweepSpec EveryField() {
  SweepSpec spec = Lab1();
  spec.model = {.builtin = "jsc-rs1923", .output_activation = graph::OutputActivation::kNone};
  spec.dataset = {.name = "jets/jsc.csv",
                  .synthetic_rows = 77,
                  .synthetic_seed = 5,
                  .label_column = "class",
                  .feature_columns = {"a", "b"},
                  .labels_file = "y.npy",
                  .features_key = "X",
                  .labels_key = "y",
                  .drop_duplicate_rows = true,
                  .validation_fraction = 0.25,
                  .split_seed = 9,
                  .stratified = true,
                  .scaler = Scaler::kNone,
                  .validation = Validation::kTrainingRows};
  spec.base = {7, 0.125, 9, Optimizer::kSgd, 0.5, Schedule::kConstant};
  spec.keep_models = KeepModels::kAll;
  spec.max_parallel_trials = 3;
  spec.priority = -4;
  spec.failure_policy.stop_after_failures = 2;
  spec.engine = EngineChoice::kLibtorch;
  return spec;
}

Json Lab1Json() { return Json::parse(ToCanonicalJson(Lab1())); }

void ExpectRoundTrip(const SweepSpec& spec) {
  const std::string text = ToCanonicalJson(spec);
  ASSERT_OK_AND_ASSIGN(const SweepSpec read, SweepSpecFromJson(text));
  EXPECT_EQ(read, spec) << text;
  EXPECT_EQ(ToCanonicalJson(read), text);
}

// That Lab 1's JSON with the value at `pointer` replaced is refused, naming `field`.
void ExpectRefused(const std::string& pointer, Json value, const std::string& field,
                   const std::string& why) {
  Json json = Lab1Json();
  json[Json::json_pointer(pointer)] = std::move(value);
  EXPECT_THAT(SweepSpecFromJson(json.dump()),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr(field + ": " + why)));
}

TEST(SpecJsonTest, RoundTripsEveryField) { ExpectRoundTrip(EveryField()); }

TEST(SpecJsonTest, RoundTripsEveryModelSource) {
  SweepSpec spec = Lab1();
  spec.model = {.stored = "models/best"};
  ExpectRoundTrip(spec);
  spec.model = {.graph_json = R"({"format":"bitsweep.graph"})"};
  ExpectRoundTrip(spec);
}

TEST(SpecJsonTest, RoundTripsEverySearch) {
  SweepSpec spec = Lab1();
  const Axes axes{{1, 2},   {0.1, 1e-300},
                  {8},      {Optimizer::kAdamW, Optimizer::kAdam},
                  {0, 0.5}, {Schedule::kConstant, Schedule::kCosine}};
  for (const Search& search : {Search(Single{}), Search(Grid{axes}), Search(OneAtATime{axes}),
                               Search(Points{{{}, {.batch_size = 8}, EveryField().base}}),
                               Search(RandomSearch{.count = 5,
                               .max_epochs = {.min = 1, .max = 9, .scale = Scale::kLog},
                               .learning_rate = {.values = {0.1, 0.3}},
                               .batch_size = {.values = {8, 16}},
                               .optimizer = {Optimizer::kSgd},
                               .weight_decay = {.min = 0.1, .max = 0.7},
                               .schedule = {Schedule::kCosine}})}) {
    spec.search = search;
    ExpectRoundTrip(spec);
  }
}

TEST(SpecJsonTest, RoundTripsExtremeNumbers) {
  SweepSpec spec = Lab1();
  spec.seed = 9223372036854775807;
  spec.dataset.split_seed = 9007199254740993;
  spec.base.learning_rate = 0.1 + 0.2;
  ExpectRoundTrip(spec);
}

TEST(SpecJsonTest, TextIsCanonical) {
  SweepSpec spec;
  spec.model.builtin = "jsc-tiny";
  spec.dataset.name = "jsc";
  spec.base.learning_rate = 1e-5;
  EXPECT_EQ(ToCanonicalJson(spec),
            R"({"base":{"learning_rate":1e-05},"dataset":{"drop_duplicate_rows":false,)"
            R"("feature_columns":[],"features_key":"","label_column":"","labels_file":"",)"
            R"("labels_key":"","name":"jsc","scaler":"standard","split_seed":42,)"
            R"("stratified":false,"synthetic_rows":100000,"synthetic_seed":0,)"
            R"("validation":"held_out","validation_fraction":0.2},"display_name":"",)"
            R"("engine":"auto","keep_models":"best","max_parallel_trials":0,)"
            R"("model":{"builtin":"jsc-tiny","graph_json":"","stored":""},"priority":0,)"
            R"("repeats":1,"search":{},"seed":0,"stop_after_failures":0})");
}

TEST(SpecJsonTest, DigestIsOfTheText) {
  EXPECT_EQ(SpecDigest(Lab1()), Sha256Hex(ToCanonicalJson(Lab1())));
  SweepSpec other = Lab1();
  other.seed = 2;
  EXPECT_NE(SpecDigest(other), SpecDigest(Lab1()));
}

TEST(SpecJsonTest, RefusesWhatIsNoJsonObject) {
  for (const char* text : {"", "{", "nonsense", "\xff"}) {
    EXPECT_THAT(SweepSpecFromJson(text),
                StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("not JSON")));
  }
  for (const char* text : {"null", "[]", "1"}) {
    EXPECT_THAT(SweepSpecFromJson(text),
                StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("expected an object")));
  }
}

TEST(SpecJsonTest, NamesEachMissingField) {
  const Json whole = Lab1Json();
  for (const auto& [key, value] : whole.items()) {
    Json json = Lab1Json();
    json.erase(key);
    EXPECT_THAT(SweepSpecFromJson(json.dump()),
                StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr(key + ": missing")));
  }
  const Json dataset = Lab1Json()["dataset"];
  for (const auto& [key, value] : dataset.items()) {
    Json json = Lab1Json();
    json["dataset"].erase(key);
    EXPECT_THAT(
        SweepSpecFromJson(json.dump()),
        StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("dataset." + key + ": missing")));
  }
}

TEST(SpecJsonTest, NamesEachUnknownField) {
  ExpectRefused("/extra", 1, "spec.extra", "unknown field");
  ExpectRefused("/model/extra", 1, "model.extra", "unknown field");
  ExpectRefused("/dataset/extra", 1, "dataset.extra", "unknown field");
  ExpectRefused("/base/momentum", 0.9, "spec.base.momentum", "unknown field");
  ExpectRefused("/search/one_at_a_time/extra", 1, "search.one_at_a_time.extra", "unknown field");
  ExpectRefused("/search/extra", 1, "search.extra", "unknown field");
}

TEST(SpecJsonTest, NamesEachValueOfAWrongType) {
  ExpectRefused("/display_name", 1, "spec.display_name", "wrong type");
  ExpectRefused("/base", 1, "spec.base", "expected an object");
  ExpectRefused("/dataset/stratified", 1, "dataset.stratified", "wrong type");
  ExpectRefused("/dataset/feature_columns", "a", "dataset.feature_columns", "wrong type");
  ExpectRefused("/base/learning_rate", "fast", "spec.base.learning_rate", "wrong type");
  ExpectRefused("/search", nullptr, "search", "expected an object");
  ExpectRefused("/search", {{"points", {{"a", 1}}}}, "search.points", "wrong type");
}

TEST(SpecJsonTest, TakesOnlyIntegersForIntegers) {
  for (const Json& value :
       {Json(1.5), Json(2.0), Json(true), Json("3"), Json(nullptr), Json(9223372036854775808u)}) {
    ExpectRefused("/repeats", value, "spec.repeats", "wrong type");
    ExpectRefused("/base/batch_size", value, "spec.base.batch_size", "wrong type");
    ExpectRefused("/search/one_at_a_time/max_epochs/1", value, "search.one_at_a_time.max_epochs",
                  "wrong type");
  }
}

TEST(SpecJsonTest, NamesEachUnknownName) {
  ExpectRefused("/keep_models", "some", "spec.keep_models", "unknown name");
  ExpectRefused("/engine", "cuda", "spec.engine", "unknown name");
  ExpectRefused("/dataset/scaler", "minmax", "dataset.scaler", "unknown name");
  ExpectRefused("/dataset/validation", "HELD_OUT", "dataset.validation", "unknown name");
  ExpectRefused("/base/optimizer", "lion", "spec.base.optimizer", "unknown name");
  ExpectRefused("/model/output_activation", "tanh", "model.output_activation", "unknown name");
  ExpectRefused("/search/one_at_a_time/optimizer", Json::array({"adam", "lion"}),
                "search.one_at_a_time.optimizer", "unknown name");
}

TEST(SpecNamesTest, ParseBack) {
  for (const Scaler s : {Scaler::kStandard, Scaler::kNone}) EXPECT_EQ(ParseScaler(Name(s)), s);
  for (const Validation v : {Validation::kHeldOut, Validation::kTrainingRows}) {
    EXPECT_EQ(ParseValidation(Name(v)), v);
  }
  for (const KeepModels k : {KeepModels::kAll, KeepModels::kBest, KeepModels::kNone}) {
    EXPECT_EQ(ParseKeepModels(Name(k)), k);
  }
  for (const EngineChoice e :
       {EngineChoice::kAuto, EngineChoice::kLibtorch, EngineChoice::kFused}) {
    EXPECT_EQ(ParseEngineChoice(Name(e)), e);
  }
  for (const Scale s : {Scale::kLinear, Scale::kLog}) EXPECT_EQ(ParseScale(Name(s)), s);
  EXPECT_EQ(ParseScale("LOG"), std::nullopt);
}

}  // namespace
}  // namespace bitsweep::spec
