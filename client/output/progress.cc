// SPDX-License-Identifier: Apache-2.0
#include "client/output/progress.h"

#include <algorithm>

#include "fmt/format.h"

namespace bitsweep::client {

std::string ShortDuration(absl::Duration duration) {
  const std::int64_t seconds =
      std::max<std::int64_t>(0, absl::ToInt64Seconds(duration + absl::Milliseconds(500)));
  if (seconds >= 3600) return fmt::format("{}h {:02}m", seconds / 3600, seconds / 60 % 60);
  if (seconds >= 60) return fmt::format("{}m {:02}s", seconds / 60, seconds % 60);
  return fmt::format("{}s", seconds);
}

std::string FormatCount(double count) {
  if (count < 999.5) return fmt::format("{:.0f}", count);
  if (count < 999.5e3) return fmt::format("{:.3g} k", count / 1e3);
  return fmt::format("{:.3g} M", count / 1e6);
}

std::string FormatProgress(const Progress& p, int width) {
  std::string text = fmt::format("{}/{}", p.ended, p.planned);
  if (p.state != "RUNNING") text += "  " + p.state;
  if (p.running > 0) text += fmt::format("  {} running", p.running);
  if (p.without_result > 0) text += fmt::format("  {} without result", p.without_result);
  if (p.rows_per_second > 0) text += fmt::format("  {} rows/s", FormatCount(p.rows_per_second));
  if (p.best_val_acc) text += fmt::format("  best val_acc {:.4f}", *p.best_val_acc);
  if (p.eta) text += fmt::format("  ETA {}", ShortDuration(*p.eta));
  const int room = std::clamp(width - static_cast<int>(text.size()) - 4, 0, 30);
  if (room < 5) return text;
  const double part =
      p.planned > 0 ? static_cast<double>(p.ended) / static_cast<double>(p.planned) : 0;
  const int full = static_cast<int>(part * room);
  return fmt::format("[{}{}] {}", std::string(static_cast<std::size_t>(full), '#'),
                     std::string(static_cast<std::size_t>(room - full), '.'), text);
}

void ProgressDisplay::Show(const Progress& progress) {
  if (is_terminal_) {
    line_ = FormatProgress(progress, width_ - 1);
    stream_ << "\r\x1b[K" << line_ << std::flush;
    return;
  }
  const bool is_last = progress.ended == progress.planned;
  const bool is_news = progress.state != shown_state_ || shown_ended_ < 0 ||
                       (progress.ended - shown_ended_) * 20 >= progress.planned ||
                       (is_last && shown_ended_ != progress.ended);
  if (!is_news || (progress.ended == shown_ended_ && progress.state == shown_state_)) return;
  shown_ended_ = progress.ended;
  shown_state_ = progress.state;
  stream_ << FormatProgress(progress, 0) << std::endl;
}

void ProgressDisplay::Say(const std::string& line) {
  if (is_terminal_ && !line_.empty()) stream_ << "\r\x1b[K";
  stream_ << line << std::endl;
  if (is_terminal_ && !line_.empty()) stream_ << line_ << std::flush;
}

void ProgressDisplay::Finish() {
  if (is_terminal_ && !line_.empty()) stream_ << std::endl;
  line_.clear();
}

}  // namespace bitsweep::client
