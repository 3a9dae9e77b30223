// SPDX-License-Identifier: Apache-2.0
// Progress, results, models, events, work summary, workers.
#include <limits>

#include "tests/server/store/store_fixture.h"

namespace bitsweep::store {
namespace {

using spec::FailureReason;
using spec::JobState;
using spec::SweepState;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using testing::IsOk;
using ::testing::SizeIs;
using testing::StatusIs;

class ResultsTest : public StoreTest {};
INSTANTIATE_TEST_SUITE_P(Stores, ResultsTest, ::testing::ValuesIn(Implementations()), NameOf);

TEST_P(ResultsTest, AStartIsStampedOnSweepTrialAndAttempt) {
  const SweepRecord sweep = Submit("grid", 2);
  const LeaseRef ref = LeaseOne(sweep, At(1));
  EXPECT_EQ(Report({.ref = ref, .started = true, .data_digest = "", .points = {}}, At(2)).verdict,
            ProgressVerdict::kContinue);
  EXPECT_EQ(Trial("grid", 0).state, JobState::kRunning);
  EXPECT_EQ(Trial("grid", 0).start_time, At(2));
  EXPECT_EQ(Trial("grid", 0).attempts.at(0).start_time, At(2));
  EXPECT_EQ(Sweep("grid").start_time, At(2));
  EXPECT_EQ(Sweep("grid").state, SweepState::kRunning);
  const std::int64_t revision = Sweep("grid").revision;
  Report({.ref = ref, .started = true, .data_digest = "", .points = {}}, At(3));  // a repeat
  EXPECT_EQ(Trial("grid", 0).start_time, At(2));
  EXPECT_EQ(Sweep("grid").revision, revision);
}

TEST_P(ResultsTest, EpochsAreKeptAsReported) {
  const LeaseRef ref = StartOne(Submit("grid", 1));
  const std::vector<spec::EpochPoint> points = Epochs(2, 0.75);
  Report({.ref = ref, .data_digest = "", .points = {points[0]}});
  EXPECT_EQ(Trial("grid", 0).epochs_done, 1);
  Report({.ref = ref, .data_digest = "", .points = {points[0], points[1]}});
  const TrialRecord trial = Trial("grid", 0);
  EXPECT_EQ(trial.epochs_done, 2);
  EXPECT_EQ(trial.epochs, points);
}

TEST_P(ResultsTest, ANewAttemptStartsWithoutTheOldOnesEpochs) {
  const SweepRecord sweep = Submit("grid", 1);
  const LeaseRef first = StartOne(sweep);
  Report({.ref = first, .data_digest = "", .points = Epochs(2, 0.75)});
  ASSERT_THAT(store().Expire({first}, {}, At(20)), IsOk());
  const LeaseRef second = StartOne(sweep, At(100));
  EXPECT_THAT(Trial("grid", 0).epochs, IsEmpty());
  Report({.ref = second, .data_digest = "", .points = Epochs(1, 0.25)}, At(101));
  EXPECT_THAT(Trial("grid", 0).epochs, SizeIs(1));
  EXPECT_EQ(Trial("grid", 0).epochs_done, 1);
}

TEST_P(ResultsTest, TheFirstDigestIsTheSweeps) {
  const SweepRecord sweep = Submit("grid", 2);
  StartOne(sweep);
  EXPECT_EQ(Sweep("grid").data_digest, kDataDigest);
  const LeasedJob second = Lease(sweep, 1).at(0);
  EXPECT_EQ(second.expected_data_digest, kDataDigest);
  const std::string other(64, 'e');
  const ProgressOutcome outcome =
      Report({.ref = second.ref, .started = true, .data_digest = other, .points = Epochs(1, 0.5)});
  EXPECT_EQ(outcome.verdict, ProgressVerdict::kDataMismatch);
  EXPECT_THAT(outcome.detail, HasSubstr(other));
  EXPECT_THAT(outcome.detail, HasSubstr(kDataDigest));
  EXPECT_EQ(Trial("grid", 1).state, JobState::kLeased);
  EXPECT_THAT(Trial("grid", 1).epochs, IsEmpty());
}

TEST_P(ResultsTest, OneOutcomeAReportInOrder) {
  const SweepRecord sweep = Submit("grid", 3);
  const LeaseRef a = StartOne(sweep);
  const LeaseRef b = StartOne(sweep);
  const LeaseRef lost{a.job, 9};
  ASSERT_OK_AND_ASSIGN(
      const std::vector<ProgressOutcome> outcomes,
      store().Progress({{.ref = a, .data_digest = "", .points = Epochs(1, 0.5)},
                        {.ref = lost, .data_digest = "", .points = Epochs(1, 0.5)},
                        {.ref = b, .data_digest = std::string(64, 'e'), .points = {}}},
                       At(5)));
  ASSERT_THAT(outcomes, SizeIs(3));
  EXPECT_EQ(outcomes[0].verdict, ProgressVerdict::kContinue);
  EXPECT_EQ(outcomes[1].verdict, ProgressVerdict::kLost);
  EXPECT_EQ(outcomes[2].verdict, ProgressVerdict::kDataMismatch);
}

TEST_P(ResultsTest, AResultIsStoredWhole) {
  const SweepRecord sweep = Submit("grid", 1);
  Complete(StartOne(sweep, At(2)), 0.75, At(7));
  const TrialRecord trial = Trial("grid", 0);
  EXPECT_EQ(trial.state, JobState::kSucceeded);
  EXPECT_EQ(trial.end_time, At(7));
  EXPECT_EQ(trial.epochs_done, 2);
  EXPECT_EQ(trial.attempts.at(0).outcome, "SUCCEEDED");
  EXPECT_EQ(trial.attempts.at(0).end_time, At(7));
  ASSERT_TRUE(trial.result.has_value());
  EXPECT_EQ(trial.result->val_acc, 0.75);
  EXPECT_EQ(trial.result->val_loss, 1.125);
  EXPECT_EQ(trial.result->val_loss_batch_mean, 1.0625);
  EXPECT_EQ(trial.result->train_acc_last_step, 0.5);
  EXPECT_EQ(trial.result->train_loss_last_step, 1.25);
  EXPECT_EQ(trial.result->best_epoch, 1);
  EXPECT_EQ(trial.result->best_val_acc, 0.75);
  EXPECT_EQ(trial.result->epochs, 2);
  EXPECT_EQ(trial.result->steps, 16);
  EXPECT_EQ(trial.result->train_rows, 800);
  EXPECT_EQ(trial.result->validation_rows, 200);
  EXPECT_EQ(trial.result->seconds, 1);
  EXPECT_EQ(trial.result->rows_per_second, 1600);
  EXPECT_EQ(trial.result->engine, "libtorch");
  EXPECT_EQ(trial.result->engine_version, "libtorch 1.13.1");
  EXPECT_EQ(trial.result->data_digest, kDataDigest);
  EXPECT_EQ(trial.result->graph_name, "jsc-tiny");
  EXPECT_EQ(trial.result->parameter_count, 117);
  EXPECT_EQ(Sweep("grid").state, SweepState::kSucceeded);
  EXPECT_EQ(Sweep("grid").end_time, At(7));
}

TEST_P(ResultsTest, AResultSaysWhichValidationWasUsed) {
  const SweepRecord sweep = Submit("grid", 2);
  Complete(StartOne(sweep), 0.5);
  spec::TrialResult result = Result(0.5);
  result.validation = spec::Validation::kTrainingRows;
  ASSERT_THAT(store().Complete(StartOne(sweep), Epochs(2, 0.5), result, At(5)), IsOk());
  EXPECT_EQ(Trial("grid", 0).result->validation, spec::Validation::kHeldOut);
  EXPECT_EQ(Trial("grid", 1).result->validation, spec::Validation::kTrainingRows);
}

TEST_P(ResultsTest, ACompletionNeedsNoReportBeforeIt) {
  const LeaseRef ref = LeaseOne(Submit("grid", 1));
  Complete(ref, 0.5, At(3));
  const TrialRecord trial = Trial("grid", 0);
  EXPECT_EQ(trial.state, JobState::kSucceeded);
  EXPECT_EQ(trial.start_time, At(3));
  EXPECT_EQ(trial.end_time, At(3));
  ASSERT_THAT(trial.attempts, SizeIs(1));
  EXPECT_EQ(trial.attempts[0].start_time, At(3));
  EXPECT_EQ(trial.attempts[0].end_time, At(3));
  const SweepRecord sweep = Sweep("grid");
  EXPECT_EQ(sweep.start_time, At(3));
  EXPECT_EQ(sweep.data_digest, kDataDigest);
  const std::vector<EventRecord> events = Events(sweep);
  ASSERT_GE(events.size(), 2u);
  EXPECT_EQ(events.end()[-2].from, JobState::kLeased);
  EXPECT_EQ(events.end()[-2].to, JobState::kRunning);
  EXPECT_EQ(events.end()[-1].from, JobState::kRunning);
  EXPECT_EQ(events.end()[-1].to, JobState::kSucceeded);
  EXPECT_THAT(Problems(), IsEmpty());
}

TEST_P(ResultsTest, ACompletionWithoutAReportReplacesWhatAnEarlierAttemptTold) {
  const SweepRecord sweep = Submit("grid", 1);
  const LeaseRef first = StartOne(sweep);
  Report({.ref = first, .data_digest = "", .points = Epochs(1, 0.9)});
  ASSERT_THAT(store().Release({first}, "DRAIN", At(3)), IsOk());
  const LeaseRef second = LeaseOne(sweep, At(4));
  // Refused: nothing of the earlier attempt goes, nothing of this one comes.
  EXPECT_EQ(Reason(store().Complete(second, Epochs(1, 0.5), Result(0.5), At(5))),
            "INCOMPLETE_RESULT");
  EXPECT_EQ(Trial("grid", 0).state, JobState::kLeased);
  ASSERT_THAT(Trial("grid", 0).epochs, SizeIs(1));
  EXPECT_EQ(Trial("grid", 0).epochs[0].val_acc, Epochs(1, 0.9)[0].val_acc);
  Complete(second, 0.5, At(6));
  const TrialRecord trial = Trial("grid", 0);
  ASSERT_THAT(trial.epochs, SizeIs(2));
  EXPECT_EQ(trial.epochs[0].val_acc, Epochs(2, 0.5)[0].val_acc);
  EXPECT_EQ(trial.start_time, At(6));
  EXPECT_THAT(Problems(), IsEmpty());
}

TEST_P(ResultsTest, ARefusedResultRecordsNoDigest) {
  const LeaseRef ref = LeaseOne(Submit("grid", 1));
  EXPECT_EQ(Reason(store().Complete(ref, Epochs(1, 0.5), Result(0.5), At(5))), "INCOMPLETE_RESULT");
  EXPECT_EQ(Sweep("grid").data_digest, "");
}

TEST_P(ResultsTest, AReportWithAnEpochThatCannotBeIsRefusedAlone) {
  const SweepRecord sweep = Submit("grid", 2);
  const LeaseRef good = StartOne(sweep);
  const LeaseRef bad = StartOne(sweep);
  std::vector<spec::EpochPoint> not_finite = Epochs(2, 0.5);
  not_finite[1].val_loss = std::numeric_limits<double>::quiet_NaN();
  ASSERT_OK_AND_ASSIGN(
      const std::vector<ProgressOutcome> outcomes,
      store().Progress({{.ref = bad, .data_digest = "", .points = not_finite},
                        {.ref = good, .data_digest = "", .points = Epochs(1, 0.5)}},
                       At(5)));
  ASSERT_THAT(outcomes, SizeIs(2));
  EXPECT_EQ(outcomes[0].verdict, ProgressVerdict::kInvalid);
  EXPECT_THAT(outcomes[0].detail, HasSubstr("epoch 1"));
  EXPECT_EQ(outcomes[1].verdict, ProgressVerdict::kContinue);
  EXPECT_THAT(Trial("grid", 0).epochs, SizeIs(1));
  EXPECT_THAT(Trial("grid", 1).epochs, IsEmpty());
}

TEST_P(ResultsTest, ACompletionSaysWhetherItWasTheLastOfTheSweep) {
  const SweepRecord sweep = Submit("grid", 2);
  const LeaseRef first = StartOne(sweep);
  const LeaseRef second = StartOne(sweep);
  EXPECT_FALSE(
      store().Complete(first, Epochs(2, 0.5), Result(0.5), At(5)).value().submission_ended);
  EXPECT_TRUE(
      store().Complete(second, Epochs(2, 0.5), Result(0.5), At(6)).value().submission_ended);
}

TEST_P(ResultsTest, ARepeatedCompletionIsOkAndChangesNothing) {
  const LeaseRef ref = StartOne(Submit("grid", 1));
  Complete(ref, 0.5, At(3));
  const std::int64_t revision = Sweep("grid").revision;
  EXPECT_THAT(store().Complete(ref, Epochs(2, 0.9), Result(0.9), At(9)), IsOk());
  EXPECT_EQ(Trial("grid", 0).result->val_acc, 0.5);
  EXPECT_EQ(Sweep("grid").revision, revision);
}

TEST_P(ResultsTest, AnIncompleteResultIsRefusedWhole) {
  const LeaseRef ref = StartOne(Submit("grid", 1));
  const auto refused = [&](const std::vector<spec::EpochPoint>& points,
                           const spec::TrialResult& result) {
    const absl::Status status = store().Complete(ref, points, result, At(5)).status();
    EXPECT_THAT(status, StatusIs(absl::StatusCode::kInvalidArgument));
    return Reason(status);
  };
  EXPECT_EQ(refused(Epochs(1, 0.5), Result(0.5)), "INCOMPLETE_RESULT");
  EXPECT_EQ(refused(Epochs(3, 0.5), Result(0.5)), "INCOMPLETE_RESULT");
  EXPECT_EQ(refused({}, Result(0.5)), "INCOMPLETE_RESULT");
  std::vector<spec::EpochPoint> not_finite = Epochs(2, 0.5);
  not_finite[1].val_loss = std::numeric_limits<double>::quiet_NaN();
  EXPECT_EQ(refused(not_finite, Result(0.5)), "INCOMPLETE_RESULT");
  spec::TrialResult result = Result(0.5);
  result.val_loss = std::numeric_limits<double>::infinity();
  EXPECT_EQ(refused(Epochs(2, 0.5), result), "INCOMPLETE_RESULT");
  result = Result(0.5);
  result.data_digest = std::string(64, 'e');
  EXPECT_EQ(refused(Epochs(2, 0.5), result), "INCOMPLETE_RESULT");
  result = Result(0.5);
  result.engine = "";
  EXPECT_EQ(refused(Epochs(2, 0.5), result), "INCOMPLETE_RESULT");
  EXPECT_EQ(Trial("grid", 0).state, JobState::kRunning);
  EXPECT_THAT(Trial("grid", 0).epochs, IsEmpty());
  Complete(ref, 0.5);
}

TEST_P(ResultsTest, AResultWhoseArtifactIsMissingIsRefused) {
  const LeaseRef ref = StartOne(Submit("grid", 1));
  spec::TrialResult result = Result(0.5);
  result.artifact = std::string(64, 'a');
  const absl::Status status = store().Complete(ref, Epochs(2, 0.5), result, At(5)).status();
  EXPECT_THAT(status, StatusIs(absl::StatusCode::kFailedPrecondition));
  EXPECT_EQ(Reason(status), "ARTIFACT_MISSING");
  EXPECT_EQ(Trial("grid", 0).state, JobState::kRunning);
}

TEST_P(ResultsTest, EveryTransitionIsOneEventWithItsWhy) {
  const SweepRecord sweep = Submit("grid", 1);
  Fail(StartOne(sweep, At(1)), FailureReason::kException, At(2));
  const LeaseRef second = StartOne(sweep, At(100));
  ASSERT_THAT(store().Release({second}, "DRAIN", At(101)), IsOk());
  Complete(StartOne(sweep, At(102)), 0.5, At(103));
  std::vector<std::string> history;
  std::int64_t last = 0;
  for (const EventRecord& e : Events(sweep)) {
    EXPECT_GT(e.revision, last);
    last = e.revision;
    history.push_back((e.from ? std::string(spec::Name(*e.from)) : "-") + ">" +
                      (e.to ? std::string(spec::Name(*e.to)) : "-") + " " +
                      std::to_string(e.trial) + " attempt " + std::to_string(e.attempt) + " by " +
                      e.actor + " " + e.cause + " " + e.worker_id + " " +
                      std::to_string(absl::ToInt64Seconds(e.time - At(0))));
  }
  EXPECT_THAT(
      history,
      ElementsAre(
          "->- -1 attempt 0 by user SUBMITTED  0", "QUEUED>LEASED 0 attempt 1 by scheduler  w 1",
          "LEASED>RUNNING 0 attempt 1 by w  w 1", "RUNNING>QUEUED 0 attempt 1 by w EXCEPTION w 2",
          "QUEUED>LEASED 0 attempt 2 by scheduler  w 100", "LEASED>RUNNING 0 attempt 2 by w  w 100",
          "RUNNING>QUEUED 0 attempt 2 by w DRAIN w 101",
          "QUEUED>LEASED 0 attempt 3 by scheduler  w 102", "LEASED>RUNNING 0 attempt 3 by w  w 102",
          "RUNNING>SUCCEEDED 0 attempt 3 by w  w 103"));
  EXPECT_EQ(Sweep("grid").revision, last);
}

TEST_P(ResultsTest, EventsAreReadOnFromARevision) {
  const SweepRecord sweep = Submit("grid", 2);
  const SweepRecord other = Submit("other", 2);
  LeaseOne(sweep);
  LeaseOne(other);
  const std::vector<EventRecord> all = Events(sweep);
  ASSERT_THAT(all, SizeIs(2));
  const std::vector<EventRecord> rest = Events(sweep, all[0].revision);
  ASSERT_THAT(rest, SizeIs(1));
  EXPECT_EQ(rest[0].revision, all[1].revision);
  EXPECT_THAT(Events(sweep, all[1].revision), IsEmpty());
  EXPECT_THAT(store().EventsAfter(sweep.row, 0, 1).value(), SizeIs(1));
}

TEST_P(ResultsTest, EventsOfPeopleNameThem) {
  const SweepRecord sweep = Submit("grid", 1);
  ASSERT_THAT(store().PauseSweep("grid", At(1)), IsOk());
  ASSERT_THAT(store().ResumeSweep("grid", At(2)), IsOk());
  ASSERT_THAT(store().CancelSweep("grid", At(3)), IsOk());
  ASSERT_THAT(store().RetrySweep("grid", {JobState::kCancelled}, At(4)), IsOk());
  std::vector<std::string> causes;
  for (const EventRecord& e : Events(sweep)) {
    EXPECT_EQ(e.actor, "user");
    causes.push_back(e.cause + (e.trial < 0 ? "" : " trial"));
  }
  EXPECT_THAT(causes, ElementsAre("SUBMITTED", "PAUSED", "RESUMED", "CANCELLED", "CANCELLED trial",
                                  "RETRIED", "RETRIED trial"));
}

TEST_P(ResultsTest, WorkIsSummedForEstimates) {
  const SweepRecord sweep = Submit("grid", 5);
  CompleteAll(sweep, {0.5, 0.5});
  StartOne(sweep);
  Fail(StartOne(sweep), FailureReason::kNanLoss);
  ASSERT_OK_AND_ASSIGN(const WorkSummary work, store().SummarizeWork(sweep.row));
  // Each trial costs 2 epochs * (1 / 100 + 0.004) = 0.028; each result took 1 second.
  EXPECT_DOUBLE_EQ(work.finished_cost, 2 * 0.028);
  EXPECT_DOUBLE_EQ(work.finished_seconds, 2.0);
  EXPECT_DOUBLE_EQ(work.open_cost, 2 * 0.028);
}

TEST_P(ResultsTest, WorkersAreListedByNameAndTheirCountsGoOn) {
  WorkerRecord worker{.worker_id = "w",
                      .instance_id = "first",
                      .slots = 4,
                      .host = "host-1",
                      .version = "0.1.0",
                      .engines = {"libtorch", "fused"},
                      .register_time = At(0),
                      .last_seen_time = At(0)};
  ASSERT_THAT(store().PutWorker(worker), IsOk());
  worker.worker_id = "a";
  ASSERT_THAT(store().PutWorker(worker), IsOk());
  const SweepRecord sweep = Submit("grid", 2);
  Complete(StartOne(sweep), 0.5, At(5));
  Fail(StartOne(sweep), FailureReason::kNanLoss);
  worker.worker_id = "w";
  worker.instance_id = "second";
  ASSERT_THAT(store().PutWorker(worker), IsOk());
  ASSERT_THAT(store().TouchWorkers({"w", "unknown"}, At(9)), IsOk());
  ASSERT_OK_AND_ASSIGN(const Page<WorkerRecord> first, store().ListWorkers("", 1));
  ASSERT_THAT(first.items, SizeIs(1));
  EXPECT_EQ(first.items[0].worker_id, "a");
  EXPECT_TRUE(first.next.has_value());
  ASSERT_OK_AND_ASSIGN(const Page<WorkerRecord> second, store().ListWorkers("a", 1));
  ASSERT_THAT(second.items, SizeIs(1));
  EXPECT_FALSE(second.next.has_value());
  EXPECT_EQ(second.items[0].instance_id, "second");
  EXPECT_EQ(second.items[0].engines, (std::vector<std::string>{"libtorch", "fused"}));
  EXPECT_EQ(second.items[0].completed, 1);
  EXPECT_EQ(second.items[0].failed, 1);
  EXPECT_EQ(second.items[0].last_seen_time, At(9));
}

TEST_P(ResultsTest, InfoCountsTheJobsOfAllSweeps) {
  CompleteAll(Submit("one", 2), {0.5});
  Submit("two", 3);
  ASSERT_OK_AND_ASSIGN(const StoreInfo info, store().Info());
  EXPECT_EQ(info.counts, (spec::JobCounts{.queued = 4, .succeeded = 1}));
  EXPECT_GT(info.store_bytes, 0);
  EXPECT_GT(info.free_bytes, 0);
  EXPECT_GT(info.operations, 0);
  EXPECT_FALSE(info.sqlite_version.empty());
}

}  // namespace
}  // namespace bitsweep::store
