// SPDX-License-Identifier: Apache-2.0
// Where the nodes and edges of a drawn graph go. Pure.
#ifndef BITSWEEP_CLIENT_REPORT_GRAPH_LAYOUT_H_
#define BITSWEEP_CLIENT_REPORT_GRAPH_LAYOUT_H_

#include <cstddef>
#include <string>
#include <vector>

namespace bitsweep::report {

// What is drawn of a node.
struct DrawnNode {
  std::string name;
  std::vector<std::string> lines;  // below the name: op, shape, formats
  bool is_quantized = false;
  std::vector<std::string> inputs;  // names of earlier nodes; others are left out
};

// Pixels from the picture's upper left corner; y grows downwards.
struct Point {
  double x = 0;
  double y = 0;
};

struct PlacedNode {
  double left = 0;
  double top = 0;
  double width = 0;
  double height = 0;
  std::vector<std::string> lines;  // the name first, each cut or broken to fit
};

// From the lower side of a node to the upper side of a later one, by horizontal and vertical
// pieces.
struct PlacedEdge {
  std::size_t from = 0;
  std::size_t to = 0;
  std::vector<Point> points;
};

struct GraphLayout {
  double width = 0;
  double height = 0;
  std::vector<PlacedNode> nodes;  // as given
  std::vector<PlacedEdge> edges;  // one for each pair of nodes
};

inline constexpr double kGraphLineHeight = 14;
inline constexpr double kGraphPadding = 6;

// Rows from top to bottom, each node one below the lowest of its inputs; nodes of a row side by
// side. Edges turn only between rows, and edges past a row run in lanes of their own to the right
// of all nodes: none runs through a node. One column fits a phone.
GraphLayout LayOut(const std::vector<DrawnNode>& nodes);

}  // namespace bitsweep::report

#endif  // BITSWEEP_CLIENT_REPORT_GRAPH_LAYOUT_H_
