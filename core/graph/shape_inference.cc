// SPDX-License-Identifier: Apache-2.0
#include "core/graph/shape_inference.h"

#include <cmath>
#include <string>

#include "core/graph/graph.h"
#include "fmt/format.h"

namespace bitsweep::graph {
namespace {

constexpr std::int64_t kMaxElements = 1 << 28;

absl::Status BadSize(const std::string& why) { return absl::InvalidArgumentError(why); }

absl::Status CheckSize(const char* what, std::int64_t value, std::int64_t low) {
  if (value >= low && value <= kMaxElements) return absl::OkStatus();
  return BadSize(fmt::format("{} is {}: expected {} to {}", what, value, low, kMaxElements));
}

struct Visitor {
  const std::vector<Shape>& inputs;
  const Shape& x() const { return inputs.front(); }

  absl::StatusOr<Shape> operator()(const NoOp&) const { return x(); }
  absl::StatusOr<Shape> operator()(const Relu&) const { return x(); }
  absl::StatusOr<Shape> operator()(const Sigmoid&) const { return x(); }

  absl::StatusOr<Shape> operator()(const Linear& op) const {
    if (absl::Status s = CheckSize("in_features", op.in_features, 1); !s.ok()) return s;
    if (absl::Status s = CheckSize("out_features", op.out_features, 1); !s.ok()) return s;
    if (x().size() != 1 || x()[0] != op.in_features) {
      return BadSize(
          fmt::format("input has shape {}, expected [{}]", ShapeText(x()), op.in_features));
    }
    return Shape{op.out_features};
  }

  absl::StatusOr<Shape> operator()(const Conv1d& op) const {
    if (absl::Status s = CheckSize("in_channels", op.in_channels, 1); !s.ok()) return s;
    if (absl::Status s = CheckSize("out_channels", op.out_channels, 1); !s.ok()) return s;
    if (absl::Status s = CheckSize("kernel_size", op.kernel_size, 1); !s.ok()) return s;
    if (absl::Status s = CheckSize("stride", op.stride, 1); !s.ok()) return s;
    if (absl::Status s = CheckSize("padding", op.padding, 0); !s.ok()) return s;
    if (x().size() != 2 || x()[0] != op.in_channels) {
      return BadSize(
          fmt::format("input has shape {}, expected [{}, length]", ShapeText(x()), op.in_channels));
    }
    const std::int64_t room = x()[1] + 2 * op.padding - op.kernel_size;
    if (room < 0) {
      return BadSize(fmt::format("kernel_size {} is longer than the padded input, {}",
                                 op.kernel_size, x()[1] + 2 * op.padding));
    }
    return Shape{op.out_channels, room / op.stride + 1};
  }

  absl::StatusOr<Shape> operator()(const BatchNorm1d& op) const {
    if (absl::Status s = CheckSize("num_features", op.num_features, 1); !s.ok()) return s;
    if (!std::isfinite(op.eps) || op.eps <= 0)
      return BadSize(fmt::format("eps is {}: expected above 0", op.eps));
    if (!(op.momentum >= 0 && op.momentum <= 1)) {
      return BadSize(fmt::format("momentum is {}: expected 0 to 1", op.momentum));
    }
    if (x().empty() || x().size() > 2 || x()[0] != op.num_features) {
      return BadSize(fmt::format("input has shape {}, expected [{}] or [{}, length]",
                                 ShapeText(x()), op.num_features, op.num_features));
    }
    return x();
  }

  absl::StatusOr<Shape> operator()(const Add&) const {
    if (inputs[0] != inputs[1]) {
      return BadSize(fmt::format("inputs have shapes {} and {}, expected equal ones",
                                 ShapeText(inputs[0]), ShapeText(inputs[1])));
    }
    return x();
  }

  absl::StatusOr<Shape> operator()(const View& op) const {
    if (op.shape.size() < 2 || op.shape.size() > 8 || op.shape[0] != -1) {
      return BadSize(fmt::format("view {}: expected -1 for the batch and then 1 to 7 sizes",
                                 ShapeText(op.shape)));
    }
    Shape shape(op.shape.begin() + 1, op.shape.end());
    for (const std::int64_t size : shape) {
      if (absl::Status s = CheckSize("a size of the view", size, 1); !s.ok()) return s;
    }
    if (ElementCount(shape) != ElementCount(x())) {
      return BadSize(fmt::format("view {} has {} elements a sample, the input {} has {}",
                                 ShapeText(op.shape), ElementCount(shape), ShapeText(x()),
                                 ElementCount(x())));
    }
    return shape;
  }

  absl::StatusOr<Shape> operator()(const Flatten& op) const {
    const auto dimensions = static_cast<std::int64_t>(x().size());
    if (op.start_dim < 1 || op.start_dim > dimensions) {
      return BadSize(fmt::format("start_dim is {}: expected 1 to {}", op.start_dim, dimensions));
    }
    Shape shape(x().begin(), x().begin() + (op.start_dim - 1));
    shape.push_back(ElementCount(Shape(x().begin() + (op.start_dim - 1), x().end())));
    return shape;
  }

  absl::StatusOr<Shape> operator()(const Dropout& op) const {
    if (!(op.p >= 0 && op.p < 1))
      return BadSize(fmt::format("p is {}: expected 0 to below 1", op.p));
    return x();
  }
};

}  // namespace

absl::StatusOr<Shape> InferShape(const Op& op, const std::vector<Shape>& inputs) {
  return std::visit(Visitor{inputs}, op);
}

}  // namespace bitsweep::graph
