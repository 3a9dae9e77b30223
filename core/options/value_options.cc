// SPDX-License-Identifier: Apache-2.0
#include "core/options/value_options.h"

#include <arpa/inet.h>
#include <unistd.h>

#include <cstdio>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "CLI/CLI.hpp"
#include "fmt/format.h"

namespace bitsweep::options {

void AddDuration(CLI::App& app, const std::string& name, absl::Duration& value, absl::Duration min,
                 const std::string& help) {
  app.add_option_function<std::string>(
         name,
         [&value, min, name](const std::string& text) {
           absl::Duration parsed;
           if (!absl::ParseDuration(text, &parsed) || parsed < min ||
               parsed == absl::InfiniteDuration()) {
             throw CLI::ValidationError(
                 name, fmt::format("{}: expected a duration such as 30s, at least {}", text,
                                   absl::FormatDuration(min)));
           }
           value = parsed;
         },
         help)
      ->type_name("DURATION")
      ->default_str(absl::FormatDuration(value));
}

absl::StatusOr<std::string> ReadOptionFile(const std::string& option, const std::string& file) {
  std::ifstream stream(file, std::ios::binary);
  std::ostringstream text;
  text << stream.rdbuf();
  if (!stream || text.str().empty()) {
    return absl::InvalidArgumentError(
        fmt::format("{} {}: cannot be read, or is empty", option, file));
  }
  return text.str();
}

absl::Status WriteWholeFile(const std::string& file, const std::string& text) {
  const std::string temporary = fmt::format("{}.{}.tmp", file, getpid());
  {
    std::ofstream stream(temporary, std::ios::binary | std::ios::trunc);
    stream << text;
    stream.close();
    if (!stream) {
      std::remove(temporary.c_str());
      return absl::UnavailableError(fmt::format("cannot write {}", temporary));
    }
  }
  std::error_code error;
  std::filesystem::rename(temporary, file, error);
  if (error) {
    std::remove(temporary.c_str());
    return absl::UnavailableError(fmt::format("cannot write {}: {}", file, error.message()));
  }
  return absl::OkStatus();
}

bool IsLoopback(const std::string& address) {
  // A list of addresses is none, and would hide one that is not loopback behind one that is.
  if (address.find_first_of(", \t\n;") != std::string::npos) return false;
  if (address.starts_with("unix:")) return true;
  const bool is_bracketed = address.starts_with("[");
  const std::size_t host_end = is_bracketed ? address.find(']') + 1 : address.find(':');
  const std::string host = address.substr(0, host_end);
  const std::string rest = host_end == std::string::npos ? "" : address.substr(host_end);
  const bool is_port = rest.size() > 1 && rest[0] == ':' &&
                       rest.find_first_not_of("0123456789", 1) == std::string::npos;
  if (!rest.empty() && !is_port) return false;
  if (host == "localhost" || host == "[::1]") return true;
  in_addr ipv4{};
  return inet_pton(AF_INET, host.c_str(), &ipv4) == 1 && (ntohl(ipv4.s_addr) >> 24) == 127;
}

}  // namespace bitsweep::options
