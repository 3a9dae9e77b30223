// SPDX-License-Identifier: Apache-2.0
#include "server/app/server_options.h"

#include "CLI/CLI.hpp"
#include "core/options/value_options.h"
#include "fmt/format.h"

namespace bitsweep::server {

void Register(ServerOptions& options, CLI::App& app) {
  app.add_option("--listen", options.listen, "Address to serve gRPC on")
      ->type_name("ADDRESS")
      ->capture_default_str();
  app.add_option("--data-dir", options.data_dir,
                 "Folder of the store (bitsweep.db and artifacts/); made when it does not exist")
      ->type_name("DIR")
      ->capture_default_str();
  app.add_option("--metrics-listen", options.metrics_listen,
                 "Address to serve Prometheus metrics on, or off")
      ->type_name("ADDRESS")
      ->capture_default_str();
  app.add_option("--port-file", options.port_file,
                 "File to write \"grpc=PORT metrics=PORT\" to, once both serve")
      ->type_name("FILE");
  app.add_option("--tls-cert", options.tls_cert,
                 "Speak TLS: PEM file of the certificate, and those that lead to its authority")
      ->type_name("FILE");
  app.add_option("--tls-key", options.tls_key, "PEM file of that certificate's private key")
      ->type_name("FILE");
  app.add_option("--tls-client-ca", options.tls_client_ca,
                 "PEM file of authorities: clients must show a certificate that one of them signed")
      ->type_name("FILE");
  app.add_flag("--tokens", options.tokens,
               "Every call needs a bearer token (bitsweep token create), but for health and "
               "reflection");
  app.add_option("--token-file", options.token_files,
                 "SCOPE=FILE: the token in FILE may do what SCOPE (read, submit, worker, admin) "
                 "allows; implies --tokens. May be given several times")
      ->type_name("SCOPE=FILE");
  app.add_flag("--insecure", options.insecure,
               "Serve without encryption or login on an address that other machines reach");
  app.add_flag("--insecure-metrics", options.insecure_metrics,
               "Serve metrics, which have neither, on an address that other machines reach");
  options::AddDuration(app, "--lease-ttl", options.lease_ttl, absl::Milliseconds(500),
                       "How long a worker may be silent before its trials go to others");
  options::AddDuration(app, "--grace", options.grace, absl::ZeroDuration(),
                       "How long calls under way may last after SIGTERM");
}

bool RequiresTokens(const ServerOptions& options) {
  return options.tokens || !options.token_files.empty();
}

absl::Status Check(const ServerOptions& options) {
  if (options.tls_cert.empty() != options.tls_key.empty()) {
    return absl::InvalidArgumentError(
        fmt::format("--tls-cert \"{}\", --tls-key \"{}\": expected both or none", options.tls_cert,
                    options.tls_key));
  }
  if (!options.tls_client_ca.empty() && options.tls_cert.empty()) {
    return absl::InvalidArgumentError(
        fmt::format("--tls-client-ca {}: certificates of clients need TLS: --tls-cert, --tls-key",
                    options.tls_client_ca));
  }
  if (!options.insecure && !options::IsLoopback(options.listen)) {
    std::string missing;
    if (options.tls_cert.empty()) missing = "without encryption (--tls-cert, --tls-key)";
    if (!RequiresTokens(options) && options.tls_client_ca.empty()) {
      missing += missing.empty() ? "" : " and ";
      missing += "without login (--tokens, --token-file or --tls-client-ca)";
    }
    if (!missing.empty()) {
      return absl::InvalidArgumentError(
          fmt::format("--listen {}: other machines could reach it, {}; say --insecure if that is "
                      "meant",
                      options.listen, missing));
    }
  }
  const std::string& metrics = options.metrics_listen;
  if (metrics != "off" && !options.insecure && !options.insecure_metrics &&
      !options::IsLoopback(metrics)) {
    return absl::InvalidArgumentError(
        fmt::format("--metrics-listen {}: other machines could read the metrics, without "
                    "encryption and login; say --insecure-metrics if that is meant",
                    metrics));
  }
  return absl::OkStatus();
}

}  // namespace bitsweep::server
