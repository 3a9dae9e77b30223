// SPDX-License-Identifier: Apache-2.0
#include "worker/passes/statistics.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <string_view>
#include <utility>

#include "core/base/status_macros.h"
#include "fmt/format.h"
#include "fmt/ranges.h"
#include "worker/passes/recorded_statistics.h"
#include "worker/passes/statistic_cells.h"

namespace bitsweep::passes {
namespace {

constexpr double kDefaultSigmas = 3;

// Mean and sum of squared distances from it of one cell.
struct Moments {
  double mean = 0;
  double m2 = 0;
};

// Adds what `b` says of n_b values to what `a` says of n_a, n_a + n_b > 0.
void Combine(Moments& a, double n_a, const Moments& b, double n_b) {
  const double delta = b.mean - a.mean;
  a.mean += delta * n_b / (n_a + n_b);
  a.m2 += b.m2 + delta * delta * n_a * n_b / (n_a + n_b);
}

// variance_precise, variance_online, range_n_sigma and abs_mean: what means and variances give.
class MomentStatistic final : public Statistic {
 public:
  explicit MomentStatistic(const spec::StatisticSpec& spec)
      : spec_(spec), cells_(spec), abs_(spec.abs || spec.name == "abs_mean") {}

  absl::Status Update(const graph::Shape& shape, std::span<const float> values) override {
    RETURN_IF_ERROR(cells_.Fit(shape, values.size()));
    if (values.empty()) return absl::OkStatus();
    moments_.resize(cells_.count());
    std::vector<Moments> update(cells_.count());
    const auto value = [&](std::size_t i) -> double {
      return abs_ ? std::abs(values[i]) : values[i];
    };
    const std::size_t values_a_cell = values.size() / cells_.count();
    const auto n = static_cast<double>(values_a_cell);
    for (std::size_t i = 0; i < values.size(); ++i) update[cells_.Cell(i)].mean += value(i);
    for (Moments& cell : update) cell.mean /= n;
    for (std::size_t i = 0; i < values.size(); ++i) {
      Moments& cell = update[cells_.Cell(i)];
      const double distance = value(i) - cell.mean;
      cell.m2 += distance * distance;
    }
    Moments unbiased = update.front();
    unbiased.m2 *= n / (n - 1);  // 0 times infinity for one element: NaN
    Combine(unbiased_sum_, static_cast<double>(count_), unbiased, n);
    for (std::size_t cell = 0; cell < moments_.size(); ++cell) {
      Combine(moments_[cell], static_cast<double>(count_), update[cell], n);
    }
    count_ += static_cast<std::int64_t>(values_a_cell);
    return absl::OkStatus();
  }

  absl::Status Merge(const Statistic& other) override {
    const auto* same = dynamic_cast<const MomentStatistic*>(&other);
    if (same == nullptr || same->spec_ != spec_) return NotTheSame();
    if (same->count_ == 0) return absl::OkStatus();
    if (count_ == 0) {
      cells_ = same->cells_;
      moments_.resize(cells_.count());
    } else if (cells_.result_shape() != same->cells_.result_shape()) {
      return NotTheSame();
    }
    const auto n_a = static_cast<double>(count_);
    const auto n_b = static_cast<double>(same->count_);
    Combine(unbiased_sum_, n_a, same->unbiased_sum_, n_b);
    for (std::size_t cell = 0; cell < moments_.size(); ++cell) {
      Combine(moments_[cell], n_a, same->moments_[cell], n_b);
    }
    count_ += same->count_;
    return absl::OkStatus();
  }

  std::vector<StatisticValue> Result() const override {
    const auto n = static_cast<double>(count_);
    std::vector<StatisticValue> result;
    if (spec_.name == "abs_mean") {
      result = {Value("abs_mean", [](const Moments& cell) { return cell.mean; })};
    } else if (spec_.name == "range_n_sigma") {
      const double divisor = spec_.var_mode == "online" ? n : n - 1;
      const double sigmas = spec_.num_sigma.value_or(kDefaultSigmas);
      const auto reach = [=](const Moments& cell) { return sigmas * std::sqrt(cell.m2 / divisor); };
      result = {Value("min", [&](const Moments& cell) { return cell.mean - reach(cell); }),
                Value("max", [&](const Moments& cell) { return cell.mean + reach(cell); }),
                Value("range", [&](const Moments& cell) { return 2 * reach(cell); })};
    } else {
      const auto population = [=](const Moments& cell) { return cell.m2 / n; };
      const auto unbiased = [=](const Moments& cell) { return cell.m2 / (n - 1); };
      result = {Value("mean", [](const Moments& cell) { return cell.mean; })};
      if (spec_.name == "variance_precise") {
        result.push_back(Value("variance", unbiased));
      } else if (!cells_.is_all()) {
        result.push_back(Value("variance", population));
      } else {
        result.push_back(Value("variance", [&](const Moments&) { return unbiased_sum_.m2 / n; }));
        result.push_back(Value("population_variance", population));
        result.push_back(Value("unbiased_variance", unbiased));
      }
    }
    result.push_back({"count", {}, {n}});
    return result;
  }

 private:
  template <typename OfCell>
  StatisticValue Value(std::string key, const OfCell& of_cell) const {
    StatisticValue value{std::move(key), {}, {}};
    if (count_ < 2) return value;
    value.shape = cells_.result_shape();
    for (const Moments& cell : moments_) value.values.push_back(of_cell(cell));
    return value;
  }

  const spec::StatisticSpec spec_;
  CellMap cells_;
  const bool abs_;
  std::int64_t count_ = 0;  // values of each cell
  std::vector<Moments> moments_;
  // Of "all": as moments_[0], but each update brings n s_b instead of (n - 1) s_b.
  Moments unbiased_sum_;
};

class MinMaxStatistic final : public Statistic {
 public:
  explicit MinMaxStatistic(const spec::StatisticSpec& spec) : cells_(spec), abs_(spec.abs) {}

