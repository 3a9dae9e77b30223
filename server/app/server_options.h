// SPDX-License-Identifier: Apache-2.0
#ifndef BITSWEEP_SERVER_APP_SERVER_OPTIONS_H_
#define BITSWEEP_SERVER_APP_SERVER_OPTIONS_H_

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/time/time.h"

namespace CLI {
class App;
}  // namespace CLI

namespace bitsweep::server {

struct ServerOptions {
  std::string listen = "127.0.0.1:50051";
  std::string data_dir = "bitsweep-data";
  std::string metrics_listen = "127.0.0.1:9464";  // "off": none
  std::string port_file;                          // empty: none
  std::string tls_cert;                           // PEM files; with these two it speaks TLS
  std::string tls_key;
  std::string tls_client_ca;             // clients must show a certificate that these signed
  bool tokens = false;                   // every call needs a bearer token
  std::vector<std::string> token_files;  // SCOPE=FILE: tokens beside those of the store
  bool insecure = false;
  bool insecure_metrics = false;
  absl::Duration lease_ttl = absl::Seconds(15);
  absl::Duration grace = absl::Seconds(10);
};

// Adds the options to `app`; `options` must outlive the parse.
void Register(ServerOptions& options, CLI::App& app);

// Whether every call needs a bearer token.
bool RequiresTokens(const ServerOptions& options);

// InvalidArgument for options that do not go together. In particular a server that other machines
// reach speaks TLS and knows its callers (by tokens or by their certificates), unless --insecure
// says otherwise.
absl::Status Check(const ServerOptions& options);

}  // namespace bitsweep::server

#endif  // BITSWEEP_SERVER_APP_SERVER_OPTIONS_H_
