// SPDX-License-Identifier: Apache-2.0
#ifndef BITSWEEP_SERVER_APP_SERVER_OPTIONS_H_
#define BITSWEEP_SERVER_APP_SERVER_OPTIONS_H_

#include <string>

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
  bool insecure = false;
  absl::Duration lease_ttl = absl::Seconds(15);
  absl::Duration grace = absl::Seconds(10);
};

// Adds the options to `app`; `options` must outlive the parse.
void Register(ServerOptions& options, CLI::App& app);

// InvalidArgument for options that do not go together.
absl::Status Check(const ServerOptions& options);

}  // namespace bitsweep::server

#endif  // BITSWEEP_SERVER_APP_SERVER_OPTIONS_H_
