// SPDX-License-Identifier: Apache-2.0
#include "client/report/graph_layout.h"

#include <algorithm>
#include <map>
#include <set>
#include <utility>

namespace bitsweep::report {
namespace {

constexpr double kPictureWidth =
    296;  // of one column with its lanes: a phone's width, less margins
constexpr double kLeastNodeWidth = 150;
constexpr double kColumnGap = 16;
constexpr double kLaneWidth = 14;
constexpr double kTrackHeight = 8;
constexpr double kGap = 22;  // between rows, without tracks
constexpr double kMargin = 4;
constexpr double kCharacterWidth = 5.9;  // of the text's font, on average

// Where something is in the grid, before pixels are known.
struct Place {
  std::size_t row = 0;
  std::size_t column = 0;
};

struct Route {
  std::size_t from = 0;
  std::size_t to = 0;
  int lane = -1;         // -1: between neighbouring rows
  int first_track = -1;  // in the gap below `from`; -1: straight down
  int last_track = -1;   // in the gap above `to`, where there is a lane
  double start = 0;      // x
  double end = 0;
};

std::size_t Length(const std::string& text) {
  return static_cast<std::size_t>(
      std::count_if(text.begin(), text.end(), [](char c) { return (c & 0xC0) != 0x80; }));
}

std::string Cut(const std::string& text, std::size_t most) {
  if (Length(text) <= most) return text;
  std::string start;
  std::size_t length = 0;
  for (const char c : text) {
    if ((c & 0xC0) != 0x80 && ++length >= most) break;
    start += c;
  }
  return start + "\u2026";
}

// Where the word that begins at `begin` ends: at a space outside of brackets, so that "[B, 16]" is
// one word, unless that would be too long.
std::size_t WordEnd(const std::string& text, std::size_t begin, std::size_t most) {
  int depth = 0;
  for (std::size_t i = begin; i < text.size(); ++i) {
    depth += text[i] == '(' || text[i] == '[' ? 1 : 0;
    depth -= text[i] == ')' || text[i] == ']' ? 1 : 0;
    if (text[i] != ' ' || depth > 0) continue;
    if (Length(text.substr(begin, i - begin)) > most) break;
    return i;
  }
  if (Length(text.substr(begin)) <= most) return text.size();
  return std::min(text.find(' ', begin), text.size());
}

// Lines of at most `most` characters; all but the first are set in.
void Wrap(const std::string& text, std::size_t most, std::vector<std::string>& lines) {
  std::size_t begin = std::min(text.find_first_not_of(' '), text.size());
  std::string line = text.substr(0, begin);
  bool is_empty = true;
  while (begin < text.size()) {
    const std::size_t end = WordEnd(text, begin, most);
    const std::string word = text.substr(begin, end - begin);
    begin = end + 1;
    if (!is_empty && Length(line) + 1 + Length(word) > most) {
      lines.push_back(Cut(line, most));
      line = "  " + word;
    } else {
      line += (is_empty ? "" : " ") + word;
    }
    is_empty = false;
  }
  lines.push_back(Cut(line, most));
}

class GraphPlacer {
 public:
  explicit GraphPlacer(const std::vector<DrawnNode>& nodes) : nodes_(nodes) {}

  GraphLayout Run() {
    PlaceNodes();
    FindLanes();
    SetColumns();
    FindPorts();
    FindTracks();
    SetRows();
    DrawEdges();
    return std::move(layout_);
  }

 private:
  // Each node in the row below its lowest input, in the column of its leftmost one or the next that
  // is free.
  void PlaceNodes() {
    std::map<std::string, std::size_t> known;
    std::set<std::pair<std::size_t, std::size_t>> taken;
    for (std::size_t i = 0; i < nodes_.size(); ++i) {
      Place place;
      bool is_first = true;
      std::set<std::size_t> inputs;
      for (const std::string& input : nodes_[i].inputs) {
        const auto found = known.find(input);
        if (found == known.end() || !inputs.insert(found->second).second) continue;
        const Place& from = places_[found->second];
        place.row = std::max(place.row, from.row + 1);
        place.column = is_first ? from.column : std::min(place.column, from.column);
        is_first = false;
        routes_.push_back({.from = found->second, .to = i});
      }
      while (!taken.insert({place.row, place.column}).second) ++place.column;
      places_.push_back(place);
      rows_ = std::max(rows_, place.row + 1);
      columns_ = std::max(columns_, place.column + 1);
      known.emplace(nodes_[i].name, i);
    }
  }

