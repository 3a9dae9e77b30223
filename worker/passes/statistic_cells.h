// SPDX-License-Identifier: Apache-2.0
#ifndef BITSWEEP_WORKER_PASSES_STATISTIC_CELLS_H_
#define BITSWEEP_WORKER_PASSES_STATISTIC_CELLS_H_

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "absl/status/status.h"
#include "core/graph/op.h"
#include "core/spec/transform_spec.h"

namespace bitsweep::passes {

// What Merge answers to statistics of another kind or shape.
absl::Status NotTheSame();

// Which elements of a tensor belong together: the cells of worker/passes/statistics.h.
class CellMap {
 public:
  // REQUIRES: dims is "", "all" or "element".
  explicit CellMap(const spec::StatisticSpec& spec);

  // Called with each tensor before it is used. InvalidArgument: see Statistic::Update.
  absl::Status Fit(const graph::Shape& shape, std::size_t elements);

  bool is_all() const { return kind_ == Kind::kAll; }
  bool is_element() const { return kind_ == Kind::kElement; }
  std::size_t count() const { return count_; }  // cells; 0 before the first tensor
  const graph::Shape& result_shape() const { return result_; }
  std::size_t Cell(std::size_t element) const {
    if (kind_ == Kind::kAll) return 0;
    return kind_ == Kind::kElement ? element : cell_of_[element];
  }

 private:
  enum class Kind { kAll, kElement, kReduced };
  absl::Status Reduce(const graph::Shape& shape, std::size_t elements);

  Kind kind_;
  std::vector<std::int64_t> reduce_dims_;
  std::optional<graph::Shape> shape_;
  graph::Shape result_;
  std::size_t count_ = 0;
  std::vector<std::size_t> cell_of_;
};

}  // namespace bitsweep::passes

#endif  // BITSWEEP_WORKER_PASSES_STATISTIC_CELLS_H_
