// SPDX-License-Identifier: Apache-2.0
#include "worker/passes/prune.h"

#include <algorithm>
#include <cmath>
#include <tuple>
#include <utility>

#include "core/base/random.h"
#include "core/base/status_macros.h"
#include "fmt/format.h"
#include "worker/passes/quantile.h"

namespace bitsweep::passes {
namespace {

absl::Status CheckPrune(const spec::PrunePass& pass) {
  const auto bad = [](const char* what, const std::string& value, const char* expected) {
    return absl::InvalidArgumentError(
        fmt::format("{} is \"{}\": expected {}", what, value, expected));
  };
  if (!pass.scope.empty() && pass.scope != "local" && pass.scope != "global") {
    return bad("scope", pass.scope, "local or global");
  }
  if (!pass.granularity.empty() && pass.granularity != "elementwise") {
    return bad("granularity", pass.granularity, "elementwise");
  }
  if (!pass.method.empty() && pass.method != "l1-norm" && pass.method != "random") {
    return bad("method", pass.method, "l1-norm or random");
  }
  if (!(pass.sparsity >= 0 && pass.sparsity <= 1)) {
    return absl::InvalidArgumentError(
        fmt::format("sparsity is {}: expected 0 to 1", pass.sparsity));
  }
  return absl::OkStatus();
}

bool IsPrunable(const graph::Op& op) {
  return std::holds_alternative<graph::Linear>(op) || std::holds_alternative<graph::Conv1d>(op);
}

// The weights of the network that can be pruned, each once.
std::vector<Prunable> Weights(const Network& network) {
  std::vector<Prunable> weights;
  std::vector<bool> seen(network.tensors.size(), false);
  const std::vector<std::vector<NodeTensor>> tensors = TensorsOfNodes(network.graph);
  for (std::size_t i = 0; i < tensors.size(); ++i) {
    if (!IsPrunable(network.graph.nodes()[i].op)) continue;
    for (const NodeTensor& tensor : tensors[i]) {
      if (tensor.leaf != "weight" || seen[tensor.index]) continue;
      seen[tensor.index] = true;
      weights.push_back({.ordinal = static_cast<std::uint32_t>(tensor.index),
                         .values = network.tensors[tensor.index].f32});
    }
  }
  return weights;
}

struct Chosen {
  std::vector<Mask> masks;
  std::optional<double> threshold;
};

Chosen Choose(const spec::PrunePass& pass, std::uint64_t seed,
              const std::vector<Prunable>& tensors) {
  if (pass.method == "random") return {.masks = RandomMasks(tensors, pass.sparsity, seed)};
  Chosen chosen{.threshold = L1Threshold(tensors, pass.sparsity)};
  for (const Prunable& tensor : tensors) {
    chosen.masks.push_back(L1Mask(tensor.values, *chosen.threshold));
  }
  return chosen;
}

}  // namespace

double L1Threshold(const std::vector<Prunable>& tensors, double sparsity) {
  std::vector<float> magnitudes;
  for (const Prunable& tensor : tensors) {
    for (const float value : tensor.values) magnitudes.push_back(std::abs(value));
  }
  return Quantile(magnitudes, sparsity);
}

Mask L1Mask(std::span<const float> values, double threshold) {
  Mask mask;
  mask.reserve(values.size());
  for (const float value : values) mask.push_back(std::abs(value) > threshold ? 1 : 0);
  return mask;
}

std::vector<Mask> RandomMasks(const std::vector<Prunable>& tensors, double sparsity,
                              std::uint64_t seed) {
  struct Draw {
    std::uint64_t key;
    std::size_t tensor, element;
    bool operator<(const Draw& other) const {
      return std::tie(key, tensor, element) < std::tie(other.key, other.tensor, other.element);
    }
  };
  std::vector<Mask> masks;
  std::vector<Draw> draws;
  for (std::size_t t = 0; t < tensors.size(); ++t) {
    masks.emplace_back(tensors[t].values.size(), std::uint8_t{1});
    Random random(seed, RandomStream::kPrune, tensors[t].ordinal);
    for (std::size_t i = 0; i < tensors[t].values.size(); ++i) {
      draws.push_back({.key = random.NextUint64(), .tensor = t, .element = i});
    }
  }
  const auto removed =
      static_cast<std::ptrdiff_t>(std::llround(sparsity * static_cast<double>(draws.size())));
  std::nth_element(draws.begin(), draws.begin() + removed, draws.end());
  for (auto draw = draws.begin(); draw != draws.begin() + removed; ++draw) {
    masks[draw->tensor][draw->element] = 0;
  }
  return masks;
}

absl::StatusOr<PruneReport> Prune(const spec::PrunePass& pass, std::uint64_t seed,
                                  Network& network) {
  RETURN_IF_ERROR(CheckPrune(pass));
  const std::vector<Prunable> weights = Weights(network);
  for (const Prunable& weight : weights) {
    if (std::any_of(weight.values.begin(), weight.values.end(),
                    [](float value) { return std::isnan(value); })) {
      return absl::InvalidArgumentError(
          fmt::format("{} has a value that is not a number: it cannot be pruned",
                      network.graph.tensors()[weight.ordinal].name));
    }
  }
  PruneReport report;
  if (weights.empty()) return report;
  std::vector<Chosen> chosen;
  if (pass.scope == "global") {
    Chosen all = Choose(pass, seed, weights);
    for (Mask& mask : all.masks) {
      chosen.push_back({.masks = {std::move(mask)}, .threshold = all.threshold});
    }
  } else {
    for (const Prunable& weight : weights) chosen.push_back(Choose(pass, seed, {weight}));
  }
  std::int64_t elements = 0;
  std::int64_t zeros = 0;
  for (std::size_t t = 0; t < weights.size(); ++t) {
    const std::size_t index = weights[t].ordinal;
    std::vector<float>& values = network.tensors[index].f32;
    const Mask& mask = chosen[t].masks.front();
    for (std::size_t i = 0; i < values.size(); ++i) {
      if (mask[i] == 0) values[i] = 0;
    }
    PrunedTensor pruned{.node = network.graph.tensors()[index].node,
                        .tensor = "weight",
                        .elements = static_cast<std::int64_t>(values.size()),
                        .zeros = std::count(values.begin(), values.end(), 0.0F),
                        .threshold = chosen[t].threshold};
    elements += pruned.elements;
    zeros += pruned.zeros;
    report.tensors.push_back(std::move(pruned));
  }
  report.sparsity = static_cast<double>(zeros) / static_cast<double>(elements);
  return report;
}

}  // namespace bitsweep::passes
