// SPDX-License-Identifier: Apache-2.0
#include "worker/passes/profile_statistics.h"

#include <algorithm>
#include <memory>
#include <span>
#include <utility>

#include "core/base/status_macros.h"
#include "core/graph/report.h"
#include "fmt/format.h"

namespace bitsweep::passes {
namespace {

// Rows that are run at once: at most 64, and at most 2^24 values of all nodes together. A row's
// values do not depend on the others'.
std::int64_t RowsRecordedAtOnce(const graph::Graph& graph) {
  std::int64_t elements = 1;
  for (const graph::Shape& shape : graph.sample_shapes()) elements += graph::ElementCount(shape);
  return std::clamp<std::int64_t>((std::int64_t{1} << 24) / elements, 1, 64);
}

using Statistics = std::vector<std::unique_ptr<Statistic>>;

// Positions of the nodes that are meant.
absl::StatusOr<std::vector<std::size_t>> Targets(const graph::Graph& graph, const std::string& by,
                                                 const std::vector<std::string>& keys) {
  const std::vector<graph::Node>& nodes = graph.nodes();
  if (by != "type" && by != "name") {
    return absl::InvalidArgumentError(fmt::format("by is \"{}\": expected type or name", by));
  }
  std::vector<std::size_t> targets;
  for (std::size_t i = 0; i < nodes.size(); ++i) {
    const std::string key = by == "name" ? nodes[i].name : graph::MaseOp(nodes[i]);
    if (std::find(keys.begin(), keys.end(), key) != keys.end()) targets.push_back(i);
  }
  for (const std::string& key : keys) {
    if (by == "name" && graph.Find(key) < 0) {
      return absl::InvalidArgumentError(
          fmt::format("the graph {} has no node \"{}\"", graph.name(), key));
    }
  }
  return targets;
}

absl::StatusOr<Statistics> MakeAll(const std::vector<spec::StatisticSpec>& specs) {
  Statistics statistics;
  for (const spec::StatisticSpec& spec : specs) {
    ASSIGN_OR_RETURN(std::unique_ptr<Statistic> statistic, MakeStatistic(spec));
    statistics.push_back(std::move(statistic));
  }
  return statistics;
}

absl::Status UpdateAll(const Statistics& statistics, const graph::Shape& shape,
                       std::span<const float> values, const std::string& node,
                       const std::string& tensor) {
  for (const std::unique_ptr<Statistic>& statistic : statistics) {
    const absl::Status status = statistic->Update(shape, values);
    if (!status.ok()) {
      return absl::Status(status.code(), fmt::format("node \"{}\", {}: {}", node, tensor,
                                                     std::string(status.message())));
    }
  }
  return absl::OkStatus();
}

// One input of one node, with its statistics.
struct Activation {
  std::size_t node = 0;
  std::size_t input = 0;
  Statistics statistics;

  std::string tensor() const { return fmt::format("data_in_{}", input); }
};

class Profiler {
 public:
  Profiler(const spec::ProfileStatisticsPass& pass, const Network& network)
      : pass_(pass), network_(network), by_node_(network.graph.nodes().size()) {}

  absl::Status Weights() {
    ASSIGN_OR_RETURN(const std::vector<std::size_t> targets,
                     Targets(network_.graph, pass_.by, pass_.target_weight_nodes));
    const std::vector<std::vector<NodeTensor>> tensors = TensorsOfNodes(network_.graph);
    for (const std::size_t node : targets) {
      for (const NodeTensor& tensor : tensors[node]) {
        const graph::TensorInfo& info = network_.graph.tensors()[tensor.index];
        if (info.is_int64) continue;
        ASSIGN_OR_RETURN(const Statistics statistics, MakeAll(pass_.weight_statistics));
        const std::string& name = network_.graph.nodes()[node].name;
        RETURN_IF_ERROR(UpdateAll(statistics, info.shape, network_.tensors[tensor.index].f32, name,
                                  tensor.leaf));
        Keep(node, tensor.leaf, false, pass_.weight_statistics, statistics);
      }
    }
    return absl::OkStatus();
  }