  // Edges past a row: the leftmost lane that no other uses there.
  void FindLanes() {
    std::vector<std::vector<std::pair<std::size_t, std::size_t>>> lanes;
    for (Route& route : routes_) {
      const std::size_t first = places_[route.from].row;
      const std::size_t last = places_[route.to].row - 1;
      if (first == last) continue;
      const auto is_free = [&](const auto& used) {
        return std::none_of(used.begin(), used.end(), [&](const auto& rows) {
          return first <= rows.second && rows.first <= last;
        });
      };
      const auto lane = std::find_if(lanes.begin(), lanes.end(), is_free);
      route.lane = static_cast<int>(lane - lanes.begin());
      if (lane == lanes.end()) lanes.emplace_back();
      lanes[static_cast<std::size_t>(route.lane)].emplace_back(first, last);
    }
    lanes_ = lanes.size();
  }

  void SetColumns() {
    const double lanes = kLaneWidth * static_cast<double>(lanes_) + (lanes_ > 0 ? 4 : 0);
    const auto columns = static_cast<double>(columns_);
    node_width_ =
        std::max(kLeastNodeWidth,
                 (kPictureWidth - 2 * kMargin - lanes - kColumnGap * (columns - 1)) / columns);
    columns_width_ = columns * node_width_ + (columns - 1) * kColumnGap;
    layout_.width = 2 * kMargin + columns_width_ + lanes;
    const auto most = static_cast<std::size_t>((node_width_ - 2 * kGraphPadding) / kCharacterWidth);
    for (std::size_t i = 0; i < nodes_.size(); ++i) {
      PlacedNode node{
          .left = kMargin + static_cast<double>(places_[i].column) * (node_width_ + kColumnGap),
          .width = node_width_};
      node.lines.push_back(Cut(nodes_[i].name, most));
      for (const std::string& line : nodes_[i].lines) Wrap(line, most, node.lines);
      node.height = 2 * kGraphPadding + kGraphLineHeight * static_cast<double>(node.lines.size());
      layout_.nodes.push_back(std::move(node));
    }
  }

  bool IsStraight(const Route& route) const {
    return route.lane < 0 && places_[route.from].column == places_[route.to].column;
  }
  double Center(std::size_t node) const { return layout_.nodes[node].left + node_width_ / 2; }
  double LaneX(const Route& route) const {
    return kMargin + columns_width_ + 4 + kLaneWidth * (route.lane + 0.5);
  }

  // Straight edges in the middle; the others side by side towards where they go or come from.
  void FindPorts() {
    for (std::size_t node = 0; node < nodes_.size(); ++node) {
      for (const bool is_output : {true, false}) {
        for (const bool is_right : {true, false}) {
          std::vector<Route*> side;
          for (Route& route : routes_) {
            if ((is_output ? route.from : route.to) != node || IsStraight(route)) continue;
            if ((Other(route, is_output) > Center(node)) == is_right) side.push_back(&route);
          }
          std::stable_sort(side.begin(), side.end(), [&](const Route* a, const Route* b) {
            return Other(*a, is_output) < Other(*b, is_output);
          });
          for (std::size_t i = 0; i < side.size(); ++i) {
            const auto part = static_cast<double>(i + 1) / static_cast<double>(side.size() + 1);
            const double x = Center(node) + (is_right ? part : part - 1) * (node_width_ / 2 - 8) +
                             (is_output ? 0 : 5);
            (is_output ? side[i]->start : side[i]->end) = x;
          }
        }
      }
    }
    for (Route& route : routes_) {
      if (IsStraight(route)) route.start = route.end = Center(route.from);
    }
  }

