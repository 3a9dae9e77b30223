// SPDX-License-Identifier: Apache-2.0
#ifndef BITSWEEP_WORKER_PASSES_PROFILE_STATISTICS_H_
#define BITSWEEP_WORKER_PASSES_PROFILE_STATISTICS_H_

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "core/spec/transform_spec.h"
#include "worker/data/dataset.h"
#include "worker/passes/graph_runner.h"
#include "worker/passes/network.h"
#include "worker/passes/statistics.h"

namespace bitsweep::passes {

// One statistic of one tensor of a node.
struct NodeStatistic {
  std::string node;
  std::string tensor;       // "weight", "bias", "running_mean", "data_in_0", ...
  bool activation = false;  // an input; else a parameter or buffer
  std::string statistic;    // "variance_precise"
  std::vector<StatisticValue> values;
};

struct StatisticsReport {
  std::vector<NodeStatistic> statistics;  // by node in the graph's order: weights, then inputs
  std::int64_t samples = 0;               // rows that were run
};

// Weights: every parameter and float buffer of the call_module nodes that target_weight_nodes
// names, one update with the whole tensor, as it is stored (before quantization). Activations:
// every input of the nodes that target_activation_nodes names, as the node gets it, for the first
// num_samples training rows (all when there are fewer), in evaluation mode, one update a row with a
// leading dimension of 1. `dataset` may be null when no activations are asked for.
//
// InvalidArgument: no such node, an unknown `by` or statistic, no data set, other features than the
// network's. Cancelled: should_stop. Errors of the runner.
absl::StatusOr<StatisticsReport> ProfileStatistics(const spec::ProfileStatisticsPass& pass,
                                                   const Network& network,
                                                   const data::Dataset* dataset,
                                                   const GraphRunnerFactory& make_runner,
                                                   const std::function<bool()>& should_stop);

}  // namespace bitsweep::passes

#endif  // BITSWEEP_WORKER_PASSES_PROFILE_STATISTICS_H_
