// SPDX-License-Identifier: Apache-2.0
#include "client/cmd/report_file.h"

#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <ostream>

#include "client/api/whole_file.h"
#include "fmt/format.h"
#include "nlohmann/json.hpp"

extern char** environ;

namespace bitsweep::client {
namespace {

absl::Status NotWritten(std::string_view file, std::string_view why) {
  return absl::InvalidArgumentError(fmt::format("cannot write {}: {}", file, why));
}

}  // namespace

absl::Status WriteReport(Context& context, std::string_view html, const std::string& file) {
  if (file == "-") {
    *context.out << html << std::flush;
    if (!*context.out) return NotWritten("to standard output", std::strerror(errno));
    return absl::OkStatus();
  }
  const absl::Status written = WriteWholeFile(file, html);
  if (!written.ok()) return NotWritten(file, std::string(written.message()));
  if (context.json) {
    *context.out << nlohmann::json{{"file", file}, {"bytes", html.size()}}.dump() << "\n";
  } else {
    *context.out << fmt::format("{}: {} bytes\n", file, html.size());
  }
  return absl::OkStatus();
}

absl::Status OpenInBrowser(const std::string& file) {
  const std::string path = std::filesystem::absolute(file).string();
  std::string program = "xdg-open";
  std::string argument = path;
  char* const argv[] = {program.data(), argument.data(), nullptr};
  pid_t child = 0;
  const int error = posix_spawnp(&child, program.c_str(), nullptr, nullptr, argv, environ);
  if (error != 0) {
    return absl::FailedPreconditionError(
        fmt::format("{} is written, but xdg-open, which would show it, cannot be started: {}", file,
                    std::strerror(error)));
  }
  int status = 0;
  while (waitpid(child, &status, 0) < 0 && errno == EINTR) {
  }
  if (WIFEXITED(status) && WEXITSTATUS(status) == 0) return absl::OkStatus();
  return absl::FailedPreconditionError(
      fmt::format("{} is written, but xdg-open could not show it", file));
}

}  // namespace bitsweep::client
