// SPDX-License-Identifier: Apache-2.0
#include "core/options/server_access.h"

#include "CLI/CLI.hpp"
#include "core/options/value_options.h"
#include "fmt/format.h"

namespace bitsweep::options {

void AddServerAccess(CLI::App& app, ServerAccess& access) {
  app.add_flag("--tls", access.tls, "Speak TLS; trust the system's certificate authorities");
  app.add_option("--tls-ca", access.tls_ca,
                 "Speak TLS; trust the certificate authorities of this PEM file")
      ->type_name("FILE");
  app.add_option("--tls-cert", access.tls_cert,
                 "PEM file of the certificate to show, where the server asks for one")
      ->type_name("FILE");
  app.add_option("--tls-key", access.tls_key, "PEM file of that certificate's private key")
      ->type_name("FILE");
  app.add_option("--token-file", access.token_file, "File that holds the bearer token")
      ->type_name("FILE");
  app.add_option("--token", access.token,
                 "Bearer token; better in BITSWEEP_TOKEN or --token-file, where others cannot see "
                 "it")
      ->type_name("TOKEN");
  app.add_flag("--insecure-token", access.insecure_token,
               "Send the token to another machine although the connection is not encrypted");
}

absl::Status Check(const ServerAccess& access, const std::string& address) {
  if (access.tls_cert.empty() != access.tls_key.empty()) {
    return absl::InvalidArgumentError(
        fmt::format("--tls-cert \"{}\", --tls-key \"{}\": expected both or none", access.tls_cert,
                    access.tls_key));
  }
  if (access.HasToken() && !access.UsesTls() && !access.insecure_token && !IsLoopback(address)) {
    return absl::InvalidArgumentError(
        fmt::format("--server {}: the token would travel without encryption; use --tls or "
                    "--tls-ca, or say --insecure-token if that is meant",
                    address));
  }
  return absl::OkStatus();
}

}  // namespace bitsweep::options
