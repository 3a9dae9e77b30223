// SPDX-License-Identifier: Apache-2.0
#include "core/base/logging.h"

#include <memory>
#include <string>
#include <string_view>

#include "core/base/log_fields.h"
#include "fmt/format.h"
#include "nlohmann/json.hpp"
#include "spdlog/pattern_formatter.h"
#include "spdlog/sinks/stdout_color_sinks.h"
#include "spdlog/spdlog.h"

namespace bitsweep {
namespace {

// The message and its fields as members of a JSON object, for a pattern that writes one a line. A
// field named as another member gets "field_" before it.
class JsonMembers final : public spdlog::custom_flag_formatter {
 public:
  void format(const spdlog::details::log_msg& message, const std::tm&,
              spdlog::memory_buf_t& out) override {
    const LogLine line =
        ParseLogLine(std::string_view(message.payload.data(), message.payload.size()));
    nlohmann::ordered_json members = {{"message", line.text}};
    for (const auto& [key, value] : line.fields) {
      const bool is_taken =
          members.contains(key) || key == "time" || key == "level" || key == "thread";
      members[is_taken ? "field_" + key : key] = value;
    }
    const std::string text =
        members.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace);
    out.append(text.data() + 1, text.data() + text.size() - 1);  // without its braces
  }
  std::unique_ptr<custom_flag_formatter> clone() const override {
    return std::make_unique<JsonMembers>();
  }
};

}  // namespace

absl::Status SetUpLogging(const LogOptions& options) {
  const spdlog::level::level_enum level = spdlog::level::from_str(options.level);
  if (level == spdlog::level::off && options.level != "off") {
    return absl::InvalidArgumentError(fmt::format(
        "log level \"{}\": expected trace, debug, info, warning, error or off", options.level));
  }
  auto logger = spdlog::stderr_color_mt("bitsweep");
  auto formatter = std::make_unique<spdlog::pattern_formatter>(spdlog::pattern_time_type::utc);
  if (options.format == LogFormat::kJson) {
    formatter->add_flag<JsonMembers>('*').set_pattern(
        R"({"time":"%Y-%m-%dT%H:%M:%S.%fZ","level":"%l","thread":%t,%*})");
  } else {
    formatter->set_pattern("%Y-%m-%dT%H:%M:%S.%eZ %^%-7l%$ %v");
  }
  logger->set_formatter(std::move(formatter));
  logger->set_level(level);
  logger->flush_on(spdlog::level::info);
  spdlog::set_default_logger(std::move(logger));
  return absl::OkStatus();
}

}  // namespace bitsweep
