// SPDX-License-Identifier: Apache-2.0
// The statistics that keep the values: range_quantile and record.
#ifndef BITSWEEP_WORKER_PASSES_RECORDED_STATISTICS_H_
#define BITSWEEP_WORKER_PASSES_RECORDED_STATISTICS_H_

#include <cstdint>
#include <vector>

#include "worker/passes/statistic_cells.h"
#include "worker/passes/statistics.h"

namespace bitsweep::passes {

class QuantileStatistic final : public Statistic {
 public:
  explicit QuantileStatistic(const spec::StatisticSpec& spec);
  absl::Status Update(const graph::Shape& shape, std::span<const float> values) override;
  absl::Status Merge(const Statistic& other) override;
  std::vector<StatisticValue> Result() const override;

 private:
  CellMap cells_;
  const bool abs_;
  const double quantile_;
  std::size_t recorded_ = 0;                // values in all cells
  std::vector<std::vector<float>> values_;  // of each cell
};

class RecordStatistic final : public Statistic {
 public:
  explicit RecordStatistic(const spec::StatisticSpec& spec);
  absl::Status Update(const graph::Shape& shape, std::span<const float> values) override;
  absl::Status Merge(const Statistic& other) override;
  std::vector<StatisticValue> Result() const override;

 private:
  absl::Status Append(const graph::Shape& shape, std::span<const float> values);

  const bool new_dim_;
  std::int64_t updates_ = 0;
  graph::Shape shape_;  // of data_
  std::vector<float> data_;
};

}  // namespace bitsweep::passes

#endif  // BITSWEEP_WORKER_PASSES_RECORDED_STATISTICS_H_
