// SPDX-License-Identifier: Apache-2.0
// Stores in fresh folders, and short ways to fill them.
#ifndef BITSWEEP_TESTS_SERVER_STORE_STORE_FIXTURE_H_
#define BITSWEEP_TESTS_SERVER_STORE_STORE_FIXTURE_H_

#include <functional>
#include <memory>
#include <ostream>
#include <string>
#include <vector>

#include "absl/time/time.h"
#include "core/base/errors.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "server/store/store.h"
#include "tests/support/status_matchers.h"
#include "tests/support/test_paths.h"

namespace bitsweep::store {

// What a test asks of a store that it opens.
struct OpenRequest {
  std::string folder;
  std::int64_t min_free_bytes = 0;
  StoreObserver* observer = nullptr;
};

// An implementation of Store: a parameter of the conformance suite.
struct Implementation {
  std::string name;
  std::function<absl::StatusOr<std::unique_ptr<Store>>(const OpenRequest&)> open;
};
void PrintTo(const Implementation& implementation, std::ostream* out);
std::vector<Implementation> Implementations();
std::string NameOf(const ::testing::TestParamInfo<Implementation>& info);

// The reason of a status with details: EXPECT_EQ(Reason(status), "LEASE_LOST").
std::string Reason(const absl::Status& status);
template <typename T>
std::string Reason(const absl::StatusOr<T>& value) {
  return Reason(value.status());
}

// `seconds` after an arbitrary start.
absl::Time At(double seconds);

// A grid of `configurations` learning rates (0.001, 0.002, ...) of 2 epochs with batches of 100
// rows.
spec::SweepSpec GridSpec(std::int64_t configurations, std::int64_t repeats);
NewSweep Planned(const std::string& sweep_id, const spec::SweepSpec& spec);

// `count` epochs, the last of which has `val_acc`; earlier ones have half of it.
std::vector<spec::EpochPoint> Epochs(std::int64_t count, double val_acc);
// The result that Epochs(2, val_acc) end with: 2 epochs, 1 second, no artifact.
spec::TrialResult Result(double val_acc);

// The digest that Result() names.
extern const char kDataDigest[];

// A store in a folder of its own. Helpers end the test when the store refuses.
class StoreTest : public ::testing::TestWithParam<Implementation> {
 protected:
  StoreTest() { Open({}); }

  // Closes the store, if it is open, and opens the folder (again).
  void Open(OpenRequest request);
  void Close() { store_.reset(); }
  Store& store() { return *store_; }
  std::string folder() const { return folder_.path().string(); }

  SweepRecord Submit(const NewSweep& sweep);
  SweepRecord Submit(const std::string& sweep_id, std::int64_t configurations,
                     std::int64_t repeats = 1);
  SweepRecord Sweep(const std::string& sweep_id);
  TrialRecord Trial(const std::string& sweep_id, std::int64_t number);
  std::vector<LeasedJob> Lease(const SweepRecord& sweep, std::int64_t count, absl::Time now = At(1),
                               const std::string& worker = "w");
  // Leases one trial.
  LeaseRef LeaseOne(const SweepRecord& sweep, absl::Time now = At(1));
  // Leases one trial and starts it.
  LeaseRef StartOne(const SweepRecord& sweep, absl::Time now = At(1));
  ProgressOutcome Report(const ProgressReport& report, absl::Time now = At(2));
  void Complete(const LeaseRef& ref, double val_acc, absl::Time now = At(3));
  FailOutcome Fail(const LeaseRef& ref, spec::FailureReason reason, absl::Time now = At(3));
  // Runs every trial of the sweep to its end with these accuracies, in plan order.
  void CompleteAll(const SweepRecord& sweep, const std::vector<double>& val_accs);
  std::vector<EventRecord> Events(const SweepRecord& sweep, std::int64_t after = 0);
  // Stores `bytes`; returns their digest.
  std::string Upload(const std::string& bytes, absl::Time now = At(1));
  // What Verify finds, all depths.
  std::vector<std::string> Problems();

 private:
  testing::TempDir folder_;
  std::unique_ptr<Store> store_;
};

}  // namespace bitsweep::store

#endif  // BITSWEEP_TESTS_SERVER_STORE_STORE_FIXTURE_H_
