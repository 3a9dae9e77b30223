// SPDX-License-Identifier: Apache-2.0
#include "client/report/transform_points.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <utility>

#include "fmt/format.h"
#include "fmt/ranges.h"
#include "google/protobuf/util/message_differencer.h"

namespace bitsweep::report {
namespace {

bool IsSame(const google::protobuf::Message& a, const google::protobuf::Message& b) {
  return google::protobuf::util::MessageDifferencer::Equals(a, b);
}

void FindDifferences(const v1::Transform& first, const v1::Transform& other,
                     std::vector<std::string>& differences) {
  const auto add = [&](const std::string& what) {
    differences.push_back(fmt::format("{} has {} than {}", other.name(), what, first.name()));
  };
  if (first.passes_size() != other.passes_size()) {
    add(fmt::format("{} passes, and so others,", other.passes_size()));
  }
  for (int i = 0; i < std::min(first.passes_size(), other.passes_size()); ++i) {
    if (!IsSame(first.passes(i), other.passes(i))) add(fmt::format("another passes[{}]", i));
  }
  const bool has_equal_axes =
      first.axes_size() == other.axes_size() &&
      std::equal(first.axes().begin(), first.axes().end(), other.axes().begin(), IsSame);
  if (!has_equal_axes) add("other axes");
  if (!IsSame(first.dataset(), other.dataset())) add("another dataset");
}

std::vector<std::int64_t> AxisValuesOf(const v1::TransformJob& job) {
  std::vector<std::int64_t> values;
  for (const v1::AxisValue& value : job.values()) values.push_back(value.value());
  return values;
}

// The mean of what the point's jobs have.
template <typename Has, typename Get>
Sample SampleOfJobs(const TransformPoint& point, Has has, Get get) {
  std::vector<double> values;
  for (const v1::TransformJob* job : point.jobs) {
    if (!has(*job)) continue;
    const auto value = static_cast<double>(get(*job));
    if (std::isfinite(value)) values.push_back(value);
  }
  return SampleOf(values);
}

std::optional<double> MeanIfKnown(const Sample& sample) {
  return sample.n > 0 ? std::optional(sample.mean) : std::nullopt;
}

void Summarize(TransformPoint& point) {
  const auto metric = [&](bool (v1::TransformMetrics::*has)() const, auto get) {
    return SampleOfJobs(
        point,
        [&](const v1::TransformJob& job) { return job.has_metrics() && (job.metrics().*has)(); },
        [&](const v1::TransformJob& job) { return (job.metrics().*get)(); });
  };
  using Metrics = v1::TransformMetrics;
  point.accuracy = metric(&Metrics::has_accuracy, &Metrics::accuracy);
  point.interval = MeanInterval(point.accuracy);
  point.original_accuracy =
      MeanIfKnown(metric(&Metrics::has_original_accuracy, &Metrics::original_accuracy));
  point.loss = MeanIfKnown(metric(&Metrics::has_loss, &Metrics::loss));
  point.flops = MeanIfKnown(metric(&Metrics::has_flops, &Metrics::flops));
  point.bitops = MeanIfKnown(metric(&Metrics::has_bitops, &Metrics::bitops));
  point.size_bits = MeanIfKnown(metric(&Metrics::has_size_bits, &Metrics::size_bits));
  point.seconds = MeanIfKnown(SampleOfJobs(
      point, [](const v1::TransformJob& job) { return job.state() == v1::Trial::STATE_SUCCEEDED; },
      [](const v1::TransformJob& job) { return job.seconds(); }));
}

// By rising bit operations, the better first among equals: a point is in the set when it is better
// than all before it. Equals are both in it.
void MarkParetoSet(std::vector<TransformPoint>& points) {
  std::vector<TransformPoint*> placed;
  for (TransformPoint& point : points) {
    if (point.IsPlaceable()) placed.push_back(&point);
  }
  std::stable_sort(placed.begin(), placed.end(), [](const auto* a, const auto* b) {
    if (*a->bitops != *b->bitops) return *a->bitops < *b->bitops;
    return a->accuracy.mean > b->accuracy.mean;
  });
  const TransformPoint* best = nullptr;
  for (TransformPoint* point : placed) {
    const bool is_equal = best != nullptr && *point->bitops == *best->bitops &&
                          point->accuracy.mean == best->accuracy.mean;
    point->is_pareto = best == nullptr || point->accuracy.mean > best->accuracy.mean || is_equal;
    if (point->is_pareto) best = point;
  }
}

}  // namespace

absl::Status CheckEqualSpecs(const std::vector<TransformRun>& runs) {
  std::vector<std::string> differences;
  for (std::size_t i = 1; i < runs.size(); ++i) {
    FindDifferences(runs[0].transform, runs[i].transform, differences);
  }
  if (differences.empty()) return absl::OkStatus();
  return absl::InvalidArgumentError(
      fmt::format("these transforms are no repeats of one another: {}; expected equal passes, axes "
                  "and data sets",
                  fmt::join(differences, "; ")));
}

std::vector<TransformPoint> PointsOf(const std::vector<TransformRun>& runs) {
  std::vector<TransformPoint> points;
  std::map<std::vector<std::int64_t>, std::size_t> known;
  for (const TransformRun& run : runs) {
    for (const v1::TransformJob& job : run.jobs) {
      std::vector<std::int64_t> values = AxisValuesOf(job);
      const auto [at, is_new] = known.emplace(values, points.size());
      if (is_new) points.push_back({.values = std::move(values)});
      points[at->second].jobs.push_back(&job);
    }
  }
  for (TransformPoint& point : points) Summarize(point);
  if (runs.size() == 1) {
    for (TransformPoint& point : points) point.is_pareto = point.jobs[0]->pareto_optimal();
  } else {
    MarkParetoSet(points);
  }
  return points;
}

std::string ValuesText(const TransformPoint& point) {
  return point.values.empty() ? "all" : fmt::format("{}", fmt::join(point.values, "/"));
}

std::vector<std::size_t> ParetoSet(const std::vector<TransformPoint>& points) {
  std::vector<std::size_t> set;
  for (std::size_t i = 0; i < points.size(); ++i) {
    if (points[i].is_pareto && points[i].IsPlaceable()) set.push_back(i);
  }
  std::stable_sort(set.begin(), set.end(), [&](std::size_t a, std::size_t b) {
    return *points[a].bitops < *points[b].bitops;
  });
  return set;
}

std::optional<ShownJob> JobToShow(const std::vector<TransformRun>& runs) {
  const std::vector<TransformPoint> points = PointsOf(runs);
  const auto has_succeeded = [](const v1::TransformJob* job) {
    return job->state() == v1::Trial::STATE_SUCCEEDED;
  };
  const TransformPoint* best = nullptr;
  for (const TransformPoint& point : points) {
    if (std::none_of(point.jobs.begin(), point.jobs.end(), has_succeeded)) continue;
    const auto rank = [](const TransformPoint& p) {
      return std::tuple(p.is_pareto, p.accuracy.n > 0, p.accuracy.n > 0 ? p.accuracy.mean : 0,
                        -p.bitops.value_or(0));
    };
    if (best == nullptr || rank(point) > rank(*best)) best = &point;
  }
  if (best == nullptr) return std::nullopt;
  const v1::TransformJob& job = **std::find_if(best->jobs.begin(), best->jobs.end(), has_succeeded);
  ShownJob shown{.name = job.name()};
  for (std::size_t i = 0; i < runs.size(); ++i) {
    if (job.name().starts_with(runs[i].transform.name() + "/")) shown.run = i;
  }
  shown.why = points.size() == 1
                  ? (runs.size() == 1 ? "its only job" : "the job of the first model")
              : best->is_pareto      ? "the best accuracy of the Pareto set"
              : best->accuracy.n > 0 ? "the best accuracy"
                                     : "the first job that succeeded";
  return shown;
}

}  // namespace bitsweep::report
