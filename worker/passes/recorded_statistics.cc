// SPDX-License-Identifier: Apache-2.0
#include "worker/passes/recorded_statistics.h"

#include <algorithm>
#include <cmath>

#include "core/base/status_macros.h"
#include "core/graph/graph.h"
#include "fmt/format.h"
#include "worker/passes/quantile.h"

namespace bitsweep::passes {
namespace {

constexpr double kDefaultQuantile = 0.975;

absl::Status TooMany(const char* what, std::size_t values, std::size_t most) {
  return absl::InvalidArgumentError(
      fmt::format("{} would keep {} values of one tensor, at most {} are kept: run fewer samples",
                  what, values, most));
}

}  // namespace

QuantileStatistic::QuantileStatistic(const spec::StatisticSpec& spec)
    : cells_(spec), abs_(spec.abs), quantile_(spec.quantile.value_or(kDefaultQuantile)) {}

absl::Status QuantileStatistic::Update(const graph::Shape& shape, std::span<const float> values) {
  if (recorded_ + values.size() > kMaxRecorded) {
    return TooMany("range_quantile", recorded_ + values.size(), kMaxRecorded);
  }
  RETURN_IF_ERROR(cells_.Fit(shape, values.size()));
  values_.resize(cells_.count());
  for (std::size_t i = 0; i < values.size(); ++i) {
    values_[cells_.Cell(i)].push_back(abs_ ? std::abs(values[i]) : values[i]);
  }
  recorded_ += values.size();
  return absl::OkStatus();
}

absl::Status QuantileStatistic::Merge(const Statistic& other) {
  const auto* same = dynamic_cast<const QuantileStatistic*>(&other);
  if (same == nullptr) return NotTheSame();
  if (same->recorded_ == 0) return absl::OkStatus();
  if (recorded_ + same->recorded_ > kMaxRecorded) {
    return TooMany("range_quantile", recorded_ + same->recorded_, kMaxRecorded);
  }
  if (recorded_ == 0) {
    cells_ = same->cells_;
    values_ = same->values_;
  } else {
    if (cells_.result_shape() != same->cells_.result_shape()) return NotTheSame();
    for (std::size_t cell = 0; cell < values_.size(); ++cell) {
      const std::vector<float>& more = same->values_[cell];
      values_[cell].insert(values_[cell].end(), more.begin(), more.end());
    }
  }
  recorded_ += same->recorded_;
  return absl::OkStatus();
}

std::vector<StatisticValue> QuantileStatistic::Result() const {
  const std::size_t count = values_.empty() ? 0 : values_.front().size();
  StatisticValue min{"min", {}, {}};
  StatisticValue max{"max", {}, {}};
  StatisticValue range{"range", {}, {}};
  if (count >= (cells_.is_element() ? 2U : 1U)) {
    for (std::vector<float> values : values_) {
      min.values.push_back(Quantile(values, 1 - quantile_));
      max.values.push_back(Quantile(values, quantile_));
      range.values.push_back(max.values.back() - min.values.back());
    }
    min.shape = max.shape = range.shape = cells_.result_shape();
  }
  return {std::move(min),
          std::move(max),
          std::move(range),
          {"count", {}, {static_cast<double>(count)}}};
}

RecordStatistic::RecordStatistic(const spec::StatisticSpec& spec)
    : new_dim_(spec.add_new_dim_before_concat) {}

absl::Status RecordStatistic::Append(const graph::Shape& shape, std::span<const float> values) {
  if (data_.size() + values.size() > kMaxRecord) {
    return TooMany("record", data_.size() + values.size(), kMaxRecord);
  }
  if (static_cast<std::size_t>(graph::ElementCount(shape)) != values.size()) {
    return absl::InvalidArgumentError(
        fmt::format("{} values for a tensor of shape {}", values.size(), graph::ShapeText(shape)));
  }
  if (shape_.empty()) {
    shape_ = shape;
  } else {
    if (shape.size() != shape_.size() ||
        !std::equal(shape.begin() + 1, shape.end(), shape_.begin() + 1)) {
      return absl::InvalidArgumentError(fmt::format("a tensor of shape {} cannot follow {}",
                                                    graph::ShapeText(shape),
                                                    graph::ShapeText(shape_)));
    }
    shape_[0] += shape[0];
  }
  data_.insert(data_.end(), values.begin(), values.end());
  return absl::OkStatus();
}

absl::Status RecordStatistic::Update(const graph::Shape& shape, std::span<const float> values) {
  // A number is recorded as a list of one.
  graph::Shape counted = shape.empty() ? graph::Shape{1} : shape;
  if (new_dim_) counted.insert(counted.begin(), 1);
  RETURN_IF_ERROR(Append(counted, values));
  ++updates_;
  return absl::OkStatus();
}

absl::Status RecordStatistic::Merge(const Statistic& other) {
  const auto* same = dynamic_cast<const RecordStatistic*>(&other);
  if (same == nullptr || same->new_dim_ != new_dim_) return NotTheSame();
  if (same->updates_ == 0) return absl::OkStatus();
  RETURN_IF_ERROR(Append(same->shape_, same->data_));
  updates_ += same->updates_;
  return absl::OkStatus();
}

std::vector<StatisticValue> RecordStatistic::Result() const {
  StatisticValue data{"data", shape_, std::vector<double>(data_.begin(), data_.end())};
  return {std::move(data),
          {"count", {}, {static_cast<double>(updates_)}},
          {"size_in_bytes", {}, {static_cast<double>(data_.size() * sizeof(float))}}};
}

}  // namespace bitsweep::passes
