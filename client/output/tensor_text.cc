// SPDX-License-Identifier: Apache-2.0
#include "client/output/tensor_text.h"

#include <algorithm>
#include <string_view>

#include "fmt/format.h"

namespace bitsweep::client {
namespace {

constexpr std::string_view kPrefix = "tensor(";
constexpr std::size_t kLineWidth = 80;
constexpr std::int64_t kMostElements = 1000;  // printed whole
constexpr std::int64_t kEdge = 3;
constexpr std::int64_t kLeftOut = -1;

class Printer {
 public:
  Printer(const std::vector<double>& values, const std::vector<std::int64_t>& shape)
      : shape_(shape), have_(static_cast<std::int64_t>(values.size())) {
    for (const double value : values) {
      texts_.push_back(fmt::format("{:.4f}", value));
      width_ = std::max(width_, texts_.back().size());
    }
    std::int64_t elements = 1;
    for (const std::int64_t size : shape) elements *= size;
    is_cut_ = elements > kMostElements;
  }

  std::string Print() const {
    if (shape_.empty()) return texts_.empty() ? "..." : texts_[0];
    return Slice(0, 0, kPrefix.size());
  }

 private:
  // Positions along a dimension whose items have `stride` elements, from element `first`.
  std::vector<std::int64_t> Positions(std::int64_t size, std::int64_t first,
                                      std::int64_t stride) const {
    std::vector<std::int64_t> positions;
    for (std::int64_t i = 0; i < size; ++i) {
      const bool is_middle = is_cut_ && size > 2 * kEdge && i >= kEdge && i < size - kEdge;
      const bool is_there = first + i * stride < have_;
      if (!is_middle && is_there) {
        positions.push_back(i);
      } else if (positions.empty() || positions.back() != kLeftOut) {
        positions.push_back(kLeftOut);
        // The rest is not there, or starts again at the far edge.
        if (!is_there) break;
        i = size - kEdge - 1;
      }
    }
    return positions;
  }

  std::string Row(std::int64_t first, std::size_t indent) const {
    const std::size_t per_line = std::max<std::size_t>(1, (kLineWidth - indent) / (width_ + 2));
    std::string text;
    std::size_t in_line = 0;
    for (const std::int64_t i : Positions(shape_.back(), first, 1)) {
      if (!text.empty()) text += ",";
      if (in_line == per_line) {
        text += "\n" + std::string(indent + 1, ' ');
        in_line = 0;
      } else if (!text.empty()) {
        text += " ";
      }
      ++in_line;
      text += i == kLeftOut
                  ? " ..."
                  : fmt::format("{:>{}}", texts_[static_cast<std::size_t>(first + i)], width_);
    }
    return "[" + text + "]";
  }

  std::string Slice(std::size_t dimension, std::int64_t first, std::size_t indent) const {
    const std::size_t left = shape_.size() - dimension;
    if (left == 1) return Row(first, indent);
    std::int64_t stride = 1;
    for (std::size_t d = dimension + 1; d < shape_.size(); ++d) stride *= shape_[d];
    std::string text;
    for (const std::int64_t i : Positions(shape_[dimension], first, stride)) {
      if (!text.empty()) {
        text += "," + std::string(left - 1, '\n') + std::string(indent + 1, ' ');
      }
      text += i == kLeftOut ? "..." : Slice(dimension + 1, first + i * stride, indent + 1);
    }
    return "[" + text + "]";
  }

  const std::vector<std::int64_t>& shape_;
  const std::int64_t have_;
  std::vector<std::string> texts_;
  std::size_t width_ = 0;
  bool is_cut_ = false;
};

}  // namespace

std::string TensorText(const std::vector<double>& values, const std::vector<std::int64_t>& shape) {
  return fmt::format("{}{})", kPrefix, Printer(values, shape).Print());
}

}  // namespace bitsweep::client
