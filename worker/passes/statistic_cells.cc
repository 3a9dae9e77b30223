// SPDX-License-Identifier: Apache-2.0
#include "worker/passes/statistic_cells.h"

#include "core/graph/graph.h"
#include "fmt/format.h"

namespace bitsweep::passes {

absl::Status NotTheSame() {
  return absl::InvalidArgumentError("only statistics of one kind and shape can be merged");
}

CellMap::CellMap(const spec::StatisticSpec& spec)
    : kind_(spec.dims == "element" ? Kind::kElement : Kind::kAll), reduce_dims_(spec.reduce_dims) {
  if (!reduce_dims_.empty()) kind_ = Kind::kReduced;
}

absl::Status CellMap::Fit(const graph::Shape& shape, std::size_t elements) {
  if (static_cast<std::size_t>(graph::ElementCount(shape)) != elements) {
    return absl::InvalidArgumentError(
        fmt::format("{} values for a tensor of shape {}", elements, graph::ShapeText(shape)));
  }
  if (kind_ == Kind::kAll) {
    count_ = 1;
    return absl::OkStatus();
  }
  if (shape_ && *shape_ != shape) {
    return absl::InvalidArgumentError(fmt::format("a tensor of shape {} after one of shape {}",
                                                  graph::ShapeText(shape),
                                                  graph::ShapeText(*shape_)));
  }
  if (shape_) return absl::OkStatus();
  if (kind_ == Kind::kElement) {
    result_ = shape;
    count_ = elements;
  } else if (absl::Status status = Reduce(shape, elements); !status.ok()) {
    return status;
  }
  shape_ = shape;
  return absl::OkStatus();
}

absl::Status CellMap::Reduce(const graph::Shape& shape, std::size_t elements) {
  const auto rank = static_cast<std::int64_t>(shape.size());
  std::vector<bool> reduced(shape.size(), false);
  for (const std::int64_t dim : reduce_dims_) {
    if (dim < -rank || dim >= rank) {
      return absl::InvalidArgumentError(fmt::format(
          "reduce_dims has {}: expected a dimension of shape {}", dim, graph::ShapeText(shape)));
    }
    reduced[static_cast<std::size_t>(dim < 0 ? dim + rank : dim)] = true;
  }
  result_.clear();
  for (std::size_t d = 0; d < shape.size(); ++d) {
    if (!reduced[d]) result_.push_back(shape[d]);
  }
  count_ = static_cast<std::size_t>(graph::ElementCount(result_));
  // How far one step in a dimension moves in the cells: 0 where it is reduced.
  std::vector<std::size_t> step(shape.size(), 0);
  std::size_t stride = 1;
  for (std::size_t d = shape.size(); d-- > 0;) {
    if (reduced[d]) continue;
    step[d] = stride;
    stride *= static_cast<std::size_t>(shape[d]);
  }
  cell_of_.assign(elements, 0);
  for (std::size_t element = 0; element < elements; ++element) {
    std::size_t rest = element;
    for (std::size_t d = shape.size(); d-- > 0;) {
      const auto size = static_cast<std::size_t>(shape[d]);
      cell_of_[element] += rest % size * step[d];
      rest /= size;
    }
  }
  return absl::OkStatus();
}

}  // namespace bitsweep::passes
