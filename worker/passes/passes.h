// SPDX-License-Identifier: Apache-2.0
// Runs the passes of a transform, one after another.
#ifndef BITSWEEP_WORKER_PASSES_PASSES_H_
#define BITSWEEP_WORKER_PASSES_PASSES_H_

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <optional>
#include <string>

#include "absl/base/thread_annotations.h"
#include "absl/status/statusor.h"
#include "absl/synchronization/mutex.h"
#include "core/spec/transform_spec.h"
#include "worker/data/dataset.h"
#include "worker/passes/evaluate.h"
#include "worker/passes/graph_runner.h"
#include "worker/passes/network.h"

namespace bitsweep::passes {

// Evaluations of networks that many jobs begin with, so that each is measured once. Thread-safe.
class EvaluationCache {
 public:
  std::optional<EvaluationMetrics> Find(const std::string& key);
  // Keeps the latest few.
  void Put(const std::string& key, const EvaluationMetrics& metrics);

 private:
  absl::Mutex mu_;
  std::map<std::string, EvaluationMetrics> entries_ ABSL_GUARDED_BY(mu_);
  std::deque<std::string> order_ ABSL_GUARDED_BY(mu_);  // of the entries, the oldest first
};

// What passes work with. `network` is rewritten; `original` stays.
struct PassContext {
  const Network* original = nullptr;
  Network network;
  const data::Dataset* dataset = nullptr;  // null: none; passes that need one then fail
  std::uint64_t seed = 0;                  // of random inputs and random pruning
  GraphRunnerFactory make_runner;
  std::function<bool()> should_stop;  // asked at least every 200 ms
  EvaluationCache* cache = nullptr;   // may be null
  std::string cache_key;              // names original and dataset; empty: do not cache
};

struct PassOutcome {
  std::string pass;  // "report_graph"
  // Its result as the JSON form of bitsweep.v1.PassResult, snake_case names, without `position` and
  // `seconds`; numbers that are not finite as the strings "NaN", "Infinity", "-Infinity".
  std::string json;
  bool rewrote = false;  // the network
  // Headlines, where the pass gives them.
  std::optional<double> accuracy, original_accuracy, loss, flops, bitops;
  std::optional<std::int64_t> size_bits;
};

// Runs one pass. Errors: InvalidArgument (the pass does not fit the graph or the data; names node
// and value), Cancelled (should_stop), Internal (the runner). The network is then as before.
absl::StatusOr<PassOutcome> RunPass(const spec::PassSpec& pass, PassContext& context);

}  // namespace bitsweep::passes

#endif  // BITSWEEP_WORKER_PASSES_PASSES_H_
