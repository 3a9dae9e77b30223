// SPDX-License-Identifier: Apache-2.0
#include "tests/server/store/store_fixture.h"

#include <stdexcept>

#include "core/base/sha256.h"
#include "core/spec/spec_json.h"
#include "server/store/sqlite/open.h"

namespace bitsweep::store {
namespace {

template <typename T>
T Require(absl::StatusOr<T> value) {
  if (!value.ok()) throw std::runtime_error(value.status().ToString());
  return *std::move(value);
}
void Require(const absl::Status& status) {
  if (!status.ok()) throw std::runtime_error(status.ToString());
}

}  // namespace

const char kDataDigest[] = "dddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddd";

void PrintTo(const Implementation& implementation, std::ostream* out) {
  *out << implementation.name;
}

std::vector<Implementation> Implementations() {
  return {{"Sqlite", [](const OpenRequest& request) {
             return OpenSqliteStore({.data_dir = request.folder,
                                     .readers = 2,
                                     .min_free_bytes = request.min_free_bytes,
                                     .observer = request.observer});
           }}};
}

std::string NameOf(const ::testing::TestParamInfo<Implementation>& info) { return info.param.name; }

std::string Reason(const absl::Status& status) {
  const std::optional<ErrorDetails> details = GetErrorDetails(status);
  return details ? details->reason : "no details: " + status.ToString();
}

absl::Time At(double seconds) {
  return absl::FromUnixSeconds(1700000000) + absl::Microseconds(seconds * 1e6);
}

spec::SweepSpec GridSpec(std::int64_t configurations, std::int64_t repeats) {
  spec::SweepSpec spec;
  spec.display_name = "a grid";
  spec.model.builtin = "jsc-tiny";
  spec.dataset.name = "synthetic-jets";
  spec.base.max_epochs = 2;
  spec.base.batch_size = 100;
  spec::Grid grid;
  for (std::int64_t i = 1; i <= configurations; ++i) {
    grid.axes.learning_rate.push_back(0.001 * static_cast<double>(i));
  }
  spec.search = grid;
  spec.repeats = repeats;
  spec.keep_models = spec::KeepModels::kAll;
  return spec;
}

NewSweep Planned(const std::string& sweep_id, const spec::SweepSpec& spec) {
  return {.sweep_id = sweep_id,
          .spec = spec,
          .plan = Require(spec::ExpandPlan(spec)),
          .request_id = "",
          .spec_digest = spec::SpecDigest(spec),
          .model_artifact = ""};
}

std::vector<spec::EpochPoint> Epochs(std::int64_t count, double val_acc) {
  std::vector<spec::EpochPoint> points;
  for (std::int64_t epoch = 0; epoch < count; ++epoch) {
    points.push_back({.epoch = epoch,
                      .learning_rate = 0.001,
                      .train_loss = 1.5,
                      .train_loss_last_step = 1.25,
                      .train_acc_last_step = 0.5,
                      .val_acc = epoch + 1 == count ? val_acc : val_acc / 2,
                      .val_loss = 1.125,
                      .val_loss_batch_mean = 1.0625,
                      .seconds = 0.5});
  }
  return points;
}

spec::TrialResult Result(double val_acc) {
  spec::TrialResult result;
  result.val_acc = val_acc;
  result.val_loss = 1.125;
  result.val_loss_batch_mean = 1.0625;
  result.train_acc_last_step = 0.5;
  result.train_loss_last_step = 1.25;
  result.best_epoch = 1;
  result.best_val_acc = val_acc;
  result.epochs = 2;
  result.steps = 16;
  result.train_rows = 800;
  result.validation_rows = 200;
  result.seconds = 1;
  result.rows_per_second = 1600;
  result.engine = "libtorch";
  result.engine_version = "libtorch 1.13.1";
  result.data_digest = kDataDigest;
  result.graph_name = "jsc-tiny";
  result.parameter_count = 117;
  return result;
}

void StoreTest::Open(OpenRequest request) {
  store_.reset();
  request.folder = folder();
  store_ = Require(GetParam().open(request));
}

SweepRecord StoreTest::Submit(const NewSweep& sweep) {
  return Require(store_->Submit(sweep, At(0))).sweep;
}

SweepRecord StoreTest::Submit(const std::string& sweep_id, std::int64_t configurations,
                              std::int64_t repeats) {
  return Submit(Planned(sweep_id, GridSpec(configurations, repeats)));
}

SweepRecord StoreTest::Sweep(const std::string& sweep_id) {
  return Require(store_->GetSweep(sweep_id));
}

TrialRecord StoreTest::Trial(const std::string& sweep_id, std::int64_t number) {
  return Require(store_->GetTrial(sweep_id, number));
}

std::vector<LeasedJob> StoreTest::Lease(const SweepRecord& sweep, std::int64_t count,
                                        absl::Time now, const std::string& worker) {
  return Require(store_->Lease({{sweep.row, worker, count}}, now));
}

LeaseRef StoreTest::LeaseOne(const SweepRecord& sweep, absl::Time now) {
  const std::vector<LeasedJob> leased = Lease(sweep, 1, now);
  if (leased.size() != 1) throw std::runtime_error("nothing to lease");
  return leased[0].ref;
}

LeaseRef StoreTest::StartOne(const SweepRecord& sweep, absl::Time now) {
  const LeaseRef ref = LeaseOne(sweep, now);
  Report({.ref = ref, .started = true, .data_digest = kDataDigest, .points = {}}, now);
  return ref;
}

ProgressOutcome StoreTest::Report(const ProgressReport& report, absl::Time now) {
  return Require(store_->Progress({report}, now)).at(0);
}

void StoreTest::Complete(const LeaseRef& ref, double val_acc, absl::Time now) {
  Require(store_->Complete(ref, Epochs(2, val_acc), Result(val_acc), now));
}

FailOutcome StoreTest::Fail(const LeaseRef& ref, spec::FailureReason reason, absl::Time now) {
  return Require(store_->Fail(ref, {reason, "it broke"}, {}, now));
}

void StoreTest::CompleteAll(const SweepRecord& sweep, const std::vector<double>& val_accs) {
  for (const double val_acc : val_accs) Complete(StartOne(sweep), val_acc);
}

std::vector<EventRecord> StoreTest::Events(const SweepRecord& sweep, std::int64_t after) {
  return Require(store_->EventsAfter(sweep.row, after, 100000));
}

std::string StoreTest::Upload(const std::string& bytes, absl::Time now) {
  const std::string digest = Sha256Hex(bytes);
  std::unique_ptr<ArtifactUpload> upload =
      Require(store_->Begin(digest, static_cast<std::int64_t>(bytes.size())));
  Require(upload->Append(bytes));
  Require(upload->Commit(now).status());
  return digest;
}

std::vector<std::string> StoreTest::Problems() {
  std::vector<std::string> found;
  for (const StoreProblem& problem : Require(store_->Verify(VerifyDepth::kDeep)).problems) {
    found.push_back(problem.check + ": " + problem.description);
  }
  return found;
}

}  // namespace bitsweep::store
