// SPDX-License-Identifier: Apache-2.0
#include "worker/train/fused/fused_engine.h"

#include <utility>

#include "core/base/status_macros.h"
#include "fmt/format.h"
#include "worker/train/fused/compile.h"
#include "worker/train/fused/kernels.h"
#include "worker/train/fused/session.h"

namespace bitsweep::train {
namespace {

// The graph's program; Unimplemented as Engine::Supports.
absl::StatusOr<fused::Program> CompileFor(const graph::Graph& graph, const spec::Hyperparameters& h,
                                          const data::Dataset& dataset) {
  if (!fused::HasInstructions()) {
    return absl::UnimplementedError("the processor has none of the instruction sets it needs");
  }
  ASSIGN_OR_RETURN(fused::Program program, fused::Compile(graph));
  const double bytes = fused::BufferBytes(program, h.batch_size, dataset.train_rows());
  if (bytes > static_cast<double>(FusedEngine::kMaxBytes)) {
    return absl::UnimplementedError(
        fmt::format("a batch of {} would take {:.0f} MiB of buffers, at most {} are used",
                    h.batch_size, bytes / (1 << 20), FusedEngine::kMaxBytes >> 20));
  }
  return program;
}

}  // namespace

std::string FusedEngine::version() const {
  return fmt::format("fused 1 {}", fused::InstructionSet());
}

absl::Status FusedEngine::Supports(const graph::Graph& graph, const spec::Hyperparameters& h,
                                   const data::Dataset& dataset) const {
  return CompileFor(graph, h, dataset).status();
}

absl::StatusOr<std::unique_ptr<EngineSession>> FusedEngine::Start(
    const graph::Graph& graph, const std::vector<graph::TensorValue>& initial,
    const spec::Hyperparameters& h, const data::Dataset& dataset, std::uint64_t seed) {
  RETURN_IF_ERROR(CheckFit(graph, dataset));
  ASSIGN_OR_RETURN(fused::Program program, CompileFor(graph, h, dataset));
  return std::make_unique<fused::Session>(graph, std::move(program), initial, h, dataset, seed);
}

}  // namespace bitsweep::train
