// SPDX-License-Identifier: Apache-2.0
#ifndef BITSWEEP_CORE_OPTIONS_SERVER_ACCESS_H_
#define BITSWEEP_CORE_OPTIONS_SERVER_ACCESS_H_

#include <string>

#include "absl/status/status.h"

namespace CLI {
class App;
}  // namespace CLI

namespace bitsweep::options {

// How a client or worker reaches a server: encryption, and who it is. Files are PEM.
struct ServerAccess {
  bool tls = false;      // trust the system's certificate authorities
  std::string tls_ca;    // trust those of this file instead; implies tls
  std::string tls_cert;  // what the client shows of itself, where the server asks for it
  std::string tls_key;
  std::string token;            // bearer token; goes before a file
  std::string token_file;       // file that holds it; read again when it changes
  bool insecure_token = false;  // send the token without encryption to another machine

  bool UsesTls() const { return tls || !tls_ca.empty() || !tls_cert.empty(); }
  bool HasToken() const { return !token.empty() || !token_file.empty(); }
};

// Adds the options to `app`; `access` must outlive the parse.
void AddServerAccess(CLI::App& app, ServerAccess& access);

// InvalidArgument for options that do not go together, or with the server's `address`.
absl::Status Check(const ServerAccess& access, const std::string& address);

}  // namespace bitsweep::options

#endif  // BITSWEEP_CORE_OPTIONS_SERVER_ACCESS_H_
