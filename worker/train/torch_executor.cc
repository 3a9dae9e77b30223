// SPDX-License-Identifier: Apache-2.0
#include "worker/train/torch_executor.h"

#include <ATen/Parallel.h>
#include <torch/types.h>

#include <exception>
#include <map>
#include <new>
#include <string_view>
#include <utility>

#include "core/base/status_macros.h"
#include "core/graph/checkpoint.h"
#include "fmt/format.h"
#include "nlohmann/json.hpp"
#include "spdlog/spdlog.h"
#include "worker/data/dataset.h"
#include "worker/passes/passes.h"
#include "worker/train/fused/fused_engine.h"
#include "worker/train/initial_model.h"
#include "worker/train/libtorch_engine.h"
#include "worker/train/recipe.h"
#include "worker/train/transform_run.h"

namespace bitsweep::train {
namespace {

using spec::FailureReason;
using spec::JobFailure;
using worker::TransformOutcome;
using worker::TrialOutcome;
using worker::TrialStopped;

JobFailure DataFailure(const absl::Status& status) {
  FailureReason reason = FailureReason::kException;
  if (absl::IsNotFound(status)) reason = FailureReason::kDatasetNotFound;
  if (absl::IsInvalidArgument(status)) reason = FailureReason::kInvalidDataset;
  if (absl::IsResourceExhausted(status)) reason = FailureReason::kOutOfMemory;
  return {reason, std::string(status.message())};
}

// A batch of one row has no batch statistics. Empty when there is none.
std::string SingleRowBatch(const graph::Graph& graph, std::int64_t rows, std::int64_t batch_size) {
  if (rows % batch_size != 1 && batch_size != 1) return "";
  for (std::size_t n = 0; n < graph.nodes().size(); ++n) {
    const auto* norm = std::get_if<graph::BatchNorm1d>(&graph.nodes()[n].op);
    if (norm == nullptr || graph::ElementCount(graph.sample_shapes()[n]) > norm->num_features) {
      continue;
    }
    return fmt::format(
        "{}: batch norm cannot train on a batch of one row, and {} training rows in batches of {} "
        "leave one: choose another batch_size",
        graph.nodes()[n].name, rows, batch_size);
  }
  return "";
}

// What a reader of the checkpoint needs to know about the training.
std::map<std::string, std::string> Metadata(const spec::TrialSpec& spec,
                                            const spec::TrialResult& result,
                                            const data::Dataset& data) {
  std::map<std::string, std::string> metadata = {{"seed", std::to_string(spec.seed)},
                                                 {"data_digest", result.data_digest},
                                                 {"epochs", std::to_string(result.epochs)},
                                                 {"val_acc", fmt::format("{}", result.val_acc)}};
  if (!data.class_names.empty()) {  // position = class; bytes that are no UTF-8 become U+FFFD
    metadata["class_names"] = nlohmann::json(data.class_names)
                                  .dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
  }
  return metadata;
}

JobFailure FromException(std::string_view what) {
  const bool no_memory = what.find("can't allocate memory") != std::string_view::npos;
  return {no_memory ? FailureReason::kOutOfMemory : FailureReason::kException, std::string(what)};
}

}  // namespace

struct TorchExecutor::Impl {
  Impl(std::string data_root, Clock& given_clock)
      : data(std::move(data_root)), clock(given_clock) {}

  data::DatasetCache data;
  Clock& clock;
  LibtorchEngine libtorch;
  FusedEngine fused;
  passes::EvaluationCache evaluations;

