// SPDX-License-Identifier: Apache-2.0
#include "worker/train/fused/gradient_rows.h"

#include <algorithm>

#include "absl/status/status.h"
#include "fmt/format.h"

namespace bitsweep::train::fused {
namespace {

// Rows handed out and taken back, lowest first.
class RowPool {
 public:
  std::uint32_t Take(std::uint32_t count) {
    std::uint32_t first = 0;
    auto at = live_.begin();
    while (at != live_.end() && at->first < first + count) {
      first = std::max(first, at->end);
      ++at;
    }
    live_.insert(at, {first, first + count});
    used_ = std::max(used_, first + count);
    return first;
  }
  void GiveBack(std::uint32_t first) {
    std::erase_if(live_, [first](const Span& span) { return span.first == first; });
  }
  std::uint32_t used() const { return used_; }

 private:
  struct Span {
    std::uint32_t first = 0;
    std::uint32_t end = 0;
  };
  std::vector<Span> live_;  // in order, apart
  std::uint32_t used_ = 0;
};

}  // namespace

absl::StatusOr<std::uint32_t> AssignGradientRows(std::vector<GradientRows>& gradients,
                                                 std::uint32_t output,
                                                 const std::vector<std::string>& names,
                                                 Program& program) {
  RowPool pool;
  std::vector<bool> is_written(gradients.size(), false);
  const auto write = [&](std::uint32_t gradient) {
    if (is_written[gradient]) return false;
    is_written[gradient] = true;
    gradients[gradient].first = pool.Take(gradients[gradient].count);
    return true;
  };
  if (output == kNoGradient) return absl::UnimplementedError("the output depends on no parameter");
  write(output);
  for (auto op = program.ops.rbegin(); op != program.ops.rend(); ++op) {
    if (op->kind == OpKind::kRound || op->output.gradient == kNoGradient) continue;
    const std::uint32_t own = op->output.gradient;
    if (!is_written[own]) {
      return absl::UnimplementedError(
          fmt::format("{}: its result does not reach the output",
                      names[static_cast<std::size_t>(program.ops.rend() - op - 1)]));
    }
    for (Input* input : {&op->input, &op->second}) {
      if (input->use == GradientUse::kNone) continue;
      const std::uint32_t gradient = input->rows.gradient;
      input->use = write(gradient) ? GradientUse::kWrite : GradientUse::kAdd;
      input->rows.gradient = gradients[gradient].first;
    }
    pool.GiveBack(gradients[own].first);
    op->output.gradient = gradients[own].first;
  }
  return pool.used();
}

}  // namespace bitsweep::train::fused
