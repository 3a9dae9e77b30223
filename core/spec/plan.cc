// SPDX-License-Identifier: Apache-2.0
#include "core/spec/plan.h"

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <unordered_map>

#include "core/base/errors.h"
#include "core/base/random.h"
#include "core/base/status_macros.h"
#include "core/spec/validate.h"
#include "fmt/format.h"

namespace bitsweep::spec {
namespace {

absl::Status TooLarge(double points, std::int64_t repeats) {
  return ErrorWithDetails(
      absl::StatusCode::kInvalidArgument,
      fmt::format("the plan has {:.0f} points x {} repeats; at most {} trials are accepted", points,
                  repeats, kMaxTrials),
      {.reason = "PLAN_TOO_LARGE", .metadata = {{"limit", std::to_string(kMaxTrials)}}});
}

template <typename F>
void ForEachAxisSize(const Axes& axes, F f) {
  f(axes.max_epochs.size());
  f(axes.learning_rate.size());
  f(axes.batch_size.size());
  f(axes.optimizer.size());
  f(axes.weight_decay.size());
  f(axes.schedule.size());
}

// How many points the search enumerates, as a double: no overflow, exact far beyond the limit.
double PointCount(const Search& search) {
  struct Visitor {
    double operator()(const Single&) const { return 1; }
    double operator()(const Grid& grid) const {
      double product = 1;
      ForEachAxisSize(grid.axes, [&](std::size_t n) {
        product *= static_cast<double>(std::max<std::size_t>(n, 1));
      });
      return product;
    }
    double operator()(const OneAtATime& one) const {
      double sum = 1;
      ForEachAxisSize(one.axes, [&](std::size_t n) { sum += static_cast<double>(n); });
      return sum;
    }
    double operator()(const Points& points) const {
      return static_cast<double>(points.points.size());
    }
    double operator()(const RandomSearch& random) const {
      return static_cast<double>(random.count);
    }
  };
  return std::visit(Visitor{}, search);
}

template <typename T>
std::vector<T> OrBase(const std::vector<T>& axis, T base) {
  return axis.empty() ? std::vector<T>{base} : axis;
}

std::vector<Hyperparameters> Enumerate(const Grid& grid, const Hyperparameters& base) {
  const Axes& axes = grid.axes;
  std::vector<Hyperparameters> points;
  for (const std::int64_t max_epochs : OrBase(axes.max_epochs, base.max_epochs)) {
    for (const double learning_rate : OrBase(axes.learning_rate, base.learning_rate)) {
      for (const std::int64_t batch_size : OrBase(axes.batch_size, base.batch_size)) {
        for (const Optimizer optimizer : OrBase(axes.optimizer, base.optimizer)) {
          for (const double weight_decay : OrBase(axes.weight_decay, base.weight_decay)) {
            for (const Schedule schedule : OrBase(axes.schedule, base.schedule)) {
              points.push_back(
                  {max_epochs, learning_rate, batch_size, optimizer, weight_decay, schedule});
            }
          }
        }
      }
    }
  }
  return points;
}

std::vector<Hyperparameters> Enumerate(const OneAtATime& one, const Hyperparameters& base) {
  std::vector<Hyperparameters> points = {base};
  const auto vary = [&](const auto& axis, auto member) {
    for (const auto& value : axis) {
      points.push_back(base);
      points.back().*member = value;
    }
  };
  vary(one.axes.max_epochs, &Hyperparameters::max_epochs);
  vary(one.axes.batch_size, &Hyperparameters::batch_size);
  vary(one.axes.learning_rate, &Hyperparameters::learning_rate);
  vary(one.axes.optimizer, &Hyperparameters::optimizer);
  vary(one.axes.weight_decay, &Hyperparameters::weight_decay);
  vary(one.axes.schedule, &Hyperparameters::schedule);
  return points;
}

std::vector<Hyperparameters> Enumerate(const Points& list, const Hyperparameters& base) {
  std::vector<Hyperparameters> points;
  for (const PartialHyperparameters& point : list.points) points.push_back(Apply(base, point));
  return points;
}

double Draw(const Distribution<double>& from, Random& random) {
  if (!from.values.empty()) return from.values[random.NextBelow(from.values.size())];
  const double u = random.NextDouble();
  const double value =
      from.scale == Scale::kLog
          ? std::exp(std::log(from.min) + u * (std::log(from.max) - std::log(from.min)))
          : from.min + u * (from.max - from.min);
  // Six significant digits read well in tables and are the value that is trained with.
  const double rounded = std::strtod(fmt::format("{:.6g}", value).c_str(), nullptr);
  return std::clamp(rounded, from.min, from.max);
}

std::int64_t Draw(const Distribution<std::int64_t>& from, Random& random) {
  if (!from.values.empty()) return from.values[random.NextBelow(from.values.size())];
  if (from.scale == Scale::kLinear) {
    return from.min + static_cast<std::int64_t>(
                          random.NextBelow(static_cast<std::uint64_t>(from.max - from.min) + 1));
  }
  const double low = std::log(static_cast<double>(from.min));
  const double high = std::log(static_cast<double>(from.max) + 1.0);
  const double value = std::exp(low + random.NextDouble() * (high - low));
  return std::clamp(static_cast<std::int64_t>(value), from.min, from.max);
}

// Each axis has a stream of its own, so that adding an axis leaves the others' draws as they are.
std::vector<Hyperparameters> Enumerate(const RandomSearch& search, const Hyperparameters& base,
                                       std::int64_t sweep_seed) {
  const auto seed = static_cast<std::uint64_t>(sweep_seed);
  std::vector<Random> axes;
  for (std::uint32_t axis = 0; axis < 6; ++axis)
    axes.emplace_back(seed, RandomStream::kSearch, axis);
  std::vector<Hyperparameters> points;
  for (std::int64_t i = 0; i < search.count; ++i) {
    Hyperparameters h = base;
    if (search.max_epochs.IsSet()) h.max_epochs = Draw(search.max_epochs, axes[0]);
    if (search.learning_rate.IsSet()) h.learning_rate = Draw(search.learning_rate, axes[1]);
    if (search.batch_size.IsSet()) h.batch_size = Draw(search.batch_size, axes[2]);
    if (!search.optimizer.empty()) {
      h.optimizer = search.optimizer[axes[3].NextBelow(search.optimizer.size())];
    }
    if (search.weight_decay.IsSet()) h.weight_decay = Draw(search.weight_decay, axes[4]);
    if (!search.schedule.empty()) {
      h.schedule = search.schedule[axes[5].NextBelow(search.schedule.size())];
    }
    points.push_back(h);
  }
  return points;
}

std::vector<Hyperparameters> EnumerateAll(const SweepSpec& spec, const Hyperparameters& base) {
  struct Visitor {
    const SweepSpec& spec;
    const Hyperparameters& base;
    std::vector<Hyperparameters> operator()(const Single&) const { return {base}; }
    std::vector<Hyperparameters> operator()(const RandomSearch& s) const {
      return Enumerate(s, base, spec.seed);
    }
    std::vector<Hyperparameters> operator()(const Grid& s) const { return Enumerate(s, base); }
    std::vector<Hyperparameters> operator()(const OneAtATime& s) const {
      return Enumerate(s, base);
    }
    std::vector<Hyperparameters> operator()(const Points& s) const { return Enumerate(s, base); }
  };
  return std::visit(Visitor{spec, base}, spec.search);
}

std::vector<std::string> VaryingFields(const std::vector<Configuration>& configurations) {
  std::vector<std::string> varying;
  const auto check = [&](const char* name, auto member) {
    const auto& first = configurations.front().hyperparameters.*member;
    if (std::any_of(configurations.begin(), configurations.end(),
                    [&](const Configuration& c) { return c.hyperparameters.*member != first; })) {
      varying.emplace_back(name);
    }
  };
  check("max_epochs", &Hyperparameters::max_epochs);
  check("learning_rate", &Hyperparameters::learning_rate);
  check("batch_size", &Hyperparameters::batch_size);
  check("optimizer", &Hyperparameters::optimizer);
  check("weight_decay", &Hyperparameters::weight_decay);
  check("schedule", &Hyperparameters::schedule);
  return varying;
}

std::vector<std::string> Warnings(const Plan& plan) {
  std::vector<std::string> warnings;
  std::int64_t sgd_with_decay = 0;
  std::int64_t rising = 0;
  for (const Configuration& c : plan.configurations) {
    const Hyperparameters& h = c.hyperparameters;
    if (h.optimizer == Optimizer::kSgd && h.weight_decay != 0) ++sgd_with_decay;
    if (h.optimizer != Optimizer::kSgd && h.schedule == Schedule::kCosine &&
        h.learning_rate < 1e-6) {
      ++rising;
    }
  }
  if (sgd_with_decay > 0) {
    warnings.push_back(fmt::format(
        "{} configurations set weight_decay with SGD, whose weight decay is fixed at 5e-4",
        sgd_with_decay));
  }
  if (rising > 0) {
    warnings.push_back(
        fmt::format("{} configurations start below 1e-6: the cosine schedule raises their learning "
                    "rate to 1e-6",
                    rising));
  }
  if (!plan.duplicates.empty()) {
    warnings.push_back(fmt::format("{} merged: the same values as earlier ones",
                                   plan.duplicates.size() == 1
                                       ? "1 point was"
                                       : fmt::format("{} points were", plan.duplicates.size())));
  }
  return warnings;
}

}  // namespace

absl::StatusOr<Plan> ExpandPlan(const SweepSpec& spec) {
  const double count = PointCount(spec.search);
  // Merging may shrink a plan, but a list this long would have to be made first.
  if (count * static_cast<double>(spec.repeats) > static_cast<double>(kMaxTrials)) {
    return TooLarge(count, spec.repeats);
  }
  const Hyperparameters base = Apply(Hyperparameters{}, spec.base);
  Plan plan{.repeats = spec.repeats};
  std::unordered_map<std::string, std::int64_t> known;
  std::int64_t position = 0;
  for (const Hyperparameters& point : EnumerateAll(spec, base)) {
    const auto number = static_cast<std::int64_t>(plan.configurations.size());
    const auto [entry, is_new] = known.emplace(CanonicalText(point), number);
    if (is_new) {
      plan.configurations.push_back({number, point});
    } else {
      plan.duplicates.push_back({position, entry->second});
    }
    ++position;
  }
  plan.varying = VaryingFields(plan.configurations);
  plan.warnings = Warnings(plan);
  return plan;
}

std::uint64_t TrialSeed(std::int64_t sweep_seed, const Hyperparameters& h, std::int64_t repeat) {
  return SeedFromText(
      fmt::format("bitsweep.trial.v1|{}|{}|{}", sweep_seed, CanonicalText(h), repeat));
}

}  // namespace bitsweep::spec