  absl::Status Activations(const data::Dataset* dataset, const GraphRunnerFactory& make_runner,
                           const std::function<bool()>& should_stop) {
    ASSIGN_OR_RETURN(const std::vector<std::size_t> targets,
                     Targets(network_.graph, pass_.by, pass_.target_activation_nodes));
    if (targets.empty() || pass_.activation_statistics.empty()) return absl::OkStatus();
    if (dataset == nullptr) {
      return absl::InvalidArgumentError("statistics of activations need a data set");
    }
    const std::int64_t features = network_.graph.InputFeatures();
    if (dataset->features != features) {
      return absl::InvalidArgumentError(
          fmt::format("the data set has {} features, the graph {} takes {}", dataset->features,
                      network_.graph.name(), features));
    }
    std::vector<Activation> activations;
    for (const std::size_t node : targets) {
      for (std::size_t i = 0; i < network_.graph.nodes()[node].inputs.size(); ++i) {
        ASSIGN_OR_RETURN(Statistics statistics, MakeAll(pass_.activation_statistics));
        activations.push_back({.node = node, .input = i, .statistics = std::move(statistics)});
      }
    }
    ASSIGN_OR_RETURN(const std::unique_ptr<GraphRunner> runner,
                     make_runner(network_.graph, network_.tensors));
    samples_ = std::min(pass_.num_samples, dataset->train_rows());
    const std::int64_t rows_at_once = RowsRecordedAtOnce(network_.graph);
    for (std::int64_t begin = 0; begin < samples_; begin += rows_at_once) {
      if (should_stop && should_stop()) return absl::CancelledError("stopped while profiling");
      const std::int64_t rows = std::min(rows_at_once, samples_ - begin);
      const std::span<const float> x = std::span(dataset->train_x)
                                           .subspan(static_cast<std::size_t>(begin * features),
                                                    static_cast<std::size_t>(rows * features));
      RETURN_IF_ERROR(RunRows(*runner, x, rows, targets, activations));
    }
    for (const Activation& activation : activations) {
      Keep(activation.node, activation.tensor(), true, pass_.activation_statistics,
           activation.statistics);
    }
    return absl::OkStatus();
  }

  StatisticsReport Report() && {
    StatisticsReport report{.samples = samples_};
    for (std::vector<NodeStatistic>& of_node : by_node_) {
      for (NodeStatistic& statistic : of_node) report.statistics.push_back(std::move(statistic));
    }
    return report;
  }

 private:
  absl::Status RunRows(GraphRunner& runner, std::span<const float> x, std::int64_t rows,
                       const std::vector<std::size_t>& targets,
                       const std::vector<Activation>& activations) {
    absl::Status status;
    const auto feed = [&](const NodeInput& seen) {
      const auto activation = std::find_if(
          activations.begin(), activations.end(),
          [&](const Activation& a) { return a.node == seen.node && a.input == seen.input; });
      if (activation == activations.end()) return;
      graph::Shape sample = seen.shape;
      sample.front() = 1;
      const std::size_t size = seen.values.size() / static_cast<std::size_t>(rows);
      for (std::size_t row = 0; status.ok() && row < static_cast<std::size_t>(rows); ++row) {
        status = UpdateAll(activation->statistics, sample, seen.values.subspan(row * size, size),
                           network_.graph.nodes()[seen.node].name, activation->tensor());
      }
    };
    RETURN_IF_ERROR(runner.VisitInputs(x, rows, targets, feed));
    return status;
  }

  void Keep(std::size_t node, const std::string& tensor, bool activation,
            const std::vector<spec::StatisticSpec>& specs, const Statistics& statistics) {
    for (std::size_t i = 0; i < specs.size(); ++i) {
      by_node_[node].push_back({.node = network_.graph.nodes()[node].name,
                                .tensor = tensor,
                                .activation = activation,
                                .statistic = specs[i].name,
                                .values = statistics[i]->Result()});
    }
  }

  const spec::ProfileStatisticsPass& pass_;
  const Network& network_;
  std::vector<std::vector<NodeStatistic>> by_node_;
  std::int64_t samples_ = 0;
};

}  // namespace

absl::StatusOr<StatisticsReport> ProfileStatistics(const spec::ProfileStatisticsPass& pass,
                                                   const Network& network,
                                                   const data::Dataset* dataset,
                                                   const GraphRunnerFactory& make_runner,
                                                   const std::function<bool()>& should_stop) {
  Profiler profiler(pass, network);
  RETURN_IF_ERROR(profiler.Weights());
  RETURN_IF_ERROR(profiler.Activations(dataset, make_runner, should_stop));
  return std::move(profiler).Report();
}

}  // namespace bitsweep::passes
