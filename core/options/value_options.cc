// SPDX-License-Identifier: Apache-2.0
#include "core/options/value_options.h"

#include <arpa/inet.h>
#include <unistd.h>

#include <cstdio>
#include <filesystem>
#include <fstream>

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
  if (address.starts_with("unix:")) return true;
  const std::size_t colon = address.rfind(':');
  std::string host = address.substr(0, colon);
  if (address.starts_with("[")) host = address.substr(0, address.find(']') + 1);
  if (host == "localhost" || host == "[::1]") return true;
  in_addr ipv4{};
  return inet_pton(AF_INET, host.c_str(), &ipv4) == 1 && (ntohl(ipv4.s_addr) >> 24) == 127;
}

}  // namespace bitsweep::options
