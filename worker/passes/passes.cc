// SPDX-License-Identifier: Apache-2.0
#include "worker/passes/passes.h"

#include <utility>

#include "core/base/status_macros.h"
#include "core/graph/report.h"
#include "worker/passes/count_ops.h"
#include "worker/passes/evaluate_pass.h"
#include "worker/passes/node_meta.h"
#include "worker/passes/profile_statistics.h"
#include "worker/passes/prune.h"
#include "worker/passes/quantize.h"
#include "worker/passes/result_json.h"
#include "worker/passes/verify_quantization.h"

namespace bitsweep::passes {
namespace {

// One function a pass; each gives its result as JSON and what it has for the headlines.
class PassRunner {
 public:
  using Outcome = absl::StatusOr<PassOutcome>;

  explicit PassRunner(PassContext& context) : context_(context) {}

  Outcome operator()(const spec::ReportGraphPass&) {
    return Json(ToJson(graph::Report(current()), current()));
  }
  Outcome operator()(const spec::ReportNodeMetaPass& pass) {
    ASSIGN_OR_RETURN(const NodeMetaReport report, ReportNodeMeta(pass, current()));
    return Json(ToJson(report));
  }
  Outcome operator()(const spec::ProfileStatisticsPass& pass) {
    ASSIGN_OR_RETURN(const StatisticsReport report,
                     ProfileStatistics(pass, context_.network, context_.dataset,
                                       context_.make_runner, context_.should_stop));
    return Json(ToJson(report));
  }
  Outcome operator()(const spec::QuantizePass& pass) {
    const graph::Graph before = current();
    ASSIGN_OR_RETURN(const QuantizeReport report,
                     QuantizeNetwork(pass.quantization, context_.network));
    PassOutcome outcome = Json(ToJson(report));
    outcome.rewrote = !(current() == before);
    return outcome;
  }
  Outcome operator()(const spec::CompareGraphsPass&) {
    return Json(ToJson(graph::Compare(context_.original->graph, current())));
  }
  Outcome operator()(const spec::VerifyQuantizationPass& pass) {
    ASSIGN_OR_RETURN(const QuantizationReport report,
                     VerifyQuantization(pass, context_.network, context_.seed, context_.make_runner,
                                        context_.should_stop));
    return Json(ToJson(report));
  }
  Outcome operator()(const spec::CountOpsPass& pass) {
    ASSIGN_OR_RETURN(const OpCountReport report, CountOps(pass, context_.network, context_.seed));
    PassOutcome outcome = Json(ToJson(report));
    outcome.flops = report.Headline().flops;
    outcome.bitops = report.Headline().bitops;
    outcome.size_bits = report.size_bits;
    return outcome;
  }
  Outcome operator()(const spec::EvaluatePass& pass) {
    ASSIGN_OR_RETURN(const EvaluationReport report, EvaluateNetworks(pass, context_));
    PassOutcome outcome = Json(ToJson(report));
    outcome.accuracy = report.current.accuracy;
    outcome.loss = report.current.loss;
    if (report.original) outcome.original_accuracy = report.original->accuracy;
    return outcome;
  }
  Outcome operator()(const spec::PrunePass& pass) {
    ASSIGN_OR_RETURN(const PruneReport report, Prune(pass, context_.seed, context_.network));
    PassOutcome outcome = Json(ToJson(report));
    outcome.rewrote = !report.tensors.empty();
    return outcome;
  }

 private:
  const graph::Graph& current() const { return context_.network.graph; }
  static PassOutcome Json(std::string json) {
    PassOutcome outcome;
    outcome.json = std::move(json);
    return outcome;
  }

  PassContext& context_;
};

}  // namespace

absl::StatusOr<PassOutcome> RunPass(const spec::PassSpec& pass, PassContext& context) {
  if (context.should_stop && context.should_stop()) {
    return absl::CancelledError("stopped before the pass");
  }
  ASSIGN_OR_RETURN(PassOutcome outcome, std::visit(PassRunner(context), pass));
  outcome.pass = spec::TraitsOf(pass).name;
  return outcome;
}

}  // namespace bitsweep::passes
