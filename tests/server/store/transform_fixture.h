// SPDX-License-Identifier: Apache-2.0
// Transforms for the tests of the store.
#ifndef BITSWEEP_TESTS_SERVER_STORE_TRANSFORM_FIXTURE_H_
#define BITSWEEP_TESTS_SERVER_STORE_TRANSFORM_FIXTURE_H_

#include <string>
#include <vector>

#include "tests/server/store/store_fixture.h"

namespace bitsweep::store {

inline NewTransform Quantizing(const std::string& id, std::int64_t jobs = 1) {
  NewTransform transform{.transform_id = id,
                         .display_name = "quantize",
                         .model = "jsc-tiny",
                         .dataset = "synthetic-jets",
                         .spec = R"({"model":{"builtin":"jsc-tiny"}})",
                         .spec_digest = std::string(64, 'a')};
  for (std::int64_t job = 0; job < jobs; ++job) {
    transform.assignments.push_back(R"([{"entry":"weight_width","value":)" +
                                    std::to_string(job + 2) + "}]");
  }
  return transform;
}

inline TransformOutcome Outcome(double accuracy, double bitops) {
  return {.passes = {{.pass = "count_ops",
                      .result = R"({"pass":"count_ops"})",
                      .seconds = 0.25,
                      .op_counts = {{"", "MACS", 80, bitops}, {"fc", "MACS", 80, bitops}}},
                     {.pass = "evaluate", .result = R"({"pass":"evaluate"})", .seconds = 0.5}},
          .metrics = {.accuracy = accuracy, .flops = 80, .bitops = bitops, .size_bits = 776},
          .seconds = 1.5,
          .data_digest = kDataDigest,
          .graph_name = "jsc-tiny",
          .parameter_count = 117};
}

class TransformTest : public StoreTest {
 protected:
  TransformRecord Submitted(const NewTransform& transform) {
    return store().SubmitTransform(transform, At(0)).value().transform;
  }
  std::vector<LeasedJob> LeaseJobs(const TransformRecord& transform, std::int64_t count) {
    return store().Lease({{transform.row, "w", count}}, At(1)).value();
  }
  // Leases a job and starts it.
  LeaseRef StartJob(const TransformRecord& transform) {
    const LeaseRef ref = LeaseJobs(transform, 1).at(0).ref;
    EXPECT_EQ(Report({.ref = ref, .started = true}).verdict, ProgressVerdict::kContinue);
    return ref;
  }
};

}  // namespace bitsweep::store

#endif  // BITSWEEP_TESTS_SERVER_STORE_TRANSFORM_FIXTURE_H_