  absl::Status Update(const graph::Shape& shape, std::span<const float> values) override {
    RETURN_IF_ERROR(cells_.Fit(shape, values.size()));
    if (values.empty()) return absl::OkStatus();
    Start();
    for (std::size_t i = 0; i < values.size(); ++i) {
      const double value = abs_ ? std::abs(values[i]) : values[i];
      Include(cells_.Cell(i), value, value);
    }
    count_ += static_cast<std::int64_t>(values.size() / cells_.count());
    return absl::OkStatus();
  }

  absl::Status Merge(const Statistic& other) override {
    const auto* same = dynamic_cast<const MinMaxStatistic*>(&other);
    if (same == nullptr) return NotTheSame();
    if (same->count_ == 0) return absl::OkStatus();
    if (count_ == 0) {
      cells_ = same->cells_;
      Start();
    } else if (cells_.result_shape() != same->cells_.result_shape()) {
      return NotTheSame();
    }
    for (std::size_t cell = 0; cell < min_.size(); ++cell) {
      Include(cell, same->min_[cell], same->max_[cell]);
    }
    count_ += same->count_;
    return absl::OkStatus();
  }

  std::vector<StatisticValue> Result() const override {
    StatisticValue min{"min", {}, min_};
    StatisticValue max{"max", {}, max_};
    StatisticValue range{"range", {}, {}};
    if (count_ >= 1) min.shape = max.shape = cells_.result_shape();
    if (count_ >= 2) {
      range.shape = cells_.result_shape();
      for (std::size_t i = 0; i < min_.size(); ++i) range.values.push_back(max_[i] - min_[i]);
    }
    return {std::move(min),
            std::move(max),
            std::move(range),
            {"count", {}, {static_cast<double>(count_)}}};
  }

 private:
  void Start() {
    min_.resize(cells_.count(), std::numeric_limits<double>::infinity());
    max_.resize(cells_.count(), -std::numeric_limits<double>::infinity());
  }
  // A NaN stays: it is neither below nor above anything.
  void Include(std::size_t cell, double low, double high) {
    if (std::isnan(low) || low < min_[cell]) min_[cell] = low;
    if (std::isnan(high) || high > max_[cell]) max_[cell] = high;
  }

  CellMap cells_;
  const bool abs_;
  std::int64_t count_ = 0;  // values of each cell
  std::vector<double> min_, max_;
};

// The options that a statistic takes; name and reduce_dims count as one option, dims.
struct Options {
  std::string_view name;
  bool dims, abs, quantile, sigma, new_dim;
};
constexpr std::array<Options, 7> kStatistics = {{
    {"variance_precise", true, false, false, false, false},
    {"variance_online", true, false, false, false, false},
    {"range_min_max", true, true, false, false, false},
    {"range_quantile", true, true, true, false, false},
    {"range_n_sigma", true, true, false, true, false},
    {"abs_mean", true, false, false, false, false},
    {"record", false, false, false, false, true},
}};

absl::Status Check(const spec::StatisticSpec& spec) {
  const auto known =
      std::find_if(kStatistics.begin(), kStatistics.end(),
                   [&](const Options& options) { return options.name == spec.name; });
  if (known == kStatistics.end()) {
    std::vector<std::string_view> names;
    for (const Options& options : kStatistics) names.push_back(options.name);
    return absl::InvalidArgumentError(fmt::format("unknown statistic \"{}\": expected one of {}",
                                                  spec.name, fmt::join(names, ", ")));
  }
  const auto bad = [&](const std::string& why) {
    return absl::InvalidArgumentError(fmt::format("{}: {}", spec.name, why));
  };
  const auto not_taken = [&](const char* option) {
    return bad(fmt::format("it does not take {}", option));
  };
  if (!known->dims && !(spec.dims.empty() && spec.reduce_dims.empty())) return not_taken("dims");
  if (!known->abs && spec.abs) return not_taken("abs");
  if (!known->quantile && spec.quantile) return not_taken("quantile");
  if (!known->sigma && spec.num_sigma) return not_taken("num_sigma");
  if (!known->sigma && !spec.var_mode.empty()) return not_taken("var_mode");
  if (!known->new_dim && spec.add_new_dim_before_concat) {
    return not_taken("add_new_dim_before_concat");
  }
  if (!spec.dims.empty() && spec.dims != "all" && spec.dims != "element") {
    return bad(fmt::format("dims is \"{}\": expected \"all\" or \"element\"", spec.dims));
  }
  if (!spec.dims.empty() && !spec.reduce_dims.empty()) return bad("give dims or reduce_dims");
  if (spec.quantile && !(*spec.quantile >= 0 && *spec.quantile <= 1)) {
    return bad(fmt::format("quantile is {}: expected 0 to 1", *spec.quantile));
  }
  if (spec.num_sigma && !std::isfinite(*spec.num_sigma)) return bad("num_sigma is not finite");
  if (!spec.var_mode.empty() && spec.var_mode != "precise" && spec.var_mode != "online") {
    return bad(fmt::format("var_mode is \"{}\": expected precise or online", spec.var_mode));
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<std::unique_ptr<Statistic>> MakeStatistic(const spec::StatisticSpec& spec) {
  RETURN_IF_ERROR(Check(spec));
  if (spec.name == "range_min_max") return std::make_unique<MinMaxStatistic>(spec);
  if (spec.name == "range_quantile") return std::make_unique<QuantileStatistic>(spec);
  if (spec.name == "record") return std::make_unique<RecordStatistic>(spec);
  return std::make_unique<MomentStatistic>(spec);
}

}  // namespace bitsweep::passes
