// SPDX-License-Identifier: Apache-2.0
// What a finished transform leaves: results, rows, models.
#include <limits>

#include "tests/server/store/raw_sqlite.h"
#include "tests/server/store/transform_fixture.h"

namespace bitsweep::store {
namespace {

using spec::JobState;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using testing::IsOk;
using ::testing::SizeIs;

class TransformResultsTest : public TransformTest {
 protected:
  std::vector<std::string> Sql(const std::string& sql) {
    return RawSql(folder() + "/bitsweep.db", sql);
  }
};
INSTANTIATE_TEST_SUITE_P(Stores, TransformResultsTest, ::testing::ValuesIn(Implementations()),
                         NameOf);

TEST_P(TransformResultsTest, CompleteStoresHeadlinesAndPasses) {
  const TransformRecord transform = Submitted(Quantizing("quant"));
  const LeaseRef ref = StartJob(transform);
  EXPECT_TRUE(store().CompleteTransformJob(ref, Outcome(0.75, 1280), At(3))->submission_ended);
  const TransformJobRecord job = store().GetTransformJob("quant", 0).value();
  EXPECT_EQ(job.state, JobState::kSucceeded);
  EXPECT_EQ(job.metrics.accuracy, 0.75);
  EXPECT_EQ(job.metrics.bitops, 1280);
  EXPECT_EQ(job.metrics.size_bits, 776);
  EXPECT_EQ(job.seconds, 1.5);
  EXPECT_EQ(job.model_id, "");
  EXPECT_THAT(job.results, ElementsAre(R"({"pass":"count_ops"})", R"({"pass":"evaluate"})"));
  EXPECT_EQ(store().GetTransform("quant")->state, spec::SweepState::kSucceeded);
  EXPECT_EQ(store().GetTransform("quant")->data_digest, kDataDigest);
  EXPECT_THAT(Problems(), IsEmpty());
}

TEST_P(TransformResultsTest, RepeatingACompletedJobChangesNothing) {
  const LeaseRef ref = StartJob(Submitted(Quantizing("quant")));
  ASSERT_THAT(store().CompleteTransformJob(ref, Outcome(0.75, 1280), At(3)), IsOk());
  EXPECT_TRUE(store().CompleteTransformJob(ref, Outcome(0.25, 1), At(4))->repeated);
  EXPECT_EQ(store().GetTransformJob("quant", 0)->metrics.accuracy, 0.75);
}

TEST_P(TransformResultsTest, AnOldAttemptIsRefused) {
  const TransformRecord transform = Submitted(Quantizing("quant"));
  const LeaseRef old = StartJob(transform);
  ASSERT_THAT(store().Release({old}, "DRAIN", At(2)), IsOk());
  const LeaseRef current = StartJob(transform);
  EXPECT_EQ(Reason(store().CompleteTransformJob(old, Outcome(0.1, 1), At(3))), "LEASE_LOST");
  EXPECT_THAT(store().CompleteTransformJob(current, Outcome(0.5, 1), At(3)), IsOk());
  EXPECT_EQ(store().GetTransformJob("quant", 0)->metrics.accuracy, 0.5);
}

TEST_P(TransformResultsTest, RefusesWhatIsNoResult) {
  const LeaseRef ref = StartJob(Submitted(Quantizing("quant")));
  TransformOutcome empty = Outcome(0.5, 1);
  empty.passes.clear();
  EXPECT_EQ(Reason(store().CompleteTransformJob(ref, empty, At(3))), "INCOMPLETE_RESULT");
  const double nan = std::numeric_limits<double>::quiet_NaN();
  EXPECT_EQ(Reason(store().CompleteTransformJob(ref, Outcome(nan, 1), At(3))), "INCOMPLETE_RESULT");
  TransformOutcome missing = Outcome(0.5, 1);
  missing.artifact = std::string(64, 'e');
  EXPECT_EQ(Reason(store().CompleteTransformJob(ref, missing, At(3))), "ARTIFACT_MISSING");
  EXPECT_EQ(Reason(store().Complete(ref, Epochs(2, 0.5), Result(0.5), At(3))), "INCOMPLETE_RESULT");
  EXPECT_EQ(
      Reason(store().CompleteTransformJob(StartOne(Submit("grid", 1)), Outcome(0.5, 1), At(3))),
      "INCOMPLETE_RESULT");
  EXPECT_EQ(store().GetTransformJob("quant", 0)->state, JobState::kRunning);
  EXPECT_THAT(Problems(), IsEmpty());
}

TEST_P(TransformResultsTest, KeepsRowsForSql) {
  const LeaseRef ref = StartJob(Submitted(Quantizing("quant")));
  TransformOutcome outcome = Outcome(0.75, 1280);
  outcome.passes[0].statistics = {{"fc", "weight", "variance_precise", "mean", 0.25},
                                  {"fc", "weight", "variance_precise", "variance", std::nullopt}};
  outcome.passes[1].quantized_tensors = {{.node = "fc",
                                          .tensor = "weight",
                                          .format = "integer (8, 4)",
                                          .width = 8,
                                          .elements = 80,
                                          .distinct = 7,
                                          .step = 0.0625,
                                          .max_abs_error = 0.03,
                                          .mean_abs_error = 0.01,
                                          .sqnr_db = std::numeric_limits<double>::infinity()}};
  ASSERT_THAT(store().CompleteTransformJob(ref, outcome, At(3)), IsOk());
  EXPECT_THAT(Sql("SELECT model, node, tensor, statistic, key, value FROM node_statistics ORDER BY "
                  "key"),
              ElementsAre("jsc-tiny|fc|weight|variance_precise|mean|0.25",
                          "jsc-tiny|fc|weight|variance_precise|variance|NULL"));
  EXPECT_THAT(Sql("SELECT node, flops, bitops FROM op_counts ORDER BY node"),
              ElementsAre("|80.0|1280.0", "fc|80.0|1280.0"));
  EXPECT_THAT(
      Sql("SELECT format, width, elements, distinct_values, step, sqnr_db FROM quantized_tensors"),
      ElementsAre("integer (8, 4)|8|80|7|0.0625|NULL"));
  // docs/storage.md shows this query.
  EXPECT_THAT(
      Sql("SELECT t.transform_id, j.number, j.assignment, j.accuracy, j.bitops, j.size_bits "
          "FROM transform_jobs j JOIN transforms t ON t.id = j.transform WHERE j.state = "
          "'SUCCEEDED' ORDER BY j.accuracy DESC, j.bitops"),
      ElementsAre("quant|0|[{\"entry\":\"weight_width\",\"value\":2}]|0.75|1280.0|776"));
}

TEST_P(TransformResultsTest, ARewrittenGraphBecomesAModelWithItsLineage) {
  NewTransform transform = Quantizing("quant");
  transform.parent_model = "float-model";
  const LeaseRef ref = StartJob(Submitted(transform));
  TransformOutcome outcome = Outcome(0.75, 1280);
  outcome.artifact = Upload("quantized");
  outcome.artifact_bytes = 9;
  ASSERT_THAT(store().CompleteTransformJob(ref, outcome, At(3)), IsOk());
  const TransformJobRecord job = store().GetTransformJob("quant", 0).value();
  const ModelRecord model = store().GetModel(job.model_id).value();
  EXPECT_EQ(model.transform_id, "quant");
  EXPECT_EQ(model.job, 0);
  EXPECT_EQ(model.sweep_id, "");
  EXPECT_EQ(model.parent_model, "float-model");
  EXPECT_EQ(model.val_acc, 0.75);
  EXPECT_EQ(model.artifact, outcome.artifact);
  EXPECT_THAT(
      store()
          .ListModels({.conditions = {{"transform", Comparison::kEqual, "transforms/quant"}}})
          ->items,
      SizeIs(1));
  EXPECT_EQ(store().CollectGarbage(At(1000)).value(), 0);
  ASSERT_THAT(store().DeleteTransform("quant", At(5)), IsOk());
  EXPECT_EQ(Reason(store().GetModel(job.model_id)), "MODEL_NOT_FOUND");
  EXPECT_EQ(store().CollectGarbage(At(1000)).value(), 1);
}

// A trial's result must not fail because an import or a transform has the id of its model.
TEST_P(TransformResultsTest, FindsAFreeIdForEachModel) {
  const std::string artifact = Upload("bytes");
  ASSERT_THAT(
      store().ImportModel(
          {.model_id = "grid-0", .artifact = artifact, .size_bytes = 5, .graph_name = "net"},
          At(1)),
      IsOk());
  spec::SweepSpec spec = GridSpec(1, 1);
  spec.keep_models = spec::KeepModels::kAll;
  const LeaseRef trial = StartOne(Submit(Planned("grid", spec)));
  spec::TrialResult result = Result(0.5);
  result.artifact = artifact;
  result.artifact_bytes = 999;  // the store knows better
  ASSERT_THAT(store().Complete(trial, Epochs(2, 0.5), result, At(3)), IsOk());
  EXPECT_EQ(Trial("grid", 0).model_id, "grid-0-2");
  EXPECT_EQ(store().GetModel("grid-0-2")->size_bytes, 5);
  const LeaseRef job = StartJob(Submitted(Quantizing("grid")));
  TransformOutcome outcome = Outcome(0.75, 1280);
  outcome.artifact = artifact;
  ASSERT_THAT(store().CompleteTransformJob(job, outcome, At(3)), IsOk());
  EXPECT_EQ(store().GetTransformJob("grid", 0)->model_id, "grid-0-3");
}

TEST_P(TransformResultsTest, MarksTheParetoSet) {
  const TransformRecord transform = Submitted(Quantizing("quant", 6));
  const std::vector<LeasedJob> jobs = LeaseJobs(transform, 6);
  const std::vector<std::pair<double, double>> points = {{0.5, 100}, {0.6, 200}, {0.55, 300},
                                                         {0.6, 400}, {0.7, 400}, {0.6, 200}};
  for (std::size_t i = 0; i < jobs.size(); ++i) {
    ASSERT_THAT(store().CompleteTransformJob(jobs[i].ref,
                                             Outcome(points[i].first, points[i].second), At(3)),
                IsOk());
  }
  std::vector<bool> optimal;
  const Page<TransformJobRecord> all = store().ListTransformJobs("quant", {}).value();
  for (const TransformJobRecord& job : all.items) {
    optimal.push_back(job.pareto_optimal);
  }
  EXPECT_THAT(optimal, ElementsAre(true, true, false, false, true, true));
  std::vector<std::int64_t> by_accuracy;
  const Page<TransformJobRecord> sorted =
      store()
          .ListTransformJobs("quant",
                             {.order_field = "accuracy", .direction = Direction::kDescending})
          .value();
  for (const TransformJobRecord& job : sorted.items) {
    by_accuracy.push_back(job.number);
  }
  EXPECT_THAT(by_accuracy, ElementsAre(4, 1, 3, 5, 2, 0));
}

TEST_P(TransformResultsTest, ImportsAModel) {
  const std::string artifact = Upload("imported");
  const NewModel model{.model_id = "mine",
                       .display_name = "my model",
                       .artifact = artifact,
                       .size_bytes = 8,
                       .graph_name = "net",
                       .parameter_count = 3};
  const ModelRecord stored = store().ImportModel(model, At(1)).value();
  EXPECT_EQ(stored.display_name, "my model");
  EXPECT_EQ(stored.val_acc, std::nullopt);
  EXPECT_EQ(stored.sweep_id, "");
  EXPECT_EQ(Reason(store().ImportModel(model, At(2))), "ID_IN_USE");
  NewModel missing = model;
  missing.model_id = "other";
  missing.artifact = std::string(64, 'e');
  EXPECT_EQ(Reason(store().ImportModel(missing, At(2))), "ARTIFACT_MISSING");
  EXPECT_EQ(store().CollectGarbage(At(1000)).value(), 0);
}

}  // namespace
}  // namespace bitsweep::store
