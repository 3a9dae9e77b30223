// SPDX-License-Identifier: Apache-2.0
// Short ways to make series. Only for server/metrics.
#ifndef BITSWEEP_SERVER_METRICS_FAMILIES_H_
#define BITSWEEP_SERVER_METRICS_FAMILIES_H_

#include <algorithm>
#include <array>
#include <cctype>
#include <cstddef>
#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "prometheus/counter.h"
#include "prometheus/family.h"
#include "prometheus/gauge.h"
#include "prometheus/histogram.h"
#include "prometheus/registry.h"

namespace bitsweep::metrics {

inline std::string Lower(std::string_view text) {
  std::string lower(text);
  std::transform(lower.begin(), lower.end(), lower.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return lower;
}

// The names of the values, in lower case.
template <typename Values>
std::vector<std::string> LowerNames(const Values& values) {
  std::vector<std::string> names;
  for (const auto& value : values) names.push_back(Lower(Name(value)));
  return names;
}

// Makes families in one registry, with every series that they will have.
class Families {
 public:
  using Counter = prometheus::Counter;
  using Gauge = prometheus::Gauge;
  using Histogram = prometheus::Histogram;
  using Buckets = Histogram::BucketBoundaries;
  using Labels = std::map<std::string, std::string>;
  template <typename Metric>
  using By = std::map<std::string, Metric*, std::less<>>;  // by a label's value
  template <typename Value>
  using PerKind = std::array<Value, 2>;  // by JobKind

  explicit Families(prometheus::Registry& registry) : registry_(registry) {}

  prometheus::Family<Counter>& Counters(const char* name, const char* help) {
    return prometheus::BuildCounter().Name(name).Help(help).Register(registry_);
  }
  prometheus::Family<Gauge>& Gauges(const char* name, const char* help) {
    return prometheus::BuildGauge().Name(name).Help(help).Register(registry_);
  }
  prometheus::Family<Histogram>& Histograms(const char* name, const char* help) {
    return prometheus::BuildHistogram().Name(name).Help(help).Register(registry_);
  }

  Counter& OneCounter(const char* name, const char* help) { return Counters(name, help).Add({}); }
  Gauge& OneGauge(const char* name, const char* help) { return Gauges(name, help).Add({}); }
  Histogram& OneHistogram(const char* name, const char* help, const Buckets& buckets) {
    return Histograms(name, help).Add({}, buckets);
  }

  By<Counter> CounterEach(const char* name, const char* help, const char* label,
                          const std::vector<std::string>& values) {
    return Each<Counter>(Counters(name, help), {}, label, values);
  }
  By<Gauge> GaugeEach(const char* name, const char* help, const char* label,
                      const std::vector<std::string>& values) {
    return Each<Gauge>(Gauges(name, help), {}, label, values);
  }
  By<Histogram> HistogramEach(const char* name, const char* help, const char* label,
                              const std::vector<std::string>& values, const Buckets& buckets) {
    return Each<Histogram>(Histograms(name, help), {}, label, values, buckets);
  }

  // The same for trials and for jobs of transforms, told apart by the label `kind`.
  PerKind<Counter*> CounterPerKind(const char* name, const char* help) {
    auto& family = Counters(name, help);
    return {&family.Add(Kind(0)), &family.Add(Kind(1))};
  }
  PerKind<Histogram*> HistogramPerKind(const char* name, const char* help, const Buckets& buckets) {
    auto& family = Histograms(name, help);
    return {&family.Add(Kind(0), buckets), &family.Add(Kind(1), buckets)};
  }
  PerKind<By<Counter>> CounterEachPerKind(const char* name, const char* help, const char* label,
                                          const std::vector<std::string>& values) {
    auto& family = Counters(name, help);
    return {Each<Counter>(family, Kind(0), label, values),
            Each<Counter>(family, Kind(1), label, values)};
  }
  PerKind<By<Gauge>> GaugeEachPerKind(const char* name, const char* help, const char* label,
                                      const std::vector<std::string>& values) {
    auto& family = Gauges(name, help);
    return {Each<Gauge>(family, Kind(0), label, values),
            Each<Gauge>(family, Kind(1), label, values)};
  }

 private:
  static Labels Kind(std::size_t kind) { return {{"kind", kind == 0 ? "trial" : "transform"}}; }
  template <typename Metric, typename... Args>
  static By<Metric> Each(prometheus::Family<Metric>& family, const Labels& labels,
                         const char* label, const std::vector<std::string>& values,
                         const Args&... args) {
    By<Metric> made;
    for (const std::string& value : values) {
      Labels all = labels;
      all[label] = value;
      made[value] = &family.Add(all, args...);
    }
    return made;
  }

  prometheus::Registry& registry_;
};

}  // namespace bitsweep::metrics

#endif  // BITSWEEP_SERVER_METRICS_FAMILIES_H_
