// SPDX-License-Identifier: Apache-2.0
#include "core/spec/validate.h"

#include <limits>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/core/spec/lab1.h"
#include "tests/core/spec/quantize_specs.h"

namespace bitsweep::spec {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

constexpr double kNan = std::numeric_limits<double>::quiet_NaN();
constexpr double kInf = std::numeric_limits<double>::infinity();

std::vector<std::string> Fields(const SweepSpec& spec) {
  std::vector<std::string> fields;
  for (const FieldViolation& violation : Validate(spec)) fields.push_back(violation.field);
  return fields;
}

// That Lab 1 with `change` has one problem, of `field`, whose description has `why`.
template <typename Change>
void ExpectProblem(Change change, const std::string& field, const std::string& why) {
  SweepSpec spec = Lab1();
  change(spec);
  const std::vector<FieldViolation> violations = Validate(spec);
  ASSERT_THAT(violations, SizeIs(1)) << field;
  EXPECT_EQ(violations[0].field, field);
  EXPECT_THAT(violations[0].description, HasSubstr(why));
}
template <typename Change>
void ExpectValid(Change change) {
  SweepSpec spec = Lab1();
  change(spec);
  EXPECT_THAT(Fields(spec), IsEmpty());
}

TEST(ValidateTest, Lab1IsValid) { EXPECT_THAT(Fields(Lab1()), IsEmpty()); }

TEST(ValidateTest, NamesEveryProblemAtOnce) {
  SweepSpec spec = Lab1();
  spec.model.builtin = "jsc-m";
  spec.dataset.name = "../secret";
  spec.base.batch_size = 0;
  spec.search = Grid{};
  spec.repeats = 0;
  spec.seed = -1;
  spec.priority = 101;
  EXPECT_THAT(Fields(spec),
              ElementsAre("sweep.model.builtin", "sweep.dataset.name", "sweep.base.batch_size",
                          "sweep.grid", "sweep.repeats", "sweep.seed", "sweep.priority"));
}

TEST(ValidateTest, ChecksTheQuantization) {
  ExpectValid([](SweepSpec& spec) { spec.quantization = LabReport(); });
  ExpectProblem(
      [](SweepSpec& spec) {
        spec.quantization = By("name", {{"seq_blocks_9", Integer84()}});
      },
      "sweep.quantization.rules[0].key", "no node \"seq_blocks_9\"");
  ExpectProblem(
      [](SweepSpec& spec) {
        spec.model = {.stored = "models/best-tiny"};
        spec.quantization = By("type", {{"linear", {.name = "int8"}}});
      },
      "sweep.quantization.rules[0].config.name", "unknown number format");
}

TEST(ValidateTest, BoundsTheNumbersOfASweep) {
  ExpectProblem([](SweepSpec& s) { s.repeats = 0; }, "sweep.repeats", "0: expected 1 to 10000");
  ExpectProblem([](SweepSpec& s) { s.repeats = 10'001; }, "sweep.repeats", "10001: expected");
  ExpectProblem([](SweepSpec& s) { s.seed = -7; }, "sweep.seed", "-7: expected 0 or more");
  ExpectProblem([](SweepSpec& s) { s.priority = -101; }, "sweep.priority", "-101: expected");
  ExpectProblem([](SweepSpec& s) { s.max_parallel_trials = -1; }, "sweep.max_parallel_trials",
                "-1: expected 0 or more");
  ExpectProblem([](SweepSpec& s) { s.failure_policy.stop_after_failures = -1; },
                "sweep.failure_policy.stop_after_failures", "-1: expected 0 or more");
  ExpectProblem([](SweepSpec& s) { s.display_name = std::string(201, 'a'); }, "sweep.display_name",
                "201 bytes: expected at most 200");
  ExpectValid([](SweepSpec& s) { s.priority = -100; });
  ExpectValid([](SweepSpec& s) { s.display_name = std::string(200, 'a'); });
}

TEST(ValidateTest, BoundsTheBase) {
  ExpectProblem([](SweepSpec& s) { s.base.max_epochs = 0; }, "sweep.base.max_epochs",
                "0: expected 1 to 40000");
  ExpectProblem([](SweepSpec& s) { s.base.max_epochs = 40'001; }, "sweep.base.max_epochs", "");
  ExpectProblem([](SweepSpec& s) { s.base.batch_size = -1; }, "sweep.base.batch_size",
                "-1: expected 1 to 16777216");
  for (const double rate : {0.0, -1e-3, kNan, kInf, -kInf, 1e7}) {
    ExpectProblem([&](SweepSpec& s) { s.base.learning_rate = rate; }, "sweep.base.learning_rate",
                  "expected a number above 0, at most 1e6");
  }
  for (const double decay : {-1e-9, kNan, kInf, 1e7}) {
    ExpectProblem([&](SweepSpec& s) { s.base.weight_decay = decay; }, "sweep.base.weight_decay",
                  "expected a number from 0 to 1e6");
  }
  ExpectValid([](SweepSpec& s) { s.base.weight_decay = 0; });
}

TEST(ValidateTest, WantsExactlyOneModel) {
  ExpectProblem([](SweepSpec& s) { s.model = {}; }, "sweep.model", "0 of builtin, name and graph");
  ExpectProblem([](SweepSpec& s) { s.model.stored = "models/best"; }, "sweep.model",
                "2 of builtin, name and graph");
}

TEST(ValidateTest, ChecksTheModel) {
  ExpectProblem([](SweepSpec& s) { s.model.builtin = "lenet"; }, "sweep.model.builtin",
                "no model \"lenet\": expected one of jsc-tiny");
  ExpectProblem([](SweepSpec& s) { s.model = {.stored = "best"}; }, "sweep.model.name",
                "\"best\": expected models/{model}");
  ExpectProblem([](SweepSpec& s) { s.model = {.graph_json = "{}"}; }, "sweep.model.graph",
                "\"format\" is missing");
  ExpectProblem([](SweepSpec& s) { s.model.output_activation = graph::OutputActivation::kRelu; },
                "sweep.model.output_activation", "only jsc-rs1923");
  ExpectValid([](SweepSpec& s) {
    s.model = {.builtin = "jsc-rs1923", .output_activation = graph::OutputActivation::kRelu};
  });
  ExpectValid([](SweepSpec& s) { s.model = {.stored = "models/best"}; });
}

TEST(ValidateTest, KeepsDataBelowTheRoot) {
  for (const char* name :
       {"/etc/passwd", "..", "../x", "a/../../x", "a/..", "a\\b", "a\nb", "a\x7f"}) {
    ExpectProblem([&](SweepSpec& s) { s.dataset.name = name; }, "sweep.dataset.name", "");
    ExpectProblem([&](SweepSpec& s) { s.dataset.labels_file = name; }, "sweep.dataset.labels_file",
                  "");
  }
  ExpectProblem([](SweepSpec& s) { s.dataset.name = std::string("a\0b", 3); }, "sweep.dataset.name",
                "control characters");
  ExpectProblem([](SweepSpec& s) { s.dataset.name = std::string(501, 'a'); }, "sweep.dataset.name",
                "501 characters");
  ExpectProblem([](SweepSpec& s) { s.dataset.name = ""; }, "sweep.dataset.name", "empty");
  for (const char* name : {"jsc", "jets/jsc.h5", "a..b", "...", "x/..y", "caf\xc3\xa9.csv"}) {
    ExpectValid([&](SweepSpec& s) { s.dataset.name = name; });
  }
}

TEST(ValidateTest, ChecksTheDataSet) {
  ExpectProblem([](SweepSpec& s) { s.dataset.synthetic_rows = 9; }, "sweep.dataset.synthetic.rows",
                "9: expected 10 to 100000000");
  ExpectProblem([](SweepSpec& s) { s.dataset.synthetic_seed = -1; }, "sweep.dataset.synthetic.seed",
                "-1: expected 0 or more");
  ExpectProblem([](SweepSpec& s) { s.dataset.split_seed = -1; }, "sweep.dataset.split.seed",
                "-1: expected 0 or more");
  for (const double fraction : {0.0, 1.0, -0.1, 1.5, kNan}) {
    ExpectProblem([&](SweepSpec& s) { s.dataset.validation_fraction = fraction; },
                  "sweep.dataset.split.validation_fraction", "expected a number between 0 and 1");
  }
  ExpectProblem(
      [](SweepSpec& s) {
        s.dataset.feature_columns = {"a", "b", "a"};
      },
      "sweep.dataset.feature_columns[2]", "the same value as [0]");
  ExpectValid([](SweepSpec& s) {
    s.dataset.name = "jsc";
    s.dataset.synthetic_rows = 0;  // of no meaning for a file
  });
}

template <typename Search>
void ExpectAxisProblem(const Axes& axes, const std::string& field, const std::string& why) {
  ExpectProblem([&](SweepSpec& s) { s.search = Search{axes}; }, field, why);
}

TEST(ValidateAxesTest, WantsAnAxis) {
  ExpectAxisProblem<Grid>({}, "sweep.grid", "no axis");
  ExpectAxisProblem<OneAtATime>({}, "sweep.one_at_a_time", "no axis");
}

TEST(ValidateAxesTest, ChecksEachValue) {
  ExpectAxisProblem<Grid>({.max_epochs = {1, 0}}, "sweep.grid.max_epochs[1]", "0: expected");
  ExpectAxisProblem<Grid>({.learning_rate = {1, 1e-3, kNan}}, "sweep.grid.learning_rate[2]",
                          "nan: expected");
  ExpectAxisProblem<OneAtATime>({.learning_rate = {-1}}, "sweep.one_at_a_time.learning_rate[0]",
                                "-1: expected");
  ExpectAxisProblem<Grid>({.batch_size = {0}}, "sweep.grid.batch_size[0]", "0: expected");
  ExpectAxisProblem<Grid>({.weight_decay = {-0.5}}, "sweep.grid.weight_decay[0]", "-0.5: expected");
}

TEST(ValidateAxesTest, RefusesDuplicates) {
  ExpectAxisProblem<Grid>({.max_epochs = {5, 6, 5}}, "sweep.grid.max_epochs[2]",
                          "the same value as [0]");
  ExpectAxisProblem<Grid>({.learning_rate = {0.1, 1e-1}}, "sweep.grid.learning_rate[1]",
                          "the same value");
  ExpectAxisProblem<Grid>({.batch_size = {8, 8}}, "sweep.grid.batch_size[1]", "the same value");
  ExpectAxisProblem<Grid>({.optimizer = {Optimizer::kSgd, Optimizer::kSgd}},
                          "sweep.grid.optimizer[1]", "the same value");
  ExpectAxisProblem<Grid>({.weight_decay = {0.0, -0.0}}, "sweep.grid.weight_decay[1]",
                          "the same value");
  ExpectAxisProblem<Grid>({.schedule = {Schedule::kCosine, Schedule::kCosine}},
                          "sweep.grid.schedule[1]", "the same value");
}

TEST(ValidateAxesTest, ReportsEachNanAsItself) {
  SweepSpec spec = Lab1();
  spec.search = Grid{{.learning_rate = {kNan, kNan}}};
  EXPECT_THAT(Fields(spec),
              ElementsAre("sweep.grid.learning_rate[0]", "sweep.grid.learning_rate[1]"));
}

TEST(ValidatePointsTest, WantsPointsWithGoodValues) {
  ExpectProblem([](SweepSpec& s) { s.search = Points{}; }, "sweep.points", "empty");
  ExpectProblem(
      [](SweepSpec& s) {
        s.search = Points{{{}, {.batch_size = 0}}};
      },
      "sweep.points[1].batch_size", "0: expected");
  ExpectValid([](SweepSpec& s) { s.search = Points{{{}}}; });
}

void ExpectRandomProblem(RandomSearch random, const std::string& field, const std::string& why) {
  if (random.count == 0) random.count = 5;
  ExpectProblem([&](SweepSpec& s) { s.search = random; }, field, why);
}

TEST(ValidateRandomTest, WantsACountAndADistribution) {
  ExpectRandomProblem({.count = -1, .schedule = {Schedule::kCosine}}, "sweep.random.count",
                      "-1: expected at least 1");
  ExpectRandomProblem({.count = 5}, "sweep.random", "nothing is drawn");
  ExpectValid(
      [](SweepSpec& s) { s.search = RandomSearch{.count = 1, .optimizer = {Optimizer::kSgd}}; });
}

TEST(ValidateRandomTest, WantsRangesThatAreRanges) {
  ExpectRandomProblem({.learning_rate = {.min = 0.1, .max = 0.01}}, "sweep.random.learning_rate",
                      "min 0.1 is above max 0.01");
  ExpectRandomProblem({.max_epochs = {.min = 9, .max = 8}}, "sweep.random.max_epochs",
                      "min 9 is above max 8");
  ExpectRandomProblem({.weight_decay = {.min = 0, .max = 0.1, .scale = Scale::kLog}},
                      "sweep.random.weight_decay.min", "a log scale needs a minimum above 0");
  ExpectRandomProblem({.learning_rate = {.min = 0.1, .max = kInf}},
                      "sweep.random.learning_rate.max", "inf: expected");
  ExpectRandomProblem({.batch_size = {.min = 1, .max = 1 << 25}}, "sweep.random.batch_size.max",
                      "33554432: expected");
  ExpectValid([](SweepSpec& s) {
    s.search = RandomSearch{.count = 3, .batch_size = {.min = 8, .max = 8}};
  });
}

TEST(ValidateRandomTest, WantsValuesOrARange) {
  ExpectRandomProblem({.batch_size = {.values = {8}, .min = 1, .max = 9}},
                      "sweep.random.batch_size", "both values and a range");
  ExpectRandomProblem({.batch_size = {.values = {8, 0}}}, "sweep.random.batch_size.values[1]",
                      "0: expected");
  ExpectRandomProblem({.learning_rate = {.values = {0.1, 0.1}}},
                      "sweep.random.learning_rate.values[1]", "the same value as [0]");
  ExpectRandomProblem({.optimizer = {Optimizer::kSgd, Optimizer::kSgd}},
                      "sweep.random.optimizer[1]", "the same value as [0]");
}

}  // namespace
}  // namespace bitsweep::spec
