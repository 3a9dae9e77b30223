// SPDX-License-Identifier: Apache-2.0
#include "worker/train/transform_run.h"

#include <cmath>
#include <map>
#include <utility>

#include "absl/time/time.h"
#include "core/graph/checkpoint.h"
#include "fmt/format.h"
#include "worker/nn/module_runner.h"
#include "worker/train/initial_model.h"

namespace bitsweep::train {
namespace {

using spec::FailureReason;
using spec::JobFailure;
using worker::TransformOutcome;
using worker::TransformSuccess;
using worker::TrialStopped;

JobFailure PassFailure(std::size_t position, std::string_view pass, const absl::Status& status) {
  const FailureReason reason =
      absl::IsInvalidArgument(status) ? FailureReason::kInvalidModel : FailureReason::kException;
  return {reason, fmt::format("pass {} ({}): {}", position, pass, std::string(status.message()))};
}

// Empty when data and network fit.
std::string Misfit(const graph::Graph& graph, const data::Dataset& data) {
  if (graph.InputFeatures() != data.features) {
    return fmt::format("the model {} takes {} features, the data set has {}", graph.name(),
                       graph.InputFeatures(), data.features);
  }
  if (graph.OutputFeatures() < data.classes) {
    return fmt::format("the model {} has {} outputs, the data set has {} classes", graph.name(),
                       graph.OutputFeatures(), data.classes);
  }
  return "";
}

// Names the network that a job begins with and the rows it is evaluated on.
std::string CacheKey(const spec::TransformWork& work, const std::string& data_digest) {
  const spec::DatasetSpec& d = *work.dataset;
  return fmt::format("{}|{}|{}|{}|{}|{}|{}|{}|{}", work.model_artifact, work.seed, data_digest,
                     d.split_seed, d.validation_fraction, d.stratified, d.drop_duplicate_rows,
                     spec::Name(d.scaler), spec::Name(d.validation));
}

template <typename T>
void TakeIfSet(std::optional<T>& to, const std::optional<T>& from) {
  if (from) to = from;
}

double Seconds(absl::Duration duration) { return absl::ToDoubleSeconds(duration); }

}  // namespace

TransformOutcome RunTransform(const spec::TransformWork& work,
                              const std::string& initial_checkpoint, const data::Dataset* dataset,
                              passes::EvaluationCache& cache, Clock& clock,
                              worker::TrialObserver& observer) {
  const absl::Time begin = clock.Now();
  const auto seed = static_cast<std::uint64_t>(work.seed);
  absl::StatusOr<graph::Checkpoint> model =
      InitialModel(work.model, !work.model_artifact.empty(), initial_checkpoint, dataset, seed);
  if (!model.ok()) {
    return JobFailure{FailureReason::kInvalidModel, std::string(model.status().message())};
  }
  if (dataset != nullptr) {
    if (std::string why = Misfit(model->graph, *dataset); !why.empty()) {
      return JobFailure{FailureReason::kInvalidModel, std::move(why)};
    }
  }
  const std::string data_digest = dataset == nullptr ? "" : dataset->digest;
  if (!observer.OnStart(data_digest, 0)) return TrialStopped{};

  const passes::Network original{model->graph, model->tensors};
  passes::PassContext context{.original = &original,
                              .network = original,
                              .dataset = dataset,
                              .seed = seed,
                              .make_runner = nn::ModuleRunners(seed),
                              .should_stop = [&observer] { return observer.ShouldStop(); },
                              .cache = &cache};
  if (!work.model_artifact.empty() && dataset != nullptr) {
    context.cache_key = CacheKey(work, data_digest);
  }
  TransformSuccess success{.data_digest = data_digest};
  bool rewrote = false;
  for (std::size_t i = 0; i < work.passes.size(); ++i) {
    const absl::Time pass_begin = clock.Now();
    absl::StatusOr<passes::PassOutcome> outcome = passes::RunPass(work.passes[i], context);
    if (absl::IsCancelled(outcome.status()) || observer.ShouldStop()) return TrialStopped{};
    if (!outcome.ok()) {
      return PassFailure(i, spec::TraitsOf(work.passes[i]).name, outcome.status());
    }
    rewrote = rewrote || outcome->rewrote;
    if (outcome->rewrote) {  // headlines are those of the last graph
      success.accuracy = success.loss = success.flops = success.bitops = std::nullopt;
      success.size_bits = std::nullopt;
    }
    TakeIfSet(success.accuracy, outcome->accuracy);
    TakeIfSet(success.original_accuracy, outcome->original_accuracy);
    if (outcome->loss && std::isfinite(*outcome->loss)) success.loss = outcome->loss;
    TakeIfSet(success.flops, outcome->flops);
    TakeIfSet(success.bitops, outcome->bitops);
    TakeIfSet(success.size_bits, outcome->size_bits);
    success.passes.push_back({.pass = std::move(outcome->pass),
                              .json = std::move(outcome->json),
                              .seconds = Seconds(clock.Now() - pass_begin)});
  }
  const graph::Graph& graph = context.network.graph;
  success.graph_name = graph.name();
  success.parameter_count = graph.ParameterCount();
  if (rewrote && work.keep_model) {
    std::map<std::string, std::string> metadata = {{"seed", std::to_string(work.seed)}};
    if (!data_digest.empty()) metadata["data_digest"] = data_digest;
    if (success.accuracy) metadata["val_acc"] = fmt::format("{}", *success.accuracy);
    success.checkpoint = graph::SerializeCheckpoint(
        {.graph = graph, .tensors = context.network.tensors, .metadata = std::move(metadata)});
  }
  success.seconds = Seconds(clock.Now() - begin);
  return success;
}

}  // namespace bitsweep::train
