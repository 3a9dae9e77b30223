// SPDX-License-Identifier: Apache-2.0
#include "server/app/server_options.h"

#include "CLI/CLI.hpp"
#include "core/options/value_options.h"
#include "fmt/format.h"

namespace bitsweep::server {

void Register(ServerOptions& options, CLI::App& app) {
  app.add_option("--listen", options.listen, "Address to serve gRPC on")->capture_default_str();
  app.add_option("--data-dir", options.data_dir,
                 "Folder of the store (bitsweep.db and artifacts/); made when it does not exist")
      ->capture_default_str();
  app.add_option("--metrics-listen", options.metrics_listen,
                 "Address to serve Prometheus metrics on, or off")
      ->capture_default_str();
  app.add_option("--port-file", options.port_file,
                 "File to write \"grpc=PORT metrics=PORT\" to, once both serve");
  app.add_flag("--insecure", options.insecure,
               "Serve without encryption and login on an address that other machines reach");
  options::AddDuration(app, "--lease-ttl", options.lease_ttl, absl::Milliseconds(500),
                       "How long a worker may be silent before its trials go to others");
  options::AddDuration(app, "--grace", options.grace, absl::ZeroDuration(),
                       "How long calls under way may last after SIGTERM");
}

absl::Status Check(const ServerOptions& options) {
  for (const auto& [name, address] : {std::pair{"--listen", options.listen},
                                      std::pair{"--metrics-listen", options.metrics_listen}}) {
    if (address == "off" || options.insecure || options::IsLoopback(address)) continue;
    return absl::InvalidArgumentError(
        fmt::format("{} {}: other machines could reach it, without encryption and login; say "
                    "--insecure if that is meant",
                    name, address));
  }
  return absl::OkStatus();
}

}  // namespace bitsweep::server