  // The middle of what an edge goes to or comes from.
  double Other(const Route& route, bool is_output) const {
    if (route.lane >= 0) return LaneX(route);
    return Center(is_output ? route.to : route.from);
  }

  // Horizontal pieces in the gaps between rows: one below the other where they would meet.
  void FindTracks() {
    std::vector<std::vector<std::vector<std::pair<double, double>>>> gaps(rows_);
    const auto track = [&](std::size_t gap, double from, double to) {
      const auto [left, right] = std::minmax(from, to);
      auto& tracks = gaps[gap];
      const auto is_free = [&, l = left, r = right](const auto& used) {
        return std::none_of(used.begin(), used.end(), [&](const auto& piece) {
          return l <= piece.second + 2 && piece.first <= r + 2;
        });
      };
      const auto found = std::find_if(tracks.begin(), tracks.end(), is_free);
      const auto number = found - tracks.begin();
      if (found == tracks.end()) tracks.emplace_back();
      tracks[static_cast<std::size_t>(number)].emplace_back(left, right);
      return static_cast<int>(number);
    };
    for (Route& route : routes_) {
      if (route.lane >= 0) {
        route.first_track = track(places_[route.from].row, route.start, LaneX(route));
        route.last_track = track(places_[route.to].row - 1, LaneX(route), route.end);
      } else if (!IsStraight(route)) {
        route.first_track = track(places_[route.from].row, route.start, route.end);
      }
    }
    for (const auto& tracks : gaps) tracks_.push_back(tracks.size());
  }

  void SetRows() {
    std::vector<double> heights(rows_);
    for (std::size_t i = 0; i < nodes_.size(); ++i) {
      double& height = heights[places_[i].row];
      height = std::max(height, layout_.nodes[i].height);
    }
    double top = kMargin;
    for (std::size_t row = 0; row < rows_; ++row) {
      for (std::size_t i = 0; i < nodes_.size(); ++i) {
        if (places_[i].row == row) layout_.nodes[i].top = top;
      }
      bottoms_.push_back(top + heights[row]);
      top = bottoms_.back() + kGap + kTrackHeight * static_cast<double>(tracks_[row]);
    }
    layout_.height = (bottoms_.empty() ? 0 : bottoms_.back()) + kMargin;
  }

  double TrackY(std::size_t gap, int track) const {
    return bottoms_[gap] + kTrackHeight * (track + 1);
  }

  void DrawEdges() {
    for (const Route& route : routes_) {
      const PlacedNode& from = layout_.nodes[route.from];
      const PlacedNode& to = layout_.nodes[route.to];
      PlacedEdge edge{
          .from = route.from, .to = route.to, .points = {{route.start, from.top + from.height}}};
      double x = route.start;
      const auto turn = [&](std::size_t gap, int track, double next) {
        edge.points.push_back({x, TrackY(gap, track)});
        edge.points.push_back({next, TrackY(gap, track)});
        x = next;
      };
      if (route.lane >= 0) {
        turn(places_[route.from].row, route.first_track, LaneX(route));
        turn(places_[route.to].row - 1, route.last_track, route.end);
      } else if (route.first_track >= 0) {
        turn(places_[route.from].row, route.first_track, route.end);
      }
      edge.points.push_back({route.end, to.top});
      layout_.edges.push_back(std::move(edge));
    }
  }

  const std::vector<DrawnNode>& nodes_;
  GraphLayout layout_;
  std::vector<Place> places_;
  std::vector<Route> routes_;
  std::vector<std::size_t> tracks_;  // by the row above
  std::vector<double> bottoms_;      // of rows
  std::size_t rows_ = 0;
  std::size_t columns_ = 1;
  std::size_t lanes_ = 0;
  double node_width_ = 0;
  double columns_width_ = 0;
};

}  // namespace

GraphLayout LayOut(const std::vector<DrawnNode>& nodes) { return GraphPlacer(nodes).Run(); }

}  // namespace bitsweep::report
