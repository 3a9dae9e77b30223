// SPDX-License-Identifier: Apache-2.0
#include "worker/nn/initialize.h"

#include <cmath>

#include "core/base/random.h"

namespace bitsweep::nn {

std::vector<graph::TensorValue> InitialTensors(const graph::Graph& graph, std::uint64_t seed) {
  std::vector<graph::TensorValue> values;
  std::uint32_t parameter = 0;
  for (const graph::TensorInfo& tensor : graph.tensors()) {
    graph::TensorValue value{.name = tensor.name};
    const std::size_t count = static_cast<std::size_t>(graph::ElementCount(tensor.shape));
    if (tensor.is_int64) {
      value.i64.assign(count, static_cast<std::int64_t>(tensor.constant));
    } else {
      value.f32.assign(count, static_cast<float>(tensor.constant));
    }
    if (tensor.fan_in > 0) {
      const float bound = static_cast<float>(1 / std::sqrt(static_cast<double>(tensor.fan_in)));
      Random random(seed, RandomStream::kInit, parameter);
      for (float& element : value.f32) element = (2.0F * random.NextFloat() - 1.0F) * bound;
    }
    if (tensor.role == graph::TensorRole::kParameter) ++parameter;
    values.push_back(std::move(value));
  }
  return values;
}

}  // namespace bitsweep::nn
