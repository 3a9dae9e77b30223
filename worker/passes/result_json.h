// SPDX-License-Identifier: Apache-2.0
// Results of passes as the JSON form of bitsweep.v1.PassResult: {"pass": ..., "<its result>":
// {...}} with the proto's field names, integers as numbers, and NaN, Infinity and -Infinity as
// strings.
#ifndef BITSWEEP_WORKER_PASSES_RESULT_JSON_H_
#define BITSWEEP_WORKER_PASSES_RESULT_JSON_H_

#include <string>

#include "core/graph/graph.h"
#include "core/graph/report.h"
#include "worker/passes/count_ops.h"
#include "worker/passes/evaluate_pass.h"
#include "worker/passes/node_meta.h"
#include "worker/passes/profile_statistics.h"
#include "worker/passes/prune.h"
#include "worker/passes/quantize.h"
#include "worker/passes/verify_quantization.h"

namespace bitsweep::passes {

std::string ToJson(const graph::GraphReport& report, const graph::Graph& graph);
std::string ToJson(const NodeMetaReport& report);
std::string ToJson(const StatisticsReport& report);
std::string ToJson(const QuantizeReport& report);
std::string ToJson(const graph::GraphComparison& comparison);
std::string ToJson(const QuantizationReport& report);
std::string ToJson(const OpCountReport& report);
std::string ToJson(const EvaluationReport& report);
std::string ToJson(const PruneReport& report);

}  // namespace bitsweep::passes

#endif  // BITSWEEP_WORKER_PASSES_RESULT_JSON_H_