  TransformOutcome RunTransform(const spec::TransformWork& work,
                                const std::string& initial_checkpoint,
                                worker::TrialObserver& observer);
  TrialOutcome Run(const spec::TrialSpec& spec, const std::string& initial_checkpoint,
                   worker::TrialObserver& observer);
  // `choice`, where it is one; else the fused engine where it supports the training.
  Engine& Choose(spec::EngineChoice choice, const graph::Graph& graph,
                 const spec::Hyperparameters& h, const data::Dataset& dataset);
};

Engine& TorchExecutor::Impl::Choose(spec::EngineChoice choice, const graph::Graph& graph,
                                    const spec::Hyperparameters& h, const data::Dataset& dataset) {
  if (choice == spec::EngineChoice::kLibtorch) return libtorch;
  if (choice == spec::EngineChoice::kFused) return fused;
  const absl::Status supports = fused.Supports(graph, h, dataset);
  if (supports.ok()) return fused;
  spdlog::info("training on the libtorch engine model={} why=\"{}\"", graph.name(),
               std::string(supports.message()));
  return libtorch;
}

TrialOutcome TorchExecutor::Impl::Run(const spec::TrialSpec& spec,
                                      const std::string& initial_checkpoint,
                                      worker::TrialObserver& observer) {
  if (observer.ShouldStop()) return TrialStopped{};
  const auto dataset = data.Get(spec.dataset);
  if (!dataset.ok()) return DataFailure(dataset.status());
  absl::StatusOr<graph::Checkpoint> model = InitialModel(
      spec.model, !spec.model_artifact.empty(), initial_checkpoint, dataset->get(), spec.seed);
  if (model.ok()) model = Quantized(*std::move(model), spec.quantization);
  if (!model.ok()) {
    return JobFailure{FailureReason::kInvalidModel, std::string(model.status().message())};
  }
  const graph::Graph& graph = model->graph;
  const spec::Hyperparameters& h = spec.hyperparameters;
  if (std::string why = SingleRowBatch(graph, (*dataset)->train_rows(), h.batch_size);
      !why.empty()) {
    return JobFailure{FailureReason::kInvalidModel, std::move(why)};
  }
  Engine& engine = Choose(spec.engine, graph, h, **dataset);
  auto session = engine.Start(graph, model->tensors, h, **dataset, spec.seed);
  if (!session.ok()) {
    return JobFailure{FailureReason::kInvalidModel, std::string(session.status().message())};
  }
  if (!observer.OnStart((*dataset)->digest, (*dataset)->train_rows())) return TrialStopped{};

  auto outcome = Train(**session, h, **dataset, spec.seed, clock, observer);
  if (auto* failure = std::get_if<JobFailure>(&outcome)) return std::move(*failure);
  if (std::holds_alternative<TrialStopped>(outcome)) return TrialStopped{};
  worker::TrialSuccess success{.result = std::get<spec::TrialResult>(std::move(outcome))};
  spec::TrialResult& result = success.result;
  result.engine = engine.name();
  result.engine_version = engine.version();
  result.data_digest = (*dataset)->digest;
  result.graph_name = graph.name();
  result.parameter_count = graph.ParameterCount();
  if (spec.keep_model) {
    success.checkpoint =
        graph::SerializeCheckpoint({.graph = graph,
                                    .tensors = (*session)->Tensors(),
                                    .metadata = Metadata(spec, result, **dataset)});
  }
  return success;
}

TorchExecutor::TorchExecutor(std::string data_root, Clock& clock)
    : impl_(std::make_unique<Impl>(std::move(data_root), clock)) {}

TorchExecutor::~TorchExecutor() = default;

TransformOutcome TorchExecutor::Impl::RunTransform(const spec::TransformWork& work,
                                                   const std::string& initial_checkpoint,
                                                   worker::TrialObserver& observer) {
  if (observer.ShouldStop()) return TrialStopped{};
  std::shared_ptr<const data::Dataset> dataset;
  if (work.dataset) {
    auto loaded = data.Get(*work.dataset);
    if (!loaded.ok()) return DataFailure(loaded.status());
    dataset = *std::move(loaded);
  }
  return train::RunTransform(work, initial_checkpoint, dataset.get(), evaluations, clock, observer);
}

namespace {

// What is thrown becomes a failure.
template <typename Outcome, typename Work>
Outcome Guarded(const Work& work) {
  at::set_num_threads(1);  // of this thread's operations: slots are what runs in parallel
  try {
    return work();
  } catch (const c10::Error& error) {
    return FromException(error.what_without_backtrace());
  } catch (const std::bad_alloc&) {
    return JobFailure{FailureReason::kOutOfMemory, "the job does not fit in memory"};
  } catch (const std::exception& error) {
    return FromException(error.what());
  }
}

}  // namespace

TrialOutcome TorchExecutor::Run(const spec::TrialSpec& spec, const std::string& initial_checkpoint,
                                worker::TrialObserver& observer) {
  return Guarded<TrialOutcome>([&] { return impl_->Run(spec, initial_checkpoint, observer); });
}

TransformOutcome TorchExecutor::RunTransform(const spec::TransformWork& work,
                                             const std::string& initial_checkpoint,
                                             worker::TrialObserver& observer) {
  return Guarded<TransformOutcome>(
      [&] { return impl_->RunTransform(work, initial_checkpoint, observer); });
}

std::vector<std::string> TorchExecutor::Engines() const {
  return {impl_->fused.version(), impl_->libtorch.version()};
}

}  // namespace bitsweep::train
