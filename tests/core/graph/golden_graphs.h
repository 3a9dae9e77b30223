// SPDX-License-Identifier: Apache-2.0
// The graphs that graph_reports.json of the golden folder reports on.
#ifndef BITSWEEP_TESTS_CORE_GRAPH_GOLDEN_GRAPHS_H_
#define BITSWEEP_TESTS_CORE_GRAPH_GOLDEN_GRAPHS_H_

#include <fstream>
#include <stdexcept>
#include <string>

#include "core/graph/zoo.h"
#include "nlohmann/json.hpp"
#include "tests/support/test_paths.h"

namespace bitsweep::graph {

using GoldenJson = nlohmann::ordered_json;  // the files' order is the framework's order

inline GoldenJson ReadOrderedGolden(const std::string& file) {
  std::ifstream in(bitsweep::testing::GoldenDir() / file);
  if (!in) throw std::runtime_error("cannot read " + file + " of BITSWEEP_GOLDEN");
  return GoldenJson::parse(in);
}

// "jsc-trt (where it comes from)" is jsc-trt.
inline std::string GoldenModel(const std::string& title) {
  return title.substr(0, title.find(" ("));
}

// The case's graph: its activation is what the output reads.
inline absl::StatusOr<Graph> BuildReported(const std::string& title, const GoldenJson& report) {
  const std::string model = GoldenModel(title);
  const GoldenJson& nodes = report.at("nodes");
  ZooOptions options{.features = nodes.front().at("shape").back().get<std::int64_t>(),
                     .classes = nodes.back().at("shape").back().get<std::int64_t>()};
  if (HasOutputActivation(model)) {
    options.output_activation =
        ParseOutputActivation(nodes[nodes.size() - 2].at("mase_op").get<std::string>())
            .value_or(OutputActivation::kNone);
  }
  return BuildModel(model, options);
}

}  // namespace bitsweep::graph

#endif  // BITSWEEP_TESTS_CORE_GRAPH_GOLDEN_GRAPHS_H_
