// SPDX-License-Identifier: Apache-2.0
// server backup.
#include <filesystem>
#include <memory>
#include <string>

#include "CLI/CLI.hpp"
#include "client/api/backup.h"
#include "client/cmd/command.h"
#include "client/output/error_report.h"
#include "fmt/format.h"

namespace bitsweep::client {
namespace {

// The server copies and checks everything before the first byte comes.
constexpr absl::Duration kBackupSilence = absl::Minutes(10);

struct BackupOptions {
  std::string file;
  bool force = false;
};

int FetchTo(Context& context, const BackupOptions& options) {
  if (!options.force && std::filesystem::exists(options.file)) {
    *context.err << fmt::format("bitsweep: {} exists; say --force to replace it\n", options.file);
    return kExitUsage;
  }
  const Connection connection = context.Connect();
  const absl::StatusOr<v1::CreateBackupResponse> done = FetchBackup(
      connection, options.file, context.timeout_given ? context.timeout : kBackupSilence);
  if (!done.ok()) return context.Fail(done.status());
  if (context.json) {
    context.PrintJson(*done);
    return kExitOk;
  }
  const v1::VerifyStoreResponse& contents = done->contents();
  *context.out << fmt::format(
      "{}: {} bytes, SHA-256 {}\n{}, {}, {} and {}, all checked\n", options.file,
      done->size_bytes(), done->sha256(), Plural(contents.sweeps(), "sweep"),
      Plural(contents.trials(), "trial"), Plural(contents.transforms(), "transform"),
      Plural(contents.artifacts(), "artifact"));
  return kExitOk;
}

}  // namespace

void RegisterServerBackup(CLI::App& server, Command& chosen) {
  const auto options = std::make_shared<BackupOptions>();
  CLI::App* backup = server.add_subcommand(
      "backup", "Bring a checked copy of the whole store, as a tar file, while the server goes on");
  backup->add_option("FILE", options->file, "File to write")->required();
  backup->add_flag("--force", options->force, "Replace a file that exists");
  backup->callback(
      [options, &chosen] { chosen = [options](Context& c) { return FetchTo(c, *options); }; });
}

}  // namespace bitsweep::client
