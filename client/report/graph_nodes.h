// SPDX-License-Identifier: Apache-2.0
// What a graph's drawing says of each node, from whatever is known of the graph. Pure.
#ifndef BITSWEEP_CLIENT_REPORT_GRAPH_NODES_H_
#define BITSWEEP_CLIENT_REPORT_GRAPH_NODES_H_

#include <optional>
#include <string>
#include <vector>

#include "bitsweep/v1/pass_result.pb.h"
#include "bitsweep/v1/transform.pb.h"
#include "client/report/graph_layout.h"
#include "core/graph/graph.h"
#include "google/protobuf/struct.pb.h"

namespace bitsweep::report {

// Name, op with sizes, output shape with B for the batch, and formats.
std::vector<DrawnNode> NodesOf(const graph::Graph& graph);
// Of a model's or a specification's graph; nullopt where this program cannot read it.
std::optional<std::vector<DrawnNode>> NodesOf(const google::protobuf::Struct& graph);
// As report_node_meta gives it. The output's input is in no row: it is the last node before it.
std::vector<DrawnNode> NodesOf(const v1::NodeMetaReport& report);
// Marks what quantize changed, with the formats of its result.
void MarkQuantized(const v1::QuantizeReport& report, std::vector<DrawnNode>& nodes);

// Nodes to draw, and where they come from in words; no nodes: why there are none.
struct GraphSource {
  std::vector<DrawnNode> nodes;
  std::string remark;
};
// The graph that a job's passes left: the job's own model, else the model that it began with and
// what its quantize passes say, else what report_node_meta says. Models are null where there are
// none.
GraphSource FindGraph(const v1::Transform& transform, const v1::TransformJob& job,
                      const v1::Model* result, const v1::Model* source);

}  // namespace bitsweep::report

#endif  // BITSWEEP_CLIENT_REPORT_GRAPH_NODES_H_
