// SPDX-License-Identifier: Apache-2.0
// Transforms in the store: submit, queue, cancel, delete, list.
#include "tests/server/store/transform_fixture.h"

namespace bitsweep::store {
namespace {

using spec::JobState;
using spec::SweepState;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using testing::IsOk;
using ::testing::SizeIs;

class TransformsTest : public TransformTest {};
INSTANTIATE_TEST_SUITE_P(Stores, TransformsTest, ::testing::ValuesIn(Implementations()), NameOf);

TEST_P(TransformsTest, SubmitStoresTheTransformAndItsJobs) {
  const TransformRecord transform = Submitted(Quantizing("quant", 3));
  EXPECT_EQ(transform.state, SweepState::kQueued);
  EXPECT_EQ(transform.job_count, 3);
  EXPECT_EQ(transform.counts.queued, 3);
  EXPECT_EQ(transform.spec, R"({"model":{"builtin":"jsc-tiny"}})");
  EXPECT_EQ(store().GetTransformJob("quant", 2)->assignment,
            R"([{"entry":"weight_width","value":4}])");
  EXPECT_EQ(Reason(store().GetTransformJob("quant", 3)), "TRANSFORM_JOB_NOT_FOUND");
  EXPECT_EQ(Reason(store().GetTransform("other")), "TRANSFORM_NOT_FOUND");
  EXPECT_THAT(Problems(), IsEmpty());
}

TEST_P(TransformsTest, ARequestIsStoredOnce) {
  NewTransform transform = Quantizing("quant");
  transform.request_id = "once";
  Submitted(transform);
  transform.transform_id = "another";
  EXPECT_TRUE(store().SubmitTransform(transform, At(1))->deduplicated);
  EXPECT_EQ(store().SubmitTransform(transform, At(1))->transform.transform_id, "quant");
  transform.spec_digest = std::string(64, 'b');
  EXPECT_EQ(Reason(store().SubmitTransform(transform, At(1))), "REQUEST_ID_REUSED");
}

TEST_P(TransformsTest, AnIdIsUsedOnceButMayBeASweepsToo) {
  Submit("quant", 1);
  Submitted(Quantizing("quant"));
  EXPECT_EQ(Reason(store().SubmitTransform(Quantizing("quant"), At(1))), "ID_IN_USE");
  EXPECT_NE(store().FindJob("sweeps/quant/trials/0").value(),
            store().FindJob("transforms/quant/jobs/0").value());
}

TEST_P(TransformsTest, WaitsInOneQueueWithSweeps) {
  const SweepRecord sweep = Submit("grid", 1);
  NewTransform urgent = Quantizing("quant", 2);
  urgent.priority = 5;
  urgent.max_parallel = 1;
  const TransformRecord transform = Submitted(urgent);
  const std::vector<QueueSource> sources = store().Sources(At(1)).value();
  ASSERT_THAT(sources, SizeIs(2));
  EXPECT_EQ(sources[0].name, "sweeps/grid");
  EXPECT_EQ(sources[1].name, "transforms/quant");
  EXPECT_EQ(sources[1].submission, transform.row);
  EXPECT_EQ(sources[1].priority, 5);
  EXPECT_EQ(sources[1].max_parallel, 1);
  EXPECT_EQ(sources[1].queued, 2);
  EXPECT_NE(sweep.row, transform.row);
}

TEST_P(TransformsTest, ALeaseCarriesWhatItsWorkIsMadeFrom) {
  const std::string artifact = Upload("a model");
  NewTransform stored = Quantizing("quant", 2);
  stored.model_artifact = artifact;
  const std::vector<LeasedJob> jobs = LeaseJobs(Submitted(stored), 2);
  ASSERT_THAT(jobs, SizeIs(2));
  EXPECT_EQ(jobs[1].submission_name, "transforms/quant");
  EXPECT_EQ(jobs[1].number, 1);
  const auto& work = std::get<TransformJobSpec>(jobs[1].work);
  EXPECT_EQ(work.spec, stored.spec);
  EXPECT_EQ(work.assignment, stored.assignments[1]);
  EXPECT_EQ(work.model_artifact, artifact);
  const std::vector<ActiveLease> active = store().ActiveLeases().value();
  ASSERT_THAT(active, SizeIs(2));
  EXPECT_EQ(active[0].submission_name, "transforms/quant");
}

TEST_P(TransformsTest, AJobIsRetriedAsATrialIs) {
  const TransformRecord transform = Submitted(Quantizing("quant"));
  const LeaseRef first = StartJob(transform);
  const FailOutcome failed = Fail(first, spec::FailureReason::kException);
  EXPECT_EQ(failed.state, JobState::kQueued);
  EXPECT_EQ(store().GetTransformJob("quant", 0)->failure->reason, spec::FailureReason::kException);
  ASSERT_THAT(store().EndBackoffs(), IsOk());
  const LeaseRef second = StartJob(transform);
  EXPECT_EQ(second.attempt, 2);
  EXPECT_EQ(Fail(second, spec::FailureReason::kInvalidModel).state, JobState::kFailed);
  EXPECT_EQ(store().GetTransform("quant")->state, SweepState::kFailed);
  EXPECT_THAT(Problems(), IsEmpty());
}

TEST_P(TransformsTest, AJobWithoutDataStartsWithoutADigest) {
  const TransformRecord transform = Submitted(Quantizing("quant"));
  StartJob(transform);
  EXPECT_EQ(store().GetTransform("quant")->data_digest, "");
}

TEST_P(TransformsTest, AJobHasNoEpochs) {
  const LeaseRef ref = StartJob(Submitted(Quantizing("quant")));
  EXPECT_EQ(Report({.ref = ref, .started = true, .points = Epochs(1, 0.5)}).verdict,
            ProgressVerdict::kInvalid);
}

TEST_P(TransformsTest, OtherBytesOfTheDataAreFound) {
  const TransformRecord transform = Submitted(Quantizing("quant", 2));
  const std::vector<LeasedJob> jobs = LeaseJobs(transform, 2);
  Report({.ref = jobs[0].ref, .started = true, .data_digest = "d1"});
  EXPECT_EQ(Report({.ref = jobs[1].ref, .started = true, .data_digest = "d2"}).verdict,
            ProgressVerdict::kDataMismatch);
}

TEST_P(TransformsTest, CancelEndsEveryOpenJob) {
  const TransformRecord transform = Submitted(Quantizing("quant", 3));
  const LeaseRef held = StartJob(transform);
  const ChangeTransformOutcome outcome = store().CancelTransform("quant", At(4)).value();
  EXPECT_EQ(outcome.changed_jobs, 3);
  EXPECT_THAT(outcome.revoked, ElementsAre(held));
  EXPECT_EQ(outcome.transform.state, SweepState::kCancelled);
  EXPECT_EQ(store().CancelTransform("quant", At(5))->changed_jobs, 0);
  EXPECT_THAT(Problems(), IsEmpty());
}

TEST_P(TransformsTest, DeleteWantsAnEndAndLeavesNothing) {
  Submitted(Quantizing("quant", 2));
  EXPECT_EQ(Reason(store().DeleteTransform("quant", At(1))), "INVALID_STATE");
  ASSERT_THAT(store().CancelTransform("quant", At(1)), IsOk());
  ASSERT_THAT(store().DeleteTransform("quant", At(2)), IsOk());
  EXPECT_EQ(Reason(store().GetTransform("quant")), "TRANSFORM_NOT_FOUND");
  EXPECT_EQ(store().Info()->counts.Planned(), 0);
  EXPECT_THAT(Problems(), IsEmpty());
}

TEST_P(TransformsTest, ListsNewestFirstAndFilters) {
  Submitted(Quantizing("first"));
  Submitted(Quantizing("second"));
  const Page<TransformRecord> page = store().ListTransforms({.limit = 1}).value();
  ASSERT_THAT(page.items, SizeIs(1));
  EXPECT_EQ(page.items[0].transform_id, "second");
  const Page<TransformRecord> rest =
      store().ListTransforms({.after = page.next, .limit = 1}).value();
  EXPECT_EQ(rest.items.at(0).transform_id, "first");
  EXPECT_FALSE(rest.next.has_value());
  EXPECT_THAT(store()
                  .ListTransforms({.conditions = {{"transform_id", Comparison::kEqual, "first"}}})
                  ->items,
              SizeIs(1));
}

TEST_P(TransformsTest, TellsHowMuchIsDone) {
  const TransformRecord transform = Submitted(Quantizing("quant", 3));
  const LeaseRef ref = StartJob(transform);
  ASSERT_THAT(store().CompleteTransformJob(ref, Outcome(0.5, 100), At(3)), IsOk());
  const WorkSummary work = store().SummarizeWork(transform.row).value();
  EXPECT_EQ(work.finished_cost, 1);
  EXPECT_EQ(work.finished_seconds, 1.5);
  EXPECT_EQ(work.open_cost, 2);
}

}  // namespace
}  // namespace bitsweep::store
