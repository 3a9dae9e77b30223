// SPDX-License-Identifier: Apache-2.0
#include "worker/quant/quantize.h"

#include <variant>
#include <vector>

#include "core/graph/graph.h"
#include "worker/quant/kernels.h"

namespace bitsweep::quant {
namespace {

// Elements of one item of dimension 0; all of a scalar.
std::size_t ItemSize(const graph::Shape& shape, std::size_t elements) {
  return shape.empty() || shape[0] == 0 ? elements : elements / static_cast<std::size_t>(shape[0]);
}

struct Dispatch {
  const graph::Shape& shape;
  std::span<const float> x;
  std::span<float> y;
  Random* random;

  absl::Status operator()(const graph::IntegerFormat& format) const {
    Integer(format, x, y);
    return absl::OkStatus();
  }
  absl::Status operator()(const graph::ScaleIntegerFormat& format) const {
    ScaleInteger(format, shape.empty() ? 1 : static_cast<std::size_t>(shape.back()), x, y);
    return absl::OkStatus();
  }
  absl::Status operator()(const graph::BinaryFormat& format) const {
    std::vector<float> uniforms;
    if (format.stochastic) {
      if (random == nullptr) {
        return absl::InvalidArgumentError("binary, stochastic: no random numbers were given");
      }
      uniforms.reserve(x.size());
      for (std::size_t i = 0; i < x.size(); ++i) uniforms.push_back(random->NextFloat());
    }
    Binary(format, ItemSize(shape, x.size()), uniforms, x, y);
    return absl::OkStatus();
  }
  absl::Status operator()(const graph::TernaryFormat& format) const {
    Ternary(format, ItemSize(shape, x.size()), x, y);
    return absl::OkStatus();
  }
  absl::Status operator()(const graph::MinifloatFormat& format) const {
    Minifloat(format, x, y);
    return absl::OkStatus();
  }
  absl::Status operator()(const graph::LogFormat& format) const {
    LogFormatKernel(format, x, y);
    return absl::OkStatus();
  }
  absl::Status operator()(const graph::BlockFpFormat& format) const {
    return BlockFp(format, shape, x, y);
  }
  absl::Status operator()(const graph::BlockMinifloatFormat& format) const {
    return BlockMinifloat(format, shape, x, y);
  }
  absl::Status operator()(const graph::BlockLogFormat& format) const {
    return BlockLog(format, shape, x, y);
  }
  absl::Status operator()(const graph::MxintFormat& format) const {
    return Mxint(format, shape, x, y);
  }
  absl::Status operator()(const graph::MxfpFormat& format) const {
    return Mxfp(format, shape, x, y);
  }
};

}  // namespace

absl::Status Quantize(const graph::NumberFormat& format, const graph::Shape& shape,
                      std::span<const float> x, std::span<float> y, Random* random) {
  if (x.empty()) return absl::OkStatus();
  return std::visit(Dispatch{shape, x, y, random}, format);
}

}  // namespace bitsweep::quant
