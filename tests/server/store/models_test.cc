// SPDX-License-Identifier: Apache-2.0
// Models and artifacts.
#include <filesystem>
#include <fstream>

#include "core/base/sha256.h"
#include "tests/server/store/store_fixture.h"

namespace bitsweep::store {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using testing::IsOk;
using ::testing::SizeIs;
using testing::StatusIs;

class ModelsTest : public StoreTest {
 protected:
  // Runs trials to their ends, each with a checkpoint of its own; returns the checkpoints' digests.
  std::vector<std::string> TrainAll(spec::KeepModels keep, const std::vector<double>& val_accs) {
    spec::SweepSpec spec = GridSpec(static_cast<std::int64_t>(val_accs.size()), 1);
    spec.keep_models = keep;
    const SweepRecord sweep = Submit(Planned("grid", spec));
    std::vector<std::string> digests;
    for (const double val_acc : val_accs) {
      const std::string bytes = "checkpoint " + std::to_string(digests.size());
      digests.push_back(Upload(bytes));
      CompleteWith(StartOne(sweep), val_acc, digests.back(), bytes.size());
    }
    return digests;
  }
  void CompleteWith(const LeaseRef& ref, double val_acc, const std::string& digest,
                    std::size_t bytes) {
    spec::TrialResult result = Result(val_acc);
    result.artifact = digest;
    result.artifact_bytes = static_cast<std::int64_t>(bytes);
    ASSERT_THAT(store().Complete(ref, Epochs(2, val_acc), result, At(5)), IsOk());
  }
  std::vector<std::string> ModelIds(PageQuery query = {}) {
    const auto page = store().ListModels(query);
    EXPECT_THAT(page, IsOk());
    std::vector<std::string> ids;
    for (const ModelRecord& model : page->items) ids.push_back(model.model_id);
    return ids;
  }
  // Files below artifacts/, those of uploads under way included.
  int Files() {
    int files = 0;
    for (const auto& entry : std::filesystem::recursive_directory_iterator(folder() + "/artifacts"))
      files += entry.is_regular_file() ? 1 : 0;
    return files;
  }
};
INSTANTIATE_TEST_SUITE_P(Stores, ModelsTest, ::testing::ValuesIn(Implementations()), NameOf);

TEST_P(ModelsTest, AllKeepsEveryModel) {
  const std::vector<std::string> digests = TrainAll(spec::KeepModels::kAll, {0.5, 0.25});
  EXPECT_THAT(ModelIds(), ElementsAre("grid-1", "grid-0"));
  ASSERT_OK_AND_ASSIGN(const ModelRecord model, store().GetModel("grid-1"));
  EXPECT_EQ(model.sweep_id, "grid");
  EXPECT_EQ(model.trial, 1);
  EXPECT_EQ(model.artifact, digests[1]);
  EXPECT_EQ(model.size_bytes, 12);
  EXPECT_EQ(model.val_acc, 0.25);
  EXPECT_EQ(model.graph_name, "jsc-tiny");
  EXPECT_EQ(model.parameter_count, 117);
  EXPECT_EQ(model.create_time, At(5));
  EXPECT_EQ(Trial("grid", 1).model_id, "grid-1");
  EXPECT_THAT(Problems(), IsEmpty());
}

TEST_P(ModelsTest, BestKeepsTheHighestValAcc) {
  const std::vector<std::string> digests = TrainAll(spec::KeepModels::kBest, {0.5, 0.75, 0.25});
  EXPECT_THAT(ModelIds(), ElementsAre("grid-1"));
  EXPECT_EQ(Trial("grid", 0).model_id, "");
  EXPECT_EQ(store().CollectGarbage(At(100)).value(), 2);
  EXPECT_THAT(store().GetArtifact(digests[1]), IsOk());
  EXPECT_EQ(Reason(store().GetArtifact(digests[0])), "ARTIFACT_NOT_FOUND");
  EXPECT_THAT(Problems(), IsEmpty());
}

TEST_P(ModelsTest, BestKeepsTheLowestNumberOfEquals) {
  spec::SweepSpec spec = GridSpec(3, 1);
  spec.keep_models = spec::KeepModels::kBest;
  const SweepRecord sweep = Submit(Planned("grid", spec));
  const std::vector<LeasedJob> leased = Lease(sweep, 3);
  const std::string digest = Upload("checkpoint");
  for (const int number : {1, 2, 0}) CompleteWith(leased[number].ref, 0.5, digest, 10);
  EXPECT_THAT(ModelIds(), ElementsAre("grid-0"));
}

TEST_P(ModelsTest, NoneKeepsNothing) {
  TrainAll(spec::KeepModels::kNone, {0.5});
  EXPECT_THAT(ModelIds(), IsEmpty());
  EXPECT_EQ(store().CollectGarbage(At(100)).value(), 1);
  EXPECT_EQ(Files(), 0);
}

TEST_P(ModelsTest, WorkersAreToldWhetherToUpload) {
  spec::SweepSpec spec = GridSpec(1, 1);
  spec.keep_models = spec::KeepModels::kNone;
  EXPECT_FALSE(
      std::get<spec::TrialSpec>(Lease(Submit(Planned("grid", spec)), 1).at(0).work).keep_model);
}

TEST_P(ModelsTest, ModelsAreFilteredAndPaged) {
  TrainAll(spec::KeepModels::kAll, {0.5, 0.25, 0.75});
  EXPECT_THAT(ModelIds({.conditions = {{"val_acc", Comparison::kGreaterOrEqual, 0.5}}}),
              ElementsAre("grid-2", "grid-0"));
  EXPECT_THAT(ModelIds({.conditions = {{"sweep", Comparison::kEqual, "sweeps/other"}}}), IsEmpty());
  EXPECT_THAT(ModelIds({.conditions = {{"graph_name", Comparison::kEqual, "jsc-tiny"}}}),
              SizeIs(3));
  ASSERT_OK_AND_ASSIGN(const Page<ModelRecord> first, store().ListModels({.limit = 2}));
  EXPECT_THAT(first.items, SizeIs(2));
  EXPECT_THAT(ModelIds({.after = first.next, .limit = 2}), ElementsAre("grid-0"));
}

TEST_P(ModelsTest, ADeletedModelIsGoneAndItsTrialStays) {
  TrainAll(spec::KeepModels::kAll, {0.5});
  ASSERT_THAT(store().DeleteModel("grid-0"), IsOk());
  EXPECT_EQ(Reason(store().GetModel("grid-0")), "MODEL_NOT_FOUND");
  EXPECT_EQ(Reason(store().DeleteModel("grid-0")), "MODEL_NOT_FOUND");
  EXPECT_EQ(Trial("grid", 0).result->val_acc, 0.5);
}

TEST_P(ModelsTest, ModelsGoWithTheirSweep) {
  TrainAll(spec::KeepModels::kAll, {0.5});
  ASSERT_THAT(store().DeleteSweep("grid", At(9)), IsOk());
  EXPECT_THAT(ModelIds(), IsEmpty());
  EXPECT_EQ(store().CollectGarbage(At(100)).value(), 1);
}

TEST_P(ModelsTest, ASweepThatStartsFromAModelKeepsItsArtifact) {
  const std::string digest = TrainAll(spec::KeepModels::kAll, {0.5}).at(0);
  NewSweep next = Planned("next", GridSpec(1, 1));
  next.model_artifact = digest;
  const SweepRecord sweep = Submit(next);
  ASSERT_THAT(store().DeleteSweep("grid", At(9)), IsOk());
  EXPECT_EQ(store().CollectGarbage(At(100)).value(), 0);
  EXPECT_EQ(std::get<spec::TrialSpec>(Lease(sweep, 1).at(0).work).model_artifact, digest);
  EXPECT_THAT(store().Read(digest, 0, 100).value(), "checkpoint 0");
}

TEST_P(ModelsTest, UploadedBytesAreReadInPieces) {
  const std::string digest = Upload("0123456789", At(4));
  ASSERT_OK_AND_ASSIGN(const ArtifactRecord artifact, store().GetArtifact(digest));
  EXPECT_EQ(artifact.size_bytes, 10);
  EXPECT_EQ(artifact.create_time, At(4));
  EXPECT_EQ(store().Read(digest, 0, 4).value(), "0123");
  EXPECT_EQ(store().Read(digest, 4, 100).value(), "456789");
  EXPECT_EQ(store().Read(digest, 10, 4).value(), "");
  EXPECT_THAT(store().Read(digest, 11, 4), StatusIs(absl::StatusCode::kOutOfRange));
  EXPECT_THAT(store().Read(digest, -1, 4), StatusIs(absl::StatusCode::kOutOfRange));
  EXPECT_EQ(Reason(store().Read(std::string(64, 'a'), 0, 4)), "ARTIFACT_NOT_FOUND");
}

TEST_P(ModelsTest, AnUploadComesInChunks) {
  ASSERT_OK_AND_ASSIGN(const auto upload, store().Begin(Sha256Hex("abcdef"), 6));
  for (const char* chunk : {"ab", "", "cde", "f"}) EXPECT_THAT(upload->Append(chunk), IsOk());
  ASSERT_THAT(upload->Commit(At(1)), IsOk());
  EXPECT_EQ(store().Read(Sha256Hex("abcdef"), 0, 10).value(), "abcdef");
}

TEST_P(ModelsTest, BytesOfAnotherDigestAreRefused) {
  ASSERT_OK_AND_ASSIGN(auto upload, store().Begin(Sha256Hex("right"), 5));
  ASSERT_THAT(upload->Append("wrong"), IsOk());
  const auto refused = upload->Commit(At(1));
  EXPECT_THAT(refused, StatusIs(absl::StatusCode::kDataLoss, HasSubstr(Sha256Hex("wrong"))));
  EXPECT_EQ(Reason(refused), "ARTIFACT_CORRUPT");
  upload.reset();
  EXPECT_EQ(Files(), 0);
  EXPECT_EQ(Reason(store().GetArtifact(Sha256Hex("right"))), "ARTIFACT_NOT_FOUND");
}

TEST_P(ModelsTest, TooFewAndTooManyBytesAreRefused) {
  ASSERT_OK_AND_ASSIGN(const auto few, store().Begin(Sha256Hex("abc"), 3));
  ASSERT_THAT(few->Append("ab"), IsOk());
  EXPECT_EQ(Reason(few->Commit(At(1))), "ARTIFACT_CORRUPT");
  ASSERT_OK_AND_ASSIGN(const auto many, store().Begin(Sha256Hex("abc"), 3));
  EXPECT_EQ(Reason(many->Append("abcd")), "ARTIFACT_CORRUPT");
}

TEST_P(ModelsTest, AnAbandonedUploadLeavesNothing) {
  {
    ASSERT_OK_AND_ASSIGN(const auto upload, store().Begin(Sha256Hex("abc"), 3));
    ASSERT_THAT(upload->Append("ab"), IsOk());
    EXPECT_EQ(Files(), 1);
  }
  EXPECT_EQ(Files(), 0);
}

TEST_P(ModelsTest, TheSameBytesAreStoredOnce) {
  Upload("abc", At(1));
  Upload("abc", At(7));
  EXPECT_EQ(Files(), 1);
  EXPECT_EQ(store().GetArtifact(Sha256Hex("abc"))->create_time, At(7));
}

TEST_P(ModelsTest, GarbageIsWhatIsOldAndUnreferenced) {
  const std::string old = Upload("old", At(1));
  const std::string fresh = Upload("fresh", At(50));
  EXPECT_EQ(store().CollectGarbage(At(50)).value(), 1);
  EXPECT_EQ(Reason(store().GetArtifact(old)), "ARTIFACT_NOT_FOUND");
  EXPECT_THAT(store().GetArtifact(fresh), IsOk());
  EXPECT_EQ(Files(), 1);
}

TEST_P(ModelsTest, AnUploadNeedsRoom) {
  Open({.min_free_bytes = std::int64_t{1} << 60});
  EXPECT_EQ(Reason(store().Begin(Sha256Hex("abc"), 3)), "STORE_FULL");
}

TEST_P(ModelsTest, ADamagedOrMissingArtifactIsFound) {
  const std::string damaged = Upload("damaged bytes");
  const std::string missing = Upload("missing bytes");
  for (const auto& entry : std::filesystem::recursive_directory_iterator(folder() + "/artifacts")) {
    if (entry.path().filename() == damaged) std::ofstream(entry.path()) << "other bytes";
    if (entry.path().filename() == missing) std::filesystem::remove(entry.path());
  }
  const std::vector<std::string> problems = Problems();
  EXPECT_THAT(problems, SizeIs(2));
  EXPECT_THAT(problems, ::testing::Each(HasSubstr("artifacts: ")));
  EXPECT_THAT(problems, ::testing::Contains(HasSubstr(damaged)));
  EXPECT_THAT(problems, ::testing::Contains(HasSubstr(missing)));
  EXPECT_THAT(store().Verify(VerifyDepth::kRows)->problems, IsEmpty());
}

}  // namespace
}  // namespace bitsweep::store
